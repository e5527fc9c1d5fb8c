/** Deleting a topic where a folder cannot be renamed while a file in it is open, as on Windows. */
import { expect, test } from 'vitest'
import { diskWith } from '../../test/support/disk-with.ts'
import { openTestLog, type TestLog } from '../../test/support/test-log.ts'
import { OttlaError } from '../common/errors.ts'
import type { FileHandle, FileSystem } from '../io/file-system.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

class Held {
  readonly open: Map<FileHandle, string> = new Map()
  readonly disk = new SimulatedFileSystem()
  /** Reads of files that begin wait for this. */
  gate: Promise<void> | null = null
  waiting = 0
  get fileSystem(): FileSystem {
    return diskWith<FileSystem>(this.disk, {
      open: (path, mode) => {
        const handle = this.disk.open(path, mode)
        this.open.set(handle, path)
        return diskWith<FileHandle>(handle, {
          close: () => {
            this.open.delete(handle)
            handle.close()
          },
          read: async (...given) => {
            this.waiting++
            await this.gate
            this.waiting--
            return handle.read(...given)
          },
        })
      },
      rename: (from, to) => {
        const inside = [...this.open.values()].filter((path) => path.startsWith(`${from}/`))
        if (inside.length > 0) throw new OttlaError('DIRECTORY_UNUSABLE', `EPERM: ${inside.join(', ')} are open`)
        this.disk.rename(from, to)
      },
    })
  }
}

async function filled(held: Held): Promise<TestLog> {
  const t = await openTestLog({ disk: held.disk, fileSystem: held.fileSystem, config: { 'segment.bytes': 600, 'index.interval.bytes': 100 } })
  for (let i = 0; i < 30; i++) await t.append([{ value: `${i}`.padEnd(100), timestamp: 1000 + i }])
  return t
}

/** A read that waits until it may go on. */
async function readUnderWay(held: Held): Promise<{ t: TestLog; read: Promise<string>; go: () => void }> {
  const t = await filled(held)
  await t.reopen()
  let go: () => void = () => {}
  held.gate = new Promise((resolve) => { go = resolve })
  const read = t.log.read(0, { maxBytes: 300, isolation: 'logEnd' }).then(() => 'read', (error: OttlaError) => error.code)
  while (held.waiting === 0) await t.scheduler.runUntilIdle()
  return { t, read, go }
}

test('a topic that was written, read and searched is deleted', async () => {
  const held = new Held()
  const t = await filled(held)
  for (const offset of [0, 7, 15, 29]) await t.drive(t.log.read(offset, { maxBytes: 1000, isolation: 'logEnd' }))
  await t.drive(t.log.offsetForTimestamp(1010, 'logEnd'))
  expect([...held.open.values()].some((path) => path.startsWith('/data/t-0/'))).toBe(true)
  await t.drive(t.manager.delete('t'))
  expect(held.disk.stat('/data/t-0')).toBeNull()
})

test('a read under way is waited for', async () => {
  const held = new Held()
  const { t, read, go } = await readUnderWay(held)
  const deleted = t.manager.delete('t').then(() => 'deleted', (error: OttlaError) => error.message)
  for (let turn = 0; turn < 20; turn++) await t.scheduler.runUntilIdle()
  expect(held.disk.stat('/data/t-0')).not.toBeNull()
  go()
  expect(await t.drive(Promise.all([read, deleted]))).toEqual([expect.stringMatching(/^(read|UNKNOWN_TOPIC_OR_PARTITION)$/), 'deleted'])
  expect(held.disk.stat('/data/t-0')).toBeNull()
  expect([...held.open.values()].filter((path) => path.startsWith('/data/t-0/'))).toEqual([])
})

test('closing waits for a deletion that waits for a read: nothing is renamed once the directory may be another process\'s', async () => {
  const held = new Held()
  const { t, read, go } = await readUnderWay(held)
  const events: string[] = []
  const deleted = t.manager.delete('t').then(() => { events.push('deleted') }, (error: OttlaError) => { events.push(error.code) })
  const closed = t.manager.close().then(() => { events.push('closed') })
  for (let turn = 0; turn < 20; turn++) await t.scheduler.runUntilIdle()
  expect(events).toEqual([])
  go()
  await t.drive(Promise.all([read, deleted, closed]))
  expect(events).toEqual(['deleted', 'closed'])
  expect(held.disk.stat('/data/t-0')).toBeNull()
})

test('of a log that is being deleted nothing begins any more: it would find its folder renamed, or another log\'s under its name', async () => {
  const held = new Held()
  const t = await openTestLog({ disk: held.disk, fileSystem: held.fileSystem, config: { 'segment.bytes': 600, 'index.interval.bytes': 100, 'retention.ms': 1 } })
  for (let i = 0; i < 20; i++) await t.append([{ value: ''.padEnd(100), timestamp: 1000 }])
  // As where a sealed segment is being synced.
  let go: () => void = () => {}
  const synced = new Promise<void>((resolve) => { go = resolve })
  Object.assign(t.log.insides().sealed, { forgetAll: async () => synced })
  const { log } = t
  const codeOf = (error: OttlaError): string => error.code
  const deleted = t.manager.delete('t')
  for (let turn = 0; turn < 20; turn++) await t.scheduler.runUntilIdle()
  const given = [log.applyRetention(1e9), log.maybeRollByTime(1e9), log.deleteRecordsBefore(5), log.flush()].map(async (each) => each.then(() => 'done', codeOf))
  for (let turn = 0; turn < 20; turn++) await t.scheduler.runUntilIdle()
  go()
  expect(await t.drive(Promise.all(given))).toEqual(Array.from(given, () => 'UNKNOWN_TOPIC_OR_PARTITION'))
  await t.drive(deleted)
  expect([log.isOffline, held.disk.stat('/data/t-0')]).toEqual([false, null])
})
