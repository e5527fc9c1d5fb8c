/**
 * Looks behind a bad place in a `.log` for a whole batch: if there is one, the bad place is no torn tail, and what is about to be cut off holds records
 * that somebody may want back. Reads only; a hit is a header that can be, an offset that fits and a checksum that holds.
 */
import { readInt64 } from '../common/int64.ts'
import { LENGTH_AT, LOG_OVERHEAD, MAGIC_AT, PEEK_SIZE, peekBatchSize, readBatchHeader, verifyBatchCrc, viewOf } from '../record/batch-format.ts'
import { OttlaError } from '../common/errors.ts'
import type { ByteSource } from './batch-walker.ts'
import { MAX_RELATIVE_OFFSET } from './segment-roll.ts'

export interface FollowingBatch { readonly position: number; readonly baseOffset: number; readonly lastOffset: number }

const CHUNK = 1024 * 1024
/** Bytes whose checksum may be taken for candidates that turn out to be none: a bound on time, not on what is found. */
const CHECK_BUDGET = 1024 * 1024 * 1024

/** Could a batch begin at `at`? Cheap, and false for nearly every byte. */
function plausible(buffer: Uint8Array, view: DataView, at: number, left: number, minOffset: number): boolean {
  if (buffer[at + MAGIC_AT]! > 2 || buffer[at]! !== 0 || buffer[at + LENGTH_AT]! > 0x7f) return false
  const size = view.getInt32(at + LENGTH_AT) + LOG_OVERHEAD
  if (size < LOG_OVERHEAD + 14 || size > left) return false
  const baseOffset = readInt64(view, at)
  return baseOffset >= minOffset && baseOffset - minOffset <= MAX_RELATIVE_OFFSET
}

async function wholeBatchAt(source: ByteSource, position: number, size: number): Promise<FollowingBatch | null> {
  const bytes = new Uint8Array(size)
  if ((await source.read(bytes, 0, size, position)) < size) return null
  const view = viewOf(bytes)
  try {
    if (peekBatchSize(bytes, view, 0, size) !== size || !verifyBatchCrc(bytes, view, 0, size)) return null
    const { baseOffset, lastOffset } = readBatchHeader(bytes, view, 0, size)
    return lastOffset < baseOffset ? null : { position, baseOffset, lastOffset }
  } catch (error) {
    if (OttlaError.is(error, 'CORRUPT_MESSAGE')) return null
    throw error
  }
}

/** The whole batch that begins at `position` and ends by `end`, with an offset ≥ `minOffset`; null when there is none. */
export async function batchBeginningAt(source: ByteSource, position: number, end: number, minOffset: number): Promise<FollowingBatch | null> {
  if (end - position < PEEK_SIZE) return null
  const head = new Uint8Array(PEEK_SIZE)
  const view = viewOf(head)
  if ((await source.read(head, 0, PEEK_SIZE, position)) < PEEK_SIZE || !plausible(head, view, 0, end - position, minOffset)) return null
  return wholeBatchAt(source, position, view.getInt32(LENGTH_AT) + LOG_OVERHEAD)
}

/** The first whole batch in [from, end) whose base offset is ≥ `minOffset`; null when there is none. */
export async function findFollowingBatch(source: ByteSource, from: number, end: number, minOffset: number): Promise<FollowingBatch | null> {
  const buffer = new Uint8Array(Math.max(PEEK_SIZE, Math.min(CHUNK, end - from)))
  const view = viewOf(buffer)
  let budget = CHECK_BUDGET
  for (let start = from; end - start >= PEEK_SIZE;) {
    const count = await source.read(buffer, 0, Math.min(buffer.length, end - start), start)
    if (count < PEEK_SIZE) return null
    const candidates = count - PEEK_SIZE + 1
    for (let at = 0; at < candidates; at++) {
      if (!plausible(buffer, view, at, end - start - at, minOffset)) continue
      const size = view.getInt32(at + LENGTH_AT) + LOG_OVERHEAD
      if (size > budget) return null
      budget -= size
      const found = await wholeBatchAt(source, start + at, size)
      if (found !== null) return found
    }
    start += candidates
  }
  return null
}
