import { describe, expect, test } from 'vitest'
import { findings, TestLog } from '../../test/support/test-log.ts'
import { OttlaError } from '../common/errors.ts'
import type { Fault } from '../testing/fault.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

const config = { 'segment.bytes': 420, 'index.interval.bytes': 100, 'retention.bytes': 900, 'file.delete.delay.ms': 0 } as const

interface Outcome { readonly acked: Map<number, string>; readonly attempted: string[]; readonly disk: SimulatedFileSystem; readonly injected: number; readonly start: number }

/** Everything that touches the disk in the life of a log; whatever fails on the way is noted and the next step is tried all the same. */
async function live(fault: Fault): Promise<Outcome> {
  const clock = new ManualClock()
  const disk = new SimulatedFileSystem({ clock })
  const faults = new FaultFileSystem(disk)
  const t = new TestLog({ config, disk, clock, fileSystem: faults, check: false })
  const acked = new Map<number, string>()
  const attempted: string[] = []
  let start = 0
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      if (!OttlaError.is(error) || error.code === 'INTERNAL') throw error
    }
  }
  const append = async (): Promise<void> => {
    const value = `value ${attempted.length}`
    attempted.push(value)
    const { baseOffset } = await t.append([value])
    acked.set(baseOffset, value)
  }
  faults.inject(fault)
  for (let round = 0; round < 2; round++) {
    await attempt(() => t.open())
    let opened = false
    try {
      opened = t.log !== undefined
    } catch { /* the open failed */ }
    if (!opened) {
      faults.heal()
      continue
    }
    for (let i = 0; i < 9; i++) await attempt(append)
    await attempt(async () => { start = Math.max(start, await t.drive(t.log.deleteRecordsBefore(Math.min(3, t.log.highWatermark)))) })
    await attempt(() => t.drive(t.log.applyRetention(clock.now())))
    start = Math.max(start, t.log.logStartOffset)
    await attempt(() => t.drive(t.scheduler.advance(61_000)))
    await attempt(append)
    await attempt(() => t.read(t.log.logStartOffset))
    await attempt(() => t.close())
    faults.heal()
  }
  return { acked, attempted, disk, injected: faults.injected, start }
}

async function judge({ acked, attempted, disk, start }: Outcome, survivors: SimulatedFileSystem, what: string): Promise<void> {
  const t = new TestLog({ config, disk: survivors, check: false })
  await t.open()
  const found = new Map((await t.readAll()).map((record) => [record.offset, Buffer.from(record.value!).toString()]))
  for (const [offset, value] of acked) {
    if (offset < t.log.logStartOffset && offset < start) continue
    expect(found.get(offset), `${what}: acknowledged at ${offset}`).toBe(value)
  }
  for (const value of found.values()) expect(attempted, what).toContain(value)
  await t.append(['afterwards'])
  await t.close()
  expect((await findings(survivors, '/data')).filter((finding) => finding.severity === 'error'), what).toEqual([])
  expect(disk).toBeDefined()
}

describe('when any one call to the disk fails', () => {
  const faults = [['EIO', false], ['ENOSPC', false], ['EMFILE', false], ['EIO', true], ['ENOSPC', true]] as const
  test.each(faults)('with %s (and all later ones: %s), nothing acknowledged is lost, and nothing hangs', async (error, sticky) => {
    let fired = 0
    for (let nth = 1; ; nth += sticky ? 7 : 1) {
      const outcome = await live({ call: 'any', nth, error, sticky })
      if (outcome.injected === 0) break
      fired++
      await judge(outcome, outcome.disk.survivors('keep-all'), `${error} at call ${nth}, then killed`)
      await judge(outcome, outcome.disk.survivors('lose-all'), `${error} at call ${nth}, then the power was cut`)
    }
    expect(fired).toBeGreaterThan(sticky ? 20 : 145)
  }, 120_000)
})
