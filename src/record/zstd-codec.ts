/**
 * zstd: `node:zlib` has it from Node 22.15 on; below that `@bokuweb/zstd-wasm`, which starts asynchronously. The only file that loads
 * the package. Either decoder gets one whole frame at a time, whose output is bounded beforehand (zstd-frame.ts).
 */
import { OttlaError } from '../common/errors.ts'
import { badFraming, guarded, tooLarge, type Codec } from './codec.ts'
import { loadRequired, type LibraryLoader } from './native-library.ts'
import { readZstdFrames, type ZstdFrame } from './zstd-frame.ts'

export const DEFAULT_ZSTD_LEVEL = 3
/** The WebAssembly heap ends at 2 GiB and an allocation beyond it is not noticed by the package. */
const MAX_WASM_BYTES = 512 * 1024 * 1024
/** zlib gathers output in chunks; one that holds it all saves a copy. */
const MIN_CHUNK = 1024
const MAX_CHUNK = 1024 * 1024

interface FrameCoder { compress(bytes: Uint8Array, level: number): Uint8Array; decompress(frame: Uint8Array, bound: number): Uint8Array }

interface ZlibZstd {
  zstdCompressSync(bytes: Uint8Array, options: { params: Record<number, number> }): Buffer
  zstdDecompressSync(bytes: Uint8Array, options: { maxOutputLength: number; chunkSize: number }): Buffer
  constants: { ZSTD_c_compressionLevel: number }
}
interface WasmZstd {
  init(): Promise<void>
  compress(bytes: Uint8Array, level: number): Uint8Array
  decompress(bytes: Uint8Array, options: { defaultHeapSize: number }): Uint8Array
}

function fitsWasm(bytes: number): void {
  if (bytes > MAX_WASM_BYTES) {
    throw new OttlaError('MESSAGE_TOO_LARGE', `zstd: ${bytes} bytes are more than WebAssembly can take; use Node 22.15 or later, or smaller batches`)
  }
}

function zlibCoder(library: ZlibZstd): FrameCoder {
  return {
    compress: (bytes, level) => library.zstdCompressSync(bytes, { params: { [library.constants.ZSTD_c_compressionLevel]: level } }),
    decompress(frame, bound) {
      return library.zstdDecompressSync(frame, { maxOutputLength: Math.max(1, bound), chunkSize: Math.max(MIN_CHUNK, Math.min(bound, MAX_CHUNK)) })
    },
  }
}

function wasmCoder(library: WasmZstd): FrameCoder {
  return {
    compress(bytes, level) {
      fitsWasm(2 * bytes.length)
      return library.compress(bytes, level)
    },
    decompress(frame, bound) {
      fitsWasm(frame.length + bound)
      try {
        return library.decompress(frame, { defaultHeapSize: bound })
      } catch (error) {
        // The package says "Failed to compress" in either direction.
        throw badFraming('zstd', `the compressed records are damaged, or unfold to more than ${bound} bytes`, error)
      }
    },
  }
}

function decompressFrame(coder: FrameCoder, bytes: Uint8Array, frame: ZstdFrame, room: number): Uint8Array {
  if (frame.contentSize > room) throw tooLarge('zstd', room)
  const bound = Math.min(frame.outputBound, room)
  const plain = guarded(bound < frame.outputBound ? `zstd within ${room} bytes` : 'zstd', () => coder.decompress(bytes.subarray(frame.start, frame.end), bound))
  if (frame.contentSize >= 0 && plain.length !== frame.contentSize) {
    throw badFraming('zstd', `the frame says ${frame.contentSize} bytes and holds ${plain.length}`)
  }
  return plain
}

function codecOver(backend: string, coder: FrameCoder): Codec {
  return {
    backend,
    compress: (bytes, level) => coder.compress(bytes, level ?? DEFAULT_ZSTD_LEVEL),
    decompress(bytes, maxOutputBytes) {
      const frames = readZstdFrames(bytes)
      if (frames.length === 1) return decompressFrame(coder, bytes, frames[0]!, maxOutputBytes)
      const parts: Uint8Array[] = []
      let room = maxOutputBytes
      for (const frame of frames) {
        const part = decompressFrame(coder, bytes, frame, room)
        parts.push(part)
        room -= part.length
      }
      return Buffer.concat(parts)
    },
  }
}

/** The codec at once where `node:zlib` has it, else null: `startZstdCodec` is to be awaited. */
export function createZstdCodec(builtin: object = process.getBuiltinModule('node:zlib')): Codec | null {
  const library = builtin as Partial<ZlibZstd>
  return typeof library.zstdCompressSync === 'function' ? codecOver('node:zlib', zlibCoder(library as ZlibZstd)) : null
}

/** The package's instance is one for the process: a second `init` would mix two heaps. */
const started = new WeakMap<WasmZstd, Promise<void>>()

export async function startZstdCodec(load: LibraryLoader): Promise<Codec> {
  const library = loadRequired('zstd', '@bokuweb/zstd-wasm', load) as WasmZstd
  const ready = started.get(library) ?? library.init()
  started.set(library, ready)
  await ready
  return codecOver('wasm', wasmCoder(library))
}
