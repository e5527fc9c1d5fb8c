import { assert, double, integer, nat, property } from 'fast-check'
import { expect, test } from 'vitest'
import { KeyOffsets } from './key-offsets.ts'

const keyOf = (n: number): Buffer => Buffer.from(`key ${n}`)

test('knows of every key the last offset, as a map does, while it grows and once it is full', () => {
  assert(property(
    integer({ min: 1, max: 200_000 }), double({ min: 0.05, max: 0.95, noNaN: true }), integer({ min: 1, max: 6000 }), nat(1000),
    (bytes, loadFactor, distinct, step) => {
      const offsets = new KeyOffsets(bytes, loadFactor)
      const expected = new Map<number, number>()
      for (let offset = 0, key = 0; offset < 8000 && !offsets.isFull; offset++, key = (key + step + offset % 7) % distinct) {
        offsets.put(keyOf(key), offset)
        expected.set(key, offset)
        const asked = (key * 31 + offset) % distinct
        if (offsets.get(keyOf(asked)) !== (expected.get(asked) ?? -1)) throw new Error(`key ${asked} at offset ${offset}`)
      }
      expect(offsets.count).toBe(expected.size)
      for (const [key, offset] of expected) expect(offsets.get(keyOf(key))).toBe(offset)
      expect(offsets.get(Buffer.from('no key'))).toBe(-1)
      if (offsets.isFull) expect(expected.size).toBe(Math.max(1, Math.min(Math.max(2, Math.floor(bytes / 24)) - 1, Math.floor(Math.max(2, Math.floor(bytes / 24)) * loadFactor))))
    },
  ), { numRuns: 60 })
})
