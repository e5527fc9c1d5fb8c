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

test.each([[1], [16], [17], [60], [61], [70]])('a sealed segment that ends %i bytes into its last batch is read up to there, told of at that batch, and passed by behind it', async (bytes) => {
  const t = await openTestLog({ config: { 'segment.bytes': 420, 'index.interval.bytes': 100, 'retention.ms': -1 }, check: false })
  for (let i = 0; i < 12; i++) await t.append([`value ${i}`])
  await t.close()
  const [first, second] = t.fileNames().filter((name) => name.endsWith('.log'))
  const path = `${t.directory}/${first!}`
  const next = Number.parseInt(second!, 10)
  const log = Buffer.from(t.disk.readFile(path))
  let last = 0
  for (let at = 0; at < log.length; at += 12 + log.readInt32BE(at + 8)) last = at
  const file = t.disk.open(path, 'write')
  file.truncate(last + bytes)
  file.close()
  await t.open()
  for (let offset = 0; offset < next - 1; offset++) expect((await t.read(offset)).map((record) => record.offset)[0]).toBe(offset)
  await expect(t.read(next - 1)).rejects.toMatchObject({ code: 'LOG_CORRUPT', file: path, position: last, offset: next - 1 })
  expect((await t.read(next))[0]).toMatchObject({ offset: next })
})

test('where a log ends in a hole, a read in front of it gives nothing and says where the end is; one that may not bring the batch there is does not', async () => {
  const t = await openTestLog()
  await t.append(['a', 'b', 'c'])
  await t.append(['d', 'e', 'f'])
  // Of the second batch nothing stays: batches are not split.
  await t.drive(t.log.truncateTo(5))
  expect(t.log.logEndOffset).toBe(5)
  const read = async (offset: number, maxBytes: number): Promise<[number, number]> => {
    const { records, nextOffset } = await t.drive(t.log.read(offset, { maxBytes, minOneMessage: false, isolation: 'logEnd' }))
    return [records.length > 0 ? 1 : 0, nextOffset]
  }
  for (const offset of [3, 4, 5]) expect(await read(offset, 1000)).toEqual([0, 5])
  expect([await read(0, 1000), await read(2, 1)]).toEqual([[1, 3], [0, 2]])
  await t.append(['g'])
  expect(await read(3, 1000)).toEqual([1, 6])
})
