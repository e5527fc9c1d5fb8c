/**
 * The metadata store of a data directory: one LMDB file, one environment, one owner. All nodes are held in memory (they are few and small)
 * and every read is answered from there; the file is read once, when opening, by `readLmdbFile`. LMDB itself is loaded at the first
 * change and never reads a file that did not pass that check (M-rows: spec/reliability 2.7):
 *  - M1 a second store on the same file in this process is refused: closing either would drop the other's locks.
 *  - M2 a full disk or map fails the one call with DISK_FULL, changes nothing, and later calls try again.
 *  - M3, M4 no read transaction is ever held, so pages are reused and reader slots stay empty.
 *  - M5, M6 the directory lock keeps other processes and threads out; `open` refuses network file systems.
 *  - M7 a change resolves after LMDB's commit, which syncs pages and head page; `overlappingSync` is off and `safeRestore` on.
 *
 * A commit that failed may leave LMDB refusing whatever follows, and a head page that is old, new or neither: before the next change what was opened is
 * closed, and a file that does not hold what is in memory is written anew.
 *
 * A value in the file:  0 format u8 (1) · 1 version u32 · 5 CRC-32 of key, version and content u32 · 9 content. A node whose checksum is wrong
 * counts as damage. Of a damaged file a copy is kept, what can be read of it goes to a new file that replaces it, and the log says so loudly.
 */
import { crc32 } from '../common/crc32.ts'
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import type { Logger } from '../common/logger.ts'
import { readLmdbFile } from './lmdb-file.ts'
import type { LmdbEnvironment } from './lmdb-library.ts'
import type { MetadataNode, MetadataStore } from './metadata-store.ts'
import { checkNode, NodeTable } from './node-table.ts'

/** What the store needs of the file system, given by the composition root. */
export interface MetadataFile {
  /** Absolute and canonical. */
  readonly path: string
  /** The whole file; null when there is none. */
  read(): Uint8Array | null
  /** Writes `bytes` to a new file beside it, durably, and returns that file's path. */
  keepCopy(bytes: Uint8Array): string
  /** An unused path beside it for its replacement; what an earlier attempt left there is gone. */
  replacementPath(): string
  /** Puts the finished replacement in the place of the file, durably. Commit point: the rename. */
  replace(): void
  /** Puts `empty` where nothing is at `path`, sees to it that `path-lock` has `lockBytes` on the disk, and that LMDB will find file handles. */
  prepare(path: string, empty: Uint8Array, lockBytes: number): void
  /** Makes the directory entry of the file durable. */
  syncDirectory(): void
}

export type LmdbOpener = (path: string) => LmdbEnvironment

export interface LmdbStoreOptions {
  readonly file: MetadataFile
  readonly logger: Logger
  /** For tests. */
  readonly openEnvironment?: LmdbOpener
}

const FORMAT = 1
const ENVELOPE = 9
/** Names, and the numbers that LMDB gives instead. */
const DISK_FULL_CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 28, 122, 27, -30792])
const NO_RIGHT_CODES: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS', 13, 1, 30])

/** Paths open in this process, over every copy of this module. */
function openPaths(): Set<string> {
  const registry = globalThis as { [key: symbol]: Set<string> | undefined }
  return registry[Symbol.for('ottla.metadata')] ??= new Set()
}

/** Reads the file (a missing one is an empty store) and repairs it when it is damaged. Raises DIRECTORY_LOCKED when it is open in this process. */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<MetadataStore> {
  const { file, logger } = options
  const paths = openPaths()
  if (paths.has(file.path)) throw new OttlaError('DIRECTORY_LOCKED', `${file.path} is open in this process already`, { file: file.path })
  paths.add(file.path)
  try {
    const { table, damage, isNew, bytes } = loadTable(file)
    if (damage !== null) {
      const keptAs = file.keepCopy(bytes)
      await writeReplacement(await lmdbCode(options.openEnvironment), file, table)
      file.replace()
      logger.error(`the metadata file was damaged (${damage}) and has been made anew with the ${table.size} entries that could be read. `
        + 'Topics come from their folders; those whose settings were lost are named in a warning that follows', { file: file.path, keptAs })
    }
    return new LmdbMetadataStore(file, table, isNew, options.openEnvironment)
  } catch (error) {
    paths.delete(file.path)
    throw error
  }
}

