import { describe, expect, test } from 'vitest'
import { findings, openTestLog, type TestLog } from '../../test/support/test-log.ts'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { checkLog } from './log-check.ts'
import { repairLogs } from './log-repair.ts'

const AHEAD = 256 * 1024
const preallocate = { preallocate: true, 'retention.ms': -1, 'file.delete.delay.ms': 0 } as const
const logOf = (t: TestLog, base = 0): string => `${t.directory}/${String(base).padStart(20, '0')}.log`
const bytesOf = (t: TestLog, base = 0): Uint8Array => t.disk.readFile(logOf(t, base))

/** Where batches end, by their lengths alone. */
function endOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  while (at + 12 <= bytes.length && view.getInt32(at + 8) > 0) at += 12 + view.getInt32(at + 8)
  return at
}

describe('a log that keeps zeros ahead', () => {
  test('has them behind what is durable, writes over them without growing the file, and puts new ones when they are used up', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'])
    const first = bytesOf(t)
    expect(first.length).toBe(endOf(first) + AHEAD)
    await t.append(['b'.repeat(1000)])
    expect(bytesOf(t).length).toBe(first.length)
    for (let i = 0; i < 10; i++) await t.append(['c'.repeat(30_000)])
    const grown = bytesOf(t)
    expect(grown.length).toBeGreaterThan(first.length + 30_000)
    expect(grown.length).toBeLessThanOrEqual(endOf(grown) + AHEAD)
    expect((await t.values()).length).toBe(12)
  })

  test('leaves none in a file that it closes or rolls, and none past segment.bytes', async () => {
    const t = await openTestLog({ config: { ...preallocate, 'segment.bytes': 1000 } })
    await t.append(['a'])
    expect(bytesOf(t).length).toBe(1000)
    await t.append(['b'.repeat(920)])
    expect(bytesOf(t).length).toBe(endOf(bytesOf(t)))
    expect(t.fileNames().filter((name) => name.endsWith('.log'))).toHaveLength(2)
    await t.append(['c'.repeat(10)])
    await t.close()
    for (const name of t.fileNames().filter((each) => each.endsWith('.log'))) {
      const bytes = t.disk.readFile(`${t.directory}/${name}`)
      expect(bytes.length, name).toBe(endOf(bytes))
    }
    await t.open()
    expect(t.manager.recoveryReports).toEqual([])
    expect((await t.values()).length).toBe(3)
  })

  test('puts new ones up to segment.bytes and no farther, however far it has grown', async () => {
    const t = await openTestLog({ config: { ...preallocate, 'segment.bytes': 400_000 } })
    for (let i = 0; i < 10; i++) await t.append(['x'.repeat(30_000)])
    expect([t.log.segmentCount, endOf(bytesOf(t)) > AHEAD + 31_000, bytesOf(t).length]).toEqual([1, true, 400_000])
  })

  test('makes the shorter file durable before a clean stop is recorded', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'])
    await t.close()
    const after = await t.crash(t.disk.survivors('lose-all'))
    expect(after.manager.recoveryReports).toEqual([])
    expect(await after.values()).toEqual(['a'])
  })

  test('puts none for appends that nobody waits to be durable, nor for large ones', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'], {}, { durable: false })
    expect(bytesOf(t).length).toBe(endOf(bytesOf(t)))
    await t.append(['b'.repeat(40_000)])
    expect(bytesOf(t).length).toBe(endOf(bytesOf(t)))
  })

  test('that was killed ends where its records end, with nothing to report, and nothing looks wrong', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'])
    await t.append(['b'])
    const killed = t.disk.survivors('keep-all')
    expect(await findings(killed, '/data')).toEqual([])
    const found: string[] = []
    for await (const { severity, code } of checkLog(killed, '/data')) found.push(`${severity} ${code}`)
    expect(found).toContain('info TORN_TAIL')
    const more = t.disk.survivors('keep-all')
    const records = bytesOf(t).slice(0, endOf(bytesOf(t)))
    writeWhole(more, logOf(t), Buffer.concat([records, Buffer.alloc(AHEAD + 1)]))
    expect((await findings(more, '/data')).map(({ severity, code }) => `${severity} ${code}`)).toEqual(['warning TORN_TAIL'])
    const reader = await t.crash(killed, { readOnly: true, check: false })
    expect(await reader.values()).toEqual(['a', 'b'])
    await reader.close()
    const after = await t.crash(killed)
    expect(await after.values()).toEqual(['a', 'b'])
    expect(after.manager.recoveryReports.flatMap(({ dropped }) => dropped)).toEqual([])
    expect(bytesOf(after).length).toBe(endOf(bytesOf(after)))
    expect(after.fileNames().filter((name) => name.includes('damaged'))).toEqual([])
  })

  test('that was killed is not repaired for its zeros, unless something tells that there were records', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'])
    const repaired = async (disk: SimulatedFileSystem): Promise<string[]> => {
      const kinds: string[] = []
      for await (const { kind } of repairLogs(disk, t.clock, '/data')) kinds.push(kind)
      return kinds
    }
    const killed = t.disk.survivors('keep-all')
    expect(await repaired(killed)).toEqual([])
    expect(await (await t.crash(killed)).values()).toEqual(['a'])
    await t.append(['b'])
    await t.drive(t.manager.checkpoint())
    const zeroed = t.disk.survivors('keep-all')
    const handle = zeroed.open(logOf(t), 'write')
    handle.writeSync(Buffer.alloc(69), 0, 69, 69)
    handle.close()
    expect(await repaired(zeroed)).toEqual(['taken-out', 'end-kept'])
  })

  test('reports what is no zero in what it cuts off', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'])
    const killed = t.disk.survivors('keep-all')
    const handle = killed.open(logOf(t), 'write')
    handle.writeSync(Buffer.from('x'), 0, 1, endOf(bytesOf(t)) + 5000)
    handle.close()
    const after = await t.crash(killed)
    expect(after.manager.recoveryReports.flatMap(({ dropped }) => dropped)).toMatchObject([{ bytes: AHEAD, firstOffset: 1 }])
  })

  test('has nothing lost when the setting was taken back between a kill and the open, and says that zeros went', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'])
    const after = await t.crash(t.disk.survivors('keep-all'), { config: { ...preallocate, preallocate: false } })
    expect(await after.values()).toEqual(['a'])
    expect(bytesOf(after).length).toBe(endOf(bytesOf(after)))
    expect(after.manager.recoveryReports.map(({ dropped, notes }) => ({ dropped, notes: notes.map(({ code }) => code) }))).toEqual([{ dropped: [], notes: ['TAIL_CUT'] }])
  })

  test.each([true, false])('reports zeros where records were durable or had been read, whether it still puts some (%s) or not', async (still) => {
    for (const file of ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint']) {
      const t = await openTestLog({ config: preallocate })
      await t.append(['a'])
      const first = endOf(bytesOf(t))
      await t.append(['b'])
      const killed = t.disk.survivors('keep-all')
      writeWhole(killed, `/data/${file}`, Buffer.from('0\n1\nt 0 2\n'))
      const handle = killed.open(logOf(t), 'write')
      handle.writeSync(new Uint8Array(first), 0, first, first)
      handle.close()
      const after = await t.crash(killed, { check: false, config: { ...preallocate, preallocate: still } })
      expect(after.manager.recoveryReports.flatMap(({ dropped }) => dropped), file).toMatchObject([{ bytes: AHEAD, firstOffset: 1, position: first }])
    }
  })

  test('reports zeros behind the end of a log that was closed cleanly and puts none, where no checkpoint tells of the end', async () => {
    const t = await openTestLog({ config: { ...preallocate, preallocate: false } })
    await t.append(['a'])
    await t.close()
    t.skipCheck()
    const disk = t.disk.survivors('keep-all')
    const handle = disk.open(logOf(t), 'write')
    handle.truncate(handle.size() + 100)
    handle.close()
    writeWhole(disk, '/data/replication-offset-checkpoint', Buffer.from('0\n0\n'))
    const after = await t.crash(disk, { check: false })
    expect(after.manager.recoveryReports.flatMap(({ dropped }) => dropped)).toMatchObject([{ bytes: 100, firstOffset: 1, keptAs: expect.stringContaining('damaged') }])
  })

  test('reports more zeros than it ever puts ahead: something was not written', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'])
    const killed = t.disk.survivors('keep-all')
    const handle = killed.open(logOf(t), 'write')
    handle.truncate(handle.size() + 1)
    handle.close()
    const after = await t.crash(killed)
    expect(after.manager.recoveryReports.flatMap(({ dropped }) => dropped)).toMatchObject([{ bytes: AHEAD + 1, firstOffset: 1 }])
  })

  test('stops when the setting is taken back, and rolls to an exact file', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'])
    t.configure({ preallocate: false, 'segment.bytes': 200 })
    const { length } = bytesOf(t)
    await t.append(['b'.repeat(20)])
    expect(bytesOf(t).length).toBe(length)
    await t.append(['c'.repeat(120)])
    expect(bytesOf(t).length).toBe(endOf(bytesOf(t)))
  })

  test('takes them from the files of a truncated log', async () => {
    const t = await openTestLog({ config: preallocate })
    await t.append(['a'])
    await t.append(['b'])
    await t.drive(t.log.truncateTo(1))
    expect(bytesOf(t).length).toBe(endOf(bytesOf(t)))
    await t.append(['c'])
    expect(await t.values()).toEqual(['a', 'c'])
  })
})

