import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openTestLog, type TestLog } from '../../test/support/test-log.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { TailMemory } from './tail-cache.ts'

async function faultyLog(): Promise<{ t: TestLog; faults: FaultFileSystem }> {
  const disk = new SimulatedFileSystem()
  const faults = new FaultFileSystem(disk)
  return { t: await openTestLog({ disk, fileSystem: faults }), faults }
}

test('the producer state of a LogAppendTime topic keeps the stamped time, live as after recovery', async () => {
  const t = await openTestLog({ config: { 'message.timestamp.type': 'LogAppendTime' } })
  t.clock.setWall(2_000_000)
  await t.append([{ value: 'a', timestamp: 1_000_000 }], { producerId: 7, producerEpoch: 0, baseSequence: 0 })
  const live = t.log.activeProducers()
  expect(live).toMatchObject([{ producerId: 7, lastTimestamp: 2_000_000 }])
  const recovered = await t.crash()
  expect(recovered.log.activeProducers()).toEqual(live)
})

describe('where thousands of logs share the memory for the last bytes', () => {
  beforeEach(() => { vi.spyOn(TailMemory.prototype, 'isCrowded', 'get').mockReturnValue(true) })
  afterEach(() => { vi.restoreAllMocks() })

  test('a batch that comes alone is written from where it is, and read from the file', async () => {
    const { t, faults } = await faultyLog()
    for (const value of ['a', 'b', 'c']) await t.append([value])
    const before = faults.calls('read')
    expect(await t.values()).toEqual(['a', 'b', 'c'])
    expect(faults.calls('read')).toBeGreaterThan(before)
    for (let offset = 0; offset < 3; offset++) expect((await t.read(offset, { maxBytes: 1 })).map((record) => record.offset)).toEqual([offset])
  })

  test('batches that come together go with one write, and what follows them stands behind them', async () => {
    const { t, faults } = await faultyLog()
    await t.append(['a'])
    const before = faults.calls('write')
    await t.drive(Promise.all([t.send(['b']), t.send(['c'])]))
    expect(faults.calls('write') - before).toBe(1)
    await t.append(['d'])
    expect(await t.values()).toEqual(['a', 'b', 'c', 'd'])
    const recovered = await t.crash()
    expect(await recovered.values()).toEqual(['a', 'b', 'c', 'd'])
  })

  test('a failed write leaves the bytes to be sent again', async () => {
    const { t, faults } = await faultyLog()
    await t.append(['a'])
    const batch = buildBatch([{ timestamp: 1, value: Buffer.from('b') }])
    faults.inject({ call: 'write', error: 'ENOSPC' })
    const options = { origin: 'in-process', durable: true } as const
    await expect(t.drive(t.log.append(batch, options))).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(await t.drive(t.log.append(batch, options))).toMatchObject({ baseOffset: 1, lastOffset: 1 })
    expect(await t.values()).toEqual(['a', 'b'])
  })
})
