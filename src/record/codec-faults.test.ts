/**
 * Libraries that misbehave, and frames cut by hand: what a codec's own check finds, before or instead of the library, is told as exactly what it is. Every
 * library here is a double; what the real ones do is in compression.test.ts.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { OttlaError, type ErrorCode } from '../common/errors.ts'
import { silentLogger } from '../common/logger.ts'
import { firstCause } from '../common/packages.ts'
import { guarded, type Codec } from './codec.ts'
import { createCodecs } from './compression.ts'
import { createLz4Codec } from './lz4-codec.ts'
import { readLz4Frame, storeLz4Frame } from './lz4-frame.ts'
import { nodeLoader, useLibraryLogger } from './native-library.ts'
import { createSnappyCodec } from './snappy-codec.ts'
import { createZstdCodec, startZstdCodec } from './zstd-codec.ts'
import { readZstdFrames } from './zstd-frame.ts'

const MIB = 1024 * 1024
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** What `call` raises, as `CODE message`. */
function refusal(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (!OttlaError.is(error)) throw error
    return `${error.code satisfies ErrorCode} ${error.message}`
  }
  throw new Error('it was accepted')
}

describe('a native lz4 that lies', () => {
  let answer = Buffer.alloc(0)
  let asked = 0
  const say = (): Buffer => {
    asked++
    return answer
  }
  const codec = createLz4Codec(() => ({ compressFrameSync: say, decompressFrameSync: say }))
  const frame = storeLz4Frame(Buffer.alloc(100))

  test('is used for frames that fit, and for making them', () => {
    expect(codec.backend).toBe('native')
    answer = Buffer.from('plain')
    expect(codec.decompress(frame, 100, false)).toEqual(Buffer.from('plain'))
    answer = Buffer.from('frame')
    expect(codec.compress(Buffer.from('plain'), undefined)).toEqual(Buffer.from('frame'))
  })

  test('gives more than its blocks can hold, or than is allowed, and is not believed', () => {
    answer = Buffer.alloc(101)
    expect(refusal(() => codec.decompress(frame, 1000, false))).toBe('CORRUPT_MESSAGE lz4: the frame unfolds to more than its blocks can hold')
    expect(refusal(() => codec.decompress(frame, 100, false))).toContain('CORRUPT_MESSAGE lz4: the records unfold to more than the 100 bytes')
  })

  test('is never given a frame that may unfold beyond the limit', () => {
    asked = 0
    expect(refusal(() => codec.decompress(frame, 99, false))).toContain('more than the 99 bytes')
    expect(asked).toBe(0)
  })

  test('throws what is no error, and it is told all the same', () => {
    const textThrown = (): never => { throw 'a text' as unknown as Error }
    expect(refusal(() => guarded('lz4', textThrown))).toBe('CORRUPT_MESSAGE lz4: the compressed records are damaged (a text)')
    expect(firstCause('a text\nof two lines')).toBe('a text')
  })
})

