/** What a repair does to folders made byte by byte: each step with its place, and the bytes that are left. */
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { abortedEntries, batchOf, marker, offsetEntries, producer, RawPartition, timeEntries } from '../../test/support/raw-partition.ts'
import type { FileSystem } from '../io/file-system.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { repairLogs, type RepairOptions } from './log-repair.ts'

const S = batchOf(10, 2).length
const at = (offset: number): Buffer => batchOf(offset, 2)
const flipped = (offset: number): Buffer => {
  const bytes = at(offset)
  bytes[bytes.length - 1]! ^= 1
  return bytes
}
const moved = (right: number, offset: number): Buffer => {
  const bytes = at(right)
  bytes.writeBigInt64BE(BigInt(offset), 0)
  return bytes
}
const checkpoint = (...entries: readonly string[]): string => ['0', entries.length, ...entries].join('\n') + '\n'
const raw = (...batches: readonly Uint8Array[]): RawPartition => new RawPartition().epochs([0, 10]).log(10, ...batches)
const short = (path: string): string => basename(path).replace(/^0+(?=\d)/, '')

async function repair(partition: RawPartition, options: RepairOptions = {}, fs: FileSystem = partition.disk): Promise<string[]> {
  const steps: string[] = []
  for await (const step of repairLogs(fs, new ManualClock(), '/data', options)) {
    const { kind, topic, partition: number, file, position, bytes, firstOffset, lastOffset, keptAs } = step
    expect([topic, number]).toEqual(['t', 0])
    const parts = [
      position === null ? '' : ` @${position}+${bytes}`, firstOffset === null ? '' : ` ${firstOffset}–${lastOffset}`,
      keptAs === null ? '' : ` → ${short(keptAs)}`,
    ]
    steps.push(`${kind} ${short(file)}${parts.join('')}`)
  }
  return steps
}

const names = (partition: RawPartition): string[] =>
  partition.disk.readDirectory(partition.directory).map((entry) => short(entry.name)).filter((name) => /^\d|damaged/.test(name))
const bytesOf = (partition: RawPartition, name: string): Buffer =>
  Buffer.from(partition.disk.readFile(`${partition.directory}/${name.replace(/^\d+(?=\.)/, (digits) => digits.padStart(20, '0'))}`))
const contents = (partition: RawPartition): string[] =>
  partition.disk.readDirectory(partition.directory).map((entry) => `${entry.name} ${bytesOf(partition, entry.name).toString('hex')}`)

