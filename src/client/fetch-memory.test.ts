import { describe, expect, test } from 'vitest'
import { FetchMemory, fetchShare } from './fetch-memory.ts'

const MIB = 1024 * 1024

describe('memory of fetches', () => {
  test('is used again once everybody who held it has let go', () => {
    const memory = new FetchMemory()
    const first = memory.allocate(MIB)
    const lease = memory.leaseOf(first.subarray(10, 500))!
    lease.hold()
    lease.release()
    expect(memory.allocate(MIB).buffer).not.toBe(first.buffer)
    lease.release()
    expect(memory.allocate(MIB - 100).buffer).toBe(first.buffer)
  })

  test('is never used again when somebody pinned it', () => {
    const memory = new FetchMemory()
    const first = memory.allocate(MIB)
    const lease = memory.leaseOf(first)!
    lease.pin()
    lease.release()
    expect(memory.allocate(MIB).buffer).not.toBe(first.buffer)
  })

  test('is leased once, and only where it is from here and worth it', () => {
    const memory = new FetchMemory()
    expect(memory.leaseOf(Buffer.alloc(MIB))).toBeNull()
    expect(memory.leaseOf(memory.allocate(100))).toBeNull()
    const first = memory.allocate(MIB)
    expect(memory.leaseOf(first)).not.toBeNull()
    expect(memory.leaseOf(first)).toBeNull()
  })

  test('is shared by the consumers of a database: the more there are, the less one fetch may bring', () => {
    expect([1, 8, 32, 1000].map(fetchShare)).toEqual([32 * MIB, 4 * MIB, MIB, MIB / 8])
  })

  test('is kept for eight fetches, not for far smaller ones, and not when the consumer has caught up', () => {
    const memory = new FetchMemory()
    const buffers = Array.from({ length: 10 }, () => memory.allocate(MIB))
    for (const buffer of buffers) memory.leaseOf(buffer)!.release()
    expect(memory.allocate(MIB / 4).buffer).not.toBe(buffers[2]!.buffer)
    const again = Array.from({ length: 9 }, () => memory.allocate(MIB).buffer)
    expect(again.map((each) => buffers.some((buffer) => buffer.buffer === each))).toEqual([...Array.from({ length: 8 }, () => true), false])
    const last = memory.allocate(MIB)
    memory.leaseOf(last)!.release()
    memory.trim()
    expect(memory.allocate(MIB).buffer).not.toBe(last.buffer)
  })

  test('of many smaller fetches is kept up to three fetches of one partition', () => {
    const memory = new FetchMemory()
    memory.begin(false, MIB)
    const kept = (sizes: readonly number[]): number => {
      const buffers = sizes.map((size) => memory.allocate(size))
      for (const buffer of buffers) memory.leaseOf(buffer)!.release()
      const old = new Set(buffers.map(({ buffer }) => buffer))
      const again = sizes.map((size) => memory.allocate(size))
      memory.trim()
      return again.filter(({ buffer }) => old.has(buffer)).length
    }
    expect(kept(Array.from({ length: 100 }, () => MIB / 8))).toBe(24)
    // What was used again does not count twice.
    for (let i = 0; i < 5; i++) expect(kept(Array.from({ length: 20 }, () => MIB / 8))).toBe(20)
    for (let i = 0; i < 20; i++) memory.leaseOf(memory.allocate(MIB / 2))!.release()
    memory.trim()
    expect(kept(Array.from({ length: 100 }, () => MIB / 8))).toBe(24)
    const one = memory.allocate(MIB)
    for (let i = 0; i < 50; i++) {
      memory.leaseOf(one)!.release()
      expect(memory.allocate(MIB).buffer).toBe(one.buffer)
    }
    expect(kept(Array.from({ length: 100 }, () => MIB / 8))).toBe(24)
  })

  test('of many small answers is shared, and used again once the fetch has ended and nobody holds any of it', () => {
    const memory = new FetchMemory()
    memory.begin(true, MIB)
    const pieces = Array.from({ length: 30 }, () => memory.allocate(5000))
    const regions = new Set(pieces.map((piece) => piece.buffer))
    expect(regions.size).toBe(3)
    pieces.forEach((piece, i) => piece.fill(i))
    expect(pieces.map((piece) => piece.every((byte) => byte === piece[0]) && piece[0])).toEqual(pieces.map((_, i) => i))
    const leases = pieces.map((piece) => memory.leaseOf(piece)!)
    for (const lease of leases.slice(0, 13)) lease.release()
    // The first was filled by this fetch, which may have answers in it that are not leased yet.
    expect(memory.allocate(16_000).buffer).not.toBe(pieces[0]!.buffer)
    expect(Array.from({ length: 5 }, () => memory.allocate(16_000).buffer)).not.toContain(pieces[0]!.buffer)
    memory.end(true)
    memory.begin(true, MIB)
    const next = new Set(Array.from({ length: 8 }, () => memory.allocate(16_000).buffer))
    expect([next.has(pieces[0]!.buffer), next.has(pieces[13]!.buffer)]).toEqual([true, false])
  })

  test('that is shared is not used again where a record was kept, nor where a fetch had no answer', () => {
    const memory = new FetchMemory()
    const fill = (): { first: ArrayBufferLike; release(): void; pin(): void } => {
      memory.begin(true, MIB)
      const pieces = Array.from({ length: 12 }, () => memory.allocate(16_000))
      const leases = pieces.map((piece) => memory.leaseOf(piece)!)
      return { first: pieces[0]!.buffer, release: () => leases.forEach((lease) => lease.release()), pin: () => leases[0]!.pin() }
    }
    const next = (): ArrayBufferLike[] => Array.from({ length: 12 }, () => memory.allocate(16_000).buffer)
    const kept = fill()
    memory.end(true)
    kept.pin()
    kept.release()
    const lost = fill()
    memory.end(false)
    lost.release()
    memory.begin(true, MIB)
    const used = new Set(next())
    expect([used.has(kept.first), used.has(lost.first)]).toEqual([false, false])
    memory.end(true)
    memory.begin(false, MIB)
    expect(memory.leaseOf(memory.allocate(1000))).toBeNull()
  })

  test('that is shared and used again has room for as many answers as before', () => {
    const memory = new FetchMemory()
    let first: ArrayBufferLike | null = null
    for (let round = 0; round < 3; round++) {
      memory.begin(true, MIB)
      const pieces = Array.from({ length: 13 }, () => memory.allocate(10_000))
      first ??= pieces[0]!.buffer
      expect(pieces.map((piece) => piece.length)).toEqual(pieces.map(() => 10_000))
      pieces.forEach((piece, i) => piece.fill(i))
      expect(pieces.every((piece, i) => piece.every((byte) => byte === i))).toBe(true)
      if (round === 2) expect(pieces.some((piece) => piece.buffer === first)).toBe(true)
      for (const lease of pieces.map((piece) => memory.leaseOf(piece)!)) lease.release()
      memory.end(true)
    }
  })
})
