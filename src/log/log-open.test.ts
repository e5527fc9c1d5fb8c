/** What opening a folder makes of every state that a stop, a crash or a disk leaves behind: folders made file by file, reports held word by word. */
import { describe, expect, test } from 'vitest'
import { abortedEntries, batchOf, marker, offsetEntries, producer, RawPartition, timeEntries } from '../../test/support/raw-partition.ts'
import { openTestLog, testConfig, type TestLog, type TestLogOptions } from '../../test/support/test-log.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { crc32c } from '../record/crc32c.ts'
import { buildBatch, type RecordInput } from '../record/record-batch-builder.ts'
import { decodeSnapshot, encodeSnapshot } from './producer-snapshot.ts'
import type { RecoveryProgress } from './log-types.ts'

const S = batchOf(10, 2).length
/** Batches of two records at 10, 12 and 14. */
const three = [batchOf(10, 2), batchOf(12, 2), batchOf(14, 2)]
const flipped = (bytes: Uint8Array): Buffer => {
  const changed = Buffer.from(bytes)
  changed[changed.length - 1]! ^= 1
  return changed
}
const moved = (right: number, offset: number): Buffer => {
  const bytes = batchOf(right, 2)
  bytes.writeBigInt64BE(BigInt(offset), 0)
  return bytes
}
const log = (base: number): string => `${String(base).padStart(20, '0')}.log`
const checkpoint = (offset: number): string => `0\n1\nt 0 ${offset}\n`
const raw = (...batches: readonly Uint8Array[]): RawPartition => new RawPartition().epochs([0, 10]).log(10, ...batches)
/** Everything up to here was durable. */
const recovered = (partition: RawPartition, offset: number): RawPartition => partition.put('/recovery-point-offset-checkpoint', checkpoint(offset))
const ended = (partition: RawPartition, offset: number): RawPartition => partition.closed(offset).put('/replication-offset-checkpoint', checkpoint(offset))

async function open(partition: RawPartition, options: TestLogOptions = {}): Promise<TestLog> {
  const t = await openTestLog({ disk: partition.disk, check: false, ...options })
  return t
}

/** `clean` and `scanned`: of a log that there is something to tell of. */
interface Told {
  readonly clean?: boolean
  readonly scanned?: number
  readonly from: number
  readonly to: number
  readonly notes: string[]
  readonly dropped: string[]
}

function told(t: TestLog): Told {
  const report = t.manager.recoveryReports[0]
  const { logStartOffset: from, logEndOffset: to } = t.log
  if (report === undefined) return { from, to, notes: [], dropped: [] }
  expect(report).toMatchObject({ topic: 't', partition: 0, logStartOffset: from, logEndOffset: to })
  return {
    clean: report.clean, scanned: report.scannedBytes, from, to, notes: report.notes.map((note) => note.code),
    dropped: report.dropped.map((one) => [
      `${one.file.split('/').at(-1)!.replace(/^0+(?=\d)/, '')} @${one.position} ${one.bytes} bytes`, `${one.firstOffset}–${one.lastOffset}`,
      ...(one.keptAs === null ? [] : [one.keptAs.replace(/^0+(?=\d)/, '')]),
    ].join(', ')),
  }
}

const nothing = { notes: [], dropped: [] }

