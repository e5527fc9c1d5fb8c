/** Batches larger than what the walk reads at once, at every place of a chunk, and files that are shorter than was said. */
import { describe, expect, test } from 'vitest'
import { crc32 } from '../record/crc32.ts'
import { crc32c } from '../record/crc32c.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { BatchWalker, type ByteSource, type WalkerOptions } from './batch-walker.ts'

const CHUNK = 128
/** Of `size` bytes, or a few more where the lengths in it allow none of that size. */
function batch(baseOffset: number, size: number): Buffer {
  for (let length = size - 75; ; length++) {
    const bytes = Buffer.from(buildBatch([{ value: Buffer.alloc(Math.max(0, length), baseOffset), timestamp: 1 }], { baseOffset }))
    if (bytes.length >= size) return bytes
  }
}

function message(offset: number, size: number): Buffer {
  const body = Buffer.concat([Buffer.of(1, 0), Buffer.alloc(8), Buffer.from('ffffffff', 'hex'), Buffer.alloc(4), Buffer.alloc(size, 7)])
  body.writeInt32BE(size, 14)
  const head = Buffer.alloc(16)
  head.writeBigInt64BE(BigInt(offset), 0)
  head.writeInt32BE(body.length + 4, 8)
  head.writeUInt32BE(crc32(body, 0, body.length), 12)
  return Buffer.concat([head, body])
}

/** Tells what was read of it, as position+length. */
function sourceOf(bytes: Uint8Array): { source: ByteSource; reads: string[] } {
  const reads: string[] = []
  const readSync = (buffer: Uint8Array, offset: number, length: number, position: number): number => {
    reads.push(`${position}+${length}`)
    const part = bytes.subarray(position, position + length)
    buffer.set(part, offset)
    return part.length
  }
  return { source: { readSync, read: async (...call) => readSync(...call) }, reads }
}

interface Walked { readonly found: string[]; readonly problem: string | null; readonly reads: string[] }

async function walk(bytes: Uint8Array, options: WalkerOptions, { end = bytes.length, sync = false } = {}): Promise<Walked> {
  const { source, reads } = sourceOf(bytes)
  const walker = new BatchWalker(source, 0, end, { chunkBytes: CHUNK, ...options })
  const found: string[] = []
  for (;;) {
    const header = walker.next()
    if (header !== null) {
      const held = options.kind === 'whole' && walker.bufferPosition() >= 0
      const at = walker.bufferPosition()
      if (held) expect(Buffer.compare(walker.buffer().subarray(at, at + header.size), bytes.subarray(header.position, header.position + header.size))).toBe(0)
      found.push(`${header.baseOffset}@${header.position}`)
      expect(walker.position).toBe(header.position + header.size)
    } else if (!(sync ? walker.fillSync() : await walker.fill())) break
  }
  const { problem } = walker
  expect(walker.next()).toBeNull()
  expect(await walker.fill()).toBe(false)
  return { found, problem: problem === null ? null : `${problem.reason}@${problem.position}`, reads }
}

const kinds = [{ kind: 'headers' }, { kind: 'whole' }, { kind: 'whole', checkCrc: true }] as const

describe.each(kinds)('a walk of %j', (options) => {
  test.each([90, 100, 120, 127, 128, 129, 130, 190, 200, 255, 256, 257, 384, 385, 1000])('finds batches of %i bytes, whatever stands before and behind them', async (size) => {
    for (const before of [80, 81, 100, 128, 129]) {
      const parts = [batch(1, before), batch(2, size), batch(3, 80), batch(4, size)]
      const bytes = Buffer.concat(parts)
      let position = 0
      const expected = parts.map((part, i) => {
        position += part.length
        return `${i + 1}@${position - part.length}`
      })
      for (const sync of [false, true]) expect(await walk(bytes, options, { sync })).toMatchObject({ found: expected, problem: null })
    }
  })

  test('ends before a batch that is torn, wherever', async () => {
    const bytes = Buffer.concat([batch(1, 100), batch(2, 500)])
    for (const length of [1, 16, 17, 60, 61, 62, 128, 129, 300, 499]) {
      const torn = bytes.subarray(0, 100 + length)
      const expected = { found: ['1@0'], problem: 'torn@100' }
      expect(await walk(torn, options)).toMatchObject(expected)
      // And where the file is shorter than it was said to be, if every byte is asked for.
      if ('checkCrc' in options) expect(await walk(torn, options, { end: bytes.length })).toMatchObject(expected)
    }
    expect(await walk(bytes.subarray(0, 100), options)).toMatchObject({ found: ['1@0'], problem: null })
  })

  test('ends before what cannot be a batch, large or small', async () => {
    for (const size of [100, 500]) {
      const bad = batch(2, size)
      bad.writeInt32BE(-1, 23)
      bad.writeUInt32BE(crc32c(bad, 21, bad.length), 17)
      const { found, problem } = await walk(Buffer.concat([batch(1, 100), bad, batch(3, 100)]), options)
      expect([found, problem?.replace('impossible', 'malformed')]).toEqual([['1@0'], 'malformed@100'])
    }
  })

  test('tells a batch that is hit in its offset alone from one that is hit in more, large or small', async () => {
    for (const size of [100, 500]) {
      const bytes = Buffer.concat([batch(1, 100), batch(2, size), batch(3, 100)])
      bytes[100]! ^= 0x80
      const checked = 'checkCrc' in options
      expect([size, await walk(bytes, options)]).toMatchObject([size, { found: ['1@0'], problem: checked ? 'impossible@100' : 'malformed@100' }])
      bytes[100 + size - 1]! ^= 1
      expect([size, await walk(bytes, options)]).toMatchObject([size, { found: ['1@0'], problem: checked ? 'crc@100' : 'malformed@100' }])
    }
  })

  test('finds old messages, larger than a chunk too', async () => {
    const bytes = Buffer.concat([message(1, 10), message(2, 400), message(3, 10)])
    const second = message(1, 10).length
    expect(await walk(bytes, options)).toMatchObject({ found: ['1@0', `2@${second}`, `3@${second + message(2, 400).length}`], problem: null })
    if ('checkCrc' in options) {
      bytes[second + 300]! ^= 1
      expect(await walk(bytes, options)).toMatchObject({ found: ['1@0'], problem: `crc@${second}` })
    }
  })
})

test('a checksum is checked over all of a batch that no chunk holds', async () => {
  for (const at of [21, 60, 61, 127, 128, 129, 300, 499]) {
    const bytes = Buffer.concat([batch(1, 100), batch(2, 500), batch(3, 100)])
    bytes[100 + at]! ^= 1
    const { found, problem } = await walk(bytes, { kind: 'whole', checkCrc: true })
    expect([at, found, problem?.replace(/malformed|impossible/, 'crc')]).toEqual([at, ['1@0'], 'crc@100'])
  }
})

test('each byte is read once where all are needed, and only headers where they are enough', async () => {
  const bytes = Buffer.concat([batch(1, 100), batch(2, 500), batch(3, 100)])
  expect((await walk(bytes, { kind: 'whole', checkCrc: true })).reads).toEqual(['0+128', '100+128', '228+128', '356+128', '484+116', '600+100'])
  expect((await walk(bytes, { kind: 'headers' })).reads).toEqual(['0+128', '100+128', '600+100'])
})