describe('on a disk that fails', () => {
  const faulty = async (): Promise<{ t: TestLog; faults: FaultFileSystem }> => {
    const clock = new ManualClock()
    const disk = new SimulatedFileSystem({ clock })
    const faults = new FaultFileSystem(disk)
    return { t: await openTestLog({ disk, clock, fileSystem: faults, config: preallocate }), faults }
  }

  test('zeros for which there is no room cost nobody an append, and what was written of them is gone before the next', async () => {
    const { t, faults } = await faulty()
    faults.inject({ call: 'write', nth: 2, path: /\.log$/, error: 'ENOSPC', written: 5000 })
    await t.append(['a'])
    expect(faults.injected).toBe(1)
    expect(bytesOf(t).length).toBe(endOf(bytesOf(t)) + 5000)
    t.configure({ preallocate: false })
    await t.append(['b'])
    expect(bytesOf(t).length).toBe(endOf(bytesOf(t)))
    expect(await t.values()).toEqual(['a', 'b'])
  })

  test('zeros for which there was no room are gone from a file that is closed next', async () => {
    const { t, faults } = await faulty()
    faults.inject({ call: 'write', nth: 2, path: /\.log$/, error: 'ENOSPC', written: 5000 })
    await t.append(['a'])
    await t.close()
    expect(bytesOf(t).length).toBe(endOf(bytesOf(t)))
  })

  test('a write over zeros that fails half-way leaves nothing of itself', async () => {
    const { t, faults } = await faulty()
    await t.append(['a'])
    faults.inject({ call: 'write', path: /\.log$/, error: 'EIO', written: 30 })
    await expect(t.append(['lost'.repeat(50)])).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    await t.append(['b'])
    expect(await t.values()).toEqual(['a', 'b'])
    await t.reopen()
    expect(t.manager.recoveryReports).toEqual([])
    expect(await t.values()).toEqual(['a', 'b'])
  })
})