/** For `readOnly`: the nodes as far as they can be read. Changes nothing, and copes with a file that another process is writing. */
export function readMetadataFile(file: MetadataFile, logger: Logger): NodeTable {
  let loaded = loadTable(file)
  for (let attempt = 0; loaded.damage !== null && attempt < 3; attempt += 1) loaded = loadTable(file)
  if (loaded.damage !== null) {
    logger.warn(`the metadata file is damaged (${loaded.damage}); ${loaded.table.size} entries could be read`, { file: file.path })
  }
  return loaded.table
}

/** What is wrong with the file; null when nothing is, or there is none. Copes with a file that another process is writing. */
export function damageOfMetadataFile(file: MetadataFile): string | null {
  let damage: string | null = null
  for (let attempt = 0; attempt < 4; attempt += 1) {
    damage = loadTable(file).damage
    if (damage === null) return null
  }
  return damage
}

function loadTable(file: MetadataFile): { table: NodeTable; damage: string | null; isNew: boolean; bytes: Uint8Array } {
  const table = new NodeTable()
  const bytes = file.read() ?? new Uint8Array(0)
  if (bytes.length === 0) return { table, damage: null, isNew: true, bytes }
  const contents = readLmdbFile(bytes)
  let damage = contents.damage
  for (const [path, value] of contents.nodes) {
    const node = unwrap(path, value)
    if (node === null) damage ??= `the entry ${JSON.stringify(path.slice(0, 80))} fails its checksum`
    else table.put(path, node)
  }
  return { table, damage, isNew: false, bytes }
}

/** A new file with every node, in one commit. */
async function writeReplacement({ open, emptyLmdbFile, LOCK_BYTES }: LmdbCode, file: MetadataFile, table: NodeTable): Promise<void> {
  const path = file.replacementPath()
  try {
    file.prepare(path, emptyLmdbFile(), LOCK_BYTES)
    const environment = open(path)
    try {
      environment.transactionSync(() => {
        for (const each of table.paths()) environment.putSync(Buffer.from(each), wrap(each, table.get(each)!))
      })
    } finally {
      await environment.close()
    }
  } catch (cause) {
    throw storeError(path, cause)
  }
}

function wrap(path: string, node: MetadataNode): Uint8Array {
  const bytes = Buffer.alloc(ENVELOPE + node.value.length)
  bytes[0] = FORMAT
  bytes.writeUInt32BE(node.version, 1)
  bytes.set(node.value, ENVELOPE)
  bytes.writeUInt32BE(checksum(path, node), 5)
  return bytes
}

function unwrap(path: string, bytes: Uint8Array): MetadataNode | null {
  if (bytes.length < ENVELOPE || bytes[0] !== FORMAT) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const node = { value: bytes.subarray(ENVELOPE), version: view.getUint32(1) }
  return view.getUint32(5) === checksum(path, node) ? node : null
}

function checksum(path: string, node: MetadataNode): number { return crc32(node.value, crc32(Buffer.from(`${path}\n${node.version}\n`))) }

type LmdbCode = Pick<typeof import('./lmdb-library.ts'), 'emptyLmdbFile' | 'LOCK_BYTES'> & { readonly open: LmdbOpener }

async function lmdbCode(open: LmdbOpener | undefined): Promise<LmdbCode> {
  const { openLmdb, emptyLmdbFile, LOCK_BYTES } = await loadPart('the code that changes metadata', () => import('./lmdb-library.ts'))
  return { open: open ?? openLmdb, emptyLmdbFile, LOCK_BYTES }
}

class LmdbMetadataStore implements MetadataStore {
  readonly #file: MetadataFile
  readonly #table: NodeTable
  readonly #opener: LmdbOpener | undefined
  #code: LmdbCode | null = null
  #isNew: boolean
  #environment: LmdbEnvironment | null = null
  #hasFailed = false
  #mending: Promise<void> | null = null
  #closed = false

  constructor(file: MetadataFile, table: NodeTable, isNew: boolean, opener: LmdbOpener | undefined) {
    this.#file = file
    this.#table = table
    this.#isNew = isNew
    this.#opener = opener
  }

  async get(path: string): Promise<MetadataNode | null> {
    this.#check(path)
    return this.#table.get(path)
  }

