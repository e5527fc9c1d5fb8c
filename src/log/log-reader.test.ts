import { expect, test } from 'vitest'
import { openTestLog } from '../../test/support/test-log.ts'

const KB = 1024

test('a long read takes whole batches from the disk, and little that the next read would take again', async () => {
  const log = await openTestLog({ config: { 'segment.bytes': 64 * KB * KB } })
  const value = 'v'.repeat(10 * KB)
  for (let i = 0; i < 120; i++) await log.append([value])
  await log.reopen()
  let offset = 0
  const wasted: number[] = []
  while (offset < 120) {
    let asked = 0
    const allocate = (bytes: number): Uint8Array => new Uint8Array(asked = bytes)
    const answer = await log.drive(log.log.read(offset, { maxBytes: 256 * KB, isolation: 'logEnd', allocate }))
    expect(answer.records.length).toBeLessThanOrEqual(256 * KB)
    if (offset > 0 && answer.nextOffset < 120) wasted.push(asked - answer.records.length)
    expect(answer.nextOffset).toBeGreaterThan(offset)
    offset = answer.nextOffset
  }
  expect(wasted.length).toBeGreaterThan(2)
  // The header of the batch behind, which tells whether the last one's offsets can be.
  expect(Math.max(...wasted)).toBe(61)
})
