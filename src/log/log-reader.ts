/**
 * Reads whole batches from segments (spec/storage-format 6.1): index floor, one positioned read into fresh memory, headers walked, checksums checked.
 * A slice of that memory is the result. Works on one immutable SegmentList, so the writer is never waited for.
 *
 * Bytes that are no batch, fail their checksum or carry offsets that cannot be there raise LOG_CORRUPT with file, position and offset; what stands
 * before them is served first. Indexes are hints: a wrong one is rebuilt before anything is called corrupt.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import { peekBatchSize, verifyBatchCrc } from '../record/batch-format.ts'
import type { AbortedTransaction } from './log-types.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

/** What a read fetches beside `maxBytes`: the way from the index entry to the batch, and the header behind the last batch. */
const SLACK_BYTES = 8192
/** The same where the way is not needed; producers overshoot batch.size by a header. */
const SHORT_SLACK_BYTES = 1024
const MIN_READ = 16_384
/** Bytes of a header that offsets and size are read from. */
const HEADER_BYTES = 61

export interface SegmentRead {
  /** At or above the base offset of the first segment. */
  readonly offset: number
  readonly maxBytes: number
  /** Nothing at or above is returned. At most the log end. */
  readonly limitOffset: number
  readonly minOne: boolean
  readonly checkCrc: boolean
  /** Memory to read into, at least so many bytes; default: fresh. What was given before for the same read is not used any more. */
  readonly allocate?: ((bytes: number) => Uint8Array) | undefined
}

export interface SegmentReadResult {
  readonly records: Uint8Array
  /** The offset after the last batch returned. When there is none: `limitOffset` if nothing lies in front of it, else the offset asked. */
  readonly nextOffset: number
}

const NOTHING: Uint8Array = Buffer.alloc(0)

/** A problem with bytes, thrown inside this file only; becomes LOG_CORRUPT unless a wrong index was the reason. */
class BadBatch {
  readonly position: number
  readonly detail: string
  constructor(position: number, detail: string) {
    this.position = position
    this.detail = detail
  }
}

export async function readSegments(list: SegmentList, read: SegmentRead): Promise<SegmentReadResult> {
  const from = Math.max(0, list.floorIndex(read.offset))
  for (let i = from; i < list.count; i++) {
    const segment = list.segments[i]!
    if (segment.size === 0) continue
    if (segment.baseOffset >= read.limitOffset) break
    segment.retain()
    try {
      const result = await readSegment(segment, list.segments[i + 1]?.baseOffset ?? null, read)
      if (result !== null) return result
    } finally {
      segment.release()
    }
  }
  return { records: NOTHING, nextOffset: Math.max(read.offset, read.limitOffset) }
}

/** Where a bad batch was found behind a good way there: it need not be doubted, and the segment not be walked, again. */
const knownBad = new WeakMap<Segment, number>()

/** Null: the segment has no batch at or above the offset. */
async function readSegment(segment: Segment, nextBase: number | null, read: SegmentRead): Promise<SegmentReadResult | null> {
  // Size and end of the active segment move together: each scan takes both at once.
  const scan = (): Scan => new Scan(segment, nextBase ?? segment.nextOffset, read)
  const likely = read.offset <= segment.baseOffset ? -1 : segment.likelyPosition(read.offset)
  if (likely < 0) return readBehindFloor(segment, scan, read)
  const result = await scan().runAt(likely)
  return result === MISSED ? readBehindFloor(segment, scan, read) : result
}

async function readBehindFloor(segment: Segment, scan: () => Scan, read: SegmentRead): Promise<SegmentReadResult | null> {
  for (let attempt = 0; ; attempt++) {
    const start = attempt === 2 ? 0 : segment.floorPosition(read.offset)
    try {
      return await scan().run(start)
    } catch (error) {
      if (!(error instanceof BadBatch)) throw error
      // Only the batch that an index led to makes the index suspect.
      const suspect = start > 0 && error.position === start && knownBad.get(segment) !== start
      if (!suspect) {
        knownBad.set(segment, error.position)
        throw new OttlaError('LOG_CORRUPT', `${segment.logPath} at byte ${error.position}: ${error.detail}; the read wanted offset ${read.offset}`, {
          file: segment.logPath, position: error.position, offset: read.offset,
        })
      }
      if (attempt === 0) await segment.rebuildIndexes()
    }
  }
}

