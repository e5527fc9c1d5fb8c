/** CRC-32 (IEEE 802.3), the checksum of messages of magic 0 and 1: `node:zlib` has it on Node, and is loaded with the first of them. */
import { crc32 as crc32JavaScript } from '../common/crc32.ts'

let builtin: ((data: Uint8Array) => number) | undefined

/** CRC of bytes `start`…`end`, as an unsigned 32-bit number. */
export function crc32(buffer: Uint8Array, start: number, end: number): number {
  builtin ??= process.getBuiltinModule('node:zlib').crc32 ?? crc32JavaScript
  return builtin(buffer.subarray(start, end))
}
