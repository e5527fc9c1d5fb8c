/**
 * Reflected 32-bit CRCs in JavaScript, sixteen bytes a step ("slicing by 16"): table k holds, for each byte value, what that byte does
 * to the CRC when k more bytes follow it. The floor below the native implementations, and the faster way for short input.
 */

const SLICES = 16

/** Tables of a reflected polynomial, table k at k × 256. */
export function crcTables(polynomial: number): Int32Array {
  const tables = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    tables[byte] = crc
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = tables[(slice - 1) * 256 + byte]!
      tables[slice * 256 + byte] = (before >>> 8) ^ tables[before & 0xff]!
    }
  }
  return tables
}

/** CRC of bytes `start`…`end`, unsigned; `seed` is the CRC of what comes before. */
export function slicedCrc(t: Int32Array, buffer: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed
  let p = start
  for (const last = end - SLICES; p <= last; p += SLICES) {
    crc ^= buffer[p]! | (buffer[p + 1]! << 8) | (buffer[p + 2]! << 16) | (buffer[p + 3]! << 24)
    crc = t[3840 + (crc & 0xff)]! ^ t[3584 + ((crc >>> 8) & 0xff)]! ^ t[3328 + ((crc >>> 16) & 0xff)]! ^ t[3072 + (crc >>> 24)]!
      ^ t[2816 + buffer[p + 4]!]! ^ t[2560 + buffer[p + 5]!]! ^ t[2304 + buffer[p + 6]!]! ^ t[2048 + buffer[p + 7]!]!
      ^ t[1792 + buffer[p + 8]!]! ^ t[1536 + buffer[p + 9]!]! ^ t[1280 + buffer[p + 10]!]! ^ t[1024 + buffer[p + 11]!]!
      ^ t[768 + buffer[p + 12]!]! ^ t[512 + buffer[p + 13]!]! ^ t[256 + buffer[p + 14]!]! ^ t[buffer[p + 15]!]!
  }
  while (p < end) crc = (crc >>> 8) ^ t[(crc ^ buffer[p++]!) & 0xff]!
  return ~crc >>> 0
}
