/** Rarely taken ways of one log: what a caller is told there, and what is left on disk. */
import { describe, expect, test } from 'vitest'
import { batchOf } from '../../test/support/raw-partition.ts'
import { openHandles } from '../../test/support/handle-count.ts'
import { openTestLog, TestLog, text } from '../../test/support/test-log.ts'
import { OttlaError } from '../common/errors.ts'
import { buildBatch, buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import { readBatchHeader, viewOf } from '../record/batch-format.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import type { AppendResult } from './log-types.ts'

const LOG = '00000000000000000000.log'

async function faulty(config: Parameters<typeof openTestLog>[0] = {}): Promise<{ t: TestLog; faults: FaultFileSystem }> {
  const clock = new ManualClock()
  const disk = new SimulatedFileSystem({ clock })
  const faults = new FaultFileSystem(disk)
  return { t: await openTestLog({ disk, clock, fileSystem: faults, ...config }), faults }
}

const large = (value: string): Uint8Array => Buffer.alloc(200_000, value)
const epochsOf = (t: TestLog): string => Buffer.from(t.disk.readFile(`${t.directory}/leader-epoch-checkpoint`)).toString()

describe('a batch too large for the event loop', () => {
  test('is written beside it, durably or not, and read back', async () => {
    const { t, faults } = await faulty()
    const held = faults.holdSyncs(/\.log$/)
    expect(await t.append([{ value: large('a') }], {}, { durable: false })).toMatchObject({ baseOffset: 0 })
    const sent = t.send([{ value: large('b') }])
    await t.scheduler.runUntilIdle()
    expect([held.waiting, t.log.logEndOffset]).toEqual([1, 1])
    held.release()
    expect(await t.drive(sent)).toMatchObject({ baseOffset: 1 })
    expect(t.log.recoveryPoint).toBe(2)
    expect((await t.values()).map((value) => value[0])).toEqual(['a', 'b'])
  })

  test('that cannot be written fails alone; the next one takes its place', async () => {
    const { t, faults } = await faulty()
    await t.append(['first'])
    faults.inject({ call: 'write', error: 'ENOSPC', written: 1000 })
    await expect(t.append([{ value: large('a') }])).rejects.toMatchObject({ code: 'DISK_FULL', retriable: true, topic: 't', partition: 0 })
    expect(await t.append(['second'])).toMatchObject({ baseOffset: 1 })
    await t.reopen()
    expect(await t.values()).toEqual(['first', 'second'])
  })

  test('of more than any memory holds goes through, stamped where the topic says so, and its bytes stay the caller\'s', async () => {
    for (const type of ['CreateTime', 'LogAppendTime'] as const) {
      const t = await openTestLog({ config: { 'message.timestamp.type': type, 'max.message.bytes': 10_000_000 } })
      await t.append(['small'])
      const bytes = Buffer.from(buildBatch([{ value: Buffer.alloc(3_000_000, 7), timestamp: 5 }]))
      const before = Buffer.from(bytes)
      const sent = [t.drive(t.log.append(bytes, { origin: 'client', durable: true })), t.send(['behind'])]
      expect(await t.drive(Promise.all(sent))).toMatchObject([{ baseOffset: 1 }, { baseOffset: 2 }])
      if (type === 'LogAppendTime') expect(bytes.equals(before)).toBe(true)
      await t.reopen()
      const { records } = await t.drive(t.log.read(1, { maxBytes: 1, isolation: 'logEnd' }))
      expect(readBatchHeader(records, viewOf(records), 0, records.length)).toMatchObject({
        baseOffset: 1, timestampType: type, maxTimestamp: type === 'CreateTime' ? 5 : t.clock.now(),
      })
      expect((await t.read(2)).map((record) => text(record.value))).toEqual(['behind'])
    }
  })
})

describe('a producer\'s copy of a batch', () => {
  test('that comes with it is answered with it, and synced for only where it asks for that', async () => {
    for (const durable of [false, true]) {
      const { t, faults } = await faulty()
      const before = faults.calls('datasync')
      const send = (ask: boolean): Promise<AppendResult> => t.send(['a'], { producerId: 3, producerEpoch: 0, baseSequence: 0 }, { durable: ask })
      const sent = [send(false), send(durable)]
      expect(await t.drive(Promise.all(sent))).toMatchObject([{ baseOffset: 0, duplicate: false }, { baseOffset: 0, duplicate: true }])
      expect(faults.calls('datasync') - before).toBe(durable ? 1 : 0)
    }
  })

  test.each([['LogAppendTime', 0], ['CreateTime', -1]] as const)('is answered with the time it got then (%s)', async (type, expected) => {
    const t = await openTestLog({ config: { 'message.timestamp.type': type } })
    const fields = { producerId: 3, producerEpoch: 0, baseSequence: 0 }
    const then = t.clock.now()
    await t.append(['a'], fields)
    t.clock.advance(1000)
    expect(await t.append(['a'], fields)).toEqual({
      baseOffset: 0, lastOffset: 0, duplicate: true, logStartOffset: 0, logAppendTimeMs: expected === 0 ? then : -1,
    })
  })
})

test('a producer whose transaction is open is not forgotten, however long it is silent, also since offset 0', async () => {
  const t = await openTestLog()
  await t.append(['a'], { producerId: 3, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  await t.append(['b'], { producerId: 4, producerEpoch: 0, baseSequence: 0 })
  t.log.expireProducers(t.clock.now() + 86_400_000 - 1)
  expect(t.log.activeProducers()).toHaveLength(2)
  t.log.expireProducers(t.clock.now() + 86_400_000)
  expect(t.log.activeProducers()).toMatchObject([{ producerId: 3 }])
})

describe('without listeners, the log tells', () => {
  test('of a full disk once, and of its end', async () => {
    const { t, faults } = await faulty()
    faults.inject({ call: 'write', error: 'ENOSPC', sticky: true })
    for (let i = 0; i < 2; i++) await expect(t.append(['x'])).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(t.logger.messages('error')).toEqual(['the disk is full: appends fail until there is space, reads go on'])
    faults.heal()
    await t.append(['x'])
    await t.append(['y'])
    expect(t.logger.messages('info').filter((message) => message.includes('go through'))).toEqual(['appends go through again'])
  })

  test('of a sync that failed', async () => {
    const { t, faults } = await faulty({ check: false })
    faults.inject({ call: 'datasync', error: 'EIO', path: /\.log$/ })
    await expect(t.append(['x'])).rejects.toMatchObject({ code: 'LOG_OFFLINE', cause: { code: 'KAFKA_STORAGE_ERROR' } })
    expect(t.logger.messages('error')).toEqual(['the disk failed: the log is offline for appends until it is reopened'])
    expect(t.fileNames()).toContain('unsynced-tail')
    // An exit handler does not touch it any more.
    const before = t.disk.operations.length
    t.manager.flushSync()
    expect(t.disk.operations).toHaveLength(before)
  })
})

describe('a flush', () => {
  test('that finds no file handle fails and leaves the log as it was', async () => {
    const { t, faults } = await faulty({ config: { 'segment.bytes': 150 } })
    await t.append(['a'], {}, { durable: false })
    faults.inject({ call: 'open', error: 'EMFILE', path: /00000000000000000000\.log$/, sticky: true })
    for (let i = 0; i < 2; i++) await t.append([`v${i}`], {}, { durable: false })
    await expect(t.drive(t.log.flush())).rejects.toMatchObject({ code: 'TOO_MANY_OPEN_FILES', topic: 't', partition: 0 })
    expect(t.log).toMatchObject({ isOffline: false, recoveryPoint: 0 })
    faults.heal()
    await t.drive(t.log.flush())
    expect(t.log.recoveryPoint).toBe(3)
  })

  test('waits for the indexes of what was rolled', async () => {
    const { t, faults } = await faulty({ config: { 'segment.bytes': 150 } })
    const held = faults.holdSyncs(/00000000000000000000\.index$/)
    for (let i = 0; i < 3; i++) await t.append([`v${i}`], {}, { durable: false })
    let flushed = false
    const flushing = t.log.flush().then(() => { flushed = true })
    await t.scheduler.runUntilIdle()
    expect([flushed, t.log.recoveryPoint]).toEqual([false, 0])
    held.release()
    await t.drive(flushing)
    expect(t.log.recoveryPoint).toBe(3)
  })

  test('of an exit handler is none once the log is closed, or only read', async () => {
    const t = await openTestLog()
    await t.append(['a'], {}, { durable: false })
    await t.close()
    const before = t.disk.operations.length
    t.log.flushSync()
    expect(t.disk.operations).toHaveLength(before)
    const reader = await openTestLog({ disk: t.disk, readOnly: true, check: false })
    reader.log.flushSync()
    expect(t.disk.operations).toHaveLength(before)
  })

  test('of an exit handler leaves alone what was given up unsynced, and what a reader found torn', async () => {
    const t = await openTestLog({ check: false })
    await t.append(['a'], {}, { durable: false })
    await t.drive(t.log.abandon(new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', 'deleted')))
    const file = t.disk.open(`${t.directory}/${LOG}`, 'write')
    file.writeSync(Buffer.from('torn'), 0, 4, file.size())
    const before = t.disk.operations.length
    t.log.flushSync()
    const reader = await openTestLog({ disk: t.disk, readOnly: true, check: false })
    expect(reader.log.logEndOffset).toBe(1)
    reader.log.flushSync()
    expect(t.disk.operations).toHaveLength(before)
  })
})

test('a batch whose last offset is too far from where its segment begins starts another', async () => {
  const t = await openTestLog()
  await t.append(['a'])
  await t.drive(t.log.append(Buffer.from(batchOf(2 ** 31 - 2, 1)), { origin: 'replication', durable: true }))
  await t.append(['b', 'c'])
  expect(t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))).toEqual([0, 2 ** 31 - 1])
})

test('a read at the end that its reader sees gives nothing, and says how far it may read', async () => {
  const t = await openTestLog()
  await t.append(['a'])
  const ends = { records: new Uint8Array(0), nextOffset: 1, isChecked: false, highWatermark: 1, lastStableOffset: 1, logStartOffset: 0 }
  expect(await t.drive(t.log.read(1, { maxBytes: 100, isolation: 'highWatermark' }))).toEqual({ ...ends, abortedTransactions: null })
  expect(await t.drive(t.log.read(1, { maxBytes: 100, isolation: 'committed' }))).toEqual({ ...ends, abortedTransactions: [] })
})

test('a follower that was sent no whole batch is told that nothing was appended', async () => {
  const t = await openTestLog()
  await t.append(['a'])
  for (const bytes of [new Uint8Array(0), batchOf(1, 1).subarray(0, 40)]) {
    expect(await t.drive(t.log.append(bytes, { origin: 'replication', durable: true }))).toEqual({
      baseOffset: -1, lastOffset: -1, logAppendTimeMs: -1, logStartOffset: 0, duplicate: false,
    })
  }
  expect(t.log.logEndOffset).toBe(1)
})

describe('leader epochs', () => {
  test('are noted with the first append, go up only, and answer for their offsets', async () => {
    const t = await openTestLog()
    await t.append(['a'])
    expect(epochsOf(t)).toBe('0\n1\n0 0\n')
    expect(t.log.earliest()).toEqual({ offset: 0, timestamp: -1, leaderEpoch: 0 })
    await t.drive(t.log.assignLeaderEpoch(4))
    await t.drive(t.log.assignLeaderEpoch(4))
    await t.drive(t.log.assignLeaderEpoch(2))
    await t.append(['b'])
    expect(epochsOf(t)).toBe('0\n2\n0 0\n4 1\n')
    expect([t.log.leaderEpoch, t.log.latest('logEnd')]).toEqual([4, { offset: 2, timestamp: -1, leaderEpoch: 4 }])
    expect(t.log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 1 })
    expect(t.log.endOffsetForEpoch(9)).toEqual({ leaderEpoch: -1, endOffset: -1 })
  })

  test('of a log that begins below its first epoch are not known there', async () => {
    const t = await openTestLog()
    await t.drive(t.log.truncateFullyAndStartAt(10))
    expect(t.log.earliest()).toEqual({ offset: 10, timestamp: -1, leaderEpoch: -1 })
    await t.drive(t.log.append(batchOf(10, 1, { leaderEpoch: -1 }), { origin: 'replication', durable: true }))
    await t.drive(t.log.assignLeaderEpoch(4))
    expect(t.log.earliest()).toEqual({ offset: 10, timestamp: -1, leaderEpoch: -1 })
  })
})

describe('lookups by time', () => {
  test('end where the isolation ends', async () => {
    const t = await openTestLog()
    await t.append([{ value: 'a', timestamp: 10 }])
    await t.append([{ value: 'b', timestamp: 20 }], { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true })
    expect(await t.drive(t.log.offsetForTimestamp(15, 'committed'))).toBeNull()
    expect(await t.drive(t.log.offsetForTimestamp(15, 'highWatermark'))).toEqual({ offset: 1, timestamp: 20, leaderEpoch: 0 })
    expect(await t.drive(t.log.offsetForTimestamp(10, 'committed'))).toEqual({ offset: 0, timestamp: 10, leaderEpoch: 0 })
    expect(await t.drive(t.log.offsetForTimestamp(21, 'logEnd'))).toBeNull()
  })

  test('of the largest timestamp answer with the first record that has it, of all segments', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 100, 'retention.ms': -1 } })
    for (const timestamp of [10, 30, 20, 30]) await t.append([{ value: 'x', timestamp }])
    expect(t.log.segmentCount).toBe(4)
    expect(await t.drive(t.log.maxTimestampOffset())).toEqual({ offset: 1, timestamp: 30, leaderEpoch: 0 })
    const empty = await openTestLog()
    expect(await empty.drive(empty.log.maxTimestampOffset())).toBeNull()
  })

  test('pass by what lies below the log start', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 200, 'retention.ms': -1 } })
    for (const timestamp of [50, 60, 10, 70, 80]) await t.append([{ value: 'x', timestamp }])
    await t.drive(t.log.deleteRecordsBefore(2))
    expect(await t.drive(t.log.offsetForTimestamp(20, 'logEnd'))).toEqual({ offset: 3, timestamp: 70, leaderEpoch: 0 })
    expect(await t.drive(t.log.offsetForTimestamp(5, 'logEnd'))).toEqual({ offset: 2, timestamp: 10, leaderEpoch: 0 })
  })

  test('meet the disk: what it says is told with the log\'s name', async () => {
    const { t, faults } = await faulty()
    await t.append([{ value: 'x', timestamp: 10 }])
    await t.reopen()
    faults.inject({ call: 'read', error: 'EIO', path: /\.log$/, sticky: true })
    for (const ask of [() => t.log.offsetForTimestamp(5, 'logEnd'), () => t.log.maxTimestampOffset()]) {
      await expect(t.drive(ask())).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR', topic: 't', partition: 0 })
    }
    faults.heal()
  })
})

