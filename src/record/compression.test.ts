import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { silentLogger } from '../common/logger.ts'
import {
  codecBackends, codecs, compress, compressionTypes, createCodecs, decompress, loadAllCodecs, loadCodec, useCodecLogger, type Codecs, type CompressionType,
} from './compression.ts'
import { nodeLoader, type LibraryLoader } from './native-library.ts'
import { xxhash32 } from './xxhash32.ts'

const MIB = 1024 * 1024
const real = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const without = (...names: string[]): LibraryLoader => (name) => {
  if (names.includes(name)) throw new Error(`Cannot find module '${name}'`)
  return nodeLoader(name)
}
const floor = createCodecs(without('snappy', 'lz4-napi'), {})
const rungs: [string, Codecs][] = [['the best there is', codecs], ['no native package', floor]]

beforeAll(async () => {
  useCodecLogger(silentLogger)
  await loadAllCodecs()
  for (const type of compressionTypes) await floor.loadCodec(type)
})
afterEach(() => { vi.unstubAllEnvs() })

/** An optional package's exports; null where it is not installed. */
function installed(name: string): unknown {
  try {
    return nodeLoader(name)
  } catch {
    return null
  }
}

/** The message of the CORRUPT_MESSAGE that `call` raises; fails when it raises another or none. */
function refusal(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (OttlaError.is(error, 'CORRUPT_MESSAGE')) return error.message
    throw error
  }
  throw new Error('it was accepted')
}

const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 5000 }))
    .map(([word, times]) => Buffer.concat(Array.from({ length: times }, () => word))),
  fc.array(fc.constantFrom('{"id":', '"truck_17"', ',"lat":47.37', '69', '}', '\n', 'Zürich', '日本'), { maxLength: 4000 })
    .map((words) => Buffer.from(words.join(''))),
)

describe.each(rungs)('with %s', (_, use) => {
  test.each(real)('%s: every payload comes back from every rung', (type) => {
    fc.assert(fc.property(payloads, (bytes) => {
      const packed = use.compress(type, bytes)
      for (const [, other] of rungs) expect(Buffer.compare(other.decompress(type, packed, bytes.length + 1), bytes)).toBe(0)
    }), { numRuns: 60 })
  })

  test.each(real)('%s: payloads around the sizes of blocks and chunks come back', (type) => {
    for (const size of [0, 1, 32767, 32768, 32769, 65535, 65536, 65537, 300_000]) {
      const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * i) >>> 3))
      const packed = use.compress(type, bytes)
      expect(Buffer.compare(use.decompress(type, packed, size), bytes)).toBe(0)
    }
  })

  test.each(real)('%s: one byte over the limit is refused, however the bytes are laid out', (type) => {
    for (const bytes of [Buffer.alloc(100_000, 0x61), Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 2654435761) >>> 13))]) {
      const packed = use.compress(type, bytes)
      expect(use.decompress(type, packed, bytes.length).length).toBe(bytes.length)
      expect(refusal(() => use.decompress(type, packed, bytes.length - 1))).toContain(type)
      expect(refusal(() => use.decompress(type, packed, 0))).toContain(type)
    }
  })

  test.each(real)('%s: a payload cut off anywhere is refused', (type) => {
    const packed = use.compress(type, Buffer.from('truck_17 moves on and on and on and on'.repeat(4)))
    for (let length = 0; length < packed.length; length++) {
      // Between chunks a snappy stream may end; the count of records tells.
      if (type === 'snappy' && length === 16) continue
      expect(refusal(() => use.decompress(type, packed.subarray(0, length), MIB)), `${length} of ${packed.length} bytes`).toContain(type)
    }
  })

  test.each(real)('%s: arbitrary bytes, and bytes damaged anywhere, give CORRUPT_MESSAGE or some output within the limit', (type) => {
    const limit = 100_000
    const packed = use.compress(type, Buffer.from('truck_17 {"lat":47.3769,"lon":8.5417,"lat":47.3769}'.repeat(20)))
    const damaged = fc.array(fc.tuple(fc.nat(packed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((edits) => {
      const bytes = Buffer.from(packed)
      for (const [at, value] of edits) bytes[at] = value
      return bytes
    })
    fc.assert(fc.property(fc.oneof(damaged, damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      try {
        expect(use.decompress(type, bytes, limit).length).toBeLessThanOrEqual(limit)
      } catch (error) {
        expect(OttlaError.is(error, 'CORRUPT_MESSAGE'), String(error)).toBe(true)
      }
    }), { numRuns: 400 })
  })

  test('the payloads of spec 13.4 give the records that went in', () => {
    const raw = hex('2a000000086b6579310c76616c75653102046831027810000a0201047632001a000504086b6579330102026801')
    const gzipped = '1f8b08000000000000ffd3626060e0c84ead34e4294bcc294d356462c93064aa1060e06262642933629062606501491b33323165300200bc2b469a2d000000'
    expect(use.decompress('gzip', hex(gzipped), 100)).toEqual(raw)
    expect(use.decompress('snappy', Buffer.concat([hex('82534e41505059000000000100000001 0000002f 2db0'), raw]), 100)).toEqual(raw)
    expect(use.decompress('lz4', Buffer.concat([hex('04224d18604082 2d000080'), raw, hex('00000000')]), 100)).toEqual(raw)
    expect(Buffer.from(use.decompress('zstd', Buffer.concat([hex('28b52ffd0058 680100'), raw, hex('010000')]), 100))).toEqual(raw)
  })

  test('levels change nothing but the size', () => {
    const bytes = Buffer.from('truck_17 {"lat":47.3769}'.repeat(100))
    for (const [type, level] of [['gzip', 1], ['gzip', 9], ['gzip', -1], ['lz4', 1], ['lz4', 17], ['zstd', -7], ['zstd', 1], ['zstd', 19]] as const) {
      expect(Buffer.from(use.decompress(type, use.compress(type, bytes, level), MIB))).toEqual(bytes)
    }
    for (const [type, level] of [['gzip', 0], ['gzip', 10], ['lz4', 0], ['zstd', 23], ['zstd', 1.5]] as const) {
      expect(() => use.compress(type, bytes, level)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }) as OttlaError)
    }
  })
})