describe('an lz4 frame cut by hand', () => {
  let codec: Codec
  beforeAll(() => {
    useLibraryLogger(silentLogger)
    codec = createLz4Codec(() => { throw new Error('not installed') })
  })
  /** One compressed block in a frame of 64 KiB blocks without checksums. */
  const header = storeLz4Frame(Buffer.alloc(0)).subarray(0, 7)
  const read = (block: Buffer): Uint8Array => codec.decompress(Buffer.concat([header, u32(block.length), block, u32(0)]), 1000, false)

  test.each([
    ['a match at the end of the block', '10 61 0100', 'a block ends without its last literals'],
    ['half a distance at the end', '10 61 01', 'a block is damaged'],
    ['a match length that goes on', '1f 61 0100 ff', 'a block is damaged'],
    ['a literal length that goes on', 'f0 ff ff', 'a block is damaged'],
    ['literals that are not there', '50 61 62', 'a block is damaged'],
    ['a distance of nothing', '10 61 0000 10 61', 'a block is damaged'],
    ['a distance beyond the start', '10 61 0200 10 61', 'a block is damaged'],
  ])('that has %s says so', (_, block, problem) => {
    expect(refusal(() => read(hex(block)))).toBe(`CORRUPT_MESSAGE lz4: ${problem}`)
  })

  test('with a long match from far enough back is copied at once, and right', () => {
    const plain = Buffer.from(Array.from({ length: 100 }, (_, i) => i))
    // 100 literals, 80 bytes from 100 back, then one literal.
    const block = Buffer.concat([hex('ff 55'), plain, hex('6400 3d'), hex('10 61')])
    expect(Buffer.from(read(block))).toEqual(Buffer.concat([plain, plain.subarray(0, 80), hex('61')]))
  })

  test('with a block that unfolds to nothing has nothing', () => {
    expect(codec.backend).toBe('javascript')
    expect(read(hex('00'))).toHaveLength(0)
  })

  test('anywhere is cut short, and never read as if it ended there', () => {
    const frame = storeLz4Frame(Buffer.from('hello'))
    for (let length = 7; length < frame.length; length++) {
      expect(refusal(() => readLz4Frame(frame.subarray(0, length), false)), `${length} bytes`).toContain('the frame is cut short')
    }
    expect(readLz4Frame(frame, false).end).toBe(frame.length)
  })

  test('whose header ends before its checksum is cut short, checksum or not', () => {
    const short = hex('04224d18 68 40 0000000000000000')
    expect(refusal(() => readLz4Frame(short, false))).toBe('CORRUPT_MESSAGE lz4: the frame header is cut short')
    expect(refusal(() => readLz4Frame(short, true))).toBe('CORRUPT_MESSAGE lz4: the frame header is cut short')
  })
})

describe('snappy', () => {
  let codec: Codec
  beforeAll(() => {
    useLibraryLogger(silentLogger)
    codec = createSnappyCodec((name) => {
      if (name === 'snappy') throw new Error('not installed')
      return nodeLoader(name)
    })
  })

  test('begins with the header that the Java library writes: version 1, readable from version 1 on', () => {
    expect(Buffer.from(codec.compress(Buffer.from('hello'), undefined)).subarray(0, 16)).toEqual(hex('82534e415050590000000001 00000001'))
  })

  test('literals may give their length in one to four bytes, all of which count', () => {
    const plain = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i & 0xff))
    const length = plain.length - 1
    const size = Buffer.concat([hex('f0a204')])
    for (const [tag, bytes] of [['f8', 3], ['fc', 4]] as const) {
      const extra = Buffer.alloc(bytes)
      extra.writeUIntLE(length, 0, bytes)
      expect(Buffer.from(codec.decompress(Buffer.concat([size, hex(tag), extra, plain]), 100_000, false))).toEqual(plain)
    }
    expect(refusal(() => codec.decompress(hex('05 fc 04000001 6162636465'), 100, false))).toBe('CORRUPT_MESSAGE snappy: a block is damaged')
    expect(refusal(() => codec.decompress(hex('05 fc 0400'), 100, false))).toBe('CORRUPT_MESSAGE snappy: a block is damaged')
  })
})

test('a native snappy that gives another number of bytes than the block says is not believed', () => {
  const codec = createSnappyCodec(() => ({ compressSync: (plain: Buffer) => plain, uncompressSync: () => Buffer.alloc(4) }))
  expect(refusal(() => codec.decompress(hex('05 10 6162636465'), 100, false))).toBe('CORRUPT_MESSAGE snappy: a block is damaged')
})

