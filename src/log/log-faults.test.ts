import { describe, expect, test } from 'vitest'
import { openTestLog, TestLog } from '../../test/support/test-log.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import type { LogEvents } from './log-types.ts'

interface Faulty { readonly t: TestLog; readonly faults: FaultFileSystem; readonly events: string[] }

async function faulty(config: Parameters<typeof openTestLog>[0] = {}): Promise<Faulty> {
  const clock = new ManualClock()
  const disk = new SimulatedFileSystem({ clock })
  const faults = new FaultFileSystem(disk)
  const events: string[] = []
  const listen: LogEvents = {
    onOffline: (log, error) => events.push(`offline ${log.topic}-${log.partition} ${error.code}`),
    onDiskFull: (_log, error) => events.push(`full ${error.code}`),
    onDiskResumed: () => events.push('resumed'),
  }
  const t = await openTestLog({ disk, clock, fileSystem: faults, manager: { events: listen }, ...config })
  return { t, faults, events }
}

const producer = { producerId: 3, producerEpoch: 0 }

describe('a write that fails', () => {
  test.each([['ENOSPC', 'DISK_FULL', undefined], ['ENOSPC', 'DISK_FULL', 40], ['EIO', 'KAFKA_STORAGE_ERROR', 10]] as const)(
    'changes nothing (%s, told as %s, %s bytes written), and the next append goes through', async (error, code, written) => {
      const { t, faults } = await faulty()
      await t.append(['a'], { ...producer, baseSequence: 0 })
      faults.inject({ call: 'write', error, ...(written === undefined ? {} : { written }) })
      await expect(t.append(['lost'], { ...producer, baseSequence: 1 })).rejects.toMatchObject({ code, topic: 't', partition: 0 })
      expect(faults.injected).toBe(1)
      expect(t.log).toMatchObject({ logEndOffset: 1, isOffline: false })
      expect(t.log.activeProducers()).toMatchObject([{ lastSequence: 0 }])
      expect(await t.values()).toEqual(['a'])
      // Shorter than what the failed write may have left behind.
      expect(await t.append(['b'], { ...producer, baseSequence: 1 })).toMatchObject({ baseOffset: 1, duplicate: false })
      expect(await t.values()).toEqual(['a', 'b'])
      await t.reopen()
      expect(await t.values()).toEqual(['a', 'b'])
    })

  test('leaves nothing behind that a clean close would keep', async () => {
    const { t, faults } = await faulty()
    await t.append(['a'])
    faults.inject({ call: 'write', error: 'ENOSPC', written: 33 })
    await expect(t.append(['x'])).rejects.toMatchObject({ code: 'DISK_FULL', retriable: true })
    await t.reopen()
    expect(t.manager.recoveryReports).toEqual([])
    expect(await t.values()).toEqual(['a'])
  })

  test('fails the whole group, and no other', async () => {
    const { t, faults } = await faulty()
    faults.inject({ call: 'write', error: 'ENOSPC' })
    const group = await t.drive(Promise.allSettled([t.send(['a']), t.send(['b'])]))
    expect(group.map((result) => result.status)).toEqual(['rejected', 'rejected'])
    await t.append(['c'])
    expect(await t.values()).toEqual(['c'])
  })
})

