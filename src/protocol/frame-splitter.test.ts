import { describe, expect, test } from 'vitest'
import { FrameSplitter } from './frame-splitter.ts'

function frame(...bytes: readonly number[]): Buffer {
  const whole = Buffer.alloc(4 + bytes.length)
  whole.writeInt32BE(bytes.length)
  whole.set(bytes, 4)
  return whole
}

function all(splitter: FrameSplitter): number[][] {
  const frames: number[][] = []
  for (let next = splitter.next(); next !== null; next = splitter.next()) frames.push([...next])
  return frames
}

const stream = Buffer.concat([frame(1, 2, 3), frame(), frame(4), frame(...Array.from({ length: 300 }, (_, i) => i & 255))])
const expected = [[1, 2, 3], [], [4], Array.from({ length: 300 }, (_, i) => i & 255)]

describe('a stream of frames', () => {
  test('is cut the same however it is split into two', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const splitter = new FrameSplitter(1000)
      splitter.push(stream.subarray(0, cut))
      const frames = all(splitter)
      splitter.push(stream.subarray(cut))
      expect([...frames, ...all(splitter)]).toEqual(expected)
      expect(splitter.unfinishedBytes).toBe(0)
    }
  })

  test('is cut the same byte by byte, and when chunks pile up', () => {
    const slow = new FrameSplitter(1000)
    const frames: number[][] = []
    for (const byte of stream) {
      slow.push(Buffer.from([byte]))
      frames.push(...all(slow))
    }
    expect(frames).toEqual(expected)
    const piled = new FrameSplitter(1000)
    for (const byte of stream) piled.push(Buffer.from([byte]))
    expect(all(piled)).toEqual(expected)
  })

  test('is cut the same with a memory of its own, in chunks that are used again', () => {
    const lent = new Set<Buffer>()
    const memory = { take: (bytes: number) => { const piece = Buffer.alloc(bytes); lent.add(piece); return piece }, give: (piece: Buffer) => { expect(lent.delete(piece)).toBe(true) } }
    for (const size of [1, 2, 3, 5, 7, 11, 64, 150, 301, 400]) {
      lent.clear()
      const splitter = new FrameSplitter(1000, memory)
      const frames: Uint8Array[] = []
      const chunk = Buffer.alloc(size)
      for (let start = 0; start < stream.length; start += size) {
        const part = stream.subarray(start, start + size)
        chunk.set(part)
        splitter.push(chunk.subarray(0, part.length))
        // Now and then nobody asks for a while.
        if ((start / size) % 3 !== 1) for (let next = splitter.next(); next !== null; next = splitter.next()) frames.push(next)
        splitter.detach()
        chunk.fill(0xee)
      }
      for (let next = splitter.next(); next !== null; next = splitter.next()) frames.push(next)
      expect(frames.map((each) => [...each])).toEqual(expected)
      // What was outgrown came back.
      const held = [...lent].filter((piece) => !frames.some(({ buffer }) => buffer === piece.buffer))
      expect(held.every(({ length }) => length === 4)).toBe(true)
    }
  })

  test('takes memory for a whole frame once a quarter of it has come, and never more than four times what has', () => {
    const taken: number[] = []
    const splitter = new FrameSplitter(1_000_000, { take: (bytes) => { taken.push(bytes); return Buffer.alloc(bytes) }, give: () => {} })
    const large = frame(...new Uint8Array(100_000))
    for (const [start, end] of [[0, 4], [4, 5], [5, 3000], [3000, 20_000], [20_000, 26_000], [26_000, 100_004]] as const) {
      splitter.push(large.subarray(start, end))
      const whole = splitter.next()
      splitter.detach()
      expect(whole === null).toBe(end < large.length)
      expect(taken.at(-1) ?? 0).toBeLessThanOrEqual(Math.max(256, 4 * (end - 4)))
    }
    expect(taken).toEqual([256, 2996, 19_996, 100_000])
  })

  test('gives a frame that came in one chunk as a view of it', () => {
    const splitter = new FrameSplitter(1000)
    const chunk = frame(7, 8)
    splitter.push(chunk)
    expect(splitter.next()!.buffer).toBe(chunk.buffer)
  })

  test('counts what is unfinished, length included', () => {
    const splitter = new FrameSplitter(1000)
    splitter.push(Buffer.from([0, 0]))
    expect(splitter.next()).toBeNull()
    expect(splitter.unfinishedBytes).toBe(2)
    splitter.push(Buffer.from([0, 9, 1, 2]))
    expect(splitter.next()).toBeNull()
    expect(splitter.unfinishedBytes).toBe(6)
  })
})

describe('a length', () => {
  test.each([[-1], [1001], [0x47455420], [-2_147_483_648]])('of %i is refused', (length) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(length)
    const splitter = new FrameSplitter(1000)
    splitter.push(bytes)
    expect(() => splitter.next()).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })

  test('alone allocates nothing of what it promises', () => {
    const bytes = Buffer.alloc(5)
    bytes.writeInt32BE(100_000_000)
    const before = process.memoryUsage().arrayBuffers
    const splitters = Array.from({ length: 200 }, () => {
      const splitter = new FrameSplitter(104_857_600)
      splitter.push(bytes)
      expect(splitter.next()).toBeNull()
      return splitter
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(splitters.length * 10_000)
  })
})
