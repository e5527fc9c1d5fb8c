/**
 * The full consistency check of a data directory or of one partition folder: every checksum, every record, offsets that rise, indexes, transaction
 * indexes, snapshots, leader epochs, checkpoints. Independent of the log engine: it reads the bytes by itself, works out everything derived by
 * itself, and compares. Read only, streaming; any process may run it, on a live directory too (what is being written then shows as a torn tail).
 *
 * Used by `ottla verify` and at the end of tests. Does not repair.
 */
import { basename, join } from 'node:path'
import { callOptions } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'
import { CLEAN_SHUTDOWN_FILE, readMetaProperties } from './broker-files.ts'
import { Findings, type CheckProgress, type Finding, type FindingCode, type FindingSeverity } from './check-finding.ts'
import { PartitionCheck, type PartitionFacts } from './check-partition.ts'
import { HIGH_WATERMARK_FILE, LOG_START_FILE, readOffsetCheckpoint, RECOVERY_POINT_FILE } from './checkpoint-file.ts'
import { scanDataDirectory, type PartitionFolder } from './log-directory.ts'
import { parseSegmentFileName } from './segment-names.ts'

export type { CheckProgress, Finding, FindingCode, FindingSeverity }

export interface CheckOptions {
  /** Default: every partition of the directory. */
  readonly topics?: readonly string[]
  /** Decode every record too, not only headers and checksums. Default true. */
  readonly deep?: boolean
  /** Called about once per MiB and at the end of each `.log`. */
  readonly onProgress?: (progress: CheckProgress) => void
  readonly signal?: AbortSignal | undefined
}

/** As `ottla.verify` was given them. Raises INVALID_ARGUMENT. */
export function checkVerifyOptions(options: CheckOptions): void {
  const { topics, onProgress, deep } = callOptions('verify', options, ['topics', 'deep', 'onProgress', 'signal'])
  if (topics !== undefined && !(Array.isArray(topics) && topics.every((each) => typeof each === 'string'))) throw new OttlaError('INVALID_ARGUMENT', 'verify: topics is a list of names')
  if (deep !== undefined && typeof deep !== 'boolean') throw new OttlaError('INVALID_ARGUMENT', 'verify: deep is true or false')
  if (onProgress !== undefined && typeof onProgress !== 'function') throw new OttlaError('INVALID_ARGUMENT', 'verify: onProgress is a function')
}

const PROGRESS_BYTES = 1_048_576

/** `directory`: a data directory or one partition folder. Yields as it goes. Raises DIRECTORY_UNUSABLE, ABORTED, and what the disk raises. */
export async function* checkLog(fs: FileSystem, directory: string, options: CheckOptions = {}): AsyncGenerator<Finding, void, void> {
  if (fs.stat(directory)?.kind !== 'directory') throw new OttlaError('DIRECTORY_UNUSABLE', `${directory} is no directory`, { file: directory })
  const entries = fs.readDirectory(directory)
  if (entries.some((entry) => entry.kind === 'file' && parseSegmentFileName(entry.name)?.kind === 'log')) {
    const folder = { topic: basename(directory), partition: 0, directory }
    yield* new DirectoryCheck(fs, directory, options, [folder], null).partitions()
    return
  }
  const scan = scanDataDirectory(fs, directory)
  const chosen = scan.partitions.filter((folder) => options.topics === undefined || options.topics.includes(folder.topic))
  const clean = entries.some((entry) => entry.name === CLEAN_SHUTDOWN_FILE)
  const check = new DirectoryCheck(fs, directory, options, chosen, clean)
  yield* check.root(scan.leftAlone, scan.removable)
  yield* check.partitions()
  yield* check.checkpoints()
}

class DirectoryCheck {
  readonly #fs: FileSystem
  readonly #root: string
  readonly #options: CheckOptions
  readonly #folders: readonly PartitionFolder[]
  /** Null: a partition folder alone, of which nothing is known. */
  readonly #clean: boolean | null
  readonly #findings = new Findings()
  readonly #checkpoints = new Map<string, Map<string, number>>()
  readonly #facts = new Map<string, PartitionFacts>()
  readonly #totalBytes: number
  #hasTopicIds = true
  #doneBytes = 0
  #reportedBytes = 0

