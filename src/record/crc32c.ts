/** CRC-32C (Castagnoli), the checksum of record batches of magic 2. */
/** CRC of bytes `start`…`end`, as an unsigned 32-bit number; `seed` is the CRC of what comes before. */
export function crc32c(buffer: Uint8Array, start: number, end: number, seed: number = 0): number {
  throw new Error(`not there yet ${buffer.length} ${start} ${end} ${seed}`)
}
export function crc32cBackend(): 'native' | 'javascript' { return 'javascript' }
