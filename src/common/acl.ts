/**
 * The vocabulary of access control lists, as in Kafka (KIP-11, KIP-290, KIP-679): who (a principal, from a host) may or may not do what (an operation) to
 * which resources (a type, and a name or the beginning of names). Words are Kafka's, and so are the numbers that stand for them on the wire. Which of several
 * ACLs decides is the business of `server/access/authorizer.ts`.
 */
import { callOptions, shown } from './call-options.ts'
import { OttlaError } from './errors.ts'

export const aclResourceTypes = { TOPIC: 2, GROUP: 3, CLUSTER: 4, TRANSACTIONAL_ID: 5, DELEGATION_TOKEN: 6, USER: 7 } as const
export const aclPatternTypes = { LITERAL: 3, PREFIXED: 4 } as const
export const aclOperations = {
  ALL: 2, READ: 3, WRITE: 4, CREATE: 5, DELETE: 6, ALTER: 7, DESCRIBE: 8, CLUSTER_ACTION: 9, DESCRIBE_CONFIGS: 10, ALTER_CONFIGS: 11, IDEMPOTENT_WRITE: 12,
  CREATE_TOKENS: 13, DESCRIBE_TOKENS: 14, TWO_PHASE_COMMIT: 15,
} as const
export const aclPermissions = { DENY: 2, ALLOW: 3 } as const

export type AclResourceType = keyof typeof aclResourceTypes
export type AclPatternType = keyof typeof aclPatternTypes
export type AclOperation = keyof typeof aclOperations
export type AclPermission = keyof typeof aclPermissions

/** One ACL. Two with the same fields are one and the same. */
export interface AclBinding {
  readonly resourceType: AclResourceType
  /** The name; with PREFIXED how names begin; with LITERAL "*" is every name. */
  readonly resourceName: string
  readonly patternType: AclPatternType
  /** `User:name`; `User:*` is everybody, `User:ANONYMOUS` who did not log in. */
  readonly principal: string
  /** An address; "*" is every one. */
  readonly host: string
  readonly operation: AclOperation
  readonly permission: AclPermission
}

/** Which ACLs are meant: a field that is left out or null is any. */
export interface AclFilter {
  readonly resourceType?: AclResourceType | null | undefined
  readonly resourceName?: string | null | undefined
  /** 'MATCH': all that bear on the resource of this very name. Left out: LITERAL and PREFIXED. */
  readonly patternType?: AclPatternType | 'MATCH' | null | undefined
  readonly principal?: string | null | undefined
  readonly host?: string | null | undefined
  readonly operation?: AclOperation | null | undefined
  readonly permission?: AclPermission | null | undefined
}

export const ANY_NAME = '*'
export const CLUSTER_NAME = 'kafka-cluster'
export const ANONYMOUS = 'User:ANONYMOUS'
export const EVERYBODY = 'User:*'

/** What can be done to resources of each type; an ACL may name any operation all the same, as in Kafka. */
export const operationsOf: Readonly<Record<AclResourceType, readonly AclOperation[]>> = {
  TOPIC: ['READ', 'WRITE', 'CREATE', 'DESCRIBE', 'DELETE', 'ALTER', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  GROUP: ['READ', 'DESCRIBE', 'DELETE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  CLUSTER: ['CREATE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'IDEMPOTENT_WRITE', 'ALTER', 'DESCRIBE'],
  TRANSACTIONAL_ID: ['DESCRIBE', 'WRITE', 'TWO_PHASE_COMMIT'],
  DELEGATION_TOKEN: ['DESCRIBE'],
  USER: ['CREATE_TOKENS', 'DESCRIBE_TOKENS'],
}

/** Whether the ACL is about the resource of this name. */
export function isAbout({ patternType, resourceName }: Pick<AclBinding, 'patternType' | 'resourceName'>, name: string): boolean {
  return patternType === 'PREFIXED' ? name.startsWith(resourceName) : resourceName === name || resourceName === ANY_NAME
}

export function matchesAcl(filter: AclFilter, acl: AclBinding): boolean {
  const { resourceName = null, patternType = null } = filter
  const isSame = <T>(wanted: T | null | undefined, is: T): boolean => wanted === undefined || wanted === null || wanted === is
  return isSame(filter.resourceType, acl.resourceType) && isSame(filter.principal, acl.principal) && isSame(filter.host, acl.host)
    && isSame(filter.operation, acl.operation) && isSame(filter.permission, acl.permission)
    && (patternType === 'MATCH' ? resourceName === null || isAbout(acl, resourceName) : isSame(patternType, acl.patternType) && isSame(resourceName, acl.resourceName))
}

/** The same text for the same ACL, and another for another. */
export function aclKey({ resourceType, resourceName, patternType, principal, host, operation, permission }: AclBinding): string {
  return JSON.stringify([resourceType, resourceName, patternType, principal, host, operation, permission])
}

const MAX_TEXT = 4096

/** The words that a field can be; null for text. */
const wordsOf: Readonly<Record<keyof AclBinding, readonly string[] | null>> = {
  resourceType: Object.keys(aclResourceTypes), resourceName: null, patternType: Object.keys(aclPatternTypes), principal: null, host: null,
  operation: Object.keys(aclOperations), permission: Object.keys(aclPermissions),
}

function fieldProblem(name: string, value: unknown, words: readonly string[] | null): string | null {
  if (words !== null) return typeof value === 'string' && words.includes(value) ? null : `${name} is ${shown(value)}: give one of ${words.join(', ')}`
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT ? null : `${name} is ${shown(value)}: give text of 1 to ${MAX_TEXT} characters`
}

/** Why an ACL cannot be, or null. */
export function aclProblem(acl: AclBinding): string | null {
  for (const [name, words] of Object.entries(wordsOf)) {
    const problem = fieldProblem(name, acl[name as keyof AclBinding], words)
    if (problem !== null) return problem
  }
  if (acl.resourceType === 'CLUSTER' && acl.resourceName !== CLUSTER_NAME) return `the only resource of type CLUSTER is ${CLUSTER_NAME}`
  return isPrincipal(acl.principal) ? null : `a principal is User:name, not ${shown(acl.principal)}`
}

export function isPrincipal(text: string): boolean { return /^[^:]+:./su.test(text) }

/** Raises INVALID_ARGUMENT. */
export function checkAcl(acl: AclBinding): void {
  const problem = acl === null || typeof acl !== 'object' ? `an ACL is an object, not ${shown(acl)}` : aclProblem(acl)
  if (problem !== null) throw new OttlaError('INVALID_ARGUMENT', problem)
}

/** Raises INVALID_ARGUMENT: a field that is misspelt would otherwise stand for any. */
export function checkAclFilter(call: string, filter: AclFilter): void {
  const fields = callOptions(call, filter, Object.keys(wordsOf) as (keyof AclBinding)[])
  for (const [name, value] of Object.entries(fields)) {
    const words = wordsOf[name as keyof AclBinding]
    const problem = value === null || value === undefined ? null : fieldProblem(name, value, name === 'patternType' ? [...words!, 'MATCH'] : words)
    if (problem !== null) throw new OttlaError('INVALID_ARGUMENT', `${call}: ${problem}`)
  }
}

/** `number` → word; undefined for a number that is none of the table's. */
export function wordOf<W extends string>(table: Readonly<Record<W, number>>, number: number): W | undefined {
  return (Object.keys(table) as W[]).find((word) => table[word] === number)
}