describe('a full disk', () => {
  test('fails appends with an error that may be retried; reads go on, and writes resume by themselves', async () => {
    const { t, events } = await faulty()
    await t.append(['kept'])
    t.disk.capacityBytes = t.disk.usedBytes
    for (let i = 0; i < 3; i++) await expect(t.append(['x'.repeat(5000)])).rejects.toMatchObject({ code: 'DISK_FULL', retriable: true })
    expect(await t.values()).toEqual(['kept'])
    expect(events).toEqual(['full DISK_FULL'])
    t.disk.capacityBytes = Number.POSITIVE_INFINITY
    await t.append(['again'])
    expect(events).toEqual(['full DISK_FULL', 'resumed'])
    expect(await t.values()).toEqual(['kept', 'again'])
  })

  test('at a roll fails the append only', async () => {
    const { t } = await faulty({ config: { 'segment.bytes': 150 } })
    await t.append(['a'])
    await t.append(['b'])
    t.disk.capacityBytes = t.disk.usedBytes
    await expect(t.append(['c'])).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(await t.values()).toEqual(['a', 'b'])
    t.disk.capacityBytes = Number.POSITIVE_INFINITY
    await t.append(['c'])
    expect(t.log.segmentCount).toBe(2)
    expect(await t.values()).toEqual(['a', 'b', 'c'])
  })

  test('does not keep retention and deleteRecords from making room', async () => {
    const { t } = await faulty({ config: { 'segment.bytes': 150, 'retention.bytes': 150, 'file.delete.delay.ms': 0 } })
    for (let i = 0; i < 8; i++) await t.append([`v${i}`])
    t.disk.capacityBytes = t.disk.usedBytes
    await expect(t.append(['x'])).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(t.log.segmentCount).toBe(4)
    expect(await t.drive(t.log.applyRetention(t.clock.now()))).toBeGreaterThan(0)
    expect(await t.drive(t.log.deleteRecordsBefore(6))).toBe(6)
    await t.drive(t.scheduler.advance(1))
    await t.append(['room'])
    expect(await t.values()).toEqual(['v6', 'v7', 'room'])
    t.disk.capacityBytes = Number.POSITIVE_INFINITY
  })

  test('does not keep a directory from opening', async () => {
    const { t } = await faulty({ config: { 'segment.bytes': 150 } })
    for (let i = 0; i < 5; i++) await t.append([`v${i}`])
    const disk = t.disk.survivors('keep-all')
    disk.capacityBytes = disk.usedBytes
    const after = await t.crash(disk)
    expect(await after.values()).toEqual(['v0', 'v1', 'v2', 'v3', 'v4'])
    disk.capacityBytes = Number.POSITIVE_INFINITY
    await after.append(['v5'])
    await after.reopen()
    expect(await after.values()).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5'])
  })

  test('with damage to keep aside leaves the bytes alone and the log readable', async () => {
    const { t } = await faulty()
    for (let i = 0; i < 5; i++) await t.append([`v${i}`], {}, { durable: false })
    const disk = t.disk.survivors('keep-all')
    const path = `${t.directory}/00000000000000000000.log`
    const bytes = Uint8Array.from(disk.readFile(path))
    bytes[150]! ^= 1
    const file = disk.open(path, 'write')
    file.writeSync(bytes, 0, bytes.length, 0)
    file.close()
    disk.capacityBytes = disk.usedBytes
    const after = await t.crash(disk, { check: false })
    expect(await after.values()).toEqual(['v0', 'v1'])
    expect(after.log.isOffline).toBe(true)
    await expect(after.append(['x'])).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    expect(disk.stat(path)!.size).toBe(bytes.length)
    await after.close().catch(() => {})
    disk.capacityBytes = Number.POSITIVE_INFINITY
    const mended = await after.crash(disk, { check: true })
    expect(await mended.append(['x'])).toMatchObject({ baseOffset: 2 })
  })
})

