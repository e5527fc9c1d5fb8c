import { spawnSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { systemFault } from '../testing/system-fault.ts'
import { fileSystemContract } from '../testing/contracts/file-system-contract.ts'
import { NodeFileSystem, nodeFileSystem } from './node-file-system.ts'
import { RETRY_PAUSES_MS } from './rename-retry.ts'

const scratch: string[] = []
afterEach(() => { for (const directory of scratch.splice(0)) rmSync(directory, { recursive: true, force: true }) })

function freshDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'ottla-fs-')))
  scratch.push(directory)
  return directory
}

describe('NodeFileSystem keeps the file system contract', () => {
  fileSystemContract({ test, make: () => ({ fs: nodeFileSystem, directory: freshDirectory(), dispose: () => {} }) })
})

describe('NodeFileSystem under the rules of win32 keeps the file system contract', () => {
  fileSystemContract({ test, make: () => ({ fs: new NodeFileSystem('win32'), directory: freshDirectory(), dispose: () => {} }) })
})

describe('NodeFileSystem', () => {
  test('follows symbolic links, and lists a link to nowhere as something else', () => {
    const directory = freshDirectory()
    writeFileSync(join(directory, 'file'), 'x')
    symlinkSync(join(directory, 'file'), join(directory, 'link'))
    symlinkSync(join(directory, 'nowhere'), join(directory, 'lost'))
    expect(nodeFileSystem.readDirectory(directory)).toEqual([{ name: 'file', kind: 'file' }, { name: 'link', kind: 'file' }, { name: 'lost', kind: 'other' }])
    expect(nodeFileSystem.stat(join(directory, 'lost'))).toBeNull()
  })

  test.runIf(process.platform === 'linux')('gives up on a directory that cannot be made although its parent is there', () => {
    const lost = join(freshDirectory(), 'lost')
    symlinkSync(join(lost, '..', 'nowhere', 'at', 'all'), lost)
    for (const path of ['/proc/ottla', lost, join(lost, 'below')]) {
      expect(() => nodeFileSystem.makeDirectory(path)).toThrow(expect.objectContaining({ code: 'DIRECTORY_UNUSABLE' }))
    }
  })

  test('does not try to sync a directory on win32, where the system refuses', async () => {
    const windows = new NodeFileSystem('win32')
    windows.syncDirectorySync(join(freshDirectory(), 'missing'))
    await windows.syncDirectory(join(freshDirectory(), 'missing'))
    await expect(nodeFileSystem.syncDirectory(join(freshDirectory(), 'missing'))).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
    expect(() => nodeFileSystem.syncDirectorySync(join(freshDirectory(), 'missing'))).toThrow(/missing/)
  })

  test('deletes later what a scanner holds on win32, off the event loop, and at once or not at all elsewhere', async () => {
    const deletion = (system: string, failing: number): { done: Promise<string>; calls: () => number; scheduler: ManualScheduler } => {
      let calls = 0
      const scheduler = new ManualScheduler()
      const held = new NodeFileSystem(system, scheduler, (_, done) => { done(calls++ < failing ? systemFault('EPERM', 'unlink') : null) })
      const done = held.unlinkAsync('file').then(() => 'deleted', (error: unknown) => OttlaError.is(error, 'DIRECTORY_UNUSABLE') ? 'refused' : 'other')
      return { done, calls: () => calls, scheduler }
    }
    const patient = deletion('win32', 4)
    await patient.scheduler.advance(10_000)
    expect([await patient.done, patient.calls()]).toEqual(['deleted', 5])
    const hopeless = deletion('win32', 1000)
    await hopeless.scheduler.advance(10_000)
    expect([await hopeless.done, hopeless.calls()]).toEqual(['refused', RETRY_PAUSES_MS.length + 1])
    const elsewhere = deletion('linux', 1)
    expect([await elsewhere.done, elsewhere.calls()]).toEqual(['refused', 1])
  })

  test('names the file, the position and the cause in an error', () => {
    const directory = freshDirectory()
    const error: unknown = (() => { try { return nodeFileSystem.open(join(directory, 'missing'), 'read') } catch (e) { return e } })()
    expect(OttlaError.is(error, 'DIRECTORY_UNUSABLE')).toBe(true)
    expect(error).toMatchObject({ file: join(directory, 'missing'), cause: { code: 'ENOENT' } })
    expect(String(error)).toContain(`Could not open for read ${join(directory, 'missing')}`)
  })
})

/** Sets the soft limit on the size of files this process writes; false where the system has no tool for it. */
function limitFileSize(limit: number | 'unlimited'): boolean {
  return spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${limit}:unlimited`]).status === 0
}

describe.runIf(process.platform === 'linux' && limitFileSize('unlimited'))('NodeFileSystem in front of a write that fits in part', () => {
  test('calls it DISK_FULL though the system says success, and leaves the part in the file', async () => {
    const path = join(freshDirectory(), 'file')
    const file = nodeFileSystem.open(path, 'create')
    const data = new Uint8Array(10_000).fill(7)
    try {
      limitFileSize(4096)
      expect(() => file.writeSync(data, 0, data.length, 0)).toThrow(/Only 4096 of 10000 bytes at 0/)
      const partial = { code: 'DISK_FULL', position: 1000, message: expect.stringContaining('Only 3096 of 4000') as string }
      await expect(file.write(data, 0, 4000, 1000)).rejects.toMatchObject(partial)
      await expect(file.write(data, 0, 1, 4096)).rejects.toMatchObject({ code: 'DISK_FULL', cause: { code: 'EFBIG' } })
    } finally {
      limitFileSize('unlimited')
    }
    file.writeSync(data, 0, data.length, 0)
    expect(file.size()).toBe(10_000)
    file.close()
  })
})

describe.runIf(process.platform === 'linux')('NodeFileSystem on Linux', () => {
  test('tells the free bytes of the file system as statvfs does', () => {
    const directory = freshDirectory()
    const { freeBytes } = nodeFileSystem.info(directory)
    const line = spawnSync('df', ['-B1', '--output=avail', directory]).stdout.toString().split('\n')[1]
    expect(Math.abs(freeBytes - Number(line))).toBeLessThan(1e9)
  })

  test('a device that takes nothing is DISK_FULL, not success', async () => {
    const full = nodeFileSystem.open('/dev/full', 'write')
    expect(() => full.writeSync(new Uint8Array(10), 0, 10, 0)).toThrow(expect.objectContaining({ code: 'DISK_FULL', retriable: true, position: 0 }))
    await expect(full.write(new Uint8Array(10), 0, 10, 0)).rejects.toMatchObject({ code: 'DISK_FULL', file: '/dev/full' })
    full.close()
  })
})
