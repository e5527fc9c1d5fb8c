/**
 * The access control lists, in the metadata store: one node an ACL, so that adding or removing one cannot touch another (CVE-2024-27309), under a number
 * that is given once, `/acls/<number>`:
 *
 *   {"version": 1, "acl": {"resourceType": "TOPIC", "resourceName": "orders", "patternType": "LITERAL", "principal": "User:alice", "host": "*",
 *    "operation": "READ", "permission": "ALLOW"}}
 *
 * All of them are in memory. `revision` rises with each change, so that whoever decides by them sees that there are others now.
 */
import { aclKey, aclProblem, checkAcl, matchesAcl, type AclBinding, type AclFilter } from '../common/acl.ts'
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { Mutex } from '../common/mutex.ts'
import type { MetadataStore } from './metadata-store.ts'

export const ACLS = '/acls'

interface Kept { readonly id: number; readonly acl: AclBinding }

export class AclStore {
  readonly #store: MetadataStore
  readonly #readOnly: boolean
  readonly #mutex = new Mutex()
  /** By `aclKey`. */
  readonly #acls: Map<string, Kept>
  #nextId: number
  #revision = 0

  private constructor(store: MetadataStore, readOnly: boolean, acls: Map<string, Kept>, nextId: number) {
    this.#store = store
    this.#readOnly = readOnly
    this.#acls = acls
    this.#nextId = nextId
  }

  /** An ACL that cannot be read is lost, with an error line: when it was a DENY, more may be allowed than was meant. */
  static async load(store: MetadataStore, readOnly: boolean, logger: Logger): Promise<AclStore> {
    const acls = new Map<string, Kept>()
    let nextId = 0
    for (const { name, node } of await store.entries(ACLS)) {
      const id = Number(name)
      const acl = decode(node.value)
      if (Number.isSafeInteger(id)) nextId = Math.max(nextId, id + 1)
      if (acl === null) logger.error('an ACL cannot be read and does not count: look through the ACLs', { path: `${ACLS}/${name}` })
      else acls.set(aclKey(acl), { id, acl })
    }
    return new AclStore(store, readOnly, acls, nextId)
  }

  get revision(): number { return this.#revision }
  all(): AclBinding[] { return Array.from(this.#acls.values(), ({ acl }) => acl) }
  list(filter: AclFilter): AclBinding[] { return this.all().filter((acl) => matchesAcl(filter, acl)) }

  /** One that is there already stays. Durable when it resolves. Raises INVALID_ARGUMENT, READ_ONLY. */
  add(acl: AclBinding): Promise<void> {
    checkAcl(acl)
    return this.#change(async () => {
      const key = aclKey(acl)
      if (this.#acls.has(key)) return
      const id = this.#nextId++
      await this.#store.set(`${ACLS}/${id}`, encode(acl))
      this.#acls.set(key, { id, acl: copyOf(acl) })
    })
  }

  /** Those that are gone then. Raises READ_ONLY. */
  remove(filter: AclFilter): Promise<AclBinding[]> {
    return this.#change(async () => {
      const gone = [...this.#acls].filter(([, { acl }]) => matchesAcl(filter, acl))
      for (const [key, { id }] of gone) {
        await this.#store.delete(`${ACLS}/${id}`)
        this.#acls.delete(key)
      }
      return gone.map(([, { acl }]) => acl)
    })
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    if (this.#readOnly) throw new OttlaError('READ_ONLY', 'the database was opened with { readOnly: true }')
    return this.#mutex.run(async () => {
      try {
        return await work()
      } finally {
        this.#revision += 1
      }
    })
  }
}

function copyOf({ resourceType, resourceName, patternType, principal, host, operation, permission }: AclBinding): AclBinding {
  return { resourceType, resourceName, patternType, principal, host, operation, permission }
}

function encode(acl: AclBinding): Uint8Array { return Buffer.from(JSON.stringify({ version: 1, acl: copyOf(acl) })) }

function decode(bytes: Uint8Array): AclBinding | null {
  try {
    const { version, acl } = JSON.parse(Buffer.from(bytes).toString()) as { version: unknown; acl: AclBinding }
    return version === 1 && aclProblem(acl) === null ? copyOf(acl) : null
  } catch {
    return null
  }
}