describe('taking away', () => {
  test('the start fails with the disk\'s error, and nothing is gone', async () => {
    const { t, faults } = await faulty({ config: { 'segment.bytes': 100 } })
    for (let i = 0; i < 3; i++) await t.append([`v${i}`])
    faults.inject({ call: 'write', error: 'EIO', path: /log-start-offset/ })
    await expect(t.drive(t.log.deleteRecordsBefore(2))).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    expect(t.fileNames()).toContain(LOG)
  })

  test('the end back into a segment whose sync is under way leaves it to the log again', async () => {
    const { t, faults } = await faulty({ config: { 'segment.bytes': 150 } })
    for (let i = 0; i < 2; i++) await t.append([`v${i}`], {}, { durable: false })
    const held = faults.holdSyncs(/00000000000000000000\.index$/)
    await t.append(['v2'], {}, { durable: false })
    expect([t.log.segmentCount, held.waiting]).toEqual([2, 1])
    const cut = t.log.truncateTo(1)
    await t.scheduler.runUntilIdle()
    held.release()
    await t.drive(cut)
    await t.scheduler.runUntilIdle()
    expect(t.log).toMatchObject({ logEndOffset: 1, segmentCount: 1 })
    expect(t.log.recoveryPoint).toBeLessThanOrEqual(1)
    await t.append(['w'])
    expect(t.log.recoveryPoint).toBe(2)
  })

  test('the end below the first segment leaves an empty log there', async () => {
    const t = await openTestLog()
    await t.drive(t.log.truncateFullyAndStartAt(10))
    await t.append(['a'], { leaderEpoch: 0 })
    await t.drive(t.log.truncateTo(4))
    expect(t.log).toMatchObject({ logStartOffset: 4, logEndOffset: 4, highWatermark: 4, segmentCount: 1 })
    expect(await t.append(['b'])).toMatchObject({ baseOffset: 4 })
    await t.reopen()
    expect(await t.values()).toEqual(['b'])
  })

  test('the end on a full disk leaves the producers as they were there, without a snapshot; after another failure it is offline', async () => {
    const { t, faults } = await faulty({ check: false })
    for (let i = 0; i < 4; i++) await t.append([`v${i}`], { producerId: 7, producerEpoch: 0, baseSequence: i })
    faults.inject({ call: 'write', error: 'ENOSPC', path: /\.snapshot$/ })
    await t.drive(t.log.truncateTo(2))
    expect(faults.injected).toBe(1)
    expect(t.log.logEndOffset).toBe(2)
    expect(t.log.activeProducers()).toMatchObject([{ producerId: 7, lastSequence: 1 }])
    expect(t.logger.messages('warn')).toEqual(['the disk is full: no producer snapshot could be written; the next open takes longer'])
    expect(await t.append(['again'], { producerId: 7, producerEpoch: 0, baseSequence: 2 })).toMatchObject({ baseOffset: 2, duplicate: false })
    faults.inject({ call: 'write', error: 'EIO', path: /\.snapshot$/ })
    await expect(t.drive(t.log.truncateTo(1))).rejects.toMatchObject({ code: 'LOG_OFFLINE', cause: { code: 'KAFKA_STORAGE_ERROR' } })
    expect(t.log.isOffline).toBe(true)
  })

  test('the end within the first batch of a segment that follows others keeps the end, across a restart', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 100 } })
    for (const values of [['a'], ['b', 'c'], ['d']]) await t.append(values)
    await t.drive(t.log.truncateTo(2))
    expect(t.log).toMatchObject({ logEndOffset: 2, logStartOffset: 0 })
    await t.reopen()
    expect(t.log.logEndOffset).toBe(2)
    expect(await t.values()).toEqual(['a'])
    expect(await t.append(['x'])).toMatchObject({ baseOffset: 2 })
    // The emptied segment and the one behind it are gone, not only left out.
    expect(t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))).toEqual([0, 2])
  })

  test('the end within the first batch of all moves the start', async () => {
    const t = await openTestLog()
    await t.append(['a', 'b', 'c'])
    await t.drive(t.log.truncateTo(1))
    expect(t.log).toMatchObject({ logStartOffset: 1, logEndOffset: 1 })
    await t.reopen()
    expect(await t.append(['x'])).toMatchObject({ baseOffset: 1 })
  })

  test('the end gives open transactions and producers back as they were there', async () => {
    const t = await openTestLog()
    const send = (producerId: number, baseSequence: number): Promise<unknown> => t.append(['x'], {
      producerId, producerEpoch: 0, baseSequence, isTransactional: true,
    })
    await send(1, 0)
    await send(2, 0)
    const marker = buildEndTransactionMarker({ type: 'ABORT', timestamp: t.clock.now(), producerId: 1, producerEpoch: 0, coordinatorEpoch: 0 })
    await t.drive(t.log.append(Buffer.from(marker), { origin: 'coordinator', durable: true }))
    expect(t.log.lastStableOffset).toBe(1)
    await t.drive(t.log.truncateTo(2))
    expect(t.log).toMatchObject({ logEndOffset: 2, lastStableOffset: 0 })
    await t.drive(t.log.truncateTo(1))
    expect(t.log.lastStableOffset).toBe(0)
    expect(t.log.activeProducers()).toMatchObject([{ producerId: 1 }])
    await t.drive(t.log.truncateTo(0))
    expect(t.log).toMatchObject({ lastStableOffset: 0, highWatermark: 0 })
    expect(t.log.activeProducers()).toEqual([])
  })

  test('whole segments takes snapshots that belong to none with them', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 250, 'file.delete.delay.ms': 100 } })
    await t.append(['a'], { producerId: 1, producerEpoch: 0, baseSequence: 0 })
    await t.reopen()
    expect(t.fileNames()).toContain('00000000000000000001.snapshot')
    for (let i = 1; i < 8; i++) await t.append([`v${i}`], { producerId: 1, producerEpoch: 0, baseSequence: i })
    await t.drive(t.log.deleteRecordsBefore(6))
    await t.drive(t.log.applyRetention(t.clock.now()))
    await t.drive(t.scheduler.advance(200))
    const kept = t.fileNames().filter((name) => name.includes('snapshot') || name.includes('deleted'))
    expect(kept.every((name) => Number.parseInt(name, 10) >= 3 && name.endsWith('.snapshot'))).toBe(true)
    expect(kept.length).toBeGreaterThan(0)
  })

  test('files that cannot be removed are told of and left to the next open', async () => {
    const { t, faults } = await faulty({ config: { 'segment.bytes': 100, 'retention.bytes': 0, 'file.delete.delay.ms': 50 } })
    for (let i = 0; i < 3; i++) await t.append([`v${i}`])
    await t.drive(t.log.applyRetention(t.clock.now()))
    faults.inject({ call: 'unlink', error: 'EIO', sticky: true })
    await t.drive(t.scheduler.advance(60))
    expect(t.logger.messages('warn')).toContain('files of a deleted segment could not be removed; the next open tries again')
    faults.heal()
    await t.reopen()
    expect(t.fileNames().filter((name) => name.endsWith('.deleted'))).toEqual([])
  })

  test('after the log is closed is nobody\'s business', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 100, 'retention.bytes': 0, 'file.delete.delay.ms': 50 } })
    for (let i = 0; i < 3; i++) await t.append([`v${i}`])
    await t.drive(t.log.applyRetention(t.clock.now()))
    await t.close()
    const before = t.fileNames()
    expect(before.some((name) => name.endsWith('.deleted'))).toBe(true)
    await t.drive(t.scheduler.advance(100))
    expect(t.fileNames()).toEqual(before)
  })
})

