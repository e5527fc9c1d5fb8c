import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { buildBatch } from '../record/record-batch-builder.ts'
import type { BatchHeader } from '../record/batch-format.ts'
import { batchAt, hex, newDisk, writeFile } from '../../test/support/segment-harness.ts'
import { BatchWalker, type ByteSource, type WalkerOptions } from './batch-walker.ts'

function sourceOf(...parts: Uint8Array[]): { source: ByteSource; size: number } {
  const disk = newDisk()
  writeFile(disk, '/log/x', Buffer.concat(parts))
  const source = disk.open('/log/x', 'read')
  return { source, size: source.size() }
}

interface Walked { headers: BatchHeader[]; walker: BatchWalker; bytes: Buffer[] }

async function walk(source: ByteSource, end: number, options: WalkerOptions, position: number = 0): Promise<Walked> {
  const walker = new BatchWalker(source, position, end, options)
  const headers: BatchHeader[] = []
  const bytes: Buffer[] = []
  for (;;) {
    const header = walker.next()
    if (header !== null) {
      headers.push(header)
      if (options.kind === 'whole' &&
        walker.bufferPosition() >= 0) bytes.push(Buffer.from(walker.buffer().slice(walker.bufferPosition(), walker.bufferPosition() + header.size)))
    } else if (!(await walker.fill())) {
      return { headers, walker, bytes }
    }
  }
}

function walkSync(source: ByteSource, end: number, options: WalkerOptions): Walked {
  const walker = new BatchWalker(source, 0, end, options)
  const headers: BatchHeader[] = []
  for (;;) {
    const header = walker.next()
    if (header !== null) headers.push(header)
    else if (!walker.fillSync()) return { headers, walker, bytes: [] }
  }
}

const kinds: WalkerOptions[] = [{ kind: 'headers' }, { kind: 'whole' }, { kind: 'whole', checkCrc: true }]

