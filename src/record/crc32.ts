/** CRC-32 (IEEE 802.3), the checksum of messages of magic 0 and 1: `node:zlib` has it on Node; other runtimes get the tables. */
import * as zlib from 'node:zlib'
import { crcTables, slicedCrc } from './crc-table.ts'

const builtin: ((data: Uint8Array, value?: number) => number) | undefined = zlib.crc32
let tables: Int32Array | undefined

/** The same value without `node:zlib`. */
export function crc32JavaScript(buffer: Uint8Array, start: number, end: number): number {
  tables ??= crcTables(0xedb88320)
  return slicedCrc(tables, buffer, start, end, 0)
}

/** CRC of bytes `start`…`end`, as an unsigned 32-bit number. */
export function crc32(buffer: Uint8Array, start: number, end: number): number {
  return builtin === undefined ? crc32JavaScript(buffer, start, end) : builtin(buffer.subarray(start, end))
}