describe.each(rungs)('lz4 frames, with %s', (_, use) => {
  const read = (frame: Buffer, lenient = false): string => Buffer.from(use.decompress('lz4', frame, 1000, { lenientLz4Header: lenient })).toString()
  const checksum = (bytes: Buffer): Buffer => {
    const sum = Buffer.alloc(4)
    sum.writeUInt32LE(xxhash32(bytes, 0, bytes.length))
    return sum
  }
  /** A frame of one stored block; `flags` without the version and independence bits. */
  const frame = (flags: number, block: Buffer, trailer: Uint8Array = Buffer.alloc(0), fields: Uint8Array = Buffer.alloc(0), bd = 0x40): Buffer => {
    const descriptor = Buffer.concat([Buffer.of(0x60 | flags, bd), fields])
    const length = Buffer.alloc(4)
    length.writeUInt32LE((block.length | 0x80000000) >>> 0)
    const sum = (flags & 0x10) === 0 ? Buffer.alloc(0) : checksum(block)
    const headerSum = Buffer.of((xxhash32(descriptor, 0, descriptor.length) >>> 8) & 0xff)
    return Buffer.concat([hex('04224d18'), descriptor, headerSum, length, block, sum, hex('00000000'), trailer])
  }
  const hello = Buffer.from('hello')

  test('content size, block checksums, content checksum and all block sizes are read', () => {
    expect(read(frame(0, hello))).toBe('hello')
    expect(read(frame(0x08, hello, undefined, Buffer.alloc(8, 0xff)))).toBe('hello')
    expect(read(frame(0x10, hello))).toBe('hello')
    expect(read(frame(0x04, hello, hex('00000000')))).toBe('hello')
    for (const bd of [0x50, 0x60, 0x70]) expect(read(frame(0, hello, undefined, undefined, bd))).toBe('hello')
  })

  test('bytes after the end mark are ignored, as in Kafka', () => { expect(read(frame(0, hello, Buffer.from('rest')))).toBe('hello') })

  test('what Kafka does not read is refused', () => {
    const plain = frame(0, hello)
    const edit = (at: number, value: number): Buffer => { const bytes = Buffer.from(plain); bytes[at] = value; return bytes }
    expect(refusal(() => read(edit(0, 5)))).toContain('no frame')
    expect(refusal(() => read(edit(4, 0x40)))).toContain('depend on each other')
    for (const flags of [0x61, 0x62, 0xa0, 0x20]) expect(refusal(() => read(edit(4, flags)))).toContain('frame flags')
    for (const bd of [0x30, 0x41, 0xc0, 0x00]) expect(refusal(() => read(edit(5, bd)))).toContain('block descriptor')
    expect(refusal(() => read(edit(6, 0x83)))).toContain('checksum')
    expect(refusal(() => read(frame(0x04, hello)))).toContain('cut short')
    const wrongBlock = frame(0x10, hello)
    wrongBlock[12] = 0x21
    expect(refusal(() => read(wrongBlock))).toContain('block fails its checksum')
    expect(refusal(() => read(Buffer.concat([plain.subarray(0, 7), hex('01000180')])))).toContain('more than 65536')
  })

  test('the wrong header checksum of magic 0 is accepted only where it is allowed', () => {
    const old = Buffer.from(frame(0, hello))
    old[6] = 0x1a
    expect(read(old, true)).toBe('hello')
    expect(refusal(() => read(old))).toContain('checksum')
  })

  /** A plain frame of the given blocks; each starts with its length field. */
  const blocks = (...parts: Buffer[]): Buffer => Buffer.concat([hex('04224d18604082'), ...parts, hex('00000000')])
  const packed = (...parts: Buffer[]): Buffer => {
    const block = Buffer.concat(parts)
    return Buffer.concat([Buffer.of(block.length & 0xff, block.length >>> 8, 0, 0), block])
  }

  test('a match copies what came before it in its block, overlapping or not', () => {
    expect(read(blocks(packed(hex('28 6162 0200 10 63'))))).toBe('ab'.repeat(7) + 'c')
    expect(read(blocks(packed(hex('40 61626364 0400 10 65'))))).toBe('abcdabcde')
  })

  test.each([
    ['a match from before its block', blocks(packed(hex('50 68656c6c6f')), packed(hex('10 61 0300 10 62')))],
    ['a match from nowhere', blocks(packed(hex('10 61 0000 10 62')))],
    ['literals past the end', blocks(packed(hex('50 6868')))],
    ['a length without end', blocks(packed(hex('f0 ffff')))],
    ['a match cut short', blocks(packed(hex('10 61 01')))],
    ['an end without literals', blocks(packed(hex('10 61 0100')))],
  ])('%s is refused', (_, bytes) => { expect(refusal(() => read(bytes))).toContain('lz4') })

  test('a block that unfolds to more than the block size is refused, though there were room', () => {
    const runs = (count: number): Buffer => packed(hex('1f 61 0100'), Buffer.alloc(count, 0xff), hex('00 10 62'))
    expect(use.decompress('lz4', blocks(runs(250), runs(250)), MIB).length).toBe(2 * (1 + 19 + 250 * 255 + 1))
    expect(refusal(() => use.decompress('lz4', blocks(runs(257), runs(10)), MIB))).toContain('lz4')
  })

  test('a block that says more than it holds takes no memory beyond what its bytes can give', () => {
    const bomb = Buffer.concat([hex('04224d18607073'), hex('05000000'), hex('1f61010000'), hex('00000000')])
    expect(refusal(() => use.decompress('lz4', bomb, 1000 * MIB))).toContain('lz4')
  })
})