describe('a log with bytes that cannot be read', () => {
  const parts = [at(10), flipped(12), at(14), Buffer.alloc(30, 0x5a), flipped(16), at(18), at(20), moved(22, 900), at(24)]
  const damaged = (): RawPartition => raw(...parts).log(26, at(26))
  const steps = (kept: boolean): string[] => [
    `taken-out 10.log @${S}+${S} 12–13`, `taken-out 10.log @${3 * S}+${S + 30} 16–17`, `mended 10.log @${6 * S + 30}+${S} 22–23`,
  ].map((step) => (kept ? `${step} → 10.log.damaged-${/@(\d+)/.exec(step)![1]}` : step))

  test('keeps everything else at its offset, and every byte that was taken out', async () => {
    const partition = damaged()
    partition.disk.settle()
    partition.disk.setModifiedTime(`${partition.directory}/${'10'.padStart(20, '0')}.log`, 1_600_000_000_000)
    expect(await repair(partition)).toEqual(steps(true))
    expect(bytesOf(partition, '10.log')).toEqual(Buffer.concat([at(10), at(14), at(18), at(20), at(22), at(24)]))
    expect(bytesOf(partition, `10.log.damaged-${S}`)).toEqual(parts[1])
    expect(bytesOf(partition, `10.log.damaged-${3 * S}`)).toEqual(Buffer.concat([parts[3]!, parts[4]!]))
    expect(bytesOf(partition, `10.log.damaged-${6 * S + 30}`)).toEqual(parts[7])
    expect(partition.disk.stat(`${partition.directory}/${'10'.padStart(20, '0')}.log`)!.modifiedMs).toBe(1_600_000_000_000)
    expect(bytesOf(partition, '10.timeindex')).toEqual(timeEntries([100, 1]))
    expect(await partition.told()).toEqual(expect.not.arrayContaining([expect.stringMatching(/^(error|warning)/)]))
    expect(await repair(partition)).toEqual([])
    // Nothing of it waits for a sync.
    const left = partition.disk.survivors('lose-all')
    expect(Buffer.from(left.readFile(`${partition.directory}/${'10'.padStart(20, '0')}.log`))).toEqual(bytesOf(partition, '10.log'))
  })

  test('is told the same by a dry run, which changes nothing', async () => {
    const partition = damaged()
    const before = contents(partition)
    expect(await repair(partition, { dryRun: true })).toEqual(steps(false))
    expect(contents(partition)).toEqual(before)
  })

  test('is left as it is by a disk that has no room for the copies', async () => {
    const partition = damaged()
    const before = contents(partition)
    for (const path of [/damaged/, /\.log\.tmp$/]) {
      const faults = new FaultFileSystem(partition.disk)
      faults.inject({ call: 'write', error: 'ENOSPC', path })
      await expect(repair(partition, {}, faults)).rejects.toMatchObject({ code: 'DISK_FULL' })
      expect(bytesOf(partition, '10.log').toString('hex')).toBe(before.find((line) => line.includes('10.log '))!.split(' ')[1])
    }
    expect(await repair(partition)).toEqual(steps(true))
    expect(bytesOf(partition, '10.log')).toEqual(Buffer.concat([at(10), at(14), at(18), at(20), at(22), at(24)]))
  })

  test('is told of in the order of the file, whatever is done to each part', async () => {
    const partition = raw(at(10), moved(12, 900), at(14), flipped(16), at(18), moved(20, 700), at(22)).put('10.log.tmp', Buffer.alloc(20 * S, 7))
    expect((await repair(partition)).map((step) => step.replace(/ →.*/, ''))).toEqual([
      `mended 10.log @${S}+${S} 12–13`, `taken-out 10.log @${3 * S}+${S} 16–17`, `mended 10.log @${5 * S}+${S} 20–21`,
    ])
    // What an earlier repair left half done is no part of it.
    expect(bytesOf(partition, '10.log')).toEqual(Buffer.concat([at(10), at(12), at(14), at(18), at(20), at(22)]))
  })

  test('may be empty afterwards, with the indexes that a broker expects', async () => {
    const partition = raw(flipped(10)).log(12, at(12))
    expect(await repair(partition)).toEqual([`taken-out 10.log @0+${S} 10–11 → 10.log.damaged-0`])
    expect([bytesOf(partition, '10.log'), bytesOf(partition, '10.index'), bytesOf(partition, '10.timeindex')].map((bytes) => bytes.length)).toEqual([0, 0, 0])
    expect(names(partition)).toEqual(['10.index', '10.log', '10.log.damaged-0', '10.timeindex', '12.index', '12.log', '12.timeindex'])
  })

  test('is not looked at where other topics are asked for', async () => {
    const partition = damaged()
    const before = contents(partition)
    expect(await repair(partition, { topics: ['u'] })).toEqual([])
    expect(contents(partition)).toEqual(before)
    expect(await repair(partition, { topics: ['u', 't'], dryRun: true })).toEqual(steps(false))
  })
})

