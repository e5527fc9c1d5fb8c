import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { patchBatch, viewOf } from '../record/batch-format.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { MAX_CHUNK, TailCache, TailMemory, type StagedBytes } from './tail-cache.ts'

const KB = 1024

interface Stored { readonly baseOffset: number; readonly lastOffset: number; readonly bytes: Buffer }

function batchAt(baseOffset: number, count: number, size: number): Stored {
  const bytes = Buffer.from(buildBatch(Array.from({ length: count }, () => ({ value: 'x'.repeat(size) })), { baseOffset }))
  return { baseOffset, lastOffset: baseOffset + count - 1, bytes }
}

const shapesSeen = new Map<string, Buffer>()

/** As `batchAt`, without building a batch of the same shape twice. */
function patterned(baseOffset: number, count: number, size: number): Stored {
  const key = `${count} ${size}`
  let bytes = shapesSeen.get(key)
  if (bytes === undefined) shapesSeen.set(key, bytes = batchAt(0, count, size).bytes)
  const copy = Buffer.from(bytes)
  patchBatch(viewOf(copy), 0, baseOffset, 0)
  return { baseOffset, lastOffset: baseOffset + count - 1, bytes: copy }
}

function emptyRun(): StagedBytes {
  const nothing = new Uint8Array(0)
  return { buffer: nothing, view: viewOf(nothing), start: 0, length: 0 }
}

/** Stages and commits groups as the appender does. */
class Fed {
  readonly cache: TailCache
  readonly batches: Stored[] = []
  next = 0

  constructor(memory: TailMemory) { this.cache = new TailCache(memory) }

  group(shapes: readonly { readonly count: number; readonly size: number }[], succeed = true): void {
    const run = emptyRun()
    const staged: Stored[] = []
    let next = this.next
    for (const { count, size } of shapes) {
      const stored = patterned(next, count, size)
      if (run.length > 0 && !this.cache.fits(stored.bytes.length, run)) break
      expect(this.cache.stage(stored.bytes, stored.baseOffset, 1, run)).toBe(true)
      staged.push(stored)
      next = stored.lastOffset + 1
    }
    expect(Buffer.concat(staged.map((each) => each.bytes)).equals(run.buffer.subarray(run.start, run.start + run.length))).toBe(true)
    if (!succeed) return this.cache.rollback()
    this.cache.commit(next)
    this.batches.push(...staged)
    this.next = next
  }

  /** What a read should give, by a plain walk over everything that was committed. */
  expected(offset: number, maxBytes: number, limit: number): Stored[] {
    const from = this.batches.findIndex((each) => each.lastOffset >= offset)
    const taken: Stored[] = []
    let bytes = 0
    for (const each of this.batches.slice(from)) {
      if (each.lastOffset >= limit || (taken.length > 0 && bytes + each.bytes.length > maxBytes)) break
      taken.push(each)
      bytes += each.bytes.length
    }
    return taken
  }
}

