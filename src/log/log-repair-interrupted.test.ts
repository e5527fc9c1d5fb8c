/** Repairing and checking while the disk fails, the process dies or the power goes: no byte is lost, the next repair ends where an undisturbed one does. */
import { describe, expect, test } from 'vitest'
import { openHandles } from '../../test/support/handle-count.ts'
import { abortedEntries, batchOf, marker, offsetEntries, RawPartition, told } from '../../test/support/raw-partition.ts'
import { TestLog } from '../../test/support/test-log.ts'
import type { FileSystem } from '../io/file-system.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { repairLogs } from './log-repair.ts'

const flipped = (offset: number): Buffer => {
  const bytes = batchOf(offset, 2)
  bytes[bytes.length - 1]! ^= 1
  return bytes
}
const moved = (right: number, offset: number): Buffer => {
  const bytes = batchOf(right, 2)
  bytes.writeBigInt64BE(BigInt(offset), 0)
  return bytes
}
const checkpoint = (...entries: readonly string[]): string => ['0', entries.length, ...entries].join('\n') + '\n'
const sent = (offset: number, baseSequence: number): Buffer => batchOf(offset, 2, { producerId: 7, producerEpoch: 0, baseSequence, isTransactional: true })

const scenes: Record<string, () => RawPartition> = {
  'damage in the middle, an offset that is wrong, a lost end': () => new RawPartition().epochs([0, 10])
    .log(10, batchOf(10, 2), flipped(12), batchOf(14, 2), Buffer.alloc(30, 0x5a), moved(16, 900), batchOf(18, 2)).log(20, batchOf(20, 2), flipped(22))
    .put('/recovery-point-offset-checkpoint', checkpoint('t 0 24')).put('/replication-offset-checkpoint', checkpoint('t 0 24')),
  'a segment of which nothing is left': () => new RawPartition().epochs([0, 10]).log(10, flipped(10)).log(12, batchOf(12, 2)),
  'derived files that are wrong, and a log start behind the end': () => new RawPartition().epochs([0, 0], [0, 2])
    .log(0, sent(0, 0), marker(2, 'ABORT', 7), batchOf(3, 2)).put('0.txnindex', abortedEntries([7, 0, 2, 2])).put('3.snapshot', 'x')
    .log(5, batchOf(5, 2)).put('5.index', offsetEntries([4, 7])).put('/log-start-offset-checkpoint', checkpoint('t 0 13', 'u 0 99')),
}

async function repair(disk: SimulatedFileSystem, fs: FileSystem = disk): Promise<number> {
  let steps = 0
  for await (const { topic } of repairLogs(fs, new ManualClock(), '/data')) if (topic === 't') steps++
  return steps
}

const read = (disk: SimulatedFileSystem, name: string): string => `${name} ${Buffer.from(disk.readFile(`/data/t-0/${name}`)).toString('hex')}`
const names = (disk: SimulatedFileSystem): string[] => disk.readDirectory('/data/t-0').map(({ name }) => name)
/** What a repair leaves of the log itself. */
const logFiles = (disk: SimulatedFileSystem): string[] => names(disk).filter((name) => name.endsWith('.log')).map((name) => read(disk, name))
const logStarts = (disk: SimulatedFileSystem): string =>
  disk.stat('/data/log-start-offset-checkpoint') === null ? '' : Buffer.from(disk.readFile('/data/log-start-offset-checkpoint')).toString()
/** What it keeps of everything else. */
const keptBytes = (disk: SimulatedFileSystem): string[] => names(disk).filter((name) => /\.damaged-\d+(-\d+)?$/.test(name))
  .map((name) => Buffer.from(disk.readFile(`/data/t-0/${name}`)).toString('hex'))

/** The open that follows a repair makes what is derived: what it finds, and what the check and another repair find after it. */
async function opened(disk: SimulatedFileSystem): Promise<unknown> {
  const t = new TestLog({ disk, config: { 'retention.ms': -1 }, clock: new ManualClock(1000), check: false })
  await t.open()
  const records = (await t.readAll()).map((record) => `${record.offset} ${Buffer.from(record.value!).toString()}`)
  const { logStartOffset, logEndOffset, isOffline } = t.log
  const { abortedTransactions } = await t.drive(t.log.read(logStartOffset, { maxBytes: 100_000, isolation: 'committed' }))
  const { code } = t.manager.recoveryReports[0]?.notes.find((note) => note.code.startsWith('END')) ?? { code: null }
  await t.close()
  const complaints = (await told(disk, '/data/t-0')).filter((line) => !line.startsWith('info'))
  return { records, logStartOffset, logEndOffset, isOffline, abortedTransactions, code, complaints, repairs: await repair(disk) }
}

const freshly = (make: () => RawPartition): SimulatedFileSystem => {
  const { disk } = make()
  disk.settle()
  return disk
}

describe.each(Object.entries(scenes))('%s', (_name, make) => {
  test('is repaired to the same end when the process dies at any call, and when the power goes there', async () => {
    const calm = freshly(make)
    expect(await repair(calm)).toBeGreaterThan(0)
    const [log, kept, starts] = [logFiles(calm), keptBytes(calm), logStarts(calm)]
    const expected = await opened(calm)
    expect(expected).toMatchObject({ complaints: [], repairs: 0, isOffline: false, code: null })
    let cuts = 0
    for (let nth = 1; ; nth++) {
      const disk = freshly(make)
      const faults = new FaultFileSystem(disk)
      faults.inject({ call: 'any', nth, error: 'EIO', sticky: true })
      await repair(disk, faults).catch(() => {})
      if (faults.injected === 0) break
      cuts++
      for (const policy of ['keep-all', 'lose-all'] as const) {
        const left = disk.survivors(policy)
        await repair(left)
        expect(logFiles(left), `cut at call ${nth}, ${policy}`).toEqual(log)
        expect(logStarts(left), `cut at call ${nth}, ${policy}`).toBe(starts)
        expect(keptBytes(left), `cut at call ${nth}, ${policy}: what was kept`).toEqual(expect.arrayContaining(kept))
        expect(await opened(left), `cut at call ${nth}, ${policy}`).toEqual(expected)
      }
    }
    expect(cuts).toBeGreaterThan(20)
  }, 60_000)

  test('is durable when it is repaired, indexes and all', async () => {
    const disk = freshly(make)
    const held = openHandles(disk)
    await told(disk, '/data')
    expect(held()).toEqual([])
    await repair(disk)
    expect(held()).toEqual([])
    const left = disk.survivors('lose-all')
    expect(names(left).map((name) => read(left, name))).toEqual(names(disk).map((name) => read(disk, name)))
    expect(logStarts(left)).toBe(logStarts(disk))
  })

  test('is not taken for more or less damage when a call fails: repair and check end with that error', async () => {
    for (const work of [repair, (disk: SimulatedFileSystem, fs: FileSystem) => told(fs, '/data')]) {
      for (let nth = 1; ; nth++) {
        const disk = freshly(make)
        const faults = new FaultFileSystem(disk)
        faults.inject({ call: 'any', nth, error: 'EIO' })
        const outcome: unknown = await Promise.resolve(work(disk, faults)).then(() => null, (error: unknown) => error)
        if (faults.injected === 0) break
        expect(outcome, `call ${nth}`).toMatchObject({ code: expect.stringMatching(/^(KAFKA_STORAGE_ERROR|DIRECTORY_UNUSABLE)$/) })
      }
    }
  }, 60_000)
})
