/** gzip by `node:zlib`: one RFC 1952 member written, any number read. Memory is bounded by zlib itself, while it unfolds. */
import { guarded, tooLarge, type Codec } from './codec.ts'

const DEFAULT_LEVEL = -1
const MIN_CHUNK = 16 * 1024
const MAX_CHUNK = 1024 * 1024

/** zlib gathers its output in chunks: one that holds it all saves a copy. The trailer's length field is a hint only, from untrusted bytes. */
function chunkSize(bytes: Uint8Array, maxOutputBytes: number): number {
  const n = bytes.length
  const hint = n < 18 ? 0 : (bytes[n - 4]! | (bytes[n - 3]! << 8) | (bytes[n - 2]! << 16) | (bytes[n - 1]! << 24)) >>> 0
  return Math.max(MIN_CHUNK, Math.min(hint + 1, MAX_CHUNK, maxOutputBytes))
}

export function createGzipCodec(): Codec {
  const { gunzipSync, gzipSync } = process.getBuiltinModule('node:zlib')
  return {
    backend: 'node:zlib',
    compress: (bytes, level) => gzipSync(bytes, { level: level ?? DEFAULT_LEVEL, chunkSize: Math.max(MIN_CHUNK, Math.min(bytes.length, MAX_CHUNK)) }),
    decompress(bytes, maxOutputBytes) {
      return guarded('gzip', () => {
        try {
          return gunzipSync(bytes, { maxOutputLength: Math.max(1, maxOutputBytes), chunkSize: chunkSize(bytes, maxOutputBytes) })
        } catch (error) {
          if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge('gzip', maxOutputBytes)
          throw error
        }
      })
    },
  }
}