  async create(path: string, value: Uint8Array): Promise<boolean> {
    this.#check(path, value)
    return this.#change(() => {
      if (this.#table.versionOf(path) >= 0) return false
      this.#put(path, { value, version: 0 })
      return true
    })
  }

  async set(path: string, value: Uint8Array, expectedVersion?: number): Promise<number> {
    this.#check(path, value)
    return this.#change(() => {
      const version = this.#table.versionOf(path)
      if (expectedVersion !== undefined && (version < 0 || expectedVersion !== version)) return -1
      this.#put(path, { value, version: version + 1 })
      return version + 1
    })
  }

  async delete(path: string, expectedVersion?: number): Promise<boolean> {
    this.#check(path)
    return this.#change(() => {
      const version = this.#table.versionOf(path)
      if (version < 0 || (expectedVersion !== undefined && expectedVersion !== version)) return false
      this.#commit((environment) => environment.removeSync(Buffer.from(path)))
      this.#table.remove(path)
      return true
    })
  }

  async children(path: string): Promise<string[]> {
    this.#check(path)
    return this.#table.children(path)
  }

  async entries(path: string): Promise<{ name: string; node: MetadataNode }[]> {
    this.#check(path)
    return this.#table.entries(path)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      if (this.#hasFailed) await this.#ready().catch(() => {})
      await this.#environment?.close()
    } finally {
      openPaths().delete(this.#file.path)
    }
  }

  #check(path: string, value?: Uint8Array): void {
    this.#refuseClosed()
    checkNode(path, value)
  }

  #refuseClosed(): void {
    if (this.#closed) throw new OttlaError('CLOSED', 'the metadata store is closed')
  }

  /** Once nothing is missing, at once: between the look and the change nobody else comes, of whom one may have failed, or closed the store. */
  async #change<T>(change: () => T): Promise<T> {
    for (;;) {
      this.#refuseClosed()
      if (this.#code !== null && !this.#hasFailed) return change()
      await this.#ready()
    }
  }

  /** Disk first, memory after: a failed commit leaves both as they were. */
  #put(path: string, node: MetadataNode): void {
    this.#commit((environment) => environment.putSync(Buffer.from(path), wrap(path, node)))
    this.#table.put(path, node)
  }

  #commit(change: (environment: LmdbEnvironment) => void): void {
    try {
      const environment = this.#environment ??= this.#openPrepared()
      environment.transactionSync(() => change(environment))
      if (this.#isNew) this.#file.syncDirectory()
      this.#isNew = false
    } catch (cause) {
      this.#hasFailed = true
      throw storeError(this.#file.path, cause)
    }
  }

  #openPrepared(): LmdbEnvironment {
    const { open, emptyLmdbFile, LOCK_BYTES } = this.#code!
    this.#file.prepare(this.#file.path, emptyLmdbFile(), LOCK_BYTES)
    return open(this.#file.path)
  }

  /** Raises what stands in the way of mending. */
  async #ready(): Promise<void> {
    this.#code ??= await lmdbCode(this.#opener)
    if (this.#hasFailed) await (this.#mending ??= this.#mend().finally(() => { this.#mending = null }))
  }

  async #mend(): Promise<void> {
    const environment = this.#environment
    this.#environment = null
    await environment?.close().catch(() => {})
    const { table, damage } = loadTable(this.#file)
    if (damage !== null || !table.equals(this.#table)) {
      await writeReplacement(this.#code!, this.#file, this.#table)
      this.#isNew = true
      this.#file.replace()
    }
    this.#hasFailed = false
  }
}

function storeError(file: string, cause: unknown): OttlaError {
  if (OttlaError.is(cause)) return cause
  const { code, message } = cause as { code?: unknown; message?: unknown }
  const isFull = DISK_FULL_CODES.has(code) || String(message).includes('MDB_MAP_FULL')
  if (isFull) return new OttlaError('DISK_FULL', `no room to write ${file}`, { file, cause })
  if (NO_RIGHT_CODES.has(code)) return new OttlaError('DIRECTORY_UNUSABLE', `${file} may not be written: ${String(message)}`, { file, cause })
  return new OttlaError('KAFKA_STORAGE_ERROR', `${file} cannot be written: ${String(message)}`, { file, cause })
}
