/**
 * The short way of reads from what was written a moment ago: one synchronous read of the page cache, no promise, no thread hop (design/performance E,
 * H2). Looks where the index says the batch most likely begins, checks what it finds there, and gives up at the first doubt: null means that the long
 * way (log-reader.ts) is to be taken, which mends indexes, tells of damage and knows every format.
 *
 * Memory, unless the caller brings its own: reads go behind one another into slabs, and only what is given out is used up, so that a small answer
 * costs no buffer of its own.
 * What is hot, and how much may be read in one turn of the event loop, the caller decides (PartitionLog only).
 */
import { readInt64 } from '../common/int64.ts'
import { verifyBatchCrc } from '../record/batch-format.ts'
import { worthReading, type SegmentRead, type SegmentReadResult } from './log-reader.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import { SYNC_READ_BYTES } from './sync-gate.ts'

const SLAB_BYTES = 65_536
/** Best from 16 KiB batches up, and enough for an index interval of small ones. */
export const MIN_HOT_READ: number = 16_384
const HEADER_BYTES = 61
const LENGTH_AT = 8
const OVERHEAD = 12
const MAGIC_AT = 16
const LAST_OFFSET_DELTA_AT = 23
const SMALLEST_LENGTH = HEADER_BYTES - OVERHEAD

let slab: Uint8Array = new Uint8Array(0)
let view: DataView = new DataView(slab.buffer)
let used = 0
/** False: it is a caller's, and only for the read under way. */
let isOurs = false

/** Room for `length` bytes at `used`: the caller's where it brings memory, else the slab's. */
function makeRoom(length: number, { allocate }: SegmentRead): void {
  if (allocate === undefined) {
    if (isOurs && used + length <= slab.length) return
    use(Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, length)))
    isOurs = true
  } else {
    use(allocate(length))
    isOurs = false
  }
}

function use(memory: Uint8Array): void {
  if (memory !== slab) view = new DataView(memory.buffer, memory.byteOffset, memory.length)
  slab = memory
  used = 0
}

/** As `readSegments`, of at most `most` bytes; null: ask that. Never raises. */
export function readHot(list: SegmentList, read: SegmentRead, most: number = SYNC_READ_BYTES): SegmentReadResult | null {
  const at = list.floorIndex(read.offset)
  if (at < 0) return null
  const segment = list.segments[at]!
  const upper = at + 1 < list.count ? list.segments[at + 1]!.baseOffset : Number.MAX_SAFE_INTEGER
  const wanted = Math.max(MIN_HOT_READ, read.maxBytes) + HEADER_BYTES
  try {
    const likely = read.offset <= segment.baseOffset ? 0 : segment.likelyPosition(read.offset)
    const found = likely < 0 ? null : readAt(segment, likely, worthReading(segment, likely, read.maxBytes, wanted), most, upper, read)
    return found ?? readAt(segment, segment.floorPosition(read.offset), wanted, most, upper, read)
  } catch {
    // Whatever it was, the long way meets it again and says what it is.
    return null
  }
}

function readAt(segment: Segment, from: number, wanted: number, most: number, upper: number, read: SegmentRead): SegmentReadResult | null {
  const { offset } = read
  const length = Math.min(wanted, segment.size - from)
  if (length < HEADER_BYTES || length > most + HEADER_BYTES) return null
  makeRoom(length, read)
  if (segment.readSync(slab, used, length, from) < length) return null
  const end = used + length
  let position = used
  for (let before = -1; position + HEADER_BYTES <= end;) {
    const size = sizeAt(position)
    const base = readInt64(view, position)
    const last = base + view.getInt32(position + LAST_OFFSET_DELTA_AT)
    if (size === 0 || !(base > before) || !(last >= base) || last >= upper || base > offset) return null
    if (last >= offset) {
      if (position + size <= end) return gather(position, end, upper, read)
      // It does not end within what was read: once more, from its start and as much as it takes.
      return size > most || (position === used && wanted > size) ? null : readAt(segment, from + position - used, size + HEADER_BYTES, most, upper, read)
    }
    before = last
    position += size
  }
  return null
}

/** Whole batches from `start` on, the first of which holds the offset. */
function gather(start: number, end: number, upper: number, { limitOffset, maxBytes, minOne, checkCrc, offset }: SegmentRead): SegmentReadResult | null {
  let position = start
  let nextOffset = offset
  while (position + HEADER_BYTES <= end) {
    const size = sizeAt(position)
    const base = readInt64(view, position)
    const last = base + view.getInt32(position + LAST_OFFSET_DELTA_AT)
    if (size === 0 || position + size > end || last >= limitOffset || last >= upper || !(last >= base) || (position > start && base < nextOffset)) break
    if (position + size - start > maxBytes && !(minOne && position === start)) break
    if (checkCrc && !verifyBatchCrc(slab, view, position, size)) break
    nextOffset = last + 1
    position += size
  }
  if (position === start) return null
  const records = Buffer.from(slab.buffer, slab.byteOffset + start, position - start)
  used = position
  return { records, nextOffset }
}

/** 0: no batch of magic 2. */
function sizeAt(position: number): number {
  const length = view.getInt32(position + LENGTH_AT)
  return slab[position + MAGIC_AT] === 2 && length >= SMALLEST_LENGTH ? length + OVERHEAD : 0
}