/** The batch asked for does not begin where it was likely to. */
const MISSED: SegmentReadResult = { records: NOTHING, nextOffset: -1 }

/** As far as whole batches go within `maxBytes`, if the index knows, and the header behind them, else `most`: what is read beyond would be read again. */
export function worthReading(segment: Segment, position: number, maxBytes: number, most: number): number {
  if (position + most >= segment.size) return most
  const whole = segment.boundaryBelow(position + maxBytes) - position
  return whole > maxBytes / 2 ? whole + HEADER_BYTES : most
}

/** One pass over one segment. */
class Scan {
  readonly #segment: Segment
  readonly #upper: number
  readonly #read: SegmentRead
  readonly #end: number
  #buffer: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #length = 0
  /** Position in the file of the buffer's first byte. */
  #origin = 0
  /** Last offset of the batch before. */
  #before: number

  constructor(segment: Segment, upper: number, read: SegmentRead) {
    this.#segment = segment
    this.#upper = upper
    this.#read = read
    this.#end = segment.size
    this.#before = segment.baseOffset - 1
  }

  /** Tries a likely start of the very batch; MISSED when it is not there. */
  async runAt(position: number): Promise<SegmentReadResult | null> {
    const { offset, maxBytes } = this.#read
    try {
      await this.#fetch(position, worthReading(this.#segment, position, maxBytes, Math.max(MIN_READ, maxBytes) + SHORT_SLACK_BYTES))
      this.#sizeAt(position)
      // Past a batch that ends below the offset the search would not see that one of its kind is missing.
      return this.#baseOffsetAt(position) > offset || this.#lastOffsetAt(position) < offset ? MISSED : await this.run(position)
    } catch (error) {
      if (error instanceof BadBatch) return MISSED
      throw error
    }
  }

