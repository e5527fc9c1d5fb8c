/** Opening a folder while the disk fails, the process dies or the power goes: whatever is found then, the next open ends where an undisturbed one does. */
import { describe, expect, test } from 'vitest'
import { openHandles } from '../../test/support/handle-count.ts'
import { abortedEntries, batchOf, marker, offsetEntries, producer, RawPartition } from '../../test/support/raw-partition.ts'
import { TestLog } from '../../test/support/test-log.ts'
import type { FileSystem } from '../io/file-system.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

/** Shortly after the records were written: no producer was silent for long. */
const NOW = 1000
const config = { 'index.interval.bytes': 1, 'retention.ms': -1, 'file.delete.delay.ms': 0 } as const
const sent = (offset: number, baseSequence: number): Buffer => batchOf(offset, 2, { producerId: 7, producerEpoch: 1, baseSequence })
const inTransaction = (offset: number, baseSequence: number): Buffer => batchOf(offset, 2, { producerId: 9, producerEpoch: 0, baseSequence, isTransactional: true })
const damaged = (bytes: Buffer, at: number = bytes.length - 1): Buffer => {
  const changed = Buffer.from(bytes)
  changed[at]! ^= 1
  return changed
}
const checkpoint = (offset: number): string => `0\n1\nt 0 ${offset}\n`

/** Three segments: a producer, a transaction that is aborted in the second one, an epoch that begins in the third. */
function threeSegments(lastBatches: readonly Buffer[] = [batchOf(21, 2, { leaderEpoch: 4 })]): RawPartition {
  return new RawPartition().epochs([0, 10], [4, 19]).put('/meta.properties', 'version=1\ncluster.id=a\nnode.id=1\ndirectory.id=b\n')
    .log(10, sent(10, 0), inTransaction(12, 0))
    .log(14, inTransaction(14, 2), marker(16, 'ABORT', 9), sent(17, 2)).put('14.txnindex', abortedEntries([9, 12, 16, 17]))
    .log(19, batchOf(19, 2, { leaderEpoch: 4 }), ...lastBatches)
}

const scenes: Record<string, () => RawPartition> = {
  'a torn end': () => threeSegments([batchOf(21, 2, { leaderEpoch: 4 }), batchOf(23, 2).subarray(0, 50)]).put('/recovery-point-offset-checkpoint', checkpoint(10)),
  'derived files that are broken or gone': () => {
    const partition = threeSegments().closed(23).put('14.txnindex', 'x').put('leader-epoch-checkpoint', 'x').put('14.snapshot', 'x')
    partition.disk.unlink(`${partition.directory}/${'10'.padStart(20, '0')}.index`)
    return partition
  },
  'damage with whole batches and segments behind it': () => threeSegments()
    .log(14, damaged(inTransaction(14, 2)), batchOf(16, 2), batchOf(18, 1)).put('/recovery-point-offset-checkpoint', checkpoint(10)),
  'a cleaning that was committed, and one that was not': () => {
    const partition = threeSegments().closed(23)
    partition.put('10.log.swap', Buffer.concat([sent(10, 0), inTransaction(14, 2), marker(16, 'ABORT', 9)])).put('10.index.swap', '').put('10.timeindex.swap', '')
      .put('10.txnindex.swap', abortedEntries([9, 14, 16, 17]))
    return partition.put('14.txnindex.deleted', 'x').put('19.log.cleaned', batchOf(19, 1)).put('19.index.cleaned', '')
  },
  'a log start above the end': () => threeSegments().closed(23).put('/log-start-offset-checkpoint', checkpoint(40)),
  'a sync that had failed': () => threeSegments().put('unsynced-tail', '').snapshot(14, producer(7, { producerEpoch: 1, lastSequence: 1, lastOffset: 11, offsetDelta: 1, currentTxnFirstOffset: -1 })),
  'a recovery point where a segment ends': () => threeSegments().put('/recovery-point-offset-checkpoint', checkpoint(19))
    .put('14.index', offsetEntries([2, batchOf(14, 2).length])),
  'a producer that was left in a transaction': () => threeSegments([inTransaction(21, 4), inTransaction(23, 6)]).put('/recovery-point-offset-checkpoint', checkpoint(19)),
}

async function open(disk: SimulatedFileSystem, fileSystem: FileSystem = disk): Promise<TestLog> {
  const t = new TestLog({ disk, fileSystem, config, clock: new ManualClock(NOW), check: false })
  await t.open()
  return t
}

interface State { readonly [what: string]: unknown }