describe('a walk over batches', () => {
  test('gives every batch with its position in the file, for any chunk, blocking or not', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 20 }), fc.integer({ min: 61, max: 900 }),
      fc.constantFrom(...kinds), async (sizes, chunkBytes, kind) => {
      const batches = sizes.map((size, i) => batchAt(i * 3, 3, 1000 + i, size))
      const { source, size } = sourceOf(...batches)
      let position = 0
      const expected = batches.map((b, i) => { const at = position; position += b.length; return [at, b.length, i * 3, i * 3 + 2, 1000 + i] })
      const options = { ...kind, chunkBytes }
      for (const { headers, walker, bytes } of [await walk(source, size, options), walkSync(source, size, options)]) {
        expect(headers.map((h) => [h.position, h.size, h.baseOffset, h.lastOffset, h.maxTimestamp])).toEqual(expected)
        expect(walker.problem).toBeNull()
        expect(walker.position).toBe(size)
        for (const b of bytes) expect(batches.some((batch) => b.equals(batch))).toBe(true)
      }
    }), { numRuns: 60 })
  })

  test('stops at `end` and starts anywhere', async () => {
    const batches = [batchAt(0, 1, 1), batchAt(1, 1, 2), batchAt(2, 1, 3)]
    const { source, size } = sourceOf(...batches)
    const first = batches[0]!.length
    expect((await walk(source, first * 2, { kind: 'headers' }, first)).headers.map((h) => h.baseOffset)).toEqual([1])
    expect((await walk(source, size, { kind: 'headers' }, size)).headers).toEqual([])
    expect((await walk(source, 0, { kind: 'headers' })).walker.problem).toBeNull()
  })

  test('takes every byte at which the last batch may be torn for torn', async () => {
    const whole = batchAt(0, 2, 1)
    const torn = batchAt(2, 2, 2)
    for (let length = 1; length < torn.length; length++) {
      const { source, size } = sourceOf(whole, torn.subarray(0, length))
      for (const options of kinds) {
        const { headers, walker } = await walk(source, size, options)
        expect(headers).toHaveLength(1)
        expect(walker.problem).toMatchObject({ position: whole.length, reason: 'torn' })
        expect(walker.position).toBe(whole.length)
      }
    }
  })

  test('notices that the file is shorter than was said', async () => {
    const batch = batchAt(0, 2, 1)
    const { source, size } = sourceOf(batch, batchAt(2, 2, 1).subarray(0, 70))
    for (const options of kinds) expect((await walk(source, size + 5000, options)).walker.problem).toMatchObject({ position: batch.length, reason: 'torn' })
    // Behind a whole batch, too, or with nothing.
    for (const whole of [sourceOf(batch), sourceOf()]) {
      for (const options of kinds) {
        const { headers, walker } = await walk(whole.source, whole.size + 5000, options)
        expect([headers.length * batch.length, walker.position]).toEqual([whole.size, whole.size])
        expect(walker.problem).toMatchObject({ position: whole.size, reason: 'torn', detail: 'the file ends here, 5000 bytes early' })
        expect(walkSync(whole.source, whole.size + 5000, options).walker.problem).toEqual(walker.problem)
      }
    }
  })

  test('takes zeros, impossible lengths and unknown magics for malformed', async () => {
    const good = batchAt(0, 1, 1)
    const magic = batchAt(1, 1, 1)
    magic[16] = 3
    const negative = batchAt(1, 1, 1)
    negative[8] = 0x80
    const short = batchAt(1, 1, 1)
    short.set([0, 0, 0, 48], 8)
    for (const bad of [new Uint8Array(100), magic, negative, short]) {
      const { source, size } = sourceOf(good, bad)
      for (const options of kinds) expect((await walk(source, size, options)).walker.problem).toMatchObject({ position: good.length, reason: 'malformed' })
    }
  })

  test('finds any flipped byte that the checksum covers, in batches smaller and larger than its memory', async () => {
    const good = batchAt(0, 1, 1)
    for (const valueSize of [10, 3000]) {
      const batch = batchAt(1, 2, 5, valueSize)
      for (const at of [21, 27, 35, 43, 57, 61, 100, batch.length - 1].filter((i) => i < batch.length)) {
        const bad = batch.slice()
        bad[at]! ^= 0x10
        const { source, size } = sourceOf(good, bad, batchAt(3, 1, 1))
        const { headers, walker } = await walk(source, size, { kind: 'whole', checkCrc: true, chunkBytes: 512 })
        expect(headers).toHaveLength(1)
        expect(walker.problem!.position).toBe(good.length)
        // A long batch has its header read before its checksum is known.
        expect(walker.problem!.reason).toMatch(valueSize === 10 ? /^crc$/ : /^crc$|^malformed$/)
      }
    }
  })

  test('reads little of large batches when it wants headers only', async () => {
    const batches = Array.from({ length: 10 }, (_, i) => batchAt(i, 1, i, 100_000))
    const { source, size } = sourceOf(...batches)
    let read = 0
    const counting: ByteSource = {
      readSync: (b, o, l, p) => { read += l; return source.readSync(b, o, l, p) },
      read: (b, o, l, p) => { read += l; return source.read(b, o, l, p) },
    }
    expect((await walk(counting, size, { kind: 'headers', chunkBytes: 1024 })).headers).toHaveLength(10)
    expect(read).toBeLessThan(20 * 1024)
  })

  test('checks messages of magic 0 and 1 that are larger than its memory', async () => {
    // One v1 message: offset 7, timestamp 5, null key, 600 bytes of value; CRC by an independent CRC-32.
    const value = 'ab'.repeat(600)
    const body = hex(`0100 0000000000000005 ffffffff 00000258 ${value}`)
    const message = Buffer.concat([hex('0000000000000007'), be32(4 + body.length), be32(plainCrc32(body)), body])
    const { source, size } = sourceOf(message, message)
    const good = await walk(source, size, { kind: 'whole', checkCrc: true, chunkBytes: 100 })
    expect(good.walker.problem).toBeNull()
    expect(good.headers.map((h) => [h.magic, h.baseOffset, h.maxTimestamp])).toEqual([[1, 7, 5], [1, 7, 5]])
    message[300]! ^= 1
    const bad = sourceOf(message)
    expect((await walk(bad.source, bad.size, { kind: 'whole', checkCrc: true, chunkBytes: 100 })).walker.problem).toMatchObject({ reason: 'crc', position: 0 })
  })

  test('refuses a last offset below the base offset', async () => {
    const { source, size } = sourceOf(buildBatch([{ value: 'x' }], { baseOffset: 5, lastOffsetDelta: -2 }))
    expect((await walk(source, size, { kind: 'whole', checkCrc: true })).walker.problem).toMatchObject({ reason: 'impossible', position: 0 })
  })
})

function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** Bit by bit: slow and plain. */
function plainCrc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
