/** CRC-32 (IEEE 802.3), the checksum of messages of magic 0 and 1. */
export function crc32(buffer: Uint8Array, start: number, end: number): number {
  throw new Error(`not there yet ${buffer.length} ${start} ${end}`)
}
