import { expect, test } from 'vitest'
import { isZeroed, ZEROS_AHEAD } from './zeros.ts'

const sourceOf = (bytes: Uint8Array): Parameters<typeof isZeroed>[0] => ({
  read: (target: Uint8Array, at: number, length: number, position: number) => {
    const part = bytes.subarray(position, position + length)
    target.set(part, at)
    return Promise.resolve(part.length)
  },
}) as Parameters<typeof isZeroed>[0]

test.each([100, ZEROS_AHEAD, ZEROS_AHEAD + 1, 2 * ZEROS_AHEAD + 5])('a range of %i zeros is told from what stands around it', async (length) => {
  const bytes = new Uint8Array(length + 20).fill(7)
  bytes.fill(0, 10, 10 + length)
  expect(await isZeroed(sourceOf(bytes), 10, 10 + length)).toBe(true)
  expect(await isZeroed(sourceOf(bytes), 9, 10 + length)).toBe(false)
  expect(await isZeroed(sourceOf(bytes), 10, 11 + length)).toBe(false)
  expect(await isZeroed(sourceOf(bytes.subarray(0, 10 + length)), 10, 20 + length)).toBe(true)
})
