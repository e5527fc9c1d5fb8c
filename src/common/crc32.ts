/** CRC-32 (IEEE 802.3) in JavaScript, four bits a step: for the few bytes of an entry, where loading `node:zlib` would cost more than it saves. */
const table = Uint32Array.from({ length: 16 }, (_, nibble) => {
  let crc = nibble
  for (let bit = 0; bit < 4; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

/** An unsigned 32-bit number; `seed` is the CRC of what comes before. */
export function crc32(bytes: Uint8Array, seed: number = 0): number {
  let crc = ~seed
  for (let i = 0; i < bytes.length; i += 1) {
    crc ^= bytes[i]!
    crc = (crc >>> 4) ^ table[crc & 15]!
    crc = (crc >>> 4) ^ table[crc & 15]!
  }
  return ~crc >>> 0
}