describe('a sync that fails', () => {
  test('takes the log offline: nobody waiting or coming later is acknowledged, reads go on, others hear of it', async () => {
    const { t, faults, events } = await faulty()
    await t.append(['a'])
    faults.inject({ call: 'datasync', error: 'EIO', path: /\.log$/ })
    const first = t.send(['b'])
    await t.scheduler.runUntilIdle()
    await expect(first).rejects.toMatchObject({ code: 'LOG_OFFLINE', topic: 't', partition: 0, retriable: false })
    await expect(t.append(['c'])).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    await expect(t.append(['d'], {}, { durable: false })).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    await expect(t.drive(t.log.flush())).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    expect(events).toEqual(['offline t-0 LOG_OFFLINE'])
    expect(t.log).toMatchObject({ isOffline: true, logEndOffset: 1, recoveryPoint: 1 })
    expect(await t.values()).toEqual(['a'])
    await expect(t.close()).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    expect(t.disk.stat('/data/.kafka_cleanshutdown')).toBeNull()
  })

  test('fails the appends that were waiting behind it', async () => {
    const { t, faults } = await faulty()
    const held = faults.holdSyncs(/\.log$/)
    const first = t.send(['a'])
    await t.scheduler.runUntilIdle()
    expect(held.waiting).toBe(1)
    const waiting = [t.send(['b']), t.send(['c'], {}, { durable: false })]
    faults.inject({ call: 'datasync', error: 'EIO', path: /\.log$/, sticky: true })
    held.release()
    expect(await t.drive(first)).toMatchObject({ baseOffset: 0 })
    const results = await t.drive(Promise.allSettled(waiting))
    expect(results).toMatchObject([{ reason: { code: 'LOG_OFFLINE' } }, { reason: { code: 'LOG_OFFLINE' } }])
    expect(await t.values()).toEqual(['a'])
  })

  test('is remembered: the next process writes the bytes again before it believes them', async () => {
    const { t, faults } = await faulty()
    await t.append(['a'])
    await t.append(['b'], {}, { durable: false })
    faults.inject({ call: 'datasync', error: 'EIO', path: /\.log$/ })
    await expect(t.append(['c'])).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    await t.close().catch(() => {})
    // The same machine, another process: the page cache still shows what the disk does not have.
    const after = await t.crash(t.disk, { fileSystem: t.disk })
    expect(after.manager.recoveryReports[0]?.notes.map((note) => note.code)).toContain('TAIL_REWRITTEN')
    const values = await after.values()
    expect(values.slice(0, 2)).toEqual(['a', 'b'])
    await after.append(['d'])
    const cut = await after.crash(after.disk.survivors('lose-all'))
    expect(await cut.values()).toEqual([...values, 'd'])
  })

  test('of a sealed segment takes the log offline too', async () => {
    const { t, faults, events } = await faulty({ config: { 'segment.bytes': 150 } })
    for (let i = 0; i < 2; i++) await t.append([`v${i}`], {}, { durable: false })
    faults.inject({ call: 'datasync', error: 'EIO', path: /00000\.log$/, sticky: true })
    await t.append(['v2'], {}, { durable: false }).catch(() => {})
    await t.scheduler.runUntilIdle()
    expect(events).toEqual(['offline t-0 LOG_OFFLINE'])
    await expect(t.append(['v3'])).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
  })
})

describe('while a sealed segment is not durable yet', () => {
  /** A log that has just rolled; the syncs of what the roll left behind are held. */
  async function rolled(kind: RegExp): Promise<Faulty & { readonly held: { readonly waiting: number; release(): void } }> {
    const f = await faulty({ config: { 'segment.bytes': 150, 'retention.bytes': 0, 'file.delete.delay.ms': 0 } })
    for (let i = 0; i < 2; i++) await f.t.append([`v${i}`], {}, { durable: false })
    const held = f.faults.holdSyncs(kind)
    await f.t.append(['v2'], {}, { durable: false })
    expect(f.t.log.segmentCount).toBe(2)
    expect(held.waiting).toBe(1)
    return { ...f, held }
  }

  test('a durable append behind it is not acknowledged', async () => {
    const { t, held } = await rolled(/00000000000000000000\.log$/)
    let acknowledged = false
    const sent = t.send(['v3']).then((result) => { acknowledged = true; return result })
    await t.scheduler.runUntilIdle()
    expect(acknowledged).toBe(false)
    held.release()
    expect(await t.drive(sent)).toMatchObject({ baseOffset: 3 })
    expect(t.log.recoveryPoint).toBe(4)
  })

  test('with its indexes, the recovery point does not pass it, though appends behind it are durable', async () => {
    const { t, held } = await rolled(/00000000000000000000\.(time)?index$/)
    await t.append(['v3'])
    expect(t.log.recoveryPoint).toBe(0)
    held.release()
    await t.drive(t.log.flush())
    expect(t.log.recoveryPoint).toBe(4)
  })

  test('and its file cannot be opened for the sync, an append behind it fails, and the next one tries again', async () => {
    const { t, faults, events } = await faulty({ config: { 'segment.bytes': 150 } })
    for (let i = 0; i < 2; i++) await t.append([`v${i}`], {}, { durable: false })
    faults.inject({ call: 'open', error: 'EMFILE', path: /00000000000000000000\.log$/, sticky: true })
    await t.append(['v2'], {}, { durable: false })
    await expect(t.append(['v3'])).rejects.toMatchObject({ code: 'TOO_MANY_OPEN_FILES' })
    faults.heal()
    expect(await t.append(['v3 again'])).toMatchObject({ baseOffset: 3 })
    expect(events).toEqual([])
    expect(await t.values()).toEqual(['v0', 'v1', 'v2', 'v3 again'])
  })

  test('retention may take it', async () => {
    const { t, held, events } = await rolled(/00000000000000000000\.log$/)
    for (let i = 3; i < 7; i++) await t.append([`v${i}`], {}, { durable: false })
    await t.drive(t.log.applyRetention(t.clock.now()))
    await t.drive(t.scheduler.advance(1000))
    held.release()
    await t.append(['next'])
    expect(events).toEqual([])
    expect(t.log.isOffline).toBe(false)
  })
})