test('zeros that a power cut gave back to a segment rolled at the recovery point are cut off before anybody reads there', async () => {
  const t = await openTestLog({ config: { ...preallocate, 'segment.bytes': 1000 } })
  await t.append(['a'])
  await t.drive(t.manager.checkpoint())
  t.disk.settle()
  const firstEnd = endOf(bytesOf(t))
  await t.append(['b'.repeat(920)], {}, { durable: false })
  let given = 0
  for (const state of t.disk.crashStates({ maxExhaustive: 64, maxSubsets: 16 })) {
    const disk = state.restore()
    const isBack = disk.stat(logOf(t))?.size === 1000 && disk.stat(logOf(t, 1)) !== null
    for (const readOnly of [true, false]) {
      const after = await t.crash(state.restore(), { readOnly, check: !readOnly })
      expect((await after.values())[0], state.describe()).toBe('a')
      await after.close()
      // The recovery point is behind it now: nobody would look for them again.
      if (!readOnly && isBack) expect(after.disk.survivors('lose-all').stat(logOf(t))?.size, state.describe()).toBe(firstEnd)
    }
    if (isBack) given++
  }
  expect(given).toBeGreaterThan(0)
})

test('zeros in the place of a record that was there are no reserve: a segment rolled at the recovery point keeps its length, and the reader meets the damage', async () => {
  const t = await openTestLog({ config: { ...preallocate, 'segment.bytes': 1000 } })
  await t.append(['a'])
  const first = endOf(bytesOf(t))
  await t.append(['b'])
  await t.drive(t.manager.checkpoint())
  await t.append(['c'.repeat(920)], {}, { durable: false })
  const killed = t.disk.survivors('keep-all')
  const { length } = killed.readFile(logOf(t))
  const handle = killed.open(logOf(t), 'write')
  handle.writeSync(new Uint8Array(length - first), 0, length - first, first)
  handle.close()
  const after = await t.crash(killed, { check: false })
  expect(after.disk.readFile(logOf(t)).length).toBe(length)
  await expect(after.read(1)).rejects.toMatchObject({ code: 'LOG_CORRUPT', offset: 1 })
  expect((await after.read(2)).length).toBe(1)
})