describe('a roll by time', () => {
  test('comes earlier by a jitter that is less than segment.jitter.ms', async () => {
    const t = await openTestLog({ config: { 'segment.ms': 1000, 'segment.jitter.ms': 500 } })
    const now = t.clock.now()
    await t.append(['a'])
    expect(await t.drive(t.log.maybeRollByTime(now + 500))).toBe(false)
    expect(await t.drive(t.log.maybeRollByTime(now + 1000))).toBe(true)
  })

  test('goes by the first record\'s time, unless that lies ahead of the clock', async () => {
    const t = await openTestLog({ config: { 'segment.ms': 1000, 'message.timestamp.after.max.ms': 10_000_000 } })
    const now = t.clock.now()
    expect(await t.drive(t.log.maybeRollByTime(now + 5000))).toBe(false)
    await t.append([{ value: 'ahead', timestamp: now + 900_000 }])
    expect(await t.drive(t.log.maybeRollByTime(now + 1000))).toBe(false)
    expect(await t.drive(t.log.maybeRollByTime(now + 1001))).toBe(true)
    expect(t.log.segmentCount).toBe(2)
    expect(await t.drive(t.log.maybeRollByTime(now + 9000))).toBe(false)
  })

  test('counts from the roll before where records are older, so that a copy of old ones does not roll at every look', async () => {
    const t = await openTestLog({ config: { 'segment.ms': 1000, 'retention.ms': -1 } })
    const began = t.clock.now()
    await t.append([{ value: 'old', timestamp: 5 }])
    t.clock.advance(1001)
    expect(await t.drive(t.log.maybeRollByTime(t.clock.now()))).toBe(true)
    await t.append([{ value: 'old too', timestamp: 6 }])
    t.clock.advance(1000)
    expect(await t.drive(t.log.maybeRollByTime(t.clock.now()))).toBe(false)
    t.clock.advance(1)
    expect(await t.drive(t.log.maybeRollByTime(t.clock.now()))).toBe(true)
    expect(t.clock.now()).toBe(began + 2002)
  })
})

