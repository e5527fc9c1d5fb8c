import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fixtureNames, fixtures, writeWhole } from '../../test/support/fixture-files.ts'
import { openTestLog } from '../../test/support/test-log.ts'
import { crc32c } from '../record/crc32c.ts'
import { buildBatch, buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { nodeFileSystem } from '../io/node-file-system.ts'
import { type Finding, checkLog, checkVerifyOptions } from './log-check.ts'

async function all(findings: AsyncIterable<Finding>): Promise<Finding[]> {
  const list: Finding[] = []
  for await (const finding of findings) list.push(finding)
  return list
}

describe('checkLog', () => {
  test.each(fixtureNames)('has nothing to complain about in %s, which a real broker wrote', async (name) => {
    const directory = join(fixtures, name, 'data')
    const clean = existsSync(join(directory, '.kafka_cleanshutdown'))
    const found = await all(checkLog(nodeFileSystem, directory))
    expect(found.filter((finding) => finding.severity !== 'info')).toEqual([])
    expect(found.some((finding) => finding.code === 'NOT_CLOSED_CLEANLY')).toBe(!clean)
  })

  test('reports how far it is, up to the end', async () => {
    const seen: number[] = []
    let total = 0
    await all(checkLog(
      nodeFileSystem, join(fixtures, '03-segments', 'data'), { onProgress: ({ doneBytes, totalBytes }) => { seen.push(doneBytes); total = totalBytes } },
    ))
    expect(seen[seen.length - 1]).toBe(total)
    expect(total).toBeGreaterThan(1000)
  })

  test('checks the topics asked only, or one partition folder', async () => {
    const directory = join(fixtures, '05-compact-before', 'data')
    const files: string[] = []
    await all(checkLog(nodeFileSystem, directory, { topics: ['compact.keep'], onProgress: ({ file }) => { files.push(file) } }))
    expect(new Set(files.map((file) => file.split('/').at(-2)))).toEqual(new Set(['compact.keep-0']))
    expect(await all(checkLog(nodeFileSystem, join(directory, 'compact.keep-0')))).toEqual([])
  })

  test('can be given up, and says when there is nothing to check', async () => {
    await expect(all(checkLog(nodeFileSystem, join(fixtures, '01-plain', 'data'), { signal: AbortSignal.abort() }))).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(all(checkLog(nodeFileSystem, join(fixtures, 'not-there')))).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
  })
})

describe('what is planted, checkLog finds', () => {
  const name = (base: number, kind: string): string => `t-0/${String(base).padStart(20, '0')}.${kind}`
  const edit = (file: string, change: (bytes: Buffer) => Buffer | void) => (disk: SimulatedFileSystem): void => {
    const bytes = Buffer.from(disk.readFile(`/data/${file}`))
    writeWhole(disk, `/data/${file}`, change(bytes) ?? bytes)
  }
  const put = (file: string, text: string) => (disk: SimulatedFileSystem): void => writeWhole(disk, `/data/${file}`, Buffer.from(text))
  const makeDirectory = (folder: string) => (disk: SimulatedFileSystem): void => disk.makeDirectory(`/data/${folder}`)
  const remove = (file: string) => (disk: SimulatedFileSystem): void => disk.unlink(`/data/${file}`)

  /** Segments at 0, 6 and 12 …; transactions, one of them aborted in the first segment. */
  async function soundDisk(): Promise<SimulatedFileSystem> {
    const t = await openTestLog({ config: { 'segment.bytes': 700, 'index.interval.bytes': 100 } })
    for (let i = 0; i < 9; i++) {
      await t.append([{ value: `v${i}`, timestamp: t.clock.now() + i }], { producerId: 3, producerEpoch: 0, baseSequence: i, isTransactional: true })
      const marker = buildEndTransactionMarker(
        { type: i % 3 === 0 ? 'ABORT' : 'COMMIT', timestamp: t.clock.now(), producerId: 3, producerEpoch: 0, coordinatorEpoch: 0 },
      )
      await t.drive(t.log.append(Buffer.from(marker), { origin: 'coordinator', durable: true }))
    }
    await t.close()
    t.skipCheck()
    return t.disk
  }

  test.each([
    ['a flipped byte in a record', edit(name(0, 'log'), (b) => { b[66]! ^= 1 }), 'error', 'CHECKSUM_MISMATCH', name(0, 'log')],
    ['a length that cannot be', edit(name(0, 'log'), (b) => { b[10] = 0x7f }), 'error', 'BATCH_MALFORMED', name(0, 'log')],
    ['offsets that fall back', edit(name(0, 'log'), (b) => { b[b.readInt32BE(8) + 12 + 7] = 0 }), 'error', 'OFFSETS_NOT_RISING', name(0, 'log')],
    ['a leader epoch that falls back', edit(name(0, 'log'), (b) => { b[15] = 9 }), 'error', 'EPOCH_GOES_BACK', name(0, 'log')],
    ['an index entry into the middle of a batch', edit(name(0, 'index'), (b) => { b[7]! += 1 }), 'error', 'INDEX_WRONG', name(0, 'index')],
    ['an index entry past the end', edit(name(0, 'index'), (b) => { b[b.length - 3] = 0x7f }), 'error', 'INDEX_WRONG', name(0, 'index')],
    ['a time index that ends too early in time', edit(
      name(0, 'timeindex'), (b) => { b[b.length - 5]! -= 1 },
    ), 'error', 'TIME_INDEX_WRONG', name(0, 'timeindex')],
    ['a missing index', remove(name(0, 'index')), 'warning', 'INDEX_MISSING', name(0, 'index')],
    ['an index of nothing', put(name(99, 'index'), ''), 'warning', 'INDEX_WITHOUT_LOG', name(99, 'index')],
    ['an aborted transaction that is missing', remove(name(0, 'txnindex')), 'error', 'TXN_INDEX_WRONG', name(0, 'txnindex')],
    ['an aborted transaction that never was', edit(name(0, 'txnindex'), (b) => { b[9]! += 1 }), 'error', 'TXN_INDEX_WRONG', name(0, 'txnindex')],
    ['a snapshot with a bad checksum', edit(name(18, 'snapshot'), (b) => { b[20]! ^= 1 }), 'warning', 'SNAPSHOT_UNREADABLE', name(18, 'snapshot')],
    ['epochs that do not rise', put('t-0/leader-epoch-checkpoint', '0\n2\n3 5\n2 9\n'), 'error', 'EPOCHS_WRONG', 't-0/leader-epoch-checkpoint'],
    ['epochs the log does not have', put('t-0/leader-epoch-checkpoint', '0\n2\n0 0\n5 4\n'), 'error', 'EPOCHS_WRONG', 't-0/leader-epoch-checkpoint'],
    ['an epoch file that cannot be read', put('t-0/leader-epoch-checkpoint', 'x'), 'warning', 'EPOCHS_UNREADABLE', 't-0/leader-epoch-checkpoint'],
    ['a lost topic id', remove('t-0/partition.metadata'), 'warning', 'TOPIC_ID_MISSING', 't-0'],
    ['a recovery point past the end', put(
      'recovery-point-offset-checkpoint', '0\n1\nt 0 1000\n',
    ), 'error', 'CHECKPOINT_OUTSIDE_LOG', 'recovery-point-offset-checkpoint'],
    ['a checkpoint that cannot be read', put('log-start-offset-checkpoint', '0\n5\n'), 'warning', 'CHECKPOINT_UNREADABLE', 'log-start-offset-checkpoint'],
    ['a folder that a broker would refuse', makeDirectory('lost+found'), 'warning', 'FOLDER_UNKNOWN', 'lost+found'],
    ['bytes kept aside', put(`${name(0, 'log')}.damaged-77`, 'x'), 'info', 'KEPT_ASIDE', `${name(0, 'log')}.damaged-77`],
  ] as const)('%s', async (_what, plant, severity, code, file) => {
    const disk = await soundDisk()
    expect(await all(checkLog(disk, '/data'))).toEqual([])
    plant(disk)
    const found = await all(checkLog(disk, '/data'))
    expect(found).toEqual(expect.arrayContaining([expect.objectContaining({ severity, code, file: `/data/${file}` })]))
  })

  test('a snapshot that says something else than the log', async () => {
    const disk = await soundDisk()
    const other = await openTestLog({ check: false })
    await other.append(['a'], { producerId: 3, producerEpoch: 0, baseSequence: 7 })
    await other.close()
    writeWhole(disk, `/data/${name(18, 'snapshot')}`, other.disk.readFile('/data/t-0/00000000000000000001.snapshot'))
    expect(await all(checkLog(disk, '/data'))).toEqual([expect.objectContaining({ severity: 'error', code: 'SNAPSHOT_WRONG', offset: 18 })])
  })

  test('a torn tail, which is an error only where nothing may be torn', async () => {
    const disk = await soundDisk()
    const last = disk.readDirectory('/data/t-0').filter((entry) => entry.name.endsWith('.log')).pop()!.name
    edit(`t-0/${last}`, (b) => Buffer.concat([b, buildBatch([{ value: 'x' }]).subarray(0, 40)]))(disk)
    expect(await all(checkLog(disk, '/data'))).toEqual([expect.objectContaining({ severity: 'error', file: `/data/t-0/${last}` })])
    disk.unlink('/data/.kafka_cleanshutdown')
    expect(
      (await all(checkLog(disk, '/data'))).map((finding) => [finding.severity, finding.code]),
    ).toEqual([['info', 'NOT_CLOSED_CLEANLY'], ['warning', 'TORN_TAIL']])
  })

  test('records that do not parse under a good checksum, unless only headers are asked for', async () => {
    const t = await openTestLog({ check: false })
    await t.append(['value'])
    await t.close()
    edit(name(0, 'log'), (b) => {
      b[61] = 0x7e
      b.writeUInt32BE(crc32c(b, 21, b.length), 17)
    })(t.disk)
    expect((await all(checkLog(t.disk, '/data'))).map((finding) => finding.code)).toEqual(['RECORDS_UNREADABLE'])
    expect(await all(checkLog(t.disk, '/data', { deep: false }))).toEqual([])
  })
})

test.each([
  [{ topics: 't' }, 'verify: topics is a list of names'], [{ topics: [1] }, 'verify: topics is a list of names'], [{ deep: 1 }, 'verify: deep is true or false'],
  [{ onProgress: 'bar' }, 'verify: onProgress is a function'], [{ topic: ['t'] }, 'verify has no option "topic"'], ['t', 'verify: the options are an object'],
])('%j is no question', (options, message) => {
  expect(() => checkVerifyOptions(options as object)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) as string }))
  expect(() => checkVerifyOptions({ topics: ['t'], deep: false, onProgress: () => {}, signal: new AbortController().signal })).not.toThrow()
})