describe('after a clean stop', () => {
  test('nothing is read but the end', async () => {
    const t = await open(ended(raw(...three), 16))
    expect(told(t)).toEqual({ from: 10, to: 16, ...nothing })
    expect(t.log).toMatchObject({ recoveryPoint: 16, highWatermark: 16, logStartOffset: 10, isOffline: false })
    expect(await t.values()).toEqual(['v10', 'v11', 'v12', 'v13', 'v14', 'v15'])
    expect(await t.append(['x'])).toMatchObject({ baseOffset: 16 })
  })

  test('bytes that are torn make the mark a lie: they are cut off and kept', async () => {
    const t = await open(raw(...three, batchOf(16, 2).subarray(0, 40)).closed(16))
    expect(told(t)).toEqual({
      clean: false, from: 10, to: 16, scanned: 3 * S, notes: ['TAIL_CUT'], dropped: [`10.log @${3 * S} 40 bytes, 16–null, 10.log.damaged-${3 * S}`],
    })
    expect(t.disk.stat(`${t.directory}/${log(10)}`)!.size).toBe(3 * S)
    expect(await t.append(['x'])).toMatchObject({ baseOffset: 16 })
  })

  test('an end that is known to be another takes the log offline, with all that can be read', async () => {
    const t = await open(ended(raw(...three, moved(16, 90)), 18))
    expect(told(t)).toEqual({ clean: true, from: 10, to: 18, scanned: 0, notes: ['END_DISTRUSTED'], dropped: [] })
    expect(t.log.isOffline).toBe(true)
    await expect(t.append(['x'])).rejects.toMatchObject({ code: 'LOG_OFFLINE', topic: 't', partition: 0, offset: 18, file: expect.stringContaining(log(10)) })
    expect((await t.read(14)).map((record) => record.offset)).toEqual([14, 15])
  })

  test('an end that only one checkpoint knows, or that the log fits, is believed', async () => {
    expect(told(await open(raw(...three, moved(16, 90)).closed(18)))).toMatchObject({ to: 92, notes: [] })
    expect(told(await open(ended(raw(...three, moved(16, 90)), 92)))).toMatchObject({ to: 92, notes: [] })
    expect(told(await open(ended(raw(...three), 14)))).toMatchObject({ to: 16, notes: [] })
    expect(told(await open(ended(raw(...three, moved(16, 90)), 10)))).toMatchObject({ to: 92, notes: [] })
  })

  test('damage in front of a whole end is kept: appends go on behind it', async () => {
    const damaged = ended(raw(three[0]!, flipped(three[1]!), three[2]!), 16)
    const whole = await open(damaged)
    // The checksum of a batch is looked at when it is read.
    expect(told(whole)).toMatchObject({ to: 16, notes: [] })
    const bad = Buffer.from(three[1]!)
    bad[16] = 9
    const t = await open(ended(raw(three[0]!, bad, three[2]!).put('10.index', offsetEntries([5, 2 * S])).put('10.timeindex', timeEntries([100, 1])), 16))
    expect(told(t)).toMatchObject({ to: 16 })
    expect(await t.append(['x'])).toMatchObject({ baseOffset: 16 })
  })

  test('damage of the last batch takes the log offline', async () => {
    const bad = Buffer.from(three[2]!)
    bad[16] = 9
    const t = await open(ended(raw(three[0]!, three[1]!, bad), 16))
    expect(told(t)).toMatchObject({ clean: true, to: 16, notes: ['END_DISTRUSTED', 'PRODUCERS_FORGOTTEN'] })
    await expect(t.append(['x'])).rejects.toMatchObject({ code: 'LOG_OFFLINE', position: 2 * S, offset: 16 })
    expect((await t.read(12)).map((record) => record.offset)).toEqual([12, 13])
  })
})

