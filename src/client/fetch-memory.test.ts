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

  test('is kept for three fetches, not for far smaller ones, and not when the consumer has caught up', () => {
    const memory = new FetchMemory()
    const buffers = Array.from({ length: 5 }, () => memory.allocate(MIB))
    for (const buffer of buffers) memory.leaseOf(buffer)!.release()
    expect(memory.allocate(MIB / 4).buffer).not.toBe(buffers[2]!.buffer)
    const again = Array.from({ length: 4 }, () => memory.allocate(MIB).buffer)
    expect(again.map((each) => buffers.some((buffer) => buffer.buffer === each))).toEqual([true, true, true, false])
    const last = memory.allocate(MIB)
    memory.leaseOf(last)!.release()
    memory.trim()
    expect(memory.allocate(MIB).buffer).not.toBe(last.buffer)
  })
})
