/** What each thing that is done to a log changes on its disk, and in which order: the cost of an append, and the order that a power cut must find. */
import { expect, test } from 'vitest'
import { openHandles } from '../../test/support/handle-count.ts'
import { openTestLog, type TestLog } from '../../test/support/test-log.ts'
import type { DiskOperation } from '../testing/disk-operation.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

const config = { 'segment.bytes': 1000, 'index.interval.bytes': 200, 'retention.ms': -1, 'file.delete.delay.ms': 0 } as const

/** A file that is replaced as a whole counts as one change: written, synced, renamed, its folder synced. */
const REPLACED = ['create', 'truncate', 'write', 'datasync', 'rename', 'syncDirectory']

function named(operation: DiskOperation): string { return `${operation.kind} ${operation.path.split('/').at(-1)!.replace(/^0+(?=\d)/, '')}` }

/** The changes since the last time it was asked. */
function changes(t: TestLog): string[] {
  const list = [...t.disk.operations]
  t.disk.settle()
  const told: string[] = []
  for (let i = 0; i < list.length;) {
    const next = list.slice(i, i + REPLACED.length)
    if (list[i]!.path.endsWith('.tmp') && next.every((each, n) => each.kind === REPLACED[n])) {
      told.push(`replace ${named(list[i]!).slice('create '.length, -'.tmp'.length)}`)
      i += REPLACED.length
    } else told.push(named(list[i++]!))
  }
  return told
}

const value = 'abcdefgh'.repeat(4)

test('an append is one write, a durable one a sync more; reads, syncs of what is durable and idle minutes change nothing', async () => {
  const t = await openTestLog({ config })
  changes(t)
  await t.append(['a'])
  expect(changes(t)).toEqual(['write 0.log', 'datasync 0.log'])
  await t.append(['a'], {}, { durable: false })
  expect(changes(t)).toEqual(['write 0.log'])
  await t.drive(Promise.all([t.send(['b']), t.send(['c'], {}, { durable: false }), t.send(['d'])]))
  expect(changes(t).filter((change) => change === 'write 0.log').length).toBeLessThanOrEqual(2)
  await t.drive(t.log.flush())
  expect(changes(t)).toEqual([])
  await t.append(['e'], {}, { durable: false })
  await t.drive(t.log.flush())
  expect(changes(t)).toEqual(['write 0.log', 'datasync 0.log'])
  await t.readAll()
  await t.drive(t.log.offsetForTimestamp(0, 'logEnd'))
  await t.drive(t.log.maxTimestampOffset())
  expect(changes(t)).toEqual([])
  await t.drive(t.scheduler.advance(61_000))
  expect(changes(t).toSorted()).toEqual(['replace recovery-point-offset-checkpoint', 'replace replication-offset-checkpoint'])
  await t.drive(t.scheduler.advance(600_000))
  expect(changes(t)).toEqual([])
})

test('a roll writes the old indexes, then the new log, then the snapshot, and syncs them behind the append, the log first, the folder last', async () => {
  const t = await openTestLog({ config })
  for (let i = 0; i < 9; i++) await t.append([value], {}, { durable: false })
  t.disk.settle()
  while (t.log.segmentCount === 1) await t.append([value], {}, { durable: false })
  await t.scheduler.runUntilIdle()
  const [last] = t.fileNames().filter((name) => name.endsWith('.snapshot')).map((name) => Number.parseInt(name, 10))
  expect(changes(t).filter((change) => change !== 'write 0.log')).toEqual([
    'create 0.index', 'write 0.index', 'create 0.timeindex', 'write 0.timeindex', `create ${last}.log`, `create ${last}.snapshot`, `truncate ${last}.snapshot`,
    `write ${last}.snapshot`, `write ${last}.log`, 'datasync 0.log', `datasync ${last}.snapshot`, 'datasync 0.index', 'datasync 0.timeindex', 'syncDirectory t-0',
  ])
  // The name of the new file is synced with the first durable append to it, once.
  await t.append([value])
  expect(changes(t)).toEqual([`write ${last}.log`, `datasync ${last}.log`, 'syncDirectory t-0'])
  await t.append([value])
  expect(changes(t)).toEqual([`write ${last}.log`, `datasync ${last}.log`])
})