describe('after a crash', () => {
  test('the walk begins at the recovery point\'s segment', async () => {
    const t = await open(recovered(raw(...three).log(16, batchOf(16, 2)).log(18, batchOf(18, 2), batchOf(20, 2)), 17))
    expect(told(t)).toEqual({ from: 10, to: 22, ...nothing })
    expect(t.log).toMatchObject({ recoveryPoint: 22, segmentCount: 3 })
  })

  test('the index of a segment that was rolled there is believed, however large its batches are', async () => {
    const records = (timestamp: number): RecordInput[] => [{ value: 'x', timestamp }, { value: Buffer.alloc(1_200_000), timestamp: 9 }]
    const large = [10, 12, 14].map((baseOffset) => Buffer.from(buildBatch(records(baseOffset), { baseOffset, leaderEpoch: 0 })))
    const size = large[0]!.length
    const partition = raw(...large).put('10.index', offsetEntries([3, size], [5, 2 * size])).put('10.timeindex', timeEntries([12, 3], [14, 5]))
    const t = await open(recovered(partition.log(16, batchOf(16, 2)), 16))
    expect(told(t)).toEqual({ from: 10, to: 18, ...nothing })
  })

  test('a torn tail is gone for good', async () => {
    const t = await open(raw(...three, batchOf(16, 2).subarray(0, 40)))
    expect(told(t)).toEqual({ clean: false, from: 10, to: 16, scanned: 3 * S, notes: ['TAIL_CUT'], dropped: [`10.log @${3 * S} 40 bytes, 16–null`] })
    expect(t.fileNames().filter((name) => name.includes('damaged'))).toEqual([])
  })

  test('what is whole behind the damage is kept aside, and named', async () => {
    const t = await open(raw(three[0]!, flipped(three[1]!), three[2]!))
    expect(told(t)).toEqual({
      clean: false, from: 10, to: 12, scanned: S, notes: ['TAIL_CUT'], dropped: [`10.log @${S} ${2 * S} bytes, 12–15, 10.log.damaged-${S}`],
    })
    expect(t.disk.readFile(`${t.directory}/${log(10)}.damaged-${S}`)).toHaveLength(2 * S)
    expect(await t.append(['x'])).toMatchObject({ baseOffset: 12 })
  })

  test('a whole batch at a wrong place is kept aside too', async () => {
    const t = await open(raw(three[0]!, batchOf(10, 2)))
    expect(told(t)).toMatchObject({ to: 12, notes: ['TAIL_CUT'], dropped: [`10.log @${S} ${S} bytes, 12–null, 10.log.damaged-${S}`] })
  })

  test('segments behind the damage are set aside, empty ones go', async () => {
    const partition = raw(three[0]!, flipped(three[1]!)).log(14, batchOf(14, 2)).log(16, batchOf(16, 2)).log(18).put('14.txnindex', '').snapshot(14).snapshot(16)
    const t = await open(partition)
    expect(told(t)).toEqual({
      clean: false, from: 10, to: 12, scanned: S, notes: ['TAIL_CUT', 'SEGMENT_SET_ASIDE', 'SEGMENT_SET_ASIDE'], dropped: [
        `10.log @${S} ${S} bytes, 12–null, 10.log.damaged-${S}`, `14.log @0 ${S} bytes, 14–null, 14.log.damaged-0`,
        `16.log @0 ${S} bytes, 16–null, 16.log.damaged-0`,
      ],
    })
    expect(t.fileNames().map((name) => name.replace(/^0+(?=\d)/, ''))).toEqual([
      '10.index', '10.log', `10.log.damaged-${S}`, '10.timeindex', '12.snapshot', '14.log.damaged-0', '16.log.damaged-0',
      'leader-epoch-checkpoint', 'partition.metadata',
    ])
    expect(await t.append(['x'])).toMatchObject({ baseOffset: 12 })
  })

  test('reading only, the same is told and nothing is changed', async () => {
    const partition = raw(three[0]!, flipped(three[1]!)).log(14, batchOf(14, 2)).log(16)
    const before = partition.disk.readDirectory(partition.directory).map((entry) => entry.name)
    const t = await open(partition, { readOnly: true })
    expect(told(t)).toEqual({
      clean: false, from: 10, to: 12, scanned: S, notes: ['TAIL_CUT', 'SEGMENT_SET_ASIDE'], dropped: [
        `10.log @${S} ${S} bytes, 12–null`, `14.log @0 ${S} bytes, 14–null`,
      ],
    })
    expect(partition.disk.readDirectory(partition.directory).map((entry) => entry.name)).toEqual(before)
    expect(partition.disk.stat(`${t.directory}/${log(10)}`)!.size).toBe(2 * S)
    expect(await t.values()).toEqual(['v10', 'v11'])
  })

  test('progress is told in bytes of all that is walked', async () => {
    const seen: RecoveryProgress[] = []
    await open(raw(...three).log(16, batchOf(16, 2)), { manager: { onRecovery: (progress) => { seen.push(progress) } } })
    const told = seen.map((one) => one.scannedBytes)
    expect(new Set(told)).toEqual(new Set([0, 3 * S, 4 * S]))
    expect(told).toEqual(told.toSorted((a, b) => a - b))
    expect(seen.at(-1)).toEqual({ topic: 't', partition: 0, scannedBytes: 4 * S, totalBytes: 4 * S })
  })

  test.each([
    ['throws', () => { throw new RangeError('no') }], ['is async, and rejects', async () => { await Promise.resolve(); throw new RangeError('no') }],
  ])('who is told of it and %s does not end it', async (_, onRecovery) => {
    const t = await open(raw(...three), { manager: { onRecovery } })
    expect([told(t).to, new Set(t.logger.messages('error'))]).toEqual([16, new Set(['onRecovery failed'])])
  })

  test('an open that is given up rejects, and the next one finds everything', async () => {
    const partition = raw(...three)
    await expect(open(partition, { manager: { signal: AbortSignal.abort() } })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(told(await open(partition))).toMatchObject({ to: 16 })
  })

  test.each([
    ['ends below its recovery point', 20, 20, ['ENDS_BELOW_RECOVERY_POINT']],
    ['ends below what had been readable', 16, 17, ['ENDS_BELOW_HIGH_WATERMARK']],
    ['ends where it was readable up to', 16, 16, []],
    ['goes on above', 10, 12, []],
  ] as const)('a log that %s', async (_what, recoveryPoint, highWatermark, notes) => {
    const t = await open(recovered(raw(...three), recoveryPoint).put('/replication-offset-checkpoint', checkpoint(highWatermark)))
    expect(told(t)).toMatchObject({ to: 16, notes })
  })
})

test('a torn end is not kept for the sake of an empty segment behind it', async () => {
  const t = await open(recovered(raw(...three, batchOf(16, 2).subarray(0, 40)).log(18), 10))
  expect(told(t)).toMatchObject({ to: 16, notes: ['TAIL_CUT'], dropped: [`10.log @${3 * S} 40 bytes, 16–null`] })
  expect(t.fileNames().filter((name) => /damaged|18\.log/.test(name))).toEqual([])
})

describe('a log start that was recorded', () => {
  test('above the end: what is there is set aside, and the log goes on, empty, at the start', async () => {
    const t = await open(raw(...three).log(16).put('/log-start-offset-checkpoint', checkpoint(40)))
    expect(told(t)).toMatchObject({ from: 40, to: 40, notes: ['LOG_START_ABOVE_END'], dropped: [`10.log @0 ${3 * S} bytes, 10–null, 10.log.damaged-0`] })
    expect(t.log).toMatchObject({ logStartOffset: 40, logEndOffset: 40, segmentCount: 1 })
    // As Kafka's truncateFullyAndStartAt: nothing is known of the epochs of what is gone.
    expect(t.log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: -1, endOffset: -1 })
    expect(await t.append(['x'])).toMatchObject({ baseOffset: 40 })
    expect(t.fileNames()).toContain(log(40))
    expect(t.fileNames()).not.toContain(log(16))
  })

  test('above the end, reading only: nothing is changed', async () => {
    const partition = raw(...three).put('/log-start-offset-checkpoint', checkpoint(40))
    const t = await open(partition, { readOnly: true })
    expect(told(t)).toMatchObject({ from: 40, to: 40, dropped: [`10.log @0 ${3 * S} bytes, 10–null`] })
    expect(partition.disk.stat(`${t.directory}/${log(10)}`)!.size).toBe(3 * S)
  })

  test('within the log, at its end and below it is taken as far as it goes', async () => {
    const starting = async (offset: number): Promise<TestLog> => open(raw(...three).put('/log-start-offset-checkpoint', checkpoint(offset)))
    const within = await starting(13)
    expect(told(within)).toMatchObject({ from: 13, to: 16, notes: [] })
    expect(await within.values()).toEqual(['v13', 'v14', 'v15'])
    expect(told(await starting(16))).toMatchObject({ from: 16, to: 16, notes: [] })
    expect(told(await starting(3))).toMatchObject({ from: 10, to: 16, notes: [] })
  })
})

