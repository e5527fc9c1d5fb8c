/**
 * The moment of the acknowledgement: what must hold at the very instant at which `append` answers, by any disk that a power cut may leave then. Other power-cut
 * tests judge after the disk has come to rest, when a sync that was forgotten may have been made good by a later one.
 */
import { describe, expect, test } from 'vitest'
import { FaultFileSystem } from '../../src/testing/fault-file-system.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'
import { openTestLog, TestLog } from '../support/test-log.ts'

const tiny = { 'segment.bytes': 400, 'index.interval.bytes': 100, 'file.delete.delay.ms': 0, 'retention.ms': -1 } as const

async function valuesOn(disk: SimulatedFileSystem): Promise<string[]> {
  const t = new TestLog({ config: tiny, check: false, disk })
  await t.open()
  const values = await t.values()
  await t.close()
  return values
}

describe('at the moment of an acknowledgement', () => {
  test.each([
    ['one append at a time', 1, (): boolean => true], ['three at a time', 3, (): boolean => true], ['every third is durable', 1, (i: number): boolean => i % 3 === 2],
  ] as const)('all that it promises is on the disk, through rolls (%s)', async (_name, width, durable) => {
    const t = await openTestLog({ config: tiny, check: false })
    t.disk.settle()
    const attempted: string[] = []
    let promised = 0
    for (let i = 0; i < 15; i += width) {
      const sends = Array.from({ length: width }, (_, k) => {
        const value = `value ${i + k} ${'x'.repeat((i + k) * 7 % 60)}`
        const count = attempted.push(value)
        return t.send([value], {}, { durable: durable(i + k) }).then(() => { if (durable(i + k)) t.disk.mark(`ack ${promised = Math.max(promised, count)}`) })
      })
      await t.drive(Promise.all(sends))
    }
    expect(t.log.segmentCount).toBeGreaterThan(3)
    let states = 0
    for (const state of t.disk.crashStates({ maxExhaustive: 16, maxSubsets: 4 })) {
      states++
      const acked = Math.max(0, ...state.marks.filter((mark) => mark.startsWith('ack ')).map((mark) => Number(mark.slice(4))))
      const found = await valuesOn(state.restore())
      expect(found.slice(0, acked), state.describe()).toEqual(attempted.slice(0, acked))
    }
    expect(states).toBeGreaterThan(100)
  }, 120_000)
})

test('a recovery point is written down only when everything below it is on the disk', async () => {
  const disk = new SimulatedFileSystem()
  const faults = new FaultFileSystem(disk)
  const t = await openTestLog({ disk, fileSystem: faults, config: tiny, check: false })
  disk.settle()
  const held = faults.holdSyncs(/\/0{20}\.log$/)
  for (let i = 0; t.log.segmentCount < 3; i++) await t.append([`value ${i}`], {}, { durable: false })
  await t.drive(t.scheduler.advance(200_000))
  expect(held.waiting).toBeGreaterThan(0)
  const after = new TestLog({ config: tiny, check: false, disk: disk.survivors('lose-all') })
  await after.open()
  expect(after.manager.recoveryReports.flatMap((report) => report.notes).map((note) => note.code)).not.toContain('ENDS_BELOW_RECOVERY_POINT')
  held.release()
})

test('an acknowledgement waits for the segment before, too: it promises everything up to its record', async () => {
  const disk = new SimulatedFileSystem()
  const faults = new FaultFileSystem(disk)
  const t = await openTestLog({ disk, fileSystem: faults, config: tiny, check: false })
  disk.settle()
  const held = faults.holdSyncs(/\/0{20}\.log$/)
  for (let i = 0; t.log.segmentCount < 2; i++) await t.append([`value ${i}`], {}, { durable: false })
  let isAcked = false
  const durable = t.send(['promised']).then(() => { isAcked = true })
  await t.scheduler.advance(1000)
  expect(isAcked).toBe(false)
  held.release()
  await t.drive(durable)
  expect(isAcked).toBe(true)
  expect(await valuesOn(disk.survivors('lose-all'))).toContain('promised')
})
