import { describe, expect, test } from 'vitest'
import { batchOf } from '../../test/support/raw-partition.ts'
import { crc32c } from '../record/crc32c.ts'
import type { ByteSource } from './batch-walker.ts'
import { findFollowingBatch } from './following-batch.ts'

const MAX = 2147483647

/** `holds`: so many bytes are there, whatever was claimed. */
function sourceOf(bytes: Uint8Array, holds: number = bytes.length): ByteSource {
  const readSync = (buffer: Uint8Array, offset: number, length: number, position: number): number => {
    const part = bytes.subarray(position, Math.max(position, Math.min(holds, position + length)))
    buffer.set(part, offset)
    return part.length
  }
  return { readSync, read: async (...call) => readSync(...call) }
}

const noise = (length: number): Buffer => Buffer.alloc(length, 0xee)
const batch = batchOf(12, 3)
const sealed = (change: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.from(batch)
  change(bytes)
  bytes.writeUInt32BE(crc32c(bytes, 21, bytes.length), 17)
  return bytes
}
const find = (bytes: Uint8Array, from = 0, minOffset = 0, end = bytes.length): ReturnType<typeof findFollowingBatch> =>
  findFollowingBatch(sourceOf(bytes), from, end, minOffset)
const at = (position: number, baseOffset = 12): object => ({ position, baseOffset, lastOffset: baseOffset + 2 })

describe('the batch behind a bad place', () => {
  test('is found where it begins, at any byte', async () => {
    for (const gap of [0, 1, 7, 61]) expect(await find(Buffer.concat([noise(gap), batch]))).toEqual(at(gap))
    expect(await find(Buffer.concat([batch, batchOf(20, 3)]), 1)).toEqual(at(batch.length, 20))
    expect(await find(Buffer.concat([noise(9), batch, noise(9)]), 0, 12)).toEqual(at(9))
  })

  test('is found across the border of what is read at once', async () => {
    for (const before of [1_048_576 - 70, 1_048_576 - 17, 1_048_576 - 16, 1_048_576 - 1, 1_048_576]) {
      expect(await find(Buffer.concat([noise(before), batch]))).toEqual(at(before))
    }
  })

  test('has an offset that can be', async () => {
    expect(await find(batch, 0, 13)).toBeNull()
    const far = Buffer.from(batch)
    far.writeBigInt64BE(BigInt(MAX + 5), 0)
    expect(await find(far, 0, 5)).toEqual(at(0, MAX + 5))
    expect(await find(far, 0, 4)).toBeNull()
  })

  test('is whole', async () => {
    expect(await find(batch.subarray(0, -1))).toBeNull()
    expect(await find(batch, 0, 0, batch.length - 1)).toBeNull()
    expect(await find(batch.subarray(0, 16))).toBeNull()
    expect(await find(new Uint8Array(0))).toBeNull()
    // The file is shorter than it was said to be.
    expect(await findFollowingBatch(sourceOf(batch, 16), 0, batch.length, 0)).toBeNull()
    expect(await findFollowingBatch(sourceOf(batch, batch.length - 1), 0, batch.length, 0)).toBeNull()
  })

  test.each<readonly [string, Uint8Array]>([
    ['a checksum that does not match', Buffer.from(batch).fill(1, 70, 71)],
    ['an unknown magic', sealed((bytes) => { bytes[16] = 3 })],
    ['an unknown codec', sealed((bytes) => { bytes[22] = 7 })],
    ['an end before its beginning', sealed((bytes) => { bytes.writeInt32BE(-1, 23) })],
    ['a length less than its header', sealed((bytes) => { bytes.writeInt32BE(20, 8) })],
    ['a negative length', sealed((bytes) => { bytes.writeInt32BE(-20, 8) })],
  ])('is not one with %s; the next good one is', async (_what, bad) => {
    expect(await find(Buffer.concat([bad, batchOf(20, 3)]))).toEqual(at(bad.length, 20))
  })

  test('of one record ends where it begins', async () => {
    expect(await find(batchOf(7, 1))).toEqual({ position: 0, baseOffset: 7, lastOffset: 7 })
  })

  test('is not looked for without end: what claims to be a GiB of batches is given up', async () => {
    const claim = (size: number): Buffer => {
      const bytes = Buffer.from(batch)
      bytes.writeInt32BE(size - 12, 8)
      return bytes
    }
    const size = 600 * 1024 * 1024
    const once = Buffer.concat([claim(size), batch])
    expect(await findFollowingBatch(sourceOf(once), 0, 2 * size, 0)).toEqual(at(batch.length))
    expect(await findFollowingBatch(sourceOf(Buffer.concat([claim(size), once])), 0, 2 * size, 0)).toBeNull()
  })

  test('cannot be looked for on a disk that fails', async () => {
    const failing = { readSync: () => 0, read: () => Promise.reject(new Error('EIO')) }
    await expect(findFollowingBatch(failing, 0, 100, 0)).rejects.toThrow('EIO')
    let calls = 0
    const read: ByteSource['read'] = (...call) => (calls++ === 0 ? sourceOf(batch).read(...call) : Promise.reject(new Error('EIO')))
    const later = { readSync: () => 0, read }
    await expect(findFollowingBatch(later, 0, batch.length, 0)).rejects.toThrow('EIO')
  })
})