describe('files that are derived', () => {
  const sealed = (): RawPartition => ended(raw(...three).log(16, batchOf(16, 2)), 18)

  test('are made again where they are missing', async () => {
    const partition = sealed()
    partition.disk.unlink(`${partition.directory}/${log(10).replace('log', 'index')}`)
    const t = await open(partition, { config: { 'index.interval.bytes': 1 } })
    expect(told(t)).toMatchObject({ clean: true, notes: ['INDEX_REBUILT'] })
    const index = t.disk.readFile(`${t.directory}/${log(10).replace('log', 'index')}`)
    expect(Buffer.from(index)).toEqual(offsetEntries([3, S], [5, 2 * S]))
    expect(Buffer.from(t.disk.readFile(`${t.directory}/${log(10).replace('log', 'timeindex')}`))).toEqual(timeEntries([100, 1]))
  })

  test('are not asked for by an empty segment; one that was emptied is told of', async () => {
    const empty = ended(new RawPartition().epochs([0, 10]).log(10).log(16, batchOf(16, 2)), 18)
    expect(told(await open(empty))).toMatchObject({ from: 10, to: 18, notes: [] })
    for (const kind of ['index', 'timeindex']) {
      const emptied = ended(new RawPartition().epochs([0, 10]).log(10).log(16, batchOf(16, 2)), 18).put(`10.${kind}`, Buffer.alloc(24, 1))
      expect(told(await open(emptied))).toMatchObject({ notes: ['SEGMENT_EMPTIED'] })
    }
    const last = ended(new RawPartition().epochs([0, 10]).log(10, three[0]!).log(12).put('12.index', Buffer.alloc(8, 1)), 12)
    expect(told(await open(last))).toMatchObject({ to: 12, notes: [] })
  })

  test.each([
    ['right', offsetEntries([3, S], [5, 2 * S]), timeEntries([100, 1]), []],
    ['empty', Buffer.alloc(0), Buffer.alloc(0), []],
    ['one that lies at its end', offsetEntries([3, S], [4, 2 * S]), timeEntries([100, 1]), ['INDEX_REBUILT']],
    ['one that leads elsewhere at its end', offsetEntries([3, S], [5, 2 * S - 1]), timeEntries([100, 1]), ['INDEX_REBUILT']],
    ['one that does not rise', offsetEntries([3, S], [2, 2 * S]), timeEntries([100, 1]), ['INDEX_REBUILT']],
    ['a time that lies', offsetEntries([5, 2 * S]), timeEntries([101, 1]), ['INDEX_REBUILT']],
    ['a time of another offset', offsetEntries([5, 2 * S]), timeEntries([100, 2]), ['INDEX_REBUILT']],
    ['times that do not rise', offsetEntries([5, 2 * S]), timeEntries([100, 1], [90, 3]), ['INDEX_REBUILT']],
    ['half an entry', offsetEntries([3, S], [5, 2 * S]).subarray(0, 12), timeEntries([100, 1]), ['INDEX_REBUILT']],
  ] as const)('of the segment that ends at the recovery point are checked where they can be torn: %s', async (_what, index, times, notes) => {
    const torn = (recoveryPoint: number): RawPartition => recovered(raw(...three).log(16, batchOf(16, 2)), recoveryPoint)
      .put('10.index', index).put('10.timeindex', times)
    const t = await open(torn(16), { config: { 'index.interval.bytes': 1 } })
    expect(told(t)).toMatchObject({ to: 18, notes })
    expect(await t.values()).toHaveLength(8)
    if (notes.length > 0) expect(Buffer.from(t.disk.readFile(`${t.directory}/${log(10).replace('log', 'index')}`))).toEqual(offsetEntries([3, S], [5, 2 * S]))
    // Where the recovery point lies behind it, or all was closed, they were durable.
    expect(told(await open(torn(17)))).toMatchObject({ notes: [] })
    expect(told(await open(ended(torn(16), 18)))).toMatchObject({ notes: [] })
  })

  test('that tell of aborted transactions are made again from the log', async () => {
    const sent = (offset: number, baseSequence: number): Buffer => batchOf(offset, 2, { producerId: 7, producerEpoch: 0, baseSequence, isTransactional: true })
    const batches = [sent(0, 0), marker(2, 'ABORT', 7), sent(3, 2), marker(5, 'COMMIT', 7), sent(6, 4), marker(8, 'ABORT', 7)]
    const broken = (): RawPartition => ended(new RawPartition().epochs([0, 0]).log(0, ...batches).log(9, batchOf(9, 2)), 11).put('0.txnindex', 'x')
    const t = await open(broken())
    expect(told(t)).toMatchObject({ clean: true, notes: ['INDEX_REBUILT'] })
    expect(Buffer.from(t.disk.readFile(`${t.directory}/${log(0).replace('log', 'txnindex')}`))).toEqual(abortedEntries([7, 0, 2, 3], [7, 6, 8, 9]))
    const { abortedTransactions } = await t.drive(t.log.read(0, { maxBytes: 10_000, isolation: 'committed' }))
    expect(abortedTransactions).toEqual([{ producerId: 7, firstOffset: 0 }, { producerId: 7, firstOffset: 6 }])
    const reader = broken()
    await open(reader, { readOnly: true })
    expect(Buffer.from(reader.disk.readFile(`${reader.directory}/${log(0).replace('log', 'txnindex')}`)).toString()).toBe('x')
  })
})

