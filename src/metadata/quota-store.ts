/**
 * Client quotas, in the metadata store: one node an entity, under a number that is given once, `/quotas/<number>`:
 *
 *   {"version": 1, "entity": {"user": "alice", "clientId": null}, "quotas": {"producer_byte_rate": 1048576}}
 *
 * All of them are in memory. `revision` rises with each change.
 */
import { checkQuota, entityKey, quotaProblem, type QuotaChanges, type QuotaEntity, type QuotaEntry, type QuotaKey, type Quotas } from '../common/quota.ts'
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { Mutex } from '../common/mutex.ts'
import type { MetadataStore } from './metadata-store.ts'

export const QUOTAS = '/quotas'

interface Kept extends QuotaEntry { readonly id: number }

export class QuotaStore {
  readonly #store: MetadataStore
  readonly #readOnly: boolean
  readonly #mutex = new Mutex()
  /** By `entityKey`. */
  readonly #entries: Map<string, Kept>
  #nextId: number
  #revision = 0

  private constructor(store: MetadataStore, readOnly: boolean, entries: Map<string, Kept>, nextId: number) {
    this.#store = store
    this.#readOnly = readOnly
    this.#entries = entries
    this.#nextId = nextId
  }

  static async load(store: MetadataStore, readOnly: boolean, logger: Logger): Promise<QuotaStore> {
    const entries = new Map<string, Kept>()
    let nextId = 0
    for (const { name, node } of await store.entries(QUOTAS)) {
      const id = Number(name)
      const entry = decode(node.value)
      if (Number.isSafeInteger(id)) nextId = Math.max(nextId, id + 1)
      if (entry === null) logger.error('a quota cannot be read and does not hold', { path: `${QUOTAS}/${name}` })
      else entries.set(entityKey(entry.entity), { id, ...entry })
    }
    return new QuotaStore(store, readOnly, entries, nextId)
  }

  get revision(): number { return this.#revision }
  all(): QuotaEntry[] { return Array.from(this.#entries.values(), ({ entity, quotas }) => ({ entity, quotas })) }

  /** Durable when it resolves. Raises INVALID_ARGUMENT, READ_ONLY. With `validateOnly` nothing changes. */
  alter(entity: QuotaEntity, changes: QuotaChanges, validateOnly: boolean): Promise<void> {
    checkQuota(entity, changes)
    if (this.#readOnly) throw new OttlaError('READ_ONLY', 'the database was opened with { readOnly: true }')
    return this.#mutex.run(async () => {
      if (validateOnly) return
      const key = entityKey(entity)
      const known = this.#entries.get(key)
      const quotas = changed(known?.quotas ?? {}, changes)
      const id = known?.id ?? this.#nextId++
      if (Object.keys(quotas).length === 0) {
        await this.#store.delete(`${QUOTAS}/${id}`)
        this.#entries.delete(key)
      } else {
        await this.#store.set(`${QUOTAS}/${id}`, Buffer.from(JSON.stringify({ version: 1, entity, quotas })))
        this.#entries.set(key, { id, entity: { ...entity }, quotas })
      }
      this.#revision += 1
    })
  }
}

function changed(quotas: Quotas, changes: QuotaChanges): Quotas {
  const result: Partial<Record<QuotaKey, number>> = { ...quotas }
  for (const [key, value] of Object.entries(changes) as [QuotaKey, number | null | undefined][]) {
    if (value === null) delete result[key]
    else if (value !== undefined) result[key] = value
  }
  return result
}

function decode(bytes: Uint8Array): QuotaEntry | null {
  try {
    const { version, entity, quotas } = JSON.parse(Buffer.from(bytes).toString()) as { version: unknown } & QuotaEntry
    return version === 1 && quotaProblem(entity, quotas) === null ? { entity, quotas } : null
  } catch {
    return null
  }
}
