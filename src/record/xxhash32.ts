/** xxHash, 32 bits, seed 0: the checksum of lz4 frame headers and blocks. */

const PRIME_1 = 0x9e3779b1
const PRIME_2 = 0x85ebca77
const PRIME_3 = 0xc2b2ae3d
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1

function rotate(value: number, by: number): number { return (value << by) | (value >>> (32 - by)) }

function read32(buffer: Uint8Array, at: number): number {
  return buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)
}

function round(accumulator: number, lane: number): number {
  return Math.imul(rotate((accumulator + Math.imul(lane, PRIME_2)) | 0, 13), PRIME_1)
}

/** Hash of bytes `start`…`end`, unsigned. */
export function xxhash32(buffer: Uint8Array, start: number, end: number): number {
  let p = start
  let hash = PRIME_5
  if (end - start >= 16) {
    let a = (PRIME_1 + PRIME_2) | 0
    let b = PRIME_2 | 0
    let c = 0
    let d = -PRIME_1 | 0
    for (; p <= end - 16; p += 16) {
      a = round(a, read32(buffer, p))
      b = round(b, read32(buffer, p + 4))
      c = round(c, read32(buffer, p + 8))
      d = round(d, read32(buffer, p + 12))
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)
  }
  hash = (hash + (end - start)) | 0
  for (; p + 4 <= end; p += 4) hash = Math.imul(rotate((hash + Math.imul(read32(buffer, p), PRIME_3)) | 0, 17), PRIME_4)
  for (; p < end; p++) hash = Math.imul(rotate((hash + Math.imul(buffer[p]!, PRIME_5)) | 0, 11), PRIME_1)
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
  return (hash ^ (hash >>> 16)) >>> 0
}