test.each([
  ['.deleted', ['10.log.deleted', '10.index.deleted', '5.snapshot.deleted'], []],
  ['.cleaned', ['10.log.cleaned', '10.index.cleaned'], ['LEFTOVER_REMOVED']],
  ['.swap behind a .cleaned', ['10.log.swap', '10.log.cleaned'], ['LEFTOVER_REMOVED']],
  ['.swap', ['10.log.swap', '10.index.swap', '10.timeindex.swap'], ['SWAP_COMPLETED']],
] as const)('leftovers of kind %s are taken to their end, and told of when they are news', async (_kind, names, notes) => {
  const partition = ended(raw(...three), 16)
  for (const name of names) partition.put(name, name.includes('.log.') ? Buffer.concat([three[0]!, three[2]!]) : '')
  const t = await open(partition)
  expect(told(t).notes).toEqual(notes)
  expect(t.fileNames().filter((name) => /(deleted|cleaned|swap)$/.test(name))).toEqual([])
  const [first] = notes
  expect((await t.readAll()).map((record) => record.offset)).toEqual(first === 'SWAP_COMPLETED' ? [10, 11, 14, 15] : [10, 11, 12, 13, 14, 15])
})

test.each([
  ['index', offsetEntries([1, 0]), offsetEntries([5, S])], ['timeindex', timeEntries([100, 1]), timeEntries([900, 5])],
  ['txnindex', abortedEntries([9, 10, 11, 11]), abortedEntries([9, 10, 15, 15])],
])(
  'a .%s of a swap that was not committed, and is there again after a power cut, does not take the place of another, but of none', async (kind, there, stray) => {
    const after = async (partition: RawPartition): Promise<[Buffer, string[]]> => {
      const t = await open(ended(partition.put(`10.${kind}.swap`, stray), 16))
      return [Buffer.from(t.disk.readFile(`${t.directory}/${log(10).replace('log', kind)}`)), t.fileNames().filter((name) => name.endsWith('.swap'))]
    }
    expect(await after(raw(...three).put(`10.${kind}`, there))).toEqual([there, []])
    const alone = new RawPartition().epochs([0, 10]).put('10.log', Buffer.concat(three))
    for (const other of ['index', 'timeindex']) if (other !== kind) alone.put(`10.${other}`, '')
    expect(await after(alone)).toEqual([stray, []])
  })