describe('the end of a log', () => {
  const ending = (recoveryPoint: number, highWatermark: number, ...batches: readonly Uint8Array[]): RawPartition => raw(...batches)
    .put('/recovery-point-offset-checkpoint', checkpoint('u 0 5', `t 0 ${recoveryPoint}`, 't 1 7')).put(
      '/replication-offset-checkpoint', checkpoint(`t 0 ${highWatermark}`),
    )

  test('that is lost stays where it was known to be', async () => {
    const partition = ending(14, 14, at(10), flipped(12))
    expect(await repair(partition)).toEqual([`taken-out 10.log @${S}+${S} 12–null → 10.log.damaged-${S}`, 'end-kept 14.log 12–13'])
    expect(names(partition)).toContain('14.log')
    expect(await repair(partition)).toEqual([])
  })

  test('is the lower of what is known', async () => {
    expect((await repair(ending(14, 16, at(10), flipped(12)))).at(-1)).toBe('end-kept 14.log 12–13')
    expect((await repair(ending(11, 16, at(10), flipped(12)))).at(-1)).toBe('end-kept 16.log 12–15')
  })

  test('is where a log start may lie', async () => {
    for (const [start, kept] of [[13, true], [14, true], [15, false]] as const) {
      const partition = ending(14, 14, at(10), flipped(12)).put('/log-start-offset-checkpoint', checkpoint(`t 0 ${start}`))
      expect((await repair(partition)).some((step) => step.startsWith('checkpoint')), `log start ${start}`).toBe(!kept)
    }
  })

  test('in a dry run is only told', async () => {
    const partition = ending(14, 14, at(10), flipped(12))
    expect((await repair(partition, { dryRun: true })).at(-1)).toBe('end-kept 14.log 12–13')
    expect(names(partition)).not.toContain('14.log')
  })

  test.each([
    ['nothing is known', 0, 0, [at(10), flipped(12)]],
    ['it is known to have been reached', 12, 12, [at(10), flipped(12)]],
    ['more records are claimed than could have been there', 13 + S, 13 + S, [at(10), flipped(12)]],
    ['a good batch ends the file', 20, 20, [at(10), flipped(12), at(14)]],
  ] as const)('is left to the log where %s', async (_what, recoveryPoint, highWatermark, batches) => {
    expect((await repair(ending(recoveryPoint, highWatermark, ...batches))).filter((step) => step.startsWith('end-kept'))).toEqual([])
  })

  test('as far as bytes were lost is believed', async () => {
    expect((await repair(ending(12 + S, 12 + S, at(10), flipped(12)))).at(-1)).toBe(`end-kept ${12 + S}.log 12–${11 + S}`)
  })

  test('after a clean stop gives the last batch its offset back, if both checkpoints say the same', async () => {
    const clean = (one: number, other: number): RawPartition => ending(one, other, at(10), moved(12, 50)).put('/.kafka_cleanshutdown', '')
    expect(await repair(clean(14, 14))).toEqual([`mended 10.log @${S}+${S} 12–13 → 10.log.damaged-${S}`])
    expect(await repair(clean(14, 13))).toEqual([])
    expect(await repair(ending(14, 14, at(10), moved(12, 50)))).toEqual([])
  })
})

describe('files that are derived', () => {
  const sent = (offset: number, baseSequence: number): Buffer => batchOf(offset, 2, { producerId: 7, producerEpoch: 0, baseSequence, isTransactional: true })
  const batches = [sent(0, 0), marker(2, 'ABORT', 7), batchOf(3, 2)]
  const sound = (): RawPartition => new RawPartition().epochs([0, 0]).log(0, ...batches).put('0.txnindex', abortedEntries([7, 0, 2, 3]))
  const length = Buffer.concat(batches).length

  test('are made again from the log where they are wrong or missing', async () => {
    for (const [name, bytes] of [['0.index', offsetEntries([4, 7])], ['0.timeindex', timeEntries([99, 1])]] as const) {
      const partition = sound().put(name, bytes).log(5, batchOf(5, 1))
      expect(await repair(partition)).toEqual([`rebuilt ${name}`])
      expect(bytesOf(partition, '0.timeindex')).toEqual(timeEntries([100, 1]))
      expect(bytesOf(partition, '0.index')).toHaveLength(0)
    }
    const missing = sound().log(5, batchOf(5, 1))
    missing.disk.unlink(`${missing.directory}/${'0'.padStart(20, '0')}.index`)
    expect(await repair(missing)).toEqual(['rebuilt 0.index'])
    expect(names(missing)).toContain('0.index')
    expect(bytesOf(missing, '0.log')).toHaveLength(length)
  })

  test('are set aside where the next open makes them again; a name that is taken is not taken again', async () => {
    const partition = sound().put('0.txnindex', abortedEntries([7, 0, 2, 2]))
    expect(await repair(partition)).toEqual(['rebuilt 0.txnindex → 0.txnindex.damaged-0'])
    expect(names(partition)).toEqual(['0.log', '0.txnindex.damaged-0'])
    const snapshot = sound().put('3.snapshot', 'x').put('3.snapshot.damaged-0', 'y').put('leader-epoch-checkpoint', 'x')
    expect((await repair(snapshot)).toSorted()).toEqual([
      'rebuilt 3.snapshot → 3.snapshot.damaged-1', 'rebuilt leader-epoch-checkpoint → leader-epoch-checkpoint.damaged-0',
    ])
    const wrong = sound().snapshot(3, producer(7)).epochs([0, 0], [0, 2])
    expect((await repair(wrong)).toSorted()).toEqual([
      'rebuilt 3.snapshot → 3.snapshot.damaged-0', 'rebuilt leader-epoch-checkpoint → leader-epoch-checkpoint.damaged-0',
    ])
  })

  test('are only told of in a dry run', async () => {
    const partition = sound().put('0.txnindex', abortedEntries([7, 0, 2, 2])).put('0.index', offsetEntries([4, 7]))
    const before = contents(partition)
    expect((await repair(partition, { dryRun: true })).toSorted()).toEqual(['rebuilt 0.index', 'rebuilt 0.txnindex'])
    expect(contents(partition)).toEqual(before)
  })

  test('of an aborted transaction that the log tells of and no file: there is nothing to keep', async () => {
    const partition = sound()
    partition.disk.unlink(`${partition.directory}/${'0'.padStart(20, '0')}.txnindex`)
    expect(await repair(partition)).toEqual(['rebuilt 0.txnindex'])
  })
})