/** What users of the log see of it. */
async function stateOf(t: TestLog): Promise<State> {
  const { logStartOffset, logEndOffset, highWatermark, lastStableOffset, leaderEpoch, isOffline } = t.log
  const records = (await t.readAll()).map((record) => `${record.offset} ${Buffer.from(record.value!).toString()}`)
  const { abortedTransactions } = await t.drive(t.log.read(logStartOffset, { maxBytes: 100_000, isolation: 'committed' }))
  return {
    logStartOffset, logEndOffset, highWatermark, lastStableOffset, leaderEpoch, isOffline, records, abortedTransactions,
    producers: t.log.activeProducers(), epochs: [0, 1, 4].map((epoch) => t.log.endOffsetForEpoch(epoch)),
  }
}

/** Everything that was in the `.log` files and that no log has any more stands in what was kept aside. */
function keptBytes(disk: SimulatedFileSystem): Buffer[] {
  return disk.readDirectory('/data/t-0').filter(({ name }) => /\.log\.damaged-\d+(-\d+)?$/.test(name)).map(({ name }) => Buffer.from(disk.readFile(`/data/t-0/${name}`)))
}

const freshly = (make: () => RawPartition): SimulatedFileSystem => {
  const { disk } = make()
  disk.settle()
  return disk
}

describe.each(Object.entries(scenes))('%s', (_name, make) => {
  test('ends the same for the next open when the process dies at any call, and when the power goes there', async () => {
    const calm = freshly(make)
    const t = await open(calm)
    const expected = await stateOf(t)
    const kept = keptBytes(calm)
    let cuts = 0
    for (let nth = 1; ; nth++) {
      const disk = freshly(make)
      const faults = new FaultFileSystem(disk)
      faults.inject({ call: 'any', nth, error: 'EIO', sticky: true })
      await open(disk, faults).catch(() => {})
      if (faults.injected === 0) break
      cuts++
      for (const policy of ['keep-all', 'lose-all'] as const) {
        const left = disk.survivors(policy)
        expect(await stateOf(await open(left)), `cut at call ${nth}, ${policy}`).toEqual(expected)
        for (const bytes of kept) expect(keptBytes(left).some((one) => one.equals(bytes)), `cut at call ${nth}, ${policy}: what was kept aside`).toBe(true)
      }
    }
    expect(cuts).toBeGreaterThan(30)
  }, 60_000)

  test('is believed as it was made: what an open has put right needs no other one', async () => {
    const disk = freshly(make)
    const held = openHandles(disk)
    const t = await open(disk)
    const expected = await stateOf(t)
    const left = disk.survivors('lose-all')
    const after = await open(left)
    expect(await stateOf(after)).toEqual(expected)
    expect(after.manager.recoveryReports.flatMap((report) => report.dropped)).toEqual([])
    expect(keptBytes(left)).toEqual(keptBytes(disk))
    await t.close()
    expect(held()).toEqual([])
  })

  test('is not taken for something else when one call fails: the open fails, or finds what it finds without', async () => {
    const calm = await open(freshly(make))
    const expected = await stateOf(calm)
    const notes = (t: TestLog): unknown => t.manager.recoveryReports.map((report) => [report.notes.map((note) => note.code), report.dropped.length, report.clean])
    for (const readOnly of [false, true]) {
      for (let nth = 1; ; nth++) {
        const disk = freshly(make)
        const faults = new FaultFileSystem(disk)
        faults.inject({ call: 'any', nth, error: 'EIO' })
        const t = new TestLog({ disk, fileSystem: faults, config, clock: new ManualClock(NOW), check: false, readOnly })
        const outcome: unknown = await t.open().then(() => null, (error: unknown) => error)
        if (faults.injected === 0) break
        if (outcome !== null) expect(outcome, `call ${nth}`).toMatchObject({ code: expect.stringMatching(/^(KAFKA_STORAGE_ERROR|DIRECTORY_UNUSABLE|LOG_OFFLINE)$/) })
        else if (!readOnly) expect({ nth, ...await stateOf(t), notes: notes(t) }).toEqual({ nth, ...expected, notes: notes(calm) })
      }
    }
  }, 60_000)

  test('is found on a full disk too, with all that can be read; an open with room puts it right', async () => {
    const { isOffline, ...expected } = await stateOf(await open(freshly(make)))
    const disk = freshly(make)
    disk.capacityBytes = disk.usedBytes
    const t = await open(disk)
    expect(await stateOf(t)).toMatchObject(expected)
    await t.close().catch(() => {})
    disk.capacityBytes = Number.POSITIVE_INFINITY
    expect(await stateOf(await open(disk.survivors('keep-all')))).toEqual({ isOffline, ...expected })
  })
})
