/** A metadata store that lives as long as the process: for `inMemory` and `readOnly` databases and for tests. */
import { OttlaError } from '../common/errors.ts'
import type { MetadataNode, MetadataStore } from './metadata-store.ts'
import { checkNode, NodeTable } from './node-table.ts'

export class MemoryMetadataStore implements MetadataStore {
  readonly #table: NodeTable
  #closed = false

  /** With `table` the store starts with its nodes and owns it from then on. */
  constructor(table: NodeTable = new NodeTable()) { this.#table = table }

  async get(path: string): Promise<MetadataNode | null> {
    this.#check(path)
    return this.#table.get(path)
  }

  async create(path: string, value: Uint8Array): Promise<boolean> {
    this.#check(path, value)
    if (this.#table.versionOf(path) >= 0) return false
    this.#table.put(path, { value, version: 0 })
    return true
  }

  async set(path: string, value: Uint8Array, expectedVersion?: number): Promise<number> {
    this.#check(path, value)
    const version = this.#table.versionOf(path)
    if (expectedVersion !== undefined && (version < 0 || expectedVersion !== version)) return -1
    this.#table.put(path, { value, version: version + 1 })
    return version + 1
  }

  async delete(path: string, expectedVersion?: number): Promise<boolean> {
    this.#check(path)
    const version = this.#table.versionOf(path)
    if (version < 0 || (expectedVersion !== undefined && expectedVersion !== version)) return false
    this.#table.remove(path)
    return true
  }

  async children(path: string): Promise<string[]> {
    this.#check(path)
    return this.#table.children(path)
  }

  async entries(path: string): Promise<{ name: string; node: MetadataNode }[]> {
    this.#check(path)
    return this.#table.entries(path)
  }

  async close(): Promise<void> { this.#closed = true }

  #check(path: string, value?: Uint8Array): void {
    if (this.#closed) throw new OttlaError('CLOSED', 'the metadata store is closed')
    checkNode(path, value)
  }
}
