/**
 * Reflected 32-bit CRCs four bits a step: sixteen numbers are all it needs before it can begin, so it is the fastest way for the first bytes of a
 * process and for the few of an entry, where the tables of record/crc-table.ts or `node:zlib` would cost more than they save.
 */

/** For `nibbleCrc`, of a reflected polynomial. */
export function nibbleTable(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 16 }, (_, nibble) => {
    let crc = nibble
    for (let bit = 0; bit < 4; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })
}

/** CRC of bytes `start`…`end`, unsigned; `seed` is the CRC of what comes before. */
export function nibbleCrc(table: Uint32Array, bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed
  for (let i = start; i < end; i += 1) {
    crc ^= bytes[i]!
    crc = (crc >>> 4) ^ table[crc & 15]!
    crc = (crc >>> 4) ^ table[crc & 15]!
  }
  return ~crc >>> 0
}

const ieee = nibbleTable(0xedb88320)

/** CRC-32 (IEEE 802.3), unsigned; `seed` is the CRC of what comes before. */
export function crc32(bytes: Uint8Array, seed: number = 0): number { return nibbleCrc(ieee, bytes, 0, bytes.length, seed) }