describe('a log start', () => {
  test('behind the end of its log is dropped, those of others stay', async () => {
    const partition = raw(at(10)).put('/log-start-offset-checkpoint', checkpoint('t 0 13', 'u 0 99', 't 1 99'))
    const before = Buffer.from(partition.disk.readFile('/data/log-start-offset-checkpoint'))
    expect(await repair(partition, { dryRun: true })).toEqual(['checkpoint log-start-offset-checkpoint 13–null'])
    expect(Buffer.from(partition.disk.readFile('/data/log-start-offset-checkpoint'))).toEqual(before)
    expect(await repair(partition)).toEqual(['checkpoint log-start-offset-checkpoint 13–null'])
    expect(Buffer.from(partition.disk.readFile('/data/log-start-offset-checkpoint')).toString()).toBe(checkpoint('u 0 99', 't 1 99'))
    expect(await repair(partition)).toEqual([])
  })

  test.each([['at the end', '12'], ['within', '11'], ['that cannot be read', 'x']])('%s is no concern', async (_what, offset) => {
    expect(await repair(raw(at(10)).put('/log-start-offset-checkpoint', checkpoint(`t 0 ${offset}`)))).toEqual([])
  })

  test('of a log whose last segment is empty may be where that begins', async () => {
    expect(await repair(raw(at(10)).log(40).put('/log-start-offset-checkpoint', checkpoint('t 0 40')))).toEqual([])
    expect(await repair(raw(at(10)).log(40).put('/log-start-offset-checkpoint', checkpoint('t 0 41')))).toHaveLength(1)
  })
})

test('what is no directory cannot be repaired; a repair can be given up; a disk that fails ends it', async () => {
  const partition = raw(at(10), flipped(12))
  const empty = { ...partition.disk, stat: () => null } as unknown as FileSystem
  await expect(repair(partition, {}, empty)).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE', file: '/data' })
  await expect(repair(partition, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
  partition.put('/log-start-offset-checkpoint', checkpoint())
  for (const path of [/leader-epoch/, /log-start-offset/]) {
    const faults = new FaultFileSystem(partition.disk)
    faults.inject({ call: 'readFile', error: 'EIO', path, sticky: true })
    await expect(repair(partition, {}, faults)).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
  }
})

test('a folder without a log, and one with a folder of such a name, are left alone', async () => {
  expect(await repair(new RawPartition())).toEqual([])
  const odd = raw(at(10))
  odd.disk.makeDirectory(`${odd.directory}/${'5'.padStart(20, '0')}.log`)
  odd.put('7.log.deleted', 'x')
  expect(await repair(odd)).toEqual([])
})
