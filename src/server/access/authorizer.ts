/**
 * Who may do what, decided by ACLs as Kafka's StandardAuthorizer decides: super users may everything; else a DENY that fits wins over every ALLOW, and what
 * nothing allows is denied (unless the resource has no ACL at all and `allowEveryoneIfNoAclFound` was asked for). READ, WRITE, DELETE and ALTER, once
 * allowed, include DESCRIBE, and ALTER_CONFIGS includes DESCRIBE_CONFIGS; denying them does not deny that.
 *
 * ACLs are looked up by name, by "*" and by the beginnings of the name that some ACL has, so an answer takes no longer when there are many of others. The
 * index is made anew when the ACLs have changed, which the next question notices.
 */
import { ANY_NAME, EVERYBODY, type AclBinding, type AclOperation, type AclResourceType } from '../../common/acl.ts'

/** The ACLs in force: the ACL store of the metadata layer is one. */
export interface AclSource {
  /** Another number when the ACLs are others. */
  readonly revision: number
  all(): readonly AclBinding[]
}

export interface AuthorizerOptions {
  /** Principals, as `User:admin`. */
  readonly superUsers: ReadonlySet<string>
  readonly allowEveryoneIfNoAclFound: boolean
}

/** Who asks. */
export interface Subject {
  /** As `User:alice`. */
  readonly principal: string
  readonly host: string
}

/** Operations that include another once they are allowed. */
const including: Partial<Readonly<Record<AclOperation, readonly AclOperation[]>>> = {
  DESCRIBE: ['READ', 'WRITE', 'DELETE', 'ALTER'], DESCRIBE_CONFIGS: ['ALTER_CONFIGS'],
}
const NONE: readonly AclBinding[] = []

export class Authorizer {
  readonly #source: AclSource
  readonly #options: AuthorizerOptions
  #index: AclIndex
  #revision: number

  constructor(source: AclSource, options: AuthorizerOptions) {
    this.#source = source
    this.#options = options
    this.#revision = source.revision
    this.#index = new AclIndex(source.all())
  }

  may({ principal, host }: Subject, operation: AclOperation, type: AclResourceType, name: string): boolean {
    if (this.#options.superUsers.has(principal)) return true
    let isAllowed = false
    let isNamed = false
    for (const acls of this.#current().about(type, name)) {
      for (const acl of acls) {
        isNamed = true
        if (!isOf(acl, principal, host)) continue
        if (acl.permission === 'DENY' && isFor(acl.operation, operation)) return false
        if (acl.permission === 'ALLOW' && allows(acl.operation, operation)) isAllowed = true
      }
    }
    return isAllowed || (!isNamed && this.#options.allowEveryoneIfNoAclFound)
  }

  /**
   * Whether there is some resource of the type, be it one that does not exist, with which this is allowed: what allows it is not outweighed by a DENY for
   * the same name, or for how the name begins.
   */
  mayOnAny(subject: Subject, operation: AclOperation, type: AclResourceType): boolean {
    if (this.may(subject, operation, type, 'hardcode')) return true
    const fitting = this.#current().ofType(type).filter((acl) => isOf(acl, subject.principal, subject.host) && isFor(acl.operation, operation))
    const denied = fitting.filter(({ permission }) => permission === 'DENY')
    if (denied.some(({ patternType, resourceName }) => patternType === 'LITERAL' && resourceName === ANY_NAME)) return false
    const outweighs = (deny: AclBinding, allow: AclBinding): boolean => (
      deny.patternType === 'PREFIXED' ? allow.resourceName.startsWith(deny.resourceName)
        : allow.patternType === 'LITERAL' && allow.resourceName === deny.resourceName)
    return fitting.some((allow) => allow.permission === 'ALLOW'
      && ((allow.patternType === 'LITERAL' && allow.resourceName === ANY_NAME) || !denied.some((deny) => outweighs(deny, allow))))
  }

  #current(): AclIndex {
    if (this.#revision !== this.#source.revision) {
      this.#revision = this.#source.revision
      this.#index = new AclIndex(this.#source.all())
    }
    return this.#index
  }
}

function isOf(acl: AclBinding, principal: string, host: string): boolean {
  return (acl.principal === principal || acl.principal === EVERYBODY) && (acl.host === ANY_NAME || acl.host === host)
}

function isFor(named: AclOperation, operation: AclOperation): boolean { return named === operation || named === 'ALL' }

function allows(named: AclOperation, operation: AclOperation): boolean { return isFor(named, operation) || including[operation]?.includes(named) === true }

interface ByName { readonly literal: Map<string, AclBinding[]>; readonly prefixed: Map<string, AclBinding[]>; readonly lengths: Set<number>; readonly all: AclBinding[] }

class AclIndex {
  readonly #types = new Map<AclResourceType, ByName>()

  constructor(acls: readonly AclBinding[]) {
    for (const acl of acls) {
      let names = this.#types.get(acl.resourceType)
      if (names === undefined) this.#types.set(acl.resourceType, names = { literal: new Map(), prefixed: new Map(), lengths: new Set(), all: [] })
      const table = acl.patternType === 'PREFIXED' ? names.prefixed : names.literal
      const kept: AclBinding = { ...acl, host: canonicalHost(acl.host) }
      const list = table.get(acl.resourceName)
      if (list === undefined) table.set(acl.resourceName, [kept])
      else list.push(kept)
      if (acl.patternType === 'PREFIXED') names.lengths.add(acl.resourceName.length)
      names.all.push(kept)
    }
  }

  ofType(type: AclResourceType): readonly AclBinding[] { return this.#types.get(type)?.all ?? NONE }

  /** The ACLs that bear on one resource, in lists. */
  about(type: AclResourceType, name: string): (readonly AclBinding[])[] {
    const names = this.#types.get(type)
    if (names === undefined) return []
    const lists = [names.literal.get(name) ?? NONE, name === ANY_NAME ? NONE : names.literal.get(ANY_NAME) ?? NONE]
    for (const length of names.lengths) {
      const list = length > name.length ? undefined : names.prefixed.get(name.slice(0, length))
      if (list !== undefined) lists.push(list)
    }
    return lists
  }
}

/** An IPv6 address as Java writes it (0:0:0:0:0:0:0:1), which is how ACLs made for Kafka name it; anything else as it is. */
export function canonicalHost(host: string): string {
  const address = host.split('%', 1)[0]!.toLowerCase()
  if (!/^[0-9a-f:]*:[0-9a-f:]*$/.test(address)) return host
  const [head = '', tail] = address.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const ends = tail === undefined ? [] : groups(tail)
  const middle = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups(head).length - ends.length) }, () => '0')
  return [...groups(head), ...middle, ...ends].map((group) => group.replace(/^0+(?=.)/, '')).join(':')
}
