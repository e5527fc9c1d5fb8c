/**
 * Finding things in one segment: by offset, by time, its end. Every answer comes from batches read from the log; indexes only say where to begin. An
 * index that came from a file is checked against the batch it leads to, and rebuilt from the log when it lied, so a wrong index costs time and never
 * makes an answer wrong (spec/storage-format 3.4, 3.6). Reads only.
 */
import { OttlaError } from '../common/errors.ts'
import { readBatchHeader, verifyBatchCrc, viewOf, type BatchHeader } from '../record/batch-format.ts'
import { loadCodec } from '../record/compression.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import { BatchWalker, type BatchProblem } from './batch-walker.ts'
import type { LogFile } from './log-file.ts'
import { OFFSET_ENTRY_SIZE } from './offset-index.ts'
import type { SegmentIndexes } from './segment-indexes.ts'
import { SegmentScan } from './segment-scan.ts'
import { TIME_ENTRY_SIZE, type TimeIndex } from './time-index.ts'

export interface BatchLocation {
  readonly position: number
  readonly size: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly leaderEpoch: number
}

export interface TimestampedOffset { readonly offset: number; readonly timestamp: number; readonly leaderEpoch: number }

/** Where a segment ends, and its greatest timestamp (−1: none). */
export interface SegmentEnd {
  readonly nextOffset: number
  readonly validBytes: number
  readonly maxTimestamp: number
  /** Last offset of the first batch that has it; the base offset when there is none. */
  readonly offsetOfMax: number
  /** Not null: behind `validBytes` there is something that is no batch. */
  readonly problem: BatchProblem | null
}

/** First read of a lookup: best from 16 KiB batches up, and enough for an index interval of small ones (docs/performance.md, Lessons). */
const LOOKUP_BYTES = 16 * 1024
/** A lookup that scanned past this much shows that the index is far too thin; where batches are larger, past more than one. */
const THIN_INDEX_BYTES = 1024 * 1024
/** What a disk writes as a whole, at best. */
const SECTOR_SIZE = 512
const REBUILD_CHUNK = 256 * 1024
const UNKNOWN = -1

/** Where to begin, and what the batch there must look like. */
interface Start {
  readonly position: number
  /** Offset of the index entry that led here, −1 when none did. The batch's last offset must not be above it. */
  readonly entryOffset: number
}

const fromTheFront: Start = { position: 0, entryOffset: -1 }

/** One scan forward for the batch that holds an offset. */
class Scan {
  readonly walker: BatchWalker
  readonly #start: Start
  readonly #offset: number
  /** Where the first batch that was passed ends. */
  #behindFirst = -1
  /** The index led to something that is not what it said. */
  lied = false

  constructor(file: LogFile, start: Start, offset: number) {
    this.walker = new BatchWalker(file, start.position, file.size, { kind: 'headers', chunkBytes: LOOKUP_BYTES })
    this.#start = start
    this.#offset = offset
  }