describe.each(rungs)('snappy, with %s', (_, use) => {
  const read = (bytes: Buffer): string => Buffer.from(use.decompress('snappy', bytes, 1000)).toString()
  const header = hex('82534e4150505900 00000001 00000001')
  const hello = hex('05 10 68656c6c6f')

  test('a bare block, one chunk, several chunks, and repeated headers are read', () => {
    expect(read(hello)).toBe('hello')
    expect(read(Buffer.concat([header, hex('00000007'), hello]))).toBe('hello')
    expect(read(Buffer.concat([header, hex('00000007'), hello, header, hex('00000007'), hello]))).toBe('hellohello')
    expect(read(header)).toBe('')
  })

  test('all kinds of elements are read', () => {
    expect(read(hex('0a 04 6162 11 02'))).toBe('ababababab')
    expect(read(hex('06 04 6162 0f 02000000'))).toBe('ababab')
    expect(read(hex('06 04 6162 0e 0200'))).toBe('ababab')
    expect(read(Buffer.concat([hex('46 f0 45'), Buffer.alloc(70, 0x61)]))).toBe('a'.repeat(70))
    expect(read(Buffer.concat([hex('46 f4 4500'), Buffer.alloc(70, 0x61)]))).toBe('a'.repeat(70))
    expect(read(Buffer.concat([hex('46 f8 450000'), Buffer.alloc(70, 0x61)]))).toBe('a'.repeat(70))
    expect(read(Buffer.concat([hex('46 fc 45000000'), Buffer.alloc(70, 0x61)]))).toBe('a'.repeat(70))
  })

  test.each([
    ['a preamble of 2 GiB over six bytes', 'ffffffff07 00'],
    ['a preamble without end', 'ffffffffffff'],
    ['literals past the end', '05 10 6865'],
    ['a length past the end', '05 f4 01'],
    ['a copy from before the start', '06 04 6162 01 03'],
    ['a copy from nowhere', '06 04 6162 01 00'],
    ['more than it says', '04 10 68656c6c6f'],
    ['less than it says', '06 10 68656c6c6f'],
    ['a copy cut short', '06 04 6162 0e 02'], ['a far copy', '06 04 6162 0f 020000ff'],
  ])('%s is refused', (_, block) => {
    expect(refusal(() => read(hex(block)))).toContain('snappy')
    const bytes = hex(block)
    expect(refusal(() => read(Buffer.concat([header, hex(bytes.length.toString(16).padStart(8, '0')), bytes])))).toContain('snappy')
  })

  test('a preamble that its block cannot fulfil is refused before memory is taken', () => {
    expect(refusal(() => use.decompress('snappy', hex('ffffffff03 00'), 2 ** 31))).toContain('impossible length')
  })

  test('a chunk that copies from the chunk before it is refused', () => {
    expect(refusal(() => read(Buffer.concat([header, hex('00000007'), hello, hex('00000005'), hex('05 00 61 01 04')])))).toContain('damaged')
  })

  test('chunk lengths that do not fit are refused', () => {
    for (const length of ['00000008', 'ffffffff', '7fffffff', '000000']) {
      expect(refusal(() => read(Buffer.concat([header, hex(length), length.length < 8 ? Buffer.alloc(0) : hello])))).toContain('cut short')
    }
  })
})

