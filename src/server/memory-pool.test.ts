import { expect, test } from 'vitest'
import { LEAST_POOLED, MemoryPool } from './memory-pool.ts'

const MIB = 2 ** 20

test('memory that came back is lent again, of about the size asked for', () => {
  const pool = new MemoryPool(16 * MIB)
  for (let bytes = LEAST_POOLED; bytes <= 4 * MIB; bytes = Math.ceil(bytes * 1.07)) {
    const memory = pool.take(bytes)
    expect(memory.length).toBe(bytes)
    expect(memory.buffer.byteLength).toBeGreaterThanOrEqual(bytes)
    expect(memory.buffer.byteLength).toBeLessThanOrEqual(bytes * 1.13)
    pool.give(memory.subarray(3, 9))
    expect(pool.take(bytes).buffer === memory.buffer).toBe(true)
  }
})

test('nothing is lent twice: what came back twice, from elsewhere, or too small or large counts once or not at all', () => {
  const pool = new MemoryPool(16 * MIB)
  const memory = pool.take(100_000)
  pool.give(memory)
  pool.give(memory)
  pool.give(Buffer.allocUnsafeSlow(memory.buffer.byteLength))
  expect(pool.idleBytes).toBe(memory.buffer.byteLength)
  expect(pool.take(100_000).buffer === memory.buffer).toBe(true)
  expect(pool.take(100_000).buffer === memory.buffer).toBe(false)
  for (const bytes of [0, 1, LEAST_POOLED - 1, 4 * MIB + 1]) {
    const odd = pool.take(bytes)
    expect(odd.length).toBe(bytes)
    pool.give(odd)
  }
  expect(pool.idleBytes).toBe(0)
})

test('it holds no more than its limit', () => {
  const pool = new MemoryPool(MIB)
  const lent = Array.from({ length: 5 }, () => pool.take(300_000))
  for (const memory of lent) pool.give(memory)
  expect(pool.idleBytes).toBeLessThanOrEqual(MIB)
  expect(pool.idleBytes).toBeGreaterThan(MIB / 2)
  const none = new MemoryPool(0)
  none.give(none.take(MIB))
  expect(none.idleBytes).toBe(0)
})

test('what was not wanted between two trims is let go, what was in use is kept', () => {
  const pool = new MemoryPool(16 * MIB)
  const lent = [pool.take(MIB), pool.take(MIB), pool.take(MIB)]
  for (const memory of lent) pool.give(memory)
  pool.trim()
  expect(pool.idleBytes).toBe(3 * MIB)
  const one = pool.take(MIB)
  pool.give(one)
  pool.trim()
  expect(pool.idleBytes).toBe(MIB)
  pool.trim()
  expect(pool.idleBytes).toBe(0)
  expect(pool.take(MIB).length).toBe(MIB)
})