describe('a zstd that lies or is given too much', () => {
  const FRAME = '28b52ffd'
  const double = (zstdDecompressSync: () => Buffer): ReturnType<typeof createZstdCodec> =>
    createZstdCodec({ zstdCompressSync: (plain: Buffer) => plain, zstdDecompressSync, constants: { ZSTD_c_compressionLevel: 1 } })
  /** One raw block of five bytes, with its content size and without. */
  const sized = hex(`${FRAME} 20 05 290000 6162636465`)
  const unsized = hex(`${FRAME} 00 00 290000 6162636465`)

  test('is not believed when it gives another number of bytes than the frame says', () => {
    expect(refusal(() => double(() => Buffer.alloc(4))?.decompress(sized, 100, false))).toBe('CORRUPT_MESSAGE zstd: the frame says 5 bytes and holds 4')
    expect(double(() => Buffer.alloc(5))?.decompress(sized, 100, false)).toHaveLength(5)
  })

  test('fails within the limit, which is named where it may be the reason', () => {
    const failing = double(() => { throw new Error('output too large') })
    expect(refusal(() => failing?.decompress(unsized, 3, false))).toContain('CORRUPT_MESSAGE zstd within 3 bytes: ')
    expect(refusal(() => failing?.decompress(unsized, 100, false))).toContain('CORRUPT_MESSAGE zstd: ')
  })

  test('in WebAssembly is never asked for more than its heap holds', async () => {
    let asked = 0
    const say = (): Uint8Array => {
      asked++
      return Buffer.from('ok')
    }
    const codec = await startZstdCodec(() => ({ init: () => Promise.resolve(), compress: say, decompress: say }))
    expect(refusal(() => codec.compress({ length: 256 * MIB + 1 } as Uint8Array, undefined))).toContain('MESSAGE_TOO_LARGE zstd: ')
    expect(asked).toBe(0)
    expect(codec.compress({ length: 256 * MIB } as Uint8Array, undefined)).toEqual(Buffer.from('ok'))
    // 600 MiB of one byte: blocks of 128 KiB, four bytes each.
    const runs = Array.from({ length: 4800 }, (_, i) => hex(`${i === 4799 ? '03' : '02'}0010 61`))
    expect(refusal(() => codec.decompress(Buffer.concat([hex(`${FRAME} 00 38`), ...runs]), 1024 * MIB, false))).toContain('MESSAGE_TOO_LARGE zstd: ')
    expect(asked).toBe(1)
  })

  test('whose header says what no frame may say is refused for that', () => {
    expect(refusal(() => readZstdFrames(hex(`${FRAME} 08 00 290000 6162636465`)))).toBe('CORRUPT_MESSAGE zstd: a reserved bit of the frame header is set')
    // Windows: 2^(10 + high bits) and eighths of that; 128 MiB is the most.
    expect(readZstdFrames(hex(`${FRAME} 00 88 290000 6162636465`))).toHaveLength(1)
    expect(refusal(() => readZstdFrames(hex(`${FRAME} 00 89 290000 6162636465`)))).toContain('a window of 150994944 bytes is more than')
    expect(refusal(() => readZstdFrames(hex(`${FRAME} 20 06 290000 6162636465`)))).toContain('the frame says 6 bytes and can hold 5')
  })

  test.each(['50', '502a4d18', '502a4d18 0000', '502a4d18 05000000 61'])('a skippable frame cut to %s is cut short', (frame) => {
    expect(refusal(() => readZstdFrames(hex(frame)))).toBe('CORRUPT_MESSAGE zstd: the frame is cut short')
  })
})

describe('the set of codecs', () => {
  test('says of a level that is not there which ones are', () => {
    const codecs = createCodecs(nodeLoader)
    const refused = (type: 'gzip' | 'lz4', level: number): string => refusal(() => codecs.compress(type, Buffer.alloc(1), level))
    expect(refused('gzip', 0)).toBe('INVALID_CONFIG compression.gzip.level must be an integer from -1 to 9 other than 0, not 0')
    expect(refused('lz4', 18)).toBe('INVALID_CONFIG compression.lz4.level must be an integer from 1 to 17, not 18')
  })

  test('tells that zstd will run in WebAssembly before it is loaded', () => {
    expect(createCodecs(nodeLoader, {}).backends().zstd).toBe('wasm')
  })
})