test.each(['EIO', 'EMFILE', 'ENOSPC'] as const)('a sync that fails with %s is final: what it should have written is not taken for durable because a later one succeeds', async (error) => {
  const { t, faults } = await faulty({ check: false })
  await t.append(['a'])
  await t.append(['b'], {}, { durable: false })
  faults.inject({ call: 'datasync', error, path: /\.log$/ })
  await expect(t.append(['c'])).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
  await expect(t.close()).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
  await t.open()
  expect(await t.append(['d'])).toMatchObject({ baseOffset: 3 })
  expect(await (await t.crash(t.disk.survivors('lose-all'))).values()).toEqual(['a', 'b', 'c', 'd'])
})

test.each(['EIO', 'EMFILE', 'ENOSPC'] as const)('a sync of a recovery that fails with %s is final too: the next open writes once more what it should have written', async (error) => {
  const { t } = await faulty({ check: false })
  await t.append(['a'])
  await t.append(['b'], {}, { durable: false })
  // The process dies; what it wrote is still with the system.
  const faults = new FaultFileSystem(t.disk)
  faults.inject({ call: 'datasync', error, path: /\.log$/ })
  await new TestLog({ disk: t.disk, fileSystem: faults, check: false }).open().then((opened) => opened.close()).catch(() => {})
  expect(faults.injected).toBe(1)
  const again = new TestLog({ disk: t.disk, check: false })
  await again.open()
  expect(again.log.recoveryPoint).toBe(2)
  expect(await (await again.crash(t.disk.survivors('lose-all'))).values()).toEqual(['a', 'b'])
})

test('a copy of a batch in the same group is not acknowledged when their write fails', async () => {
  const { t, faults } = await faulty()
  faults.inject({ call: 'write', error: 'ENOSPC' })
  const twice = [t.send(['a'], { ...producer, baseSequence: 0 }, { durable: false }), t.send(['a'], { ...producer, baseSequence: 0 }, { durable: false })]
  const results = await t.drive(Promise.allSettled(twice))
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected'])
})

test('a mark of a failed sync under a clean one makes the bytes be written again', async () => {
  const t = await openTestLog()
  await t.append(['a'])
  await t.close()
  t.disk.open(`${t.directory}/unsynced-tail`, 'createNew').close()
  await t.open()
  expect(t.manager.recoveryReports[0]).toMatchObject({ clean: false, notes: [{ code: 'TAIL_REWRITTEN' }] })
  expect(t.fileNames()).not.toContain('unsynced-tail')
})