  /** Looks through what is in memory; null: not there. */
  step(): BatchHeader | null {
    for (let header = this.walker.next(); header !== null; header = this.walker.next()) {
      if (header.position === this.#start.position && header.position > 0 && header.lastOffset > this.#start.entryOffset) {
        this.lied = true
        return null
      }
      if (header.lastOffset >= this.#offset) return header
      if (this.#behindFirst < 0) this.#behindFirst = header.position + header.size
    }
    if (this.walker.problem !== null && this.#start.position > 0) this.lied = true
    return null
  }

  /** An entry between the start and `found`, or the end, was missing: an index names each batch behind one that is larger than its interval. */
  foundThinIndex(found: BatchHeader | null): boolean {
    return this.#behindFirst >= 0 && (found?.position ?? this.walker.position) - this.#behindFirst > THIN_INDEX_BYTES
  }
}

function* tearableEntries(count: number, entrySize: number): Generator<number> {
  for (let end = SECTOR_SIZE; end < count * entrySize; end += SECTOR_SIZE) yield Math.floor((end - 1) / entrySize)
  if (count > 0) yield count - 1
}

export class SegmentSearch {
  readonly #file: LogFile
  readonly #indexes: SegmentIndexes
  /** index.interval.bytes, for indexes rebuilt here. */
  indexIntervalBytes: number
  #rebuilding: Promise<SegmentEnd> | null = null
  /** A rebuild ended at a bad batch: what the old index knows beyond it is worth more. */
  #rebuildFailed = false

  constructor(file: LogFile, indexes: SegmentIndexes, indexIntervalBytes: number) {
    this.#file = file
    this.#indexes = indexes
    this.indexIntervalBytes = indexIntervalBytes
  }

  floorPosition(offset: number): number { return this.#start(offset).position }

  /** True: an index entry says that a batch ends with this very offset. */
  isIndexed(offset: number): boolean { return this.#start(offset).entryOffset === offset }

  likelyPosition(offset: number): number {
    const index = this.#indexes.offsets(this.#file.size)
    const floor = index.floorEntry(offset)
    const before = floor < 0 ? 0 : index.positionAt(floor)
    if (floor >= 0 && index.offsetAt(floor) === offset) return before
    if (floor + 1 >= index.entryCount) return -1
    const next = index.positionAt(floor + 1)
    return next - before > 2 * this.indexIntervalBytes && next < this.#file.size ? next : -1
  }

  boundaryBelow(position: number): number { return this.#indexes.offsets(this.#file.size).floorPosition(position) }

  #start(offset: number): Start {
    const index = this.#indexes.offsets(this.#file.size)
    const entry = index.floorEntry(offset)
    if (entry < 0 || index.positionAt(entry) >= this.#file.size) return fromTheFront
    return { position: index.positionAt(entry), entryOffset: index.offsetAt(entry) }
  }

  /**
   * True when a power cut may have left the index files otherwise than they were written: missing, not wholly rising entries, or an entry that is wrong
   * where a write can tear, at the end of the file or of a sector. False, too, where the log is too damaged to tell.
   */
  async hasTornIndexes(): Promise<boolean> {
    const offsets = this.#indexes.offsets(this.#file.size)
    const times = this.#indexes.times()
    if (offsets.isDirty || times.isDirty) return true
    try {
      for (const entry of tearableEntries(offsets.entryCount, OFFSET_ENTRY_SIZE)) {
        const found = await this.locate(offsets.offsetAt(entry))
        if (this.#indexes.trusted || found?.lastOffset !== offsets.offsetAt(entry) || found.position !== offsets.positionAt(entry)) return true
      }
      for (const entry of tearableEntries(times.entryCount, TIME_ENTRY_SIZE)) {
        const found = await this.locate(times.offsetAt(entry))
        if (this.#indexes.trusted || found?.lastOffset !== times.offsetAt(entry) || found.maxTimestamp !== times.timestampAt(entry)) return true
      }
      return false
    } catch (error) {
      if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
      return false
    }
  }

  /** The first batch whose last offset is ≥ `offset`; null when there is none. Raises LOG_CORRUPT (file, position, offset). */
  async locate(offset: number): Promise<BatchLocation | null> {
    for (let start = this.#start(offset); ;) {
      const scan = new Scan(this.#file, start, offset)
      let header = scan.step()
      while (header === null && !scan.lied && (await scan.walker.fill())) header = scan.step()
      if (scan.lied) {
        start = (await this.#mend()) ? this.#start(offset) : fromTheFront
        continue
      }
      if (header === null && scan.walker.problem !== null) throw this.corrupt(scan.walker.problem, offset)
      if (scan.foundThinIndex(header)) await this.#mend()
      return header
    }
  }

  /** Rebuilds an index that was read from a file, once. False: there is nothing better to be had. */
  async #mend(): Promise<boolean> {
    if (this.#indexes.trusted || this.#rebuildFailed) return false
    await this.rebuild()
    return !this.#rebuildFailed
  }

  /**
   * Makes offset and time index anew from the headers of the whole segment. When the walk ends early the old indexes stay: they may know a way past the
   * bad place. Appends that come meanwhile are taken in.
   */
  rebuild(): Promise<SegmentEnd> {
    this.#rebuilding ??= this.#rebuild().finally(() => { this.#rebuilding = null })
    return this.#rebuilding
  }

  async #rebuild(): Promise<SegmentEnd> {
    const scan = new SegmentScan(this.#indexes.baseOffset, this.indexIntervalBytes)
    let position = 0
    let problem: BatchProblem | null = null
    while (position < this.#file.size && problem === null) {
      const end = this.#file.size
      const walker = new BatchWalker(this.#file, position, end, { kind: 'headers', chunkBytes: REBUILD_CHUNK })
      problem = await this.#walk(walker, (header) => {
        const detail = scan.orderProblem(header)
        if (detail === null) scan.take(header)
        return detail
      })
      // The end was cut off meanwhile.
      if (this.#file.size < end) return this.#rebuild()
      position = problem === null ? walker.position : problem.position
    }
    if (problem === null) {
      // The segment may be one that nobody ends any more.
      scan.finish()
      this.#indexes.replace(scan.offsets, scan.times)
    } else this.#rebuildFailed = true
    return { nextOffset: scan.nextOffset, validBytes: position, maxTimestamp: scan.maxTimestamp, offsetOfMax: scan.offsetOfMax, problem }
  }

  /** Gives every header to `take` until it names a problem or the walk ends. */
  async #walk(walker: BatchWalker, take: (header: BatchHeader) => string | null): Promise<BatchProblem | null> {
    for (;;) {
      const header = walker.next()
      if (header === null) {
        if (!(await walker.fill())) return walker.problem
        continue
      }
      const detail = take(header)
      if (detail !== null) return { position: header.position, reason: 'offset-order', detail }
    }
  }

  /**
   * As `end`, by reading on from the last entry of the offset index: however many batches share one timestamp, that is an index interval. For what lies before
   * it the time index is believed. Null when the entry does not lead to the batch it names, or the way from there is not clear or tells that the time index lies: ask `end`.
   */
  async nearEnd(): Promise<SegmentEnd | null> {
    const offsets = this.#indexes.offsets(this.#file.size)
    const times = this.#indexes.times()
    if (offsets.entryCount === 0 || times.entryCount === 0) return null
    const { lastOffset, lastPosition } = offsets
    let nextOffset = UNKNOWN
    let maxTimestamp = times.lastTimestamp
    let offsetOfMax = times.lastOffset
    const walker = new BatchWalker(this.#file, lastPosition, this.#file.size, { kind: 'headers' })
    const problem = await this.#walk(walker, (header) => {
      const fits = nextOffset === UNKNOWN ? header.lastOffset === lastOffset : header.baseOffset >= nextOffset && header.lastOffset >= header.baseOffset
      if (!fits) return 'out of order'
      if (header.maxTimestamp > maxTimestamp) {
        if (header.lastOffset <= times.lastOffset) return 'later than its time index says'
        maxTimestamp = header.maxTimestamp
        offsetOfMax = header.lastOffset
      }
      nextOffset = header.lastOffset + 1
      return null
    })
    if (problem !== null || nextOffset === UNKNOWN || times.lastOffset >= nextOffset) return null
    return { nextOffset, validBytes: walker.position, maxTimestamp, offsetOfMax, problem }
  }

  /**
   * Where the segment ends and its greatest timestamp, by reading on from the last index entries. Cheap where timestamps rise; where the greatest lies
   * far back, all headers from there on are read. Without a time index, all of them.
   */
  async end(): Promise<SegmentEnd> {
    const times = this.#indexes.times()
    const offsets = this.#indexes.offsets(this.#file.size)
    if (this.#file.size > 0 && times.entryCount === 0) return this.rebuild()
    const start = times.entryCount === 0 ? fromTheFront : this.#start(times.lastOffset)
    let nextOffset = this.#indexes.baseOffset
    let maxTimestamp = times.lastTimestamp
    let offsetOfMax = times.lastOffset
    // Entries over an empty log are lies.
    let confirmed = times.entryCount === 0
    const walker = new BatchWalker(this.#file, start.position, this.#file.size, { kind: 'headers' })
    const problem = await this.#walk(walker, (header) => {
      const fits = header.lastOffset >= nextOffset && header.baseOffset >= this.#indexes.baseOffset
      if (!fits) return `last offset ${header.lastOffset} does not fit after ${nextOffset - 1}`
      if (header.baseOffset <= times.lastOffset && header.lastOffset >= times.lastOffset) confirmed = header.maxTimestamp === times.lastTimestamp
      if (header.maxTimestamp > maxTimestamp) {
        maxTimestamp = header.maxTimestamp
        offsetOfMax = header.lastOffset
      }
      nextOffset = header.lastOffset + 1
      return null
    })
    const agrees = confirmed && problem === null && offsets.lastOffset < nextOffset
    if (!agrees && !this.#indexes.trusted && !this.#rebuildFailed) {
      const rebuilt = await this.rebuild()
      // Of what lies behind a bad place only the old time index tells: the later time keeps data longer.
      return rebuilt.problem === null || rebuilt.maxTimestamp >= maxTimestamp ? rebuilt : { ...rebuilt, maxTimestamp, offsetOfMax }
    }
    return { nextOffset, validBytes: problem === null ? walker.position : problem.position, maxTimestamp, offsetOfMax, problem }
  }

  /** First record with timestamp ≥ `timestamp` and offset ≥ `startOffset`; null when there is none. Raises LOG_CORRUPT. */
  async findByTimestamp(timestamp: number, startOffset: number): Promise<TimestampedOffset | null> {
    const from = await this.#startByTime(timestamp, startOffset)
    const first = await this.locate(from)
    if (first === null) return null
    const walker = new BatchWalker(this.#file, first.position, this.#file.size, { kind: 'headers' })
    for (;;) {
      const header = walker.next()
      if (header === null) {
        if (await walker.fill()) continue
        if (walker.problem !== null) throw this.corrupt(walker.problem, from)
        return null
      }
      const found = header.maxTimestamp < timestamp ? null : await this.firstRecord(header, timestamp, startOffset)
      if (found !== null) return found
    }
  }

  /** Offset before which nothing can have a timestamp ≥ `timestamp`, by the time index where that holds. */
  async #startByTime(timestamp: number, startOffset: number): Promise<number> {
    for (;;) {
      const times = this.#indexes.times()
      let entry = times.floorEntry(timestamp)
      // A damaged entry may name a later batch that has the same timestamp, and nothing would show it.
      if (!this.#indexes.trusted && entry >= 0 && times.timestampAt(entry) === timestamp) entry--
      if (entry < 0) return startOffset
      if (this.#indexes.trusted || (await this.#timeEntryHolds(times, entry))) return Math.max(startOffset, times.offsetAt(entry))
      if (!(await this.#mend())) return startOffset
    }
  }

  async #timeEntryHolds(times: TimeIndex, entry: number): Promise<boolean> {
    const offset = times.offsetAt(entry)
    const batch = await this.locate(offset)
    return batch !== null && batch.baseOffset <= offset && batch.maxTimestamp === times.timestampAt(entry)
  }

  /** First record of a batch with timestamp ≥ `timestamp` and offset ≥ `startOffset`; null when it has none. Raises LOG_CORRUPT. */
  async firstRecord(batch: BatchHeader | BatchLocation, timestamp: number, startOffset: number): Promise<TimestampedOffset | null> {
    const { position, size } = batch
    const fail = (reason: 'torn' | 'crc' | 'malformed', detail: string): OttlaError => this.corrupt({ position, reason, detail }, batch.baseOffset)
    const bytes = new Uint8Array(size)
    const count = await this.#file.read(bytes, 0, size, position)
    if (count < size) throw fail('torn', `only ${count} of ${size} bytes are there`)
    if (!verifyBatchCrc(bytes, viewOf(bytes), 0, size)) throw fail('crc', 'the checksum does not match')
    const cursor = new RecordCursor()
    try {
      const header = readBatchHeader(bytes, viewOf(bytes), 0, size)
      await loadCodec(header.compression)
      cursor.reset(bytes, 0, size)
      while (cursor.next()) {
        if (cursor.timestamp < timestamp || cursor.offset < startOffset) continue
        return { offset: cursor.offset, timestamp: cursor.timestamp, leaderEpoch: header.leaderEpoch }
      }
      return null
    } catch (error) {
      throw OttlaError.is(error, 'CORRUPT_MESSAGE') ? fail('malformed', error.message) : error
    }
  }

  /** As `firstRecord`, of the batch with the greatest timestamp among those that compaction has not emptied. */
  async latestRecord(): Promise<TimestampedOffset | null> {
    let latest: BatchHeader | null = null
    const walker = new BatchWalker(this.#file, 0, this.#file.size, { kind: 'headers' })
    await this.#walk(walker, (header) => {
      if (header.count !== 0 && header.maxTimestamp > (latest?.maxTimestamp ?? -1)) latest = header
      return null
    })
    return latest === null ? null : this.firstRecord(latest, (latest as BatchHeader).maxTimestamp, 0)
  }

  corrupt(problem: BatchProblem, offset: number): OttlaError {
    const text = `${this.#file.path}: no whole batch at byte ${problem.position}, where offset ${offset} was looked for: ${problem.detail}`
    return new OttlaError('LOG_CORRUPT', `${text}. Run \`ottla verify\` on the directory`, { file: this.#file.path, position: problem.position, offset })
  }
}