test('a folder with the name of a segment is none', async () => {
  const partition = ended(raw(...three), 16)
  partition.disk.makeDirectory('/data/t-0/00000000000000000016.log')
  const t = await open(partition)
  expect(told(t)).toMatchObject({ from: 10, to: 16, notes: [] })
  expect((await t.readAll()).map((record) => record.offset)).toEqual([10, 11, 12, 13, 14, 15])
})

test('index files without a .log are removed and told of', async () => {
  const partition = ended(raw(...three), 16).put('4.index', 'x').put('4.timeindex', 'x').put('4.txnindex', 'x')
  const t = await open(partition)
  expect(told(t).notes).toEqual(['LEFTOVER_REMOVED', 'LEFTOVER_REMOVED', 'LEFTOVER_REMOVED'])
  expect(t.fileNames().filter((name) => name.startsWith('00000000000000000004'))).toEqual([])
})

describe('leader epochs', () => {
  const batches = [batchOf(10, 2, { leaderEpoch: 3 }), batchOf(12, 2, { leaderEpoch: 5 }), batchOf(14, 2, { leaderEpoch: 5 })]
  const epochsOf = (t: TestLog): string => Buffer.from(t.disk.readFile(`${t.directory}/leader-epoch-checkpoint`)).toString()
  const without = (): RawPartition => new RawPartition().log(10, ...batches).log(16, batchOf(16, 2, { leaderEpoch: 6 }))

  test.each([
    [undefined, ['EPOCHS_REBUILT']], ['x', ['CHECKPOINT_UNREADABLE', 'EPOCHS_REBUILT']],
  ])('that are lost are found in the log (%s)', async (text, notes) => {
    for (const partition of [ended(without(), 18), without()]) {
      if (text !== undefined) partition.put('leader-epoch-checkpoint', text)
      const t = await open(partition)
      expect(told(t)).toMatchObject({ to: 18, notes })
      expect(epochsOf(t)).toBe('0\n3\n3 10\n5 12\n6 16\n')
      expect(t.log.endOffsetForEpoch(3)).toEqual({ leaderEpoch: 3, endOffset: 12 })
    }
  })

  test('are found in a log whose newest segment is one batch that was emptied', async () => {
    const emptied = batchOf(16, 1, { leaderEpoch: 6 }).subarray(0, 61)
    emptied.writeInt32BE(49, 8)
    emptied.writeInt32BE(0, 57)
    emptied.writeUInt32BE(crc32c(emptied, 21, 61), 17)
    const t = await open(new RawPartition().log(10, ...batches).log(16, emptied))
    expect(told(t)).toMatchObject({ to: 17, notes: ['EPOCHS_REBUILT'] })
    expect(epochsOf(t)).toBe('0\n3\n3 10\n5 12\n6 16\n')
  })

  test('are found, though the only one is the first of all', async () => {
    const t = await open(ended(new RawPartition().log(10, ...three), 16))
    expect(told(t)).toMatchObject({ to: 16, notes: ['EPOCHS_REBUILT'] })
    expect(epochsOf(t)).toBe('0\n1\n0 10\n')
  })

  test('are not looked for below the start of a log that was cut off there', async () => {
    const t = await openTestLog()
    for (const value of ['a', 'b']) await t.append([value])
    await t.drive(t.log.deleteRecordsBefore(1))
    await t.drive(t.log.truncateTo(1))
    await t.reopen()
    expect(t.manager.recoveryReports.flatMap(({ notes }) => notes)).toEqual([])
    expect({ end: t.log.logEndOffset, epoch: t.log.endOffsetForEpoch(0) }).toEqual({ end: 1, epoch: { leaderEpoch: -1, endOffset: -1 } })
    // What comes then has one again.
    await t.append(['c'])
    await t.reopen()
    expect(t.log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 2 })
  })

  test('are not looked for in a log that has none', async () => {
    const none = ended(new RawPartition().log(10, batchOf(10, 2, { leaderEpoch: -1 })), 12)
    expect(told(await open(none))).toMatchObject({ to: 12, notes: [] })
    // Nor in one that ends with something that cannot be a batch.
    const odd = new RawPartition().log(10, ...batches).log(16, Buffer.alloc(100, 9))
    expect(told(await open(odd)).notes).toEqual(['TAIL_CUT'])
  })

  test('of what is gone are forgotten, that of the next append stays', async () => {
    const t = await open(ended(new RawPartition().log(10, ...batches).epochs([3, 10], [5, 12], [7, 16], [9, 17]), 16))
    expect(epochsOf(t)).toBe('0\n3\n3 10\n5 12\n7 16\n')
    expect(t.log.leaderEpoch).toBe(7)
    const later = await open(ended(new RawPartition().log(10, ...batches).epochs([3, 10], [5, 12]), 16).put('/log-start-offset-checkpoint', checkpoint(13)))
    expect(epochsOf(later)).toBe('0\n1\n5 13\n')
  })
})

