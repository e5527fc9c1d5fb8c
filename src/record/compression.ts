/** The codecs of record batches behind one door (spec/storage-format 2.8). */
import type { Logger } from '../common/logger.ts'

export type CompressionType = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
/** Index = bits 0–2 of a batch's attributes. */
export const compressionTypes: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** What a batch may grow to when it is read, unless the caller sets another limit. */
export const DEFAULT_MAX_DECOMPRESSED_BYTES: number = 128 * 1024 * 1024

export interface DecompressOptions {
  /** Accept the lz4 frames of magic 0, whose header checksum is historically wrong. Default false. */
  readonly lenientLz4Header?: boolean
}

export function useCodecLogger(logger: Logger): void { logger.debug('') }
export function loadCodec(type: CompressionType): Promise<void> { return Promise.reject(new Error(type)) }
export function loadAllCodecs(): Promise<void> { return Promise.reject(new Error('')) }
export function compress(type: CompressionType, bytes: Uint8Array, level?: number): Uint8Array { throw new Error(`${type} ${bytes.length} ${level}`) }
export function decompress(type: CompressionType, bytes: Uint8Array, maxOutputBytes: number, options?: DecompressOptions): Uint8Array {
  throw new Error(`${type} ${bytes.length} ${maxOutputBytes} ${options}`)
}
export function codecBackends(): Record<CompressionType, string> { throw new Error('not there yet') }
