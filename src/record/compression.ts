/**
 * The codecs of record batches behind one door (spec/storage-format 2.8). `compressionTypes` is indexed by bits 0–2 of a batch's
 * attributes. Each codec is made on first use, by its own file, from the best implementation there is.
 *
 * All calls are synchronous. Only zstd on Node below 22.15 must have been awaited once by `loadCodec` beforehand: whoever accepts a
 * setting or opens a log that may hold it does so. The limit on output is enforced before memory is taken, whatever the bytes say.
 */
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { tooLarge, type Codec } from './codec.ts'
import { createGzipCodec } from './gzip-codec.ts'
import { createLz4Codec } from './lz4-codec.ts'
import { nodeLoader, useLibraryLogger, type LibraryLoader } from './native-library.ts'
import { createSnappyCodec } from './snappy-codec.ts'
import { createZstdCodec, startZstdCodec } from './zstd-codec.ts'

export type CompressionType = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
export const compressionTypes: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** What a batch may unfold to when it is read, unless the caller sets another limit. */
export const DEFAULT_MAX_DECOMPRESSED_BYTES: number = 128 * 1024 * 1024

/** Least and greatest level of those codecs that have one, as in Kafka's compression.<codec>.level. */
export const compressionLevels: Readonly<Partial<Record<CompressionType, readonly [number, number]>>> = { gzip: [-1, 9], lz4: [1, 17], zstd: [-131072, 22] }

export interface DecompressOptions {
  /** Accept the lz4 frames of magic 0, whose header checksum is historically wrong. Default false. */
  readonly lenientLz4Header?: boolean
}

export interface Codecs {
  loadCodec(type: CompressionType): Promise<void>
  compress(type: CompressionType, bytes: Uint8Array, level?: number): Uint8Array
  decompress(type: CompressionType, bytes: Uint8Array, maxOutputBytes: number, options?: DecompressOptions): Uint8Array
  backends(): Record<CompressionType, string>
}

const storeCodec: Codec = {
  backend: 'none',
  compress: (bytes) => bytes,
  decompress(bytes, maxOutputBytes) {
    if (bytes.length > maxOutputBytes) throw tooLarge('none', maxOutputBytes)
    return bytes
  },
}

function checkLevel(type: CompressionType, level: number | undefined): void {
  const limits = compressionLevels[type]
  if (level === undefined || limits === undefined) return
  if (!Number.isInteger(level) || level < limits[0] || level > limits[1] || (type === 'gzip' && level === 0)) {
    const range = `from ${limits[0]} to ${limits[1]}${type === 'gzip' ? ' other than 0' : ''}`
    throw new OttlaError('INVALID_CONFIG', `compression.${type}.level must be an integer ${range}, not ${level}`)
  }
}

/** A set of codecs over a loader of packages; the one below is the process's, tests make others with packages missing. */
export function createCodecs(load: LibraryLoader, builtinZlib?: object): Codecs {
  const made = new Map<CompressionType, Codec>([['none', storeCodec]])
  let starting: Promise<void> | undefined

  const make = (type: CompressionType): Codec | null => {
    switch (type) {
      case 'gzip': return createGzipCodec()
      case 'snappy': return createSnappyCodec(load)
      case 'lz4': return createLz4Codec(load)
      case 'zstd': return createZstdCodec(builtinZlib)
      default: throw new OttlaError('UNSUPPORTED_COMPRESSION_TYPE', `unknown compression type ${JSON.stringify(type)}`)
    }
  }
  const find = (type: CompressionType): Codec | null => {
    const known = made.get(type)
    if (known !== undefined) return known
    const fresh = make(type)
    if (fresh !== null) made.set(type, fresh)
    return fresh
  }
  const get = (type: CompressionType): Codec => {
    const codec = find(type)
    if (codec === null) throw new OttlaError('INTERNAL', `codec ${type} is used before loadCodec('${type}') has resolved`)
    return codec
  }
  const start = async (type: CompressionType): Promise<void> => {
    try {
      made.set(type, await startZstdCodec(load))
    } finally {
      starting = undefined
    }
  }

  return {
    async loadCodec(type) {
      if (find(type) === null) await (starting ??= start(type))
    },
    compress(type, bytes, level) {
      checkLevel(type, level)
      return get(type).compress(bytes, level)
    },
    decompress: (type, bytes, maxOutputBytes, options) => get(type).decompress(bytes, maxOutputBytes, options?.lenientLz4Header === true),
    backends() {
      const backends = { none: 'none', gzip: '', snappy: '', lz4: '', zstd: '' }
      for (const type of compressionTypes) backends[type] = find(type)?.backend ?? 'wasm'
      return backends
    },
  }
}

export const codecs: Codecs = createCodecs(nodeLoader)

/** Where the one line about each missing native package goes. Default: standard error. */
export function useCodecLogger(logger: Logger): void { useLibraryLogger(logger) }

/** Idempotent. After it, calls for codec `type` are synchronous. Raises DEPENDENCY_MISSING. */
export function loadCodec(type: CompressionType): Promise<void> { return codecs.loadCodec(type) }

export async function loadAllCodecs(): Promise<void> {
  for (const type of compressionTypes) await codecs.loadCodec(type)
}

/** The payload of a batch in Kafka's framing of codec `type`. Raises INVALID_CONFIG for a level that the codec does not have. */
export function compress(type: CompressionType, bytes: Uint8Array, level?: number): Uint8Array { return codecs.compress(type, bytes, level) }

/** The plain bytes of a payload, in any framing of spec 2.8. Raises CORRUPT_MESSAGE for damage, and beyond `maxOutputBytes`. */
export function decompress(type: CompressionType, bytes: Uint8Array, maxOutputBytes: number, options?: DecompressOptions): Uint8Array {
  return codecs.decompress(type, bytes, maxOutputBytes, options)
}

/** Codec → 'native', 'wasm', 'javascript', 'node:zlib' or 'none'. */
export function codecBackends(): Record<CompressionType, string> { return codecs.backends() }