describe('producers', () => {
  const now = new ManualClock().now()
  const sent = (offset: number, baseSequence: number, timestamp = now): Buffer => (
    batchOf(offset, 2, { producerId: 7, producerEpoch: 1, baseSequence, timestamps: [timestamp, timestamp] }))
  const at14 = producer(7, { producerEpoch: 1, lastSequence: 3, lastOffset: 13, offsetDelta: 1, timestamp: now })
  const config = { config: { 'retention.ms': -1 } }

  test('are known from the snapshot and what follows it', async () => {
    const t = await open(ended(raw(sent(10, 0), sent(12, 2), sent(14, 4)).snapshot(14, at14), 16), config)
    expect(t.log.activeProducers()).toMatchObject([{ producerId: 7, producerEpoch: 1, lastSequence: 5 }])
  })

  test.each([[true], [false]])('below damage are forgotten, and said to be (after a clean stop: %s)', async (clean) => {
    const bad = sent(12, 2)
    bad[16] = 9
    const damaged = raw(sent(10, 0), bad, sent(14, 4)).log(16, sent(16, 6))
    const t = await open(clean ? ended(damaged, 18) : recovered(damaged, 17), config)
    expect(told(t)).toMatchObject({ to: 18, notes: ['PRODUCERS_FORGOTTEN'], dropped: [] })
    expect(t.log.activeProducers()).toHaveLength(clean ? 0 : 1)
  })

  test('of segments that retention took are known after a crash from the snapshot where the log begins now, as with Kafka', async () => {
    const gone = producer(5, { lastSequence: 9, lastOffset: 9, timestamp: now, currentTxnFirstOffset: 8 })
    const partition = (): RawPartition => raw(sent(10, 0), marker(12, 'ABORT', 5, { timestamp: now })).log(13, sent(13, 2)).snapshot(10, gone)
    const t = await open(partition(), config)
    expect(t.log.activeProducers()).toMatchObject([{ producerId: 5, lastSequence: 9, currentTxnStartOffset: -1 }, { producerId: 7, lastSequence: 3 }])
    expect(t.disk.readFile(`${t.directory}/${log(10).replace('log', 'txnindex')}`)).toEqual(new Uint8Array(abortedEntries([5, 8, 12, 13])))
    const broken = await open(recovered(partition().put('10.txnindex', Buffer.alloc(34, 0xff)), 15), config)
    expect(broken.disk.readFile(`${broken.directory}/${log(10).replace('log', 'txnindex')}`)).toEqual(new Uint8Array(abortedEntries([5, 8, 12, 13])))
    const recorded = await open(partition().put('/log-start-offset-checkpoint', checkpoint(10)), config)
    expect(recorded.log.activeProducers()).toMatchObject([{ producerId: 5, lastSequence: 9, currentTxnStartOffset: -1 }, { producerId: 7, lastSequence: 3 }])
    expect(recorded.disk.readFile(`${t.directory}/${log(10).replace('log', 'txnindex')}`)).toEqual(new Uint8Array(abortedEntries([5, 8, 12, 13])))
    const both = await open(recovered(partition().put('10.txnindex', Buffer.alloc(34, 0xff)).put('/log-start-offset-checkpoint', checkpoint(10)), 15), config)
    expect(both.disk.readFile(`${both.directory}/${log(10).replace('log', 'txnindex')}`)).toEqual(new Uint8Array(abortedEntries([5, 8, 12, 13])))
    const inside = await open(partition().put('/log-start-offset-checkpoint', checkpoint(11)), config)
    expect(inside.log.activeProducers()).toMatchObject([{ producerId: 5, lastSequence: -1 }, { producerId: 7, lastSequence: 3 }])
  })

  test('that were silent too long are not known after a crash, but in the snapshot, as with Kafka', async () => {
    const open9 = batchOf(16, 2, { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true })
    const day = 86_400_000
    const partition = raw(sent(10, 0, now - day), open9, batchOf(18, 2, { producerId: 8, producerEpoch: 0, baseSequence: 4, timestamps: [0, now - day + 1] }))
    const t = await open(partition, config)
    expect(t.log.activeProducers().map(({ producerId }) => producerId)).toEqual([8, 9])
    expect(decodeSnapshot(t.disk.readFile(`${t.directory}/${log(20).replace('log', 'snapshot')}`), '').map(({ producerId }) => producerId)).toEqual([7, 8, 9])
    expect(await t.append(['x'], { producerId: 7, producerEpoch: 1, baseSequence: 40 })).toMatchObject({ baseOffset: 20 })
  })

  test('of a snapshot that cannot be read are found in the log, from an older one on', async () => {
    const bad = Buffer.from(encodeSnapshot([at14])).fill(1, 20, 24)
    const partition = raw(sent(10, 0), sent(12, 2), sent(14, 4)).put('16.snapshot', bad).snapshot(14, at14)
    const t = await open(ended(partition, 16), config)
    expect(told(t)).toMatchObject({ notes: [] })
    expect(t.log.activeProducers()).toMatchObject([{ lastSequence: 5 }])
    expect(t.logger.messages('warn')).toEqual(['A producer snapshot cannot be used; the next older one and the log replace it'])
  })
})