describe('the exit handler', () => {
  test('writes and syncs what waits and what is under way, blocking', async () => {
    const { t, faults } = await faulty({ check: false })
    const held = faults.holdSyncs()
    const underWay = t.send(['a'])
    await t.scheduler.runUntilIdle()
    const waiting = t.send(['b'])
    t.manager.flushSync()
    expect(t.log.logEndOffset).toBe(2)
    const after = await t.crash(t.disk.survivors('lose-all'), { fileSystem: t.disk.survivors('lose-all'), check: true })
    expect(await after.values()).toEqual(['a', 'b'])
    held.release()
    expect(await t.drive(Promise.all([underWay, waiting]))).toMatchObject([{ baseOffset: 0 }, { baseOffset: 1 }])
  })
})

test('a sync that fails in recovery, be it for want of room, leaves a log that can be read but promises nothing more', async () => {
  const t = await openTestLog({ check: false })
  for (let i = 0; i < 3; i++) await t.append([`value ${i}`], {}, { durable: false })
  const disk = t.disk.survivors('keep-all')
  const faults = new FaultFileSystem(disk)
  faults.inject({ call: 'datasync', path: /\.log$/, error: 'ENOSPC' })
  const after = new TestLog({ disk, fileSystem: faults, check: false })
  await after.open()
  expect(faults.injected).toBe(1)
  expect(await after.values()).toEqual(['value 0', 'value 1', 'value 2'])
  await expect(after.append(['more'])).rejects.toMatchObject({ code: 'LOG_OFFLINE', cause: { code: 'DISK_FULL' } })
  await after.close().catch(() => {})
  const again = new TestLog({ disk, check: false })
  await again.open()
  await again.append(['more'])
  const left = new TestLog({ disk: disk.survivors('lose-all'), check: false })
  await left.open()
  expect(await left.values()).toEqual(['value 0', 'value 1', 'value 2', 'more'])
})

describe('a cut of the end that fails at any call', () => {
  test.each([['to the middle of a segment', 3], ['to the start of one', 2], ['to nothing', 0]])('%s, leaves a log whose appends stand where they are answered to be', async (_, offset) => {
    for (let nth = 1; ; nth++) {
      const { t, faults } = await faulty({ config: { 'segment.bytes': 150 }, check: false })
      for (const value of ['a', 'b', 'c', 'd', 'e']) await t.append([value])
      await t.reopen()
      faults.inject({ call: 'any', nth, error: 'EIO' })
      await t.drive(t.log.truncateTo(offset)).catch(() => {})
      if (faults.injected === 0) break
      faults.heal()
      const kept = ['a', 'b', 'c', 'd', 'e'].slice(0, offset)
      const isAppended = await t.append(['new']).then(({ baseOffset }) => baseOffset === offset, () => false)
      const next = await t.crash()
      const values = await next.values()
      expect([nth, values.slice(0, offset + 1)]).toEqual([nth, isAppended ? [...kept, 'new'] : ['a', 'b', 'c', 'd', 'e'].slice(0, Math.min(values.length, offset + 1))])
      expect(values.length).toBeGreaterThanOrEqual(offset)
    }
  })

  test('so does a start anew', async () => {
    for (let nth = 1; ; nth++) {
      const { t, faults } = await faulty({ config: { 'segment.bytes': 150 }, check: false })
      for (const value of ['a', 'b', 'c', 'd', 'e']) await t.append([value])
      faults.inject({ call: 'any', nth, error: 'EIO' })
      const begun = t.drive(t.log.truncateFullyAndStartAt(20)).then(() => 'begun', (error: { code: string }) => error.code)
      const outcome = await begun
      if (faults.injected === 0) break
      faults.heal()
      const appended = await t.append(['new']).then(({ baseOffset }) => baseOffset, (error: { code: string }) => error.code)
      expect([nth, outcome, appended]).toEqual([nth, outcome, outcome === 'begun' ? 20 : 'LOG_OFFLINE'])
      expect(['begun', 'LOG_OFFLINE']).toContain(outcome)
      if (appended === 20) expect(await (await t.crash()).values()).toEqual(['new'])
    }
  })
})
