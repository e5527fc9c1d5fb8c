import { expect, test } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

test('eleven seconds are saved up, and no more, however long nothing is taken', () => {
  for (const quietMs of [0, 5000, 1_000_000]) {
    const bucket = new TokenBucket()
    bucket.take(110, 10, 0)
    expect(bucket.debtMs(10, 0)).toBe(0)
    const saved = Math.min(110, quietMs / 100)
    bucket.take(saved, 10, quietMs)
    expect(bucket.debtMs(10, quietMs)).toBe(0)
    bucket.take(5, 10, quietMs)
    expect([bucket.debtMs(10, quietMs), bucket.debtMs(10, quietMs + 200), bucket.debtMs(10, quietMs + 500)]).toEqual([500, 300, 0])
  }
})

test('it is full when nothing would be gained by a new one', () => {
  const bucket = new TokenBucket()
  bucket.take(10, 10, 0)
  expect([bucket.isFull(999), bucket.isFull(1000)]).toEqual([false, true])
})