test('opening and closing a log to which nothing was done changes the mark of the clean stop and nothing else', async () => {
  const t = await openTestLog({ config })
  for (let i = 0; i < 12; i++) await t.append([value])
  await t.close()
  const ended = changes(t)
  expect(ended.at(-1)).toBe('replace .kafka_cleanshutdown')
  expect(ended.indexOf('replace recovery-point-offset-checkpoint')).toBeGreaterThan(ended.findLastIndex((change) => change.startsWith('datasync')))
  await t.open()
  expect(changes(t)).toEqual(['unlink .kafka_cleanshutdown', 'syncDirectory data'])
  await t.close()
  expect(changes(t)).toEqual(['replace .kafka_cleanshutdown'])
  await t.open({ readOnly: true })
  await t.readAll()
  await t.close()
  expect(changes(t)).toEqual([])
})

test('records are taken away by a checkpoint first, files by a rename that is synced before they are removed', async () => {
  const t = await openTestLog({ config })
  for (let i = 0; i < 12; i++) await t.append([value])
  await t.drive(t.scheduler.advance(61_000))
  changes(t)
  await t.drive(t.log.deleteRecordsBefore(2))
  expect(changes(t)).toEqual(['replace log-start-offset-checkpoint', 'replace leader-epoch-checkpoint'])
  await t.drive(t.log.deleteRecordsBefore(2))
  expect(changes(t)).toEqual([])
  await t.drive(t.log.deleteRecordsBefore(11))
  changes(t)
  await t.drive(t.log.applyRetention(t.clock.now()))
  await t.drive(t.scheduler.advance(1))
  expect(changes(t)).toEqual([
    'rename 0.log', 'rename 0.index', 'rename 0.timeindex', 'syncDirectory t-0', 'unlink 0.log.deleted', 'unlink 0.index.deleted', 'unlink 0.timeindex.deleted',
  ])
  await t.drive(t.log.applyRetention(t.clock.now()))
  expect(changes(t)).toEqual([])
})

test('the end is cut behind the checkpoint that says so, and is durable with the snapshot at it', async () => {
  const t = await openTestLog({ config })
  for (let i = 0; i < 6; i++) await t.append([value])
  await t.drive(t.scheduler.advance(61_000))
  changes(t)
  await t.drive(t.log.truncateTo(4))
  const cut = changes(t)
  expect(cut[0]).toBe('replace recovery-point-offset-checkpoint')
  expect(cut.slice(1, 3)).toEqual(['truncate 0.log', 'datasync 0.log'])
  expect(cut.slice(-5)).toEqual(['create 4.snapshot', 'truncate 4.snapshot', 'write 4.snapshot', 'datasync 4.snapshot', 'syncDirectory t-0'])
  await t.drive(t.log.truncateTo(4))
  await t.drive(t.log.truncateTo(9))
  expect(changes(t)).toEqual([])
})

test('no file stays open when a log is closed, whatever was done to it', async () => {
  const disk = new SimulatedFileSystem({ clock: new ManualClock() })
  const held = openHandles(disk)
  const t = await openTestLog({ disk, config })
  for (let i = 0; i < 30; i++) await t.append([value])
  await t.readAll()
  await t.drive(t.log.offsetForTimestamp(0, 'logEnd'))
  await t.drive(t.log.truncateTo(28))
  await t.drive(t.log.deleteRecordsBefore(12))
  await t.drive(t.log.applyRetention(t.clock.now()))
  await t.drive(t.scheduler.advance(61_000))
  await t.drive(t.log.truncateFullyAndStartAt(50))
  await t.append([value])
  await t.close()
  expect(held()).toEqual([])
})
