/**
 * Port to the coordination store: a tree of small values addressed by "/"-separated paths, with a version per node. Shaped so that LMDB
 * (embedded), memory (tests, `inMemory`) and ZooKeeper (cluster) can all keep it. Everything in it that can be derived from the
 * partition folders is derived from them at open; what cannot (topic configs, producer-id blocks, credentials) lives only here.
 *
 * Contract:
 *  - A promise resolves only when the change is durable (fsynced, or on a quorum).
 *  - `version` starts at 0 at `create` and rises by 1 with each `set`. A conditional call with a stale version fails and changes nothing.
 *  - Parents need not exist; `children` lists the direct child names of a path, sorted.
 *  - Values are bytes of at most 1 MiB; they are copied in and out.
 *  - Calls after `close` raise CLOSED. Disk faults raise KAFKA_STORAGE_ERROR or DISK_FULL and change nothing.
 */
export interface MetadataNode { readonly value: Uint8Array; readonly version: number }

export interface MetadataStore {
  get(path: string): Promise<MetadataNode | null>
  /** False when it exists. */
  create(path: string, value: Uint8Array): Promise<boolean>
  /** Creates or replaces; with `expectedVersion` replaces only that version. The new version, or −1 when the condition failed. */
  set(path: string, value: Uint8Array, expectedVersion?: number): Promise<number>
  /** False when it was missing or had another version. */
  delete(path: string, expectedVersion?: number): Promise<boolean>
  children(path: string): Promise<string[]>
  /** Every direct child with its value, one read of one consistent state. */
  entries(path: string): Promise<{ name: string; node: MetadataNode }[]>
  close(): Promise<void>
}
