/**
 * lz4: native where `lz4-napi` loads, the frame code of ours where it does not or where the frame is out of the ordinary. Frames are
 * walked before either sees them, as the native decoder has no limit on its output. The only file that loads `lz4-napi`, and only its
 * frame functions: its others make raw blocks, which are not Kafka's format.
 */
import { asBuffer, badFraming, guarded, tooLarge, type Codec } from './codec.ts'
import { decodeLz4Frame, readLz4Frame, storeLz4Frame } from './lz4-frame.ts'
import { loadNative, type LibraryLoader } from './native-library.ts'

interface NativeLz4 { compressFrameSync(data: Buffer): Buffer; decompressFrameSync(data: Buffer): Buffer }

export function createLz4Codec(load: LibraryLoader): Codec {
  const native = loadNative('lz4', 'lz4-napi', 'built-in decoder and stored blocks', load) as NativeLz4 | null
  return {
    backend: native === null ? 'javascript' : 'native',
    compress: (bytes) => native === null ? storeLz4Frame(bytes) : native.compressFrameSync(asBuffer(bytes)),
    decompress(bytes, maxOutputBytes, lenient) {
      const frame = readLz4Frame(bytes, lenient)
      if (native === null || !frame.isPlain || frame.outputBound > maxOutputBytes) return decodeLz4Frame(bytes, frame, maxOutputBytes)
      const plain = guarded('lz4', () => native.decompressFrameSync(asBuffer(bytes.subarray(0, frame.end))))
      if (plain.length > maxOutputBytes) throw tooLarge('lz4', maxOutputBytes)
      if (plain.length > frame.outputBound) throw badFraming('lz4', 'the frame unfolds to more than its blocks can hold')
      return plain
    },
  }
}