  /** From a batch start at or before the batch that holds the offset. */
  async run(start: number): Promise<SegmentReadResult | null> {
    const { offset, limitOffset, maxBytes, minOne } = this.#read
    let position = start
    // The batch that holds the offset, or the first above it.
    for (;;) {
      if (position >= this.#end) {
        this.#checkIndexed(start, position)
        return null
      }
      if (position + HEADER_BYTES > this.#origin + this.#length && this.#origin + this.#length < this.#end) await this.#fetch(
        position, Math.max(MIN_READ, maxBytes + SLACK_BYTES),
      )
      const size = this.#sizeAt(position)
      const last = this.#lastOffsetAt(position)
      if (position === start && start > 0 && this.#baseOffsetAt(position) > offset) throw new BadBatch(
        position, `an index leads here for offset ${offset}, but the batch begins at ${this.#baseOffsetAt(position)}`,
      )
      if (last >= offset) break
      this.#before = last
      position += size
    }
    if (this.#baseOffsetAt(position) > offset) this.#checkIndexed(start, position)
    if (this.#lastOffsetAt(position) >= limitOffset) return { records: NOTHING, nextOffset: offset }
    const first = this.#sizeAt(position)
    if (first > maxBytes && !minOne) return { records: NOTHING, nextOffset: offset }
    // With the header behind it, which tells whether its offsets can be.
    const wanted = Math.min(position + first + HEADER_BYTES, this.#end)
    if (wanted > this.#origin + this.#length) await this.#fetch(position, Math.max(first, Math.min(maxBytes, MIN_READ)) + HEADER_BYTES)
    return this.#gather(position)
  }

  /** The way from `start` led past the offset: if an index knows a batch that ends with it, that batch has lost its offset. */
  #checkIndexed(start: number, position: number): void {
    const { offset } = this.#read
    if (start === 0 || position === start || !this.#segment.isIndexed(offset)) return
    throw new BadBatch(start, `an index says that a batch ends with offset ${offset}, but none does`)
  }

  /**
   * Whole batches of the buffer from `position` on. No checksum covers the offset of a batch: one that leaves a hole in front of it is believed once the
   * batch behind it fits; if that one would be too low, it is the first whose offset is damaged.
   */
  #gather(position: number): SegmentReadResult {
    const { limitOffset, maxBytes, checkCrc, offset } = this.#read
    const start = position
    const bufferEnd = this.#origin + this.#length
    let nextOffset = offset
    /** Of a batch behind a hole, until the next is seen: where it begins, and `nextOffset` without it. */
    let doubted = -1
    let nextWithout = offset
    for (let isFirst = true; position < bufferEnd; isFirst = false) {
      try {
        if (position + HEADER_BYTES > bufferEnd && bufferEnd < this.#end) break
        const size = this.#sizeAt(position)
        const last = this.#lastOffsetAt(position)
        doubted = -1
        if (last >= limitOffset || position + size > bufferEnd || (!isFirst && position + size - start > maxBytes)) break
        if (checkCrc && !verifyBatchCrc(this.#buffer, this.#view, position - this.#origin, size)) throw new BadBatch(
          position, 'the checksum of the batch does not match its bytes',
        )
        if (this.#baseOffsetAt(position) > this.#before + 1) {
          doubted = position
          nextWithout = nextOffset
        }
        this.#before = last
        nextOffset = last + 1
        position += size
      } catch (error) {
        if (!(error instanceof BadBatch)) throw error
        if (doubted === start) throw new BadBatch(start, `the batch claims offsets up to ${this.#before}, but the one behind it does not: ${error.detail}`)
        // Serve what is good; the next read begins at the bad batch and tells.
        if (isFirst) throw error
        break
      }
    }
    if (doubted > start && position < this.#end) {
      position = doubted
      nextOffset = nextWithout
    }
    return { records: this.#buffer.subarray(start - this.#origin, position - this.#origin), nextOffset }
  }

  async #fetch(position: number, wanted: number): Promise<void> {
    const length = Math.min(wanted, this.#end - position)
    this.#buffer = this.#memory(length)
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, length)
    this.#origin = position
    this.#length = await this.#segment.read(this.#buffer, 0, length, position)
    if (this.#length < length) throw new BadBatch(position + this.#length, `the file ends here, ${length - this.#length} bytes early`)
  }

  #memory(length: number): Buffer {
    const given = this.#read.allocate?.(length)
    if (given !== undefined) return Buffer.from(given.buffer, given.byteOffset, length)
    return length <= 4096 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length)
  }

  /** Size of the batch at file position `position`, whose header is in the buffer; it ends within the segment. */
  #sizeAt(position: number): number {
    const at = position - this.#origin
    if (at + 17 > this.#length) throw new BadBatch(position, 'the segment ends inside a batch header')
    let size: number
    try {
      size = peekBatchSize(this.#buffer, this.#view, at, Number.MAX_SAFE_INTEGER)
    } catch (error) {
      throw new BadBatch(position, error instanceof Error ? error.message : String(error))
    }
    if (position + size > this.#end) throw new BadBatch(position, `a batch of ${size} bytes does not end within the segment`)
    return size
  }

  #baseOffsetAt(position: number): number { return readInt64(this.#view, position - this.#origin) }

  /** Checked against the batch before, and the offsets this segment may hold. */
  #lastOffsetAt(position: number): number {
    const at = position - this.#origin
    const first = readInt64(this.#view, at)
    const legacy = this.#buffer[at + 16]! < 2
    const last = legacy ? first : first + this.#view.getInt32(at + 23)
    if (!(last > this.#before) || (!legacy && first <= this.#before) || last >= this.#upper) {
      throw new BadBatch(position, `the batch claims offsets ${first}–${last}, but only ${this.#before + 1}–${this.#upper - 1} can be here`)
    }
    return last
  }
}

/** Aborted transactions that overlap [from, to), oldest first, of the segments from the one that holds `from` on. */
export function collectAborted(list: SegmentList, from: number, to: number): AbortedTransaction[] {
  const entries: TransactionIndexEntry[] = []
  if (to <= from) return entries
  for (let i = Math.max(0, list.floorIndex(from)); i < list.count; i++) {
    if (list.segments[i]!.abortedTransactions(from, to, entries)) break
  }
  return entries.map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
}