describe('TailCache', () => {
  test('gives what was committed and still fits: whole batches, as many as the log would give, wherever they lie', () => {
    const shapes = fc.array(fc.record({ count: fc.integer({ min: 1, max: 4 }), size: fc.oneof(fc.nat(200), fc.nat(9_000)) }), { minLength: 1, maxLength: 5 })
    fc.assert(fc.property(fc.array(fc.record({ shapes, succeed: fc.boolean(), at: fc.double(
      { min: 0, max: 1, noNaN: true },
    ), maxBytes: fc.nat(100_000), limit: fc.double({ min: 0, max: 1, noNaN: true }) }), { maxLength: 30 }), (groups) => {
      const fed = new Fed(new TailMemory(256 * KB, 192 * KB))
      for (const { shapes: group, succeed, at, maxBytes, limit } of groups) {
        fed.group(group, succeed)
        const first = fed.cache.firstOffset
        if (first >= fed.next) continue
        const offset = first + Math.floor((fed.next - first) * at)
        const limitOffset = Math.min(fed.next, offset + 1 + Math.floor((fed.next - offset) * limit))
        if (offset >= fed.next) continue
        const asked: number[] = []
        const read = fed.cache.read(offset, maxBytes, limitOffset, true, (bytes) => { asked.push(bytes); return Buffer.alloc(bytes + 7) })!
        const got = Buffer.from(read.records)
        let position = 0
        let nextOffset = offset
        for (const stored of fed.expected(offset, maxBytes, limitOffset)) {
          if (!stored.bytes.equals(got.subarray(position, position + stored.bytes.length))) throw new Error(
            `other bytes than those of batch ${stored.baseOffset}`,
          )
          position += stored.bytes.length
          nextOffset = stored.lastOffset + 1
        }
        expect({ position, nextOffset, asked }).toEqual({ position: got.length, nextOffset: read.nextOffset, asked: position === 0 ? [] : [position] })
      }
    }), { numRuns: 60 })
  })

  test('says that it does not have what it never had, or has let go of', () => {
    const fed = new Fed(new TailMemory(1024 * KB, 128 * KB))
    expect(fed.cache.firstOffset).toBe(Number.POSITIVE_INFINITY)
    for (let i = 0; i < 10; i++) fed.group([{ count: 1, size: 40_000 }])
    expect(fed.cache.firstOffset).toBeGreaterThan(5)
    expect(fed.cache.read(0, 100, fed.next, true)).toBeNull()
    fed.cache.clear()
    expect(fed.cache.read(9, 100, fed.next, true)).toBeNull()
  })

  test('keeps all that a log may hold, and fills its chunks to the last byte', () => {
    const fed = new Fed(new TailMemory(1024 * KB, 512 * KB))
    for (let i = 0; i < 8; i++) fed.group([{ count: 1, size: 60 * KB }])
    expect(fed.cache.firstOffset).toBe(0)
    fed.group([{ count: 1, size: 60 * KB }])
    expect(fed.cache.firstOffset).toBe(1)
    const cache = new TailCache(new TailMemory(1024 * KB, 512 * KB))
    const run = emptyRun()
    expect(cache.stage(new Uint8Array(64 * KB - 100), 0, 1, run)).toBe(true)
    expect([cache.fits(100, run), cache.fits(101, run), cache.fits(100, emptyRun())]).toEqual([true, false, false])
    expect(cache.stage(new Uint8Array(100), 1, 1, run)).toBe(true)
    expect(run).toMatchObject({ start: 0, length: 64 * KB })
    expect([cache.fits(1, run), cache.stage(new Uint8Array(1), 2, 1, run)]).toEqual([false, false])
  })

  test('shows nothing of a group that is not committed, and forgets one that failed', () => {
    const fed = new Fed(new TailMemory())
    fed.group([{ count: 2, size: 10 }])
    const run = emptyRun()
    fed.cache.stage(batchAt(2, 1, 10).bytes, 2, 1, run)
    expect(fed.cache.read(2, 1000, 3, true)).toBeNull()
    fed.cache.rollback()
    fed.group([{ count: 1, size: 20 }])
    expect(Buffer.from(fed.cache.read(2, 1000, 3, true)!.records)).toEqual(fed.batches[1]!.bytes)
  })

  test('refuses a batch that no chunk can hold', () => {
    const cache = new TailCache(new TailMemory())
    expect(cache.stage(new Uint8Array(MAX_CHUNK + 1), 0, 1, emptyRun())).toBe(false)
    expect(cache.stage(new Uint8Array(MAX_CHUNK), 0, 1, emptyRun())).toBe(true)
  })

  test('does not give away chunks that are being written, however little memory there is', () => {
    const memory = new TailMemory(64 * KB, 64 * KB)
    const first = new Fed(memory)
    const run = emptyRun()
    const stored = batchAt(0, 1, 50_000)
    first.cache.stage(stored.bytes, 0, 1, run)
    const second = new Fed(memory)
    second.group([{ count: 1, size: 50_000 }])
    expect(Buffer.from(run.buffer.subarray(run.start, run.start + run.length))).toEqual(stored.bytes)
    first.cache.commit(1)
    expect(first.cache.read(0, 1, 1, true)).not.toBeNull()
    // What was too much is gone as soon as nobody needs it.
    second.cache.clear()
    expect(memory.allocatedBytes).toBe(64 * KB)
  })

  test('does not have the offsets that were left out between two chunks', () => {
    const cache = new TailCache(new TailMemory(1024 * KB, 512 * KB))
    for (const offset of [0, 5]) cache.stage(patterned(offset, 1, 60 * KB).bytes, offset, 1, emptyRun())
    cache.commit(6)
    expect([0, 3, 5].map((offset) => cache.read(offset, 1, 6, true)?.nextOffset)).toEqual([1, undefined, 6])
  })
})

