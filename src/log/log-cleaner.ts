/**
 * Compaction of one log (spec/storage-format 8.3–8.5): of every key the last record stays, offsets stay as they are. One round reads what is dirty for the
 * last offset of each key, then writes the log anew up to there, some segments at a time, and puts each piece in the place of those it was made from.
 *
 * Reads and writes beside appends and reads of the log; only the swap (log-swap.ts) is done inside its turn. Nothing at or above the high watermark, the last
 * stable offset, the recovery point or in the active segment is touched. A round that fails, or is stopped, leaves the log as it was, as far as it had come.
 */
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import type { FileHandle } from '../io/file-system.ts'
import { readBatchHeader, viewOf, type BatchHeader } from '../record/batch-format.ts'
import { loadCodec } from '../record/compression.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import { BatchCleaner, RECORDS_AT_ONCE, type LastOfProducer } from './batch-cleaner.ts'
import type { BatchProblem, BatchWalker } from './batch-walker.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { groupSegments, type CompactionRange } from './compaction-plan.ts'
import { readEndMarker } from './end-marker.ts'
import { KeyOffsets } from './key-offsets.ts'
import type { LogState } from './log-state.ts'
import { discardCleaned, discardLeftovers, type CleanedSegment } from './log-swap.ts'
import type { SegmentList } from './segment-list.ts'
import { SegmentScan } from './segment-scan.ts'
import { indexFileKinds, segmentFileName } from './segment-names.ts'
import type { Segment } from './segment.ts'
import { TransactionIndex, type TransactionIndexEntry } from './transaction-index.ts'

export interface CleanerSettings {
  /** log.cleaner.dedupe.buffer.size: memory for keys, bytes. */
  readonly keyBytes: number
  /** log.cleaner.io.buffer.load.factor */
  readonly loadFactor: number
  /** log.cleaner.io.buffer.size: bytes read and written at a time. */
  readonly ioBytes: number
}

/** What a round needs of the log besides its state. */
export interface CleaningHooks {
  /** Asked between pieces of work: raises what ends the round. */
  check(): void
  /** Puts the cleaned segment, whose files are its own from now on, in the place of its sources; false: they are not all there any more. */
  replace(sources: readonly Segment[], cleaned: CleanedSegment): Promise<boolean>
}

export interface CleaningOutcome {
  /** The next round begins here. */
  readonly cleanedTo: number
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/** Work on the event loop in one go. */
const MOST_MS = 1
const LEAST_IO_BYTES = 65_536

/** Raises LOG_CORRUPT (file, position), CORRUPT_MESSAGE, DISK_FULL, what `check` raises, and what else the disk raises. */
export function cleanLog(state: LogState, range: CompactionRange, settings: CleanerSettings, hooks: CleaningHooks): Promise<CleaningOutcome> {
  return new LogCleaning(state, range, settings, hooks).run()
}

class LogCleaning {
  readonly #state: LogState
  readonly #range: CompactionRange
  readonly #hooks: CleaningHooks
  readonly #keys: KeyOffsets
  readonly #ioBytes: number
  readonly #now: number
  readonly #cursor = new RecordCursor()
  #workSince: number

  constructor(state: LogState, range: CompactionRange, settings: CleanerSettings, hooks: CleaningHooks) {
    const { clock } = state.sharing.ports
    this.#state = state
    this.#range = range
    this.#hooks = hooks
    this.#keys = new KeyOffsets(settings.keyBytes, settings.loadFactor)
    this.#ioBytes = Math.max(LEAST_IO_BYTES, settings.ioBytes)
    this.#now = clock.now()
    this.#workSince = clock.monotonic()
  }