describe.each(rungs)('zstd frames, with %s', (_, use) => {
  const frameOf = (text: string): Buffer => Buffer.from(use.compress('zstd', Buffer.from(text)))
  const read = (bytes: Buffer): string => Buffer.from(use.decompress('zstd', bytes, 1000)).toString()

  test('several frames, and skippable ones, are read', () => {
    expect(read(Buffer.concat([frameOf('one '), hex('50 2a 4d 18 03000000 aabbcc'), frameOf('two')]))).toBe('one two')
  })

  test('a checksum, a raw block and a run-length block are read', () => {
    expect(read(hex('28b52ffd 00 58 290000 68656c6c6f'))).toBe('hello')
    expect(read(hex('28b52ffd 00 58 2b0000 61'))).toBe('aaaaa')
  })

  test.each([
    ['no frame', ''],
    ['another format', '28b52ffe 00 58 290000 68656c6c6f'],
    ['a reserved header bit', '28b52ffd 08 58 290000 68656c6c6f'],
    ['a dictionary', '28b52ffd 01 58 07 290000 68656c6c6f'],
    ['a window beyond 128 MiB', '28b52ffd 00 90 290000 68656c6c6f'],
    ['a reserved block', '28b52ffd 00 58 2f0000 68656c6c6f'],
    ['no last block', '28b52ffd 00 58 280000 68656c6c6f'],
    ['bytes after the frame', '28b52ffd 00 58 290000 68656c6c6f 00'],
    ['a content size that no block holds', '28b52ffd a0 00ffff7f 290000 68656c6c6f'],
    ['only a skippable frame', '502a4d18 00000000'],
    ['a wrong content size', '28b52ffd 20 04 290000 68656c6c6f'], ['a skippable frame cut short', '502a4d18 05000000 aa'],
  ])('%s is refused', (_, bytes) => { expect(refusal(() => read(hex(bytes)))).toContain('zstd') })

  test('a content size beyond what its blocks can hold is refused before memory is taken', () => {
    expect(refusal(() => use.decompress('zstd', hex('28b52ffd a0 00ffff07 290000 68656c6c6f'), 2 ** 31))).toContain('can hold 5')
  })

  test('a run of frames shares one limit', () => {
    const twice = Buffer.concat([frameOf('a'.repeat(600)), frameOf('b'.repeat(600))])
    expect(use.decompress('zstd', twice, 1200).length).toBe(1200)
    expect(refusal(() => use.decompress('zstd', twice, 1199))).toContain('zstd')
  })

  test('64 MiB of zeros in a few kilobytes stop at the limit', () => {
    const bomb = use.compress('zstd', Buffer.alloc(64 * MIB))
    expect(bomb.length).toBeLessThan(10_000)
    expect(refusal(() => use.decompress('zstd', bomb, MIB))).toContain('zstd')
  })
})

describe('gzip', () => {
  test('members one after another are read', () => {
    expect(decompress('gzip', Buffer.concat([gzipSync('one '), gzipSync('two')]), 100)).toEqual(Buffer.from('one two'))
  })

  test('64 MiB of zeros stop at the limit', () => {
    expect(refusal(() => decompress('gzip', gzipSync(Buffer.alloc(64 * MIB)), MIB))).toContain('more than the 1048576 bytes allowed')
  })
})

