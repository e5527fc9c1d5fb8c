/** What each codec file gives to compression.ts, and the errors they share. */
import { OttlaError } from '../common/errors.ts'

export interface Codec {
  /** Which implementation is at work: 'node:zlib', 'native', 'wasm', 'javascript' or 'none'. */
  readonly backend: string
  /** `level` undefined: the codec's own default. Codecs without levels ignore it. */
  compress(bytes: Uint8Array, level: number | undefined): Uint8Array
  /** At most `maxOutputBytes`, bounded before memory is taken. Raises CORRUPT_MESSAGE. `lenient`: lz4 header checksums of magic 0. */
  decompress(bytes: Uint8Array, maxOutputBytes: number, lenient: boolean): Uint8Array
}

export function badFraming(codec: string, problem: string, cause?: unknown): OttlaError {
  return new OttlaError('CORRUPT_MESSAGE', `${codec}: ${problem}`, { cause })
}

export function tooLarge(codec: string, maxOutputBytes: number): OttlaError {
  return new OttlaError('CORRUPT_MESSAGE', `${codec}: the records unfold to more than the ${maxOutputBytes} bytes allowed`)
}

/** Runs a library's call and turns whatever it throws into CORRUPT_MESSAGE. */
export function guarded(codec: string, call: () => Uint8Array): Uint8Array {
  try {
    return call()
  } catch (error) {
    if (OttlaError.is(error)) throw error
    throw badFraming(codec, `the compressed records are damaged (${error instanceof Error ? error.message : String(error)})`, error)
  }
}

/** A Buffer over the same memory, for libraries that insist on one. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
