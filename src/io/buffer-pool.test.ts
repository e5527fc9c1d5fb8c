import { describe, expect, test } from 'vitest'
import { BufferPool } from './buffer-pool.ts'

describe('BufferPool', () => {
  test.each([
    [0, 4096], [1, 4096], [4096, 4096], [4097, 8192], [1_000_000, 2 ** 20], [2 ** 20, 2 ** 20], [2 ** 20 + 1, 2 ** 21],
  ])('a request for %i bytes gets %i', (length, size) => {
    expect(new BufferPool(1e9).take(length)).toHaveLength(size)
  })

  test('a buffer that was given back is taken again, by a request of its size only', () => {
    const pool = new BufferPool(1e6)
    const buffer = pool.take(5000)
    pool.give(buffer)
    expect(pool.idleBytes).toBe(8192)
    expect(pool.take(4096)).not.toBe(buffer)
    expect(pool.take(8192)).toBe(buffer)
    expect(pool.idleBytes).toBe(0)
    expect(pool.take(8192)).not.toBe(buffer)
  })

  test('keeps no more than its limit, and nothing over the largest size', () => {
    const pool = new BufferPool(20_000, 8192)
    const buffers = [8192, 8192, 8192, 16_384].map((length) => pool.take(length))
    for (const buffer of buffers) pool.give(buffer)
    expect(pool.idleBytes).toBe(16_384)
    expect(pool.take(16_384)).not.toBe(buffers[3])
    pool.clear()
    expect(pool.idleBytes).toBe(0)
  })

  test('a buffer given twice, or a part of one, is refused', () => {
    const pool = new BufferPool(1e6)
    const buffer = pool.take(100)
    expect(() => pool.give(buffer.subarray(0, 100))).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
    pool.give(buffer)
    expect(() => pool.give(buffer)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })

  test.each([-1, NaN, 2 ** 31 + 1])('a request for %d bytes is refused', (length) => {
    expect(() => new BufferPool(1e6).take(length)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })

  test('buffers do not share memory', () => {
    const pool = new BufferPool(1e6)
    const [a, b] = [pool.take(10), pool.take(10)]
    expect(a.buffer).not.toBe(b.buffer)
    expect(a.byteOffset).toBe(0)
  })
})