describe('a disk that fails while a log is opened', () => {
  test.each([
    ['leader-epoch-checkpoint', 'readFile'], [log(10).replace('log', 'txnindex'), 'readFile'], [log(16).replace('log', 'snapshot'), 'readFile'],
    [log(10), 'read'], [log(10), 'open'], ['recovery-point-offset-checkpoint', 'readFile'], ['meta.properties', 'readFile'], ['partition.metadata', 'readFile'],
    ['t-0', 'syncDirectory'],
  ] as const)('%s, %s: the open fails with its error, and the next one succeeds', async (path, call) => {
    for (const clean of [true, false]) {
      const partition = raw(three[0]!, flipped(three[1]!), three[2]!)
      partition.log(16, batchOf(16, 2, { producerId: 7, producerEpoch: 0, baseSequence: 0 })).put('10.txnindex', '')
      partition.put('/meta.properties', 'version=1\ncluster.id=a\nnode.id=1\ndirectory.id=b\n').snapshot(16)
      if (clean) ended(partition, 18)
      else recovered(partition, 10)
      const faults = new FaultFileSystem(partition.disk)
      faults.inject({ call, error: 'EIO', path: new RegExp(`${path}$`), sticky: true })
      const outcome: unknown = await open(partition, { fileSystem: faults }).then(() => null, (error: unknown) => error)
      if (faults.injected === 0) continue
      expect(outcome).toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
      faults.heal()
      expect(told(await open(partition, { fileSystem: faults })).to).toBeGreaterThanOrEqual(12)
    }
  })
})

test('a topic whose cleanup is compaction is opened with its settings', async () => {
  const t = await open(ended(raw(...three), 16), { config: { 'cleanup.policy': 'compact' } })
  expect(t.log.config).toEqual(testConfig({ 'cleanup.policy': 'compact' }))
})
