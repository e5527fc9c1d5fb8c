/**
 * Zeros ahead of the end of a segment (topic setting preallocate; design/performance A3). Not a part of the log: whoever meets them where a batch should begin
 * has met the end.
 */
import type { ByteSource } from './batch-walker.ts'

/** How many are put ahead at once: their cost is shared by the hundreds of small writes that go over them, and one sync has to carry them. */
export const ZEROS_AHEAD: number = 256 * 1024
/** A larger write costs as much to do twice as its sync is spared. */
export const LARGEST_WRITE_OVER_ZEROS: number = 32 * 1024
export const zeros: Uint8Array = new Uint8Array(ZEROS_AHEAD)

/** True: there is nothing but zeros in [from, to). */
export async function isZeroed(source: ByteSource, from: number, to: number): Promise<boolean> {
  const chunk = Buffer.allocUnsafe(Math.min(ZEROS_AHEAD, Math.max(0, to - from)))
  for (let at = from; at < to;) {
    const count = await source.read(chunk, 0, Math.min(chunk.length, to - at), at)
    if (count === 0) return true
    if (chunk.compare(zeros, 0, count, 0, count) !== 0) return false
    at += count
  }
  return true
}