describe('TailMemory', () => {
  test('takes from the log that was appended to longest ago when all logs together hold too much', () => {
    const memory = new TailMemory(256 * KB, 256 * KB)
    const logs = Array.from({ length: 6 }, () => new Fed(memory))
    for (const fed of logs) fed.group([{ count: 1, size: 40 * KB }])
    expect(memory.allocatedBytes).toBe(256 * KB)
    expect(logs.map((fed) => fed.cache.firstOffset === 0)).toEqual([false, false, true, true, true, true])
    logs[0]!.group([{ count: 1, size: 40 * KB }])
    logs[1]!.group([{ count: 1, size: 40 * KB }])
    expect(logs.map((fed) => fed.cache.firstOffset < Infinity)).toEqual([true, true, false, false, true, true])
    expect(memory.allocatedBytes).toBe(256 * KB)
  })

  test('leaves the oldest of a log that was appended to since, and takes from one that was not', () => {
    const memory = new TailMemory(256 * KB, 256 * KB)
    const logs = Array.from({ length: 4 }, () => new Fed(memory))
    for (const log of [0, 1, 0, 2, 3]) logs[log]!.group([{ count: 1, size: 40 * KB }])
    expect(logs.map((fed) => fed.cache.firstOffset)).toEqual([0, Infinity, 0, 0])
  })

  test('serves many more logs with little each than it has room for large chunks', () => {
    const memory = new TailMemory(256 * KB, 256 * KB)
    const logs = Array.from({ length: 60 }, () => new Fed(memory))
    for (let round = 0; round < 3; round++) for (const fed of logs) fed.group([{ count: 1, size: 100 }])
    expect(logs.filter((fed) => fed.cache.firstOffset < Infinity)).toHaveLength(60)
    expect(memory.allocatedBytes).toBeLessThanOrEqual(256 * KB)
    for (const fed of logs) for (let offset = fed.cache.firstOffset; offset < fed.next; offset++) {
      const expected = Buffer.concat(fed.expected(offset, 1000, fed.next).map((each) => each.bytes))
      expect(expected.equals(fed.cache.read(offset, 1000, fed.next, true)!.records)).toBe(true)
    }
  })

  test('drops what nobody uses before it takes from a log that does', () => {
    const memory = new TailMemory(256 * KB, 256 * KB)
    const first = new Fed(memory)
    for (let i = 0; i < 2; i++) first.group([{ count: 1, size: 40 * KB }])
    const second = new Fed(memory)
    second.group([{ count: 1, size: 100 * KB }])
    expect(memory.allocatedBytes).toBe(256 * KB)
    memory.forget(first.cache)
    second.group([{ count: 1, size: 100 * KB }])
    expect([second.cache.firstOffset, memory.allocatedBytes]).toEqual([0, 256 * KB])
  })

  test('shares its chunks among the logs that hold something, not among those that had to give everything away', () => {
    const memory = new TailMemory(256 * KB, 256 * KB)
    expect(memory.smallestChunk).toBe(64 * KB)
    const logs = Array.from({ length: 20 }, () => new Fed(memory))
    for (const fed of logs) {
      fed.group([{ count: 1, size: 60 * KB }])
      const holders = logs.filter((each) => !each.cache.isEmpty).length
      // Two of them have room for each holder. The one that gave its last chunk away just now may still be counted.
      expect(memory.smallestChunk * holders * 2).toBeLessThanOrEqual(256 * KB)
      expect(memory.smallestChunk * (holders + 1) * 4).toBeGreaterThan(256 * KB)
    }
  })

  test('makes its chunks smaller as logs come, so that there is room for two of each, down to 2 KiB', () => {
    const memory = new TailMemory(4096 * KB, 4096 * KB)
    const sizes = Array.from({ length: 120 }, () => {
      new Fed(memory).group([{ count: 1, size: 100 }])
      return memory.smallestChunk / KB
    })
    expect(sizes).toEqual(Array.from({ length: 120 }, (_, i) => (i < 32 ? 64 : i < 64 ? 32 : 16)))
    // The first of a size was made when there was one log less.
    expect(memory.allocatedBytes).toBe((33 * 64 + 32 * 32 + 55 * 16) * KB)
    const little = new TailMemory(16 * KB, 16 * KB)
    const least = Array.from({ length: 7 }, () => {
      new Fed(little).group([{ count: 1, size: 100 }])
      return little.smallestChunk / KB
    })
    expect(least.at(-1)).toBe(2)
  })

  test('keeps a chunk that nobody uses as long as all of them fit, for the next log', () => {
    const memory = new TailMemory(128 * KB, 128 * KB)
    const [first, second, third] = [new Fed(memory), new Fed(memory), new Fed(memory)]
    first.group([{ count: 1, size: 40 * KB }])
    second.group([{ count: 1, size: 40 * KB }])
    first.cache.clear()
    expect(memory.allocatedBytes).toBe(128 * KB)
    third.group([{ count: 1, size: 40 * KB }])
    expect([second.cache.firstOffset, third.cache.firstOffset, memory.allocatedBytes]).toEqual([0, 0, 128 * KB])
  })

  test('gives everything back when logs close or are idle', () => {
    const memory = new TailMemory()
    const logs = Array.from({ length: 3 }, () => new Fed(memory))
    for (const fed of logs) fed.group([{ count: 1, size: 10 }])
    memory.trimIdle()
    logs[0]!.group([{ count: 1, size: 10 }])
    memory.trimIdle()
    expect(logs.map((fed) => fed.cache.firstOffset === 0)).toEqual([true, false, false])
    memory.forget(logs[0]!.cache)
    expect(memory.allocatedBytes).toBe(0)
  })

  test('is not worthwhile where logs are appended to in turn that it has no room for, until they are few again', () => {
    const memory = new TailMemory(256 * KB, 256 * KB)
    const logs = Array.from({ length: 40 }, () => new TailCache(memory))
    const ask = (count: number, caches: TailCache[]): boolean[] => Array.from({ length: count }, (_, i) => caches[i % caches.length]!.isWorthwhile())
    expect(ask(16_383, logs)).not.toContain(false)
    expect(ask(16_384, logs)).not.toContain(true)
    expect(ask(20_000, logs.slice(0, 30)).at(-1)).toBe(true)
    expect(ask(20_000, logs.slice(0, 1))).not.toContain(false)
  })
})