  async run(): Promise<CleaningOutcome> {
    discardLeftovers(this.#state.store.fileSystem, this.#state.store.directory)
    await this.#gatherKeys()
    const cleanedTo = this.#keys.latestOffset + 1
    const segments = this.#state.segments.segments.filter((segment) => segment.baseOffset < cleanedTo)
    const round = {
      keys: this.#keys, lastOfProducers: lastOfProducers(this.#state), now: this.#now, deleteRetentionMs: this.#state.config.deleteRetentionMs, end: this.#range.end,
      breathe: () => this.#breathe(),
    }
    const legacyHorizon = this.#legacyHorizon()
    let bytesBefore = 0
    let bytesAfter = 0
    let writing: CleanedWriter | null = null
    // One for all groups: a transaction may reach over several.
    const transactions = new CleanedTransactions((entry) => writing!.aborted.append(entry))
    const cleaner = new BatchCleaner({ ...round, transactions })
    for (const sources of groupSegments(segments, this.#range.end, this.#state.config)) {
      writing = new CleanedWriter(this.#state, sources[0]!.baseOffset, this.#ioBytes)
      try {
        for (const source of sources) {
          transactions.expect(abortedIn(this.#state.segments, source))
          await this.#cleanInto(writing, source, cleaner, this.#modifiedMs(source) > legacyHorizon)
        }
        await writing.finish(this.#modifiedMs(sources.at(-1)!))
        this.#hooks.check()
      } catch (error) {
        writing.abandon()
        throw error
      }
      if (!await this.#hooks.replace(sources, writing)) throw gone()
      bytesAfter += writing.size
      for (const source of sources) bytesBefore += source.size
    }
    return { cleanedTo, bytesBefore, bytesAfter }
  }

  // ---- the keys of what is dirty ----

  async #gatherKeys(): Promise<void> {
    const { firstDirty, end } = this.#range
    const list = this.#state.segments
    const transactions = new CleanedTransactions()
    const first = Math.max(0, list.floorIndex(firstDirty))
    for (let i = first; i < list.count && list.segments[i]!.baseOffset < end; i++) {
      const segment = list.segments[i]!
      const next = list.segments[i + 1]!.baseOffset
      transactions.expect(abortedIn(list, segment, firstDirty))
      const isFull = await this.#walk(segment, firstDirty, (buffer, at, header) => this.#takeKeys(buffer, at, header, transactions))
      if (isFull) return
      this.#keys.passed(next - 1)
    }
  }

  /** True: there is no room for more keys. */
  async #takeKeys(buffer: Uint8Array, at: number, header: BatchHeader, transactions: CleanedTransactions): Promise<boolean> {
    const keys = this.#keys
    const { producerId, lastOffset } = header
    if (header.isControl) {
      transactions.onControl(producerId, lastOffset, readEndMarker(buffer, at, header)?.type ?? 'OTHER')
    } else if (!transactions.onData(producerId, lastOffset, header.isTransactional)) {
      const cursor = this.#cursor
      cursor.reset(buffer, at, at + header.size)
      for (let count = 1; cursor.next(); count++) {
        const key = cursor.key()
        if (count % RECORDS_AT_ONCE === 0) await this.#breathe()
        if (key === null || cursor.offset < this.#range.firstDirty) continue
        if (keys.isFull) return true
        keys.put(key, cursor.offset)
      }
    }
    if (lastOffset >= this.#range.firstDirty) keys.passed(lastOffset)
    return false
  }

  // ---- the log anew ----

  async #cleanInto(writer: CleanedWriter, source: Segment, cleaner: BatchCleaner, keepsLegacyTombstones: boolean): Promise<void> {
    await this.#walk(source, source.baseOffset, async (buffer, at, header) => {
      const bytes = await cleaner.clean(buffer, at, header, keepsLegacyTombstones)
      if (bytes !== null && !writer.add(bytes)) await writer.flush(bytes)
      return false
    })
  }

  /** Tombstones of magic 0 and 1 go delete.retention.ms after the last change of what was clean before. */
  #legacyHorizon(): number {
    const clean = this.#state.segments.segments.filter((segment) => segment.baseOffset < this.#range.firstDirty).at(-1)
    return clean === undefined ? 0 : this.#modifiedMs(clean) - this.#state.config.deleteRetentionMs
  }

  #modifiedMs(segment: Segment): number { return this.#state.store.fileSystem.stat(segment.logPath)?.modifiedMs ?? 0 }

  // ---- reading ----

  /** Every batch from the one of `offset` on, checked, until `take` says true; the same is returned. */
  async #walk(segment: Segment, offset: number, take: (buffer: Uint8Array, at: number, header: BatchHeader) => Promise<boolean>): Promise<boolean> {
    try {
      const start = offset > segment.baseOffset && segment.size > 0 ? (await segment.locate(offset))?.position ?? segment.size : 0
      const list = this.#state.segments.segments
      const end = list[list.indexOf(segment) + 1]?.baseOffset ?? -1
      let before = segment.baseOffset - 1
      const walker = segment.walk(start, { kind: 'whole', checkCrc: true, chunkBytes: this.#ioBytes })
      for (;;) {
        const header = walker.next()
        if (header === null) {
          this.#hooks.check()
          if (await walker.fill()) continue
          if (walker.problem !== null) throw damaged(segment, walker.problem)
          return false
        }
        const { baseOffset, lastOffset, position } = header
        // No checksum covers them. A key whose last offset is believed to be higher than it is loses all that come later.
        if (baseOffset <= before || lastOffset >= end) throw damaged(segment, { position, detail: `offsets ${baseOffset}–${lastOffset} cannot be between ${before} and ${end}` })
        before = lastOffset
        if (header.compression === 'zstd') await loadCodec('zstd')
        if (await this.#takeFrom(segment, walker, header, take)) return true
        await this.#breathe()
      }
    } catch (error) {
      // Of what was cut off or taken away meanwhile there is nothing to tell.
      this.#hooks.check()
      throw this.#state.segments.segments.includes(segment) ? error : gone()
    }
  }

  async #takeFrom(
    segment: Segment, walker: BatchWalker, header: BatchHeader, take: (buffer: Uint8Array, at: number, header: BatchHeader) => Promise<boolean>,
  ): Promise<boolean> {
    if (walker.bufferPosition() >= 0) return take(walker.buffer(), walker.bufferPosition(), header)
    const bytes = Buffer.allocUnsafeSlow(header.size)
    await segment.read(bytes, 0, header.size, header.position)
    return take(bytes, 0, header)
  }

  /** Others have their turn of the event loop. */
  async #breathe(): Promise<void> {
    const { clock, scheduler } = this.#state.sharing.ports
    if (clock.monotonic() - this.#workSince < MOST_MS) return
    await new Promise<void>((resolve) => { scheduler.soon(resolve) })
    this.#hooks.check()
    this.#workSince = clock.monotonic()
  }
}

/** Writes the files of one cleaned segment, under names that end in `.cleaned`. */
class CleanedWriter {
  readonly baseOffset: number
  readonly aborted: TransactionIndex
  readonly #state: LogState
  readonly #path: string
  readonly #scan: SegmentScan
  readonly #buffer: Buffer
  #file: FileHandle | null
  #used = 0
  #size = 0

  constructor(state: LogState, baseOffset: number, ioBytes: number) {
    const { fileSystem, directory } = state.store
    this.#state = state
    this.baseOffset = baseOffset
    this.aborted = new TransactionIndex(baseOffset)
    this.#scan = new SegmentScan(baseOffset, state.config.indexIntervalBytes)
    this.#buffer = Buffer.allocUnsafeSlow(ioBytes)
    this.#path = join(directory, segmentFileName(baseOffset, 'log', '.cleaned'))
    this.#file = fileSystem.open(this.#path, 'createNew')
  }

  /** False: there is no room in the buffer, call `flush`. */
  add(batch: Uint8Array): boolean {
    if (this.#used + batch.length > this.#buffer.length) return false
    this.#buffer.set(batch, this.#used)
    this.#used += batch.length
    this.#took(batch)
    return true
  }

  #took(batch: Uint8Array): void {
    const header = readBatchHeader(batch, viewOf(batch), 0, batch.length)
    this.#scan.take({ ...header, position: this.#size })
    this.#size += batch.length
  }

  /** Writes what is there, and goes on with `batch`. */
  async flush(batch: Uint8Array | null): Promise<void> {
    if (this.#used > 0) await this.#file!.write(this.#buffer, 0, this.#used, this.#size - this.#used)
    this.#used = 0
    if (batch === null || this.add(batch)) return
    await this.#file!.write(batch, 0, batch.length, this.#size)
    this.#took(batch)
  }

  /** Bytes of the log. */
  get size(): number { return this.#size }

  /** Everything is durable, as if last changed at `modifiedMs`. */
  async finish(modifiedMs: number): Promise<void> {
    const { fileSystem, directory } = this.#state.store
    await this.flush(null)
    await this.#file!.datasync()
    this.#close()
    this.#scan.finish()
    const indexes = { index: this.#scan.offsets, timeindex: this.#scan.times, txnindex: this.aborted }
    for (const kind of indexFileKinds) {
      const path = join(directory, segmentFileName(this.baseOffset, kind, '.cleaned'))
      indexes[kind].writeTo(fileSystem, path)
      if (fileSystem.stat(path) !== null) await sync(fileSystem.open(path, 'write'))
    }
    fileSystem.setModifiedTime(this.#path, modifiedMs)
    await fileSystem.syncDirectory(directory)
  }

  #close(): void {
    this.#file?.close()
    this.#file = null
  }

  abandon(): void {
    this.#close()
    discardCleaned(this.#state.store.fileSystem, this.#state.store.directory, this.baseOffset)
  }
}

async function sync(file: FileHandle): Promise<void> {
  try {
    await file.datasync()
  } finally {
    file.close()
  }
}

function damaged(segment: Segment, { position, detail }: Pick<BatchProblem, 'position' | 'detail'>): OttlaError {
  return new OttlaError('LOG_CORRUPT', `${segment.logPath} at byte ${position}: ${detail}`, { file: segment.logPath, position })
}

function gone(): OttlaError { return new OttlaError('ABORTED', 'segments went away while they were cleaned') }

/** Aborted transactions that reach into what of the segment is not below `start`: what tells of them lies where they ended. */
function abortedIn(list: SegmentList, segment: Segment, start: number = 0): TransactionIndexEntry[] {
  const from = Math.max(start, segment.baseOffset)
  const entries: TransactionIndexEntry[] = []
  const at = list.segments.indexOf(segment)
  const next = list.segments[at + 1]
  if (at < 0 || next === undefined) throw gone()
  for (let i = at; i < list.count; i++) if (list.segments[i]!.abortedTransactions(from, next.baseOffset, entries)) break
  return entries
}

function lastOfProducers({ producers }: LogState): Map<number, LastOfProducer> {
  return new Map(producers.entries().map(({ producerId, producerEpoch, lastBatch }) => [producerId, { lastOffset: lastBatch?.lastOffset ?? -1, producerEpoch }]))
}
