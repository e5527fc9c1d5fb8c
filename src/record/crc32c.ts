/**
 * CRC-32C (Castagnoli), the checksum of record batches of magic 2.
 *
 * Native `@node-rs/crc32` runs at 6 GB/s but costs 120–170 ns a call; the JavaScript of crc-table.ts runs at 1.5 GB/s and costs
 * nothing to call, so it takes short input always, all input where the package is missing, and the first megabyte of a process. The only
 * file that loads the package.
 */
import { nibbleCrc, nibbleTable } from '../common/crc32.ts'
import { crcTables, slicedCrc } from './crc-table.ts'
import { loadNative, nodeLoader, type LibraryLoader } from './native-library.ts'

/** Bytes from which a native call pays for itself. */
const NATIVE_FROM = 280
/** Bytes from which loading the package pays for itself (it takes as long as 10 MB in JavaScript): a process that writes a little never does. */
const LOAD_FROM = 1024 * 1024

type NativeCrc = (bytes: Uint8Array, seed: number) => number

const POLYNOMIAL = 0x82f63b78
/** Bytes from which the big tables pay for themselves: making them takes a third of a millisecond, for the batch headers of an open and a send far too much. */
const TABLES_FROM = 4096

const nibbles = nibbleTable(POLYNOMIAL)
let tables: Int32Array | null = null

let native: NativeCrc | null | undefined
let summed = 0

/** The package's function, or null when it is missing (one log line) or fails the standard check value. */
export function loadNativeCrc32c(load: LibraryLoader = nodeLoader): NativeCrc | null {
  const library = loadNative('crc32c', '@node-rs/crc32', 'JavaScript', load) as { crc32c?: NativeCrc } | null
  const compute = library?.crc32c
  const trusted = compute !== undefined && compute(new Uint8Array([49, 50, 51, 52, 53, 54, 55, 56, 57]), 0) === 0xe3069283
  return trusted ? compute : null
}

/** The same value without the native package. */
export function crc32cJavaScript(buffer: Uint8Array, start: number, end: number, seed: number = 0): number {
  return slicedCrc(tables ??= crcTables(POLYNOMIAL), buffer, start, end, seed)
}

function withoutNative(buffer: Uint8Array, start: number, end: number, seed: number): number {
  if (tables === null) {
    summed += end - start
    if (summed < TABLES_FROM) return nibbleCrc(nibbles, buffer, start, end, seed)
    tables = crcTables(POLYNOMIAL)
  }
  return slicedCrc(tables, buffer, start, end, seed)
}

/** CRC of bytes `start`…`end`, as an unsigned 32-bit number; `seed` is the CRC of what comes before. */
export function crc32c(buffer: Uint8Array, start: number, end: number, seed: number = 0): number {
  if (end - start < NATIVE_FROM) return withoutNative(buffer, start, end, seed)
  if (native === undefined) {
    summed += end - start
    if (summed < LOAD_FROM) return withoutNative(buffer, start, end, seed)
    native = loadNativeCrc32c()
  }
  if (native === null) return withoutNative(buffer, start, end, seed)
  return native(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end), seed)
}

export function crc32cBackend(): 'native' | 'javascript' {
  if (native === undefined) native = loadNativeCrc32c()
  return native === null ? 'javascript' : 'native'
}