describe('the set of codecs', () => {
  test('attribute bits index the types', () => { expect(compressionTypes).toEqual(['none', 'gzip', 'snappy', 'lz4', 'zstd']) })

  test('none passes bytes through, within the limit', () => {
    const bytes = Buffer.from('plain')
    expect(compress('none', bytes)).toBe(bytes)
    expect(decompress('none', bytes, 5)).toBe(bytes)
    expect(refusal(() => decompress('none', bytes, 4))).toContain('none')
  })

  test('backends tell which rung is at work', () => {
    const expected = (name: string): string => installed(name) === null ? 'javascript' : 'native'
    expect(codecBackends()).toMatchObject({ none: 'none', gzip: 'node:zlib', snappy: expected('snappy'), lz4: expected('lz4-napi') })
    expect(floor.backends()).toEqual({ none: 'none', gzip: 'node:zlib', snappy: 'javascript', lz4: 'javascript', zstd: 'wasm' })
  })

  test('a codec that is not known is refused', async () => {
    await expect(loadCodec('brotli' as CompressionType)).rejects.toMatchObject({ code: 'UNSUPPORTED_COMPRESSION_TYPE' })
    expect(() => compress('brotli' as CompressionType, Buffer.alloc(1))).toThrow(/unknown compression type "brotli"/)
  })

  test('zstd in WebAssembly must have been loaded before it is used, and is loaded once', async () => {
    let loads = 0
    const fresh = createCodecs((name) => {
      loads++
      return nodeLoader(name)
    }, {})
    expect(() => fresh.compress('zstd', Buffer.alloc(1))).toThrow(expect.objectContaining({ code: 'INTERNAL' }) as OttlaError)
    await Promise.all([fresh.loadCodec('zstd'), fresh.loadCodec('zstd')])
    await fresh.loadCodec('zstd')
    expect(loads).toBe(1)
    expect(fresh.decompress('zstd', fresh.compress('zstd', Buffer.from('x')), 1)).toEqual(new Uint8Array(Buffer.from('x')))
  })

  test('each missing native package is told once, with the first cause, and the codec works on', () => {
    const lines: string[] = []
    useCodecLogger({ ...silentLogger, info: (message) => { lines.push(message) } })
    const fresh = createCodecs(without('snappy', 'lz4-napi'))
    for (let i = 0; i < 3; i++) {
      for (const type of ['snappy', 'lz4'] as const) expect(fresh.decompress(type, fresh.compress(type, Buffer.from('x')), 1)).toEqual(Buffer.from('x'))
    }
    useCodecLogger(silentLogger)
    expect(lines).toEqual([
      "snappy: native package snappy not loaded (Cannot find module 'snappy'), using snappyjs; set OTTLA_REQUIRE_NATIVE=1 to fail instead",
      "lz4: native package lz4-napi not loaded (Cannot find module 'lz4-napi'), using built-in decoder and stored blocks"
      + '; set OTTLA_REQUIRE_NATIVE=1 to fail instead',
    ])
  })

  test('OTTLA_REQUIRE_NATIVE=1 makes a missing native package an error', () => {
    vi.stubEnv('OTTLA_REQUIRE_NATIVE', '1')
    const fresh = createCodecs(without('snappy', 'lz4-napi'))
    for (const type of ['snappy', 'lz4'] as const) {
      expect(() => fresh.compress(type, Buffer.alloc(1))).toThrow(expect.objectContaining({ code: 'DEPENDENCY_MISSING' }) as OttlaError)
    }
  })

  test('a missing required package is an error that says what to do', async () => {
    const bare = createCodecs(without('snappy', 'snappyjs', '@bokuweb/zstd-wasm'), {})
    expect(() => bare.compress('snappy', Buffer.alloc(1))).toThrow(/snappyjs could not be loaded \(Cannot find module 'snappyjs'\): /)
    await expect(bare.loadCodec('zstd')).rejects.toMatchObject({ code: 'DEPENDENCY_MISSING' })
    await expect(bare.loadCodec('zstd')).rejects.toMatchObject({ code: 'DEPENDENCY_MISSING' })
  })

  test('the native lz4 (where it is installed) reads the stored frames of the floor, and the floor its frames', () => {
    const native = installed('lz4-napi') as { decompressFrameSync(bytes: Buffer): Buffer } | null
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i) >>> 7))
    if (native !== null) expect(native.decompressFrameSync(Buffer.from(floor.compress('lz4', bytes))).equals(bytes)).toBe(true)
    expect(bytes.equals(floor.decompress('lz4', codecs.compress('lz4', bytes), bytes.length))).toBe(true)
  })
})