test('settings change the level of compression', async () => {
  const sizes: number[] = []
  const value = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 1009}`).join(','))
  for (const level of [1, 9]) {
    const t = await openTestLog({ config: { 'compression.type': 'gzip', 'compression.gzip.level': level } })
    await t.append([{ value }])
    sizes.push(t.log.size)
    expect((await t.values())[0]).toBe(value.toString())
  }
  expect(sizes[0]).toBeGreaterThan(sizes[1]!)
})

describe('a batch and its copy, sent together', () => {
  const together = (t: TestLog, producerId: number): Promise<AppendResult>[] => [0, 1].map(() => t.send(['a', 'b'], { producerId, producerEpoch: 0, baseSequence: 0 }))

  // 0 is a producer like any other.
  test.each([0, 7])('are appended once, and both know where (producer %i)', async (producerId) => {
    const t = await openTestLog()
    expect(await t.drive(Promise.all(together(t, producerId)))).toMatchObject([
      { baseOffset: 0, lastOffset: 1, duplicate: false }, { baseOffset: 0, lastOffset: 1, duplicate: true },
    ])
    expect(await t.append(['a', 'b'], { producerId, producerEpoch: 0, baseSequence: 0 })).toMatchObject({ baseOffset: 0, duplicate: true })
    expect(await t.values()).toEqual(['a', 'b'])
    await expect(t.append(['x'], { producerId, producerEpoch: 0, baseSequence: 9 })).rejects.toMatchObject({ code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
  })

  test.each(['write', 'datasync'] as const)('fail together when the %s fails: nothing says yes to what is not there', async (call) => {
    const { t, faults } = await faulty({ check: false })
    faults.inject({ call, error: 'EIO', path: /\.log$/ })
    expect((await t.drive(Promise.allSettled(together(t, 7)))).map((each) => each.status)).toEqual(['rejected', 'rejected'])
    expect(t.log.logEndOffset).toBe(0)
    await t.close().catch(() => {})
  })

  test('are not answered before they are durable', async () => {
    const { t, faults } = await faulty()
    const held = faults.holdSyncs(/\.log$/)
    const answered: number[] = []
    const sent = together(t, 7).map((each, n) => each.then(() => answered.push(n)))
    await t.scheduler.runUntilIdle()
    expect([held.waiting, answered]).toEqual([1, []])
    held.release()
    await t.drive(Promise.all(sent))
    expect(answered).toEqual([0, 1])
  })
})

test('what truncation leaves is one record whose time is the largest: the log goes on behind it', async () => {
  const t = await openTestLog({ config: { 'index.interval.bytes': 1 } })
  for (const timestamp of [5000, 4000, 3000]) await t.append([{ value: `at ${timestamp}`, timestamp }])
  await t.drive(t.log.truncateTo(1))
  expect(t.log.logEndOffset).toBe(1)
  expect(await t.append([{ value: 'next', timestamp: 6000 }])).toMatchObject({ baseOffset: 1 })
  expect(await t.values()).toEqual(['at 5000', 'next'])
  expect(await t.drive(t.log.maxTimestampOffset())).toMatchObject({ offset: 1, timestamp: 6000 })
})

test('a log that is about to be deleted writes nothing more: who waits is told why', async () => {
  const t = await openTestLog({ check: false })
  await t.append(['kept'])
  const size = t.log.size
  const sent = ['a', 'b', 'c'].map((value) => t.send([value]))
  const gone = t.log.abandon(new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', 'deleted'))
  const answers = await t.drive(Promise.allSettled(sent))
  await t.drive(gone)
  // One may have been under way.
  for (const answer of answers.slice(1)) expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'UNKNOWN_TOPIC_OR_PARTITION' } })
  expect(t.disk.stat(`${t.directory}/${LOG}`)!.size).toBeLessThanOrEqual(size * 2)
  expect(t.fileNames().filter((name) => name.endsWith('.snapshot'))).toEqual([])
  await expect(t.append(['late'])).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await expect(t.log.read(0, { maxBytes: 100, isolation: 'logEnd' })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

test('a topic that is deleted leaves no file handle open', async () => {
  const disk = new SimulatedFileSystem()
  const held = openHandles(disk)
  const t = await openTestLog({ disk, config: { 'segment.bytes': 150, 'file.delete.delay.ms': 0 }, check: false })
  for (const value of ['a', 'b', 'c']) await t.append([value])
  expect(await t.values()).toEqual(['a', 'b', 'c'])
  expect(held().filter((path) => path.endsWith('.log'))).not.toEqual([])
  await t.drive(t.manager.delete('t'))
  expect(held().filter((path) => path.includes('/t-0'))).toEqual([])
})

test('a time index that lost entries in the middle hides no record from a lookup, though entries came behind them', async () => {
  const t = await openTestLog({ config: { 'index.interval.bytes': 1 }, check: false })
  for (const timestamp of [1000, 1500, 5000, 2000, 2100]) await t.append([{ value: `at ${timestamp}`, timestamp }])
  await t.close()
  const path = `${t.directory}/00000000000000000000.timeindex`
  const file = t.disk.open(path, 'write')
  file.truncate(12)
  file.close()
  await t.open()
  for (const timestamp of [2200, 6000]) await t.append([{ value: `at ${timestamp}`, timestamp }])
  expect(await t.drive(t.log.offsetForTimestamp(4000, 'logEnd'))).toMatchObject({ offset: 2, timestamp: 5000 })
  expect(await t.drive(t.log.offsetForTimestamp(5001, 'logEnd'))).toMatchObject({ offset: 6, timestamp: 6000 })
  expect(await t.drive(t.log.maxTimestampOffset())).toMatchObject({ offset: 6 })
})

test('a committed read that gets nothing is told of no aborted transaction, though one reaches over its offset', async () => {
  const t = await openTestLog({ check: false })
  const of = (producerId: number): object => ({ producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  await t.append(['given up'], of(1))
  await t.append(['still open'], of(2))
  const marker = buildEndTransactionMarker({ type: 'ABORT', timestamp: t.clock.now(), producerId: 1, producerEpoch: 0, coordinatorEpoch: 0 })
  await t.drive(t.log.append(Buffer.from(marker), { origin: 'coordinator', durable: true }))
  const read = (from: number): Promise<unknown> => t.drive(t.log.read(from, { maxBytes: 1000, isolation: 'committed' }))
  expect(await read(1)).toMatchObject({ records: { length: 0 }, abortedTransactions: [], lastStableOffset: 1 })
  expect(await read(0)).toMatchObject({ abortedTransactions: [{ producerId: 1, firstOffset: 0 }], lastStableOffset: 1 })
})