  constructor(fs: FileSystem, root: string, options: CheckOptions, folders: readonly PartitionFolder[], clean: boolean | null) {
    this.#fs = fs
    this.#root = root
    this.#options = options
    this.#folders = folders
    this.#clean = clean
    this.#totalBytes = options.onProgress === undefined ? 0 : folders.reduce((sum, folder) => sum + logBytes(fs, folder.directory), 0)
    if (clean !== null) for (const name of [RECOVERY_POINT_FILE, LOG_START_FILE, HIGH_WATERMARK_FILE]) this.#readCheckpoint(name)
  }

  #readCheckpoint(name: string): void {
    const path = join(this.#root, name)
    try {
      this.#checkpoints.set(name, new Map(readOffsetCheckpoint(this.#fs, path).map((entry) => [`${entry.topic}-${entry.partition}`, entry.offset])))
    } catch (error) {
      if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
      this.#findings.add('warning', 'CHECKPOINT_UNREADABLE', path, `${error.message}; the next open takes longer`)
    }
  }

  * root(leftAlone: readonly { readonly directory: string; readonly reason: string }[], removable: readonly string[]): Generator<Finding, void, void> {
    if (this.#clean === false) this.#findings.add(
      'info', 'NOT_CLOSED_CLEANLY', this.#root, 'the directory is open, or was not closed cleanly: the next open recovers it',
    )
    for (const { directory, reason } of leftAlone) this.#findings.add('warning', 'FOLDER_UNKNOWN', directory, reason)
    for (const directory of removable) this.#findings.add('info', 'LEFTOVER', directory, 'a deleted partition that is not removed yet')
    try {
      this.#hasTopicIds = readMetaProperties(this.#fs, this.#root)?.version !== 0
    } catch (error) {
      if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
      this.#findings.add('warning', 'IDENTITY_UNREADABLE', this.#root, error.message)
    }
    yield* this.#findings.take()
  }

  async* partitions(): AsyncGenerator<Finding, void, void> {
    for (const { topic, partition, directory } of this.#folders) {
      const key = `${topic}-${partition}`
      // Deleted since it was listed, by the owner of a directory that is open.
      if (this.#fs.stat(directory) === null) continue
      const check = new PartitionCheck({
        fs: this.#fs, directory, deep: this.#options.deep ?? true, clean: this.#clean === true, hasTopicIds: this.#hasTopicIds, signal: this.#options.signal,
        recoveryPoint: this.#clean === null ? null : this.#checkpoints.get(RECOVERY_POINT_FILE)?.get(key) ?? 0,
        onBytes: (file, bytes) => this.#progress(file, bytes),
      })
      this.#facts.set(key, yield* check.run())
    }
  }

  #progress(file: string, bytes: number): void {
    this.#doneBytes += bytes
    if (this.#doneBytes - this.#reportedBytes < PROGRESS_BYTES && this.#doneBytes < this.#totalBytes) return
    this.#reportedBytes = this.#doneBytes
    this.#options.onProgress?.({ file, doneBytes: this.#doneBytes, totalBytes: this.#totalBytes })
  }

  /** Every checkpoint lies within its log. */
  * checkpoints(): Generator<Finding, void, void> {
    for (const [name, offsets] of this.#checkpoints) {
      for (const [key, offset] of offsets) {
        const facts = this.#facts.get(key)
        if (facts === undefined || (offset >= 0 && offset <= facts.endOffset)) continue
        // Below the recovery point everything had been durable; a high watermark may be of appends that never were.
        const severity = name === RECOVERY_POINT_FILE || this.#clean === true ? 'error' : 'warning'
        this.#findings.add(severity, 'CHECKPOINT_OUTSIDE_LOG', join(
          this.#root, name,
        ), `${key}: offset ${offset} is outside of the log, which ends at ${facts.endOffset}`, null, offset)
      }
    }
    yield* this.#findings.take()
  }
}

function logBytes(fs: FileSystem, directory: string): number {
  let bytes = 0
  if (fs.stat(directory) === null) return 0
  for (const { name, kind } of fs.readDirectory(directory)) {
    const parsed = kind === 'file' ? parseSegmentFileName(name) : null
    if (parsed !== null && parsed.kind === 'log' && parsed.state === '') bytes += fs.stat(join(directory, name))?.size ?? 0
  }
  return bytes
}
