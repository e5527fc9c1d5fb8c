import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatInt64, parseInt64 } from './wide-integer.ts'

describe('64-bit integers as decimal text', () => {
  test('known values read and write the same way', () => {
    const known: [number, number, string][] = [
      [0, 0, '0'], [0, 1, '1'], [-1, 0xffffffff, '-1'], [0, 0xffffffff, '4294967295'], [1, 0, '4294967296'], [-1, 0, '-4294967296'],
      [0x7fffffff, 0xffffffff, '9223372036854775807'], [-0x80000000, 0, '-9223372036854775808'], [0x0020_0000, 0, '9007199254740992'],
      [0xdaed0049 | 0, 0xd3bfc956, '-2671478686875661994'], [0x0de0b6b3, 0xa7640000, '1000000000000000000'], [0, 1_000_000_000, '1000000000'],
    ]
    for (const [high, low, text] of known) {
      expect(formatInt64(high, low)).toBe(text)
      expect(parseInt64(text)).toEqual({ high: high >>> 0, low })
    }
  })

  test('any pair of halves survives the round trip', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 0xffffffff }), (high, low) => {
      expect(parseInt64(formatInt64(high, low))).toEqual({ high, low })
    }))
  })

  test('safe integers have their usual text', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (value) => {
      const high = Math.floor(value / 4294967296)
      expect(formatInt64(high, value - high * 4294967296)).toBe(String(value))
    }))
  })

  test('texts that are no 64-bit integer are refused', () => {
    const none = ['', '-', '+1', '1.5', '0x10', ' 1', '9223372036854775808', '-9223372036854775809', '99999999999999999999']
    for (const text of none) expect(parseInt64(text)).toBeNull()
  })
})
