import { describe, expect, test } from 'vitest'
import { FileCache } from '../io/file-cache.ts'
import type { FileHandle, FileSystem, OpenMode } from '../io/file-system.ts'
import { FaultFileSystem } from '../testing/index.ts'
import { newDisk, utf8, writeFile } from '../../test/support/segment-harness.ts'
import { LogFile } from './log-file.ts'

const path = '/log/00000000000000000000.log'

function fileOn(fs: FileSystem, size: number = 0): { file: LogFile; cache: FileCache } {
  const cache = new FileCache(fs, 8)
  return { file: new LogFile(fs, cache, path, size), cache }
}

function write(file: LogFile, text: string): void {
  const bytes = utf8(text)
  file.writeSync(bytes, 0, bytes.length)
}

/** A file system that tells which handles are open. */
function countingHandles(inner: FileSystem): { fs: FileSystem; open: Set<FileHandle> } {
  const open = new Set<FileHandle>()
  const openFile = (path: string, mode: OpenMode): FileHandle => {
    const handle = inner.open(path, mode)
    open.add(handle)
    const close = handle.close.bind(handle)
    handle.close = () => { open.delete(handle); close() }
    return handle
  }
  const fs = new Proxy(inner, { get: (target, key) => key === 'open' ? openFile : (Reflect.get(target, key) as () => unknown).bind(target) })
  return { fs, open }
}

const textOf = (fs: FileSystem): string => Buffer.from(fs.readFile(path)).toString()

describe('a log file', () => {
  test('counts bytes only once they are committed', async () => {
    const disk = newDisk()
    const { file } = fileOn(disk)
    file.create()
    write(file, 'onetwo')
    expect(file.size).toBe(0)
    file.commit(3)
    file.commit(3)
    await file.write(utf8('--three--'), 2, 5)
    file.commit(5)
    expect(file.size).toBe(11)
    expect(textOf(disk)).toBe('onetwothree')
  })

  test('gives its handle back to who needs one when all is durable, not before, and opens another for the next write', async () => {
    const counting = countingHandles(newDisk())
    const fs = new FaultFileSystem(counting.fs)
    const { file, cache } = fileOn(fs)
    const needed = (): void => {
      fs.inject({ call: 'open', error: 'EMFILE' })
      cache.openOwned(path).close()
    }
    file.create()
    write(file, 'one')
    file.commit(3)
    expect(needed).toThrow('EMFILE')
    expect(counting.open.size).toBe(1)
    await file.datasync()
    needed()
    expect(counting.open.size).toBe(0)
    write(file, 'two')
    file.commit(3)
    file.datasyncSync()
    write(file, 'three')
    file.commit(5)
    expect(needed).toThrow('EMFILE')
    const syncing = file.datasync()
    await file.write(utf8('four'), 0, 4)
    await syncing
    // What was written during the sync is not durable.
    expect(needed).toThrow('EMFILE')
    file.commit(4)
    await file.datasync()
    file.close()
    expect([needed, counting.open.size]).toEqual([expect.any(Function), 0])
    expect(needed).toThrow('EMFILE')
    expect(textOf(fs)).toBe('onetwothreefour')
  })

  test('cuts off what a write left that was not committed', async () => {
    const disk = newDisk()
    const { file } = fileOn(disk)
    file.create()
    write(file, 'a long write that nobody commits')
    write(file, 'short')
    file.commit(5)
    expect(textOf(disk)).toBe('short')
    await file.write(utf8('xxxxxxxx'), 0, 8)
    await file.write(utf8('y'), 0, 1)
    file.commit(1)
    expect(textOf(disk)).toBe('shorty')
  })

  test.each(['at once', 'with the next write, where it cannot be cut at once'])('goes on after a full disk once there is room, with nothing of the failed write left: %s', async (when) => {
    const disk = newDisk()
    const faults = new FaultFileSystem(disk)
    const { file } = fileOn(faults)
    file.create()
    write(file, 'first')
    file.commit(5)
    const isLater = when !== 'at once'
    for (const attempt of [() => write(file, 'a second write'), () => file.write(utf8('a second write'), 0, 14)]) {
      faults.inject({ call: 'write', nth: 1, error: 'ENOSPC', written: 7 })
      // The second attempt cuts what the first has left, before it writes.
      if (isLater) faults.inject({ call: 'truncate', nth: textOf(disk) === 'first' ? 1 : 2, error: 'EIO' })
      await expect(async () => attempt()).rejects.toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
      // Who is killed now leaves the file so.
      expect(textOf(disk)).toBe(isLater ? 'firsta secon' : 'first')
      faults.heal()
    }
    write(file, '2nd')
    file.commit(3)
    expect(textOf(disk)).toBe('first2nd')
  })

  test('does not write over a tail that it could not cut', () => {
    const disk = newDisk()
    const faults = new FaultFileSystem(disk)
    const { file } = fileOn(faults)
    file.create()
    write(file, 'uncommitted')
    faults.inject({ call: 'truncate', nth: 1, error: 'EIO' })
    expect(() => write(file, 'x')).toThrow(expect.objectContaining({ code: 'KAFKA_STORAGE_ERROR' }))
    write(file, 'y')
    file.commit(1)
    expect(textOf(disk)).toBe('y')
  })

  test('makes its name durable with the first sync, data with every one', async () => {
    const disk = newDisk()
    disk.syncDirectorySync('/')
    const { file } = fileOn(disk)
    file.create()
    write(file, 'one')
    file.commit(3)
    await file.datasync()
    expect(Buffer.from(disk.survivors('lose-all').readFile(path)).toString()).toBe('one')
    write(file, 'two')
    file.commit(3)
    expect(Buffer.from(disk.survivors('lose-all').readFile(path)).toString()).toBe('one')
    file.datasyncSync()
    expect(Buffer.from(disk.survivors('lose-all').readFile(path)).toString()).toBe('onetwo')
    expect(disk.operations.filter((o) => o.kind === 'syncDirectory')).toHaveLength(2)
  })

  test('reads its own bytes under a name that another file had, whose handle is still at hand', async () => {
    const disk = newDisk()
    const cache = new FileCache(disk, 8)
    const fileNamed = (name: string, text: string): LogFile => {
      writeFile(disk, name, utf8(text))
      return new LogFile(disk, cache, name, text.length)
    }
    const first = fileNamed(path, 'first')
    first.rename(`${path}.deleted`)
    const bytes = Buffer.alloc(6)
    await first.read(bytes, 0, 5, 0)
    const second = fileNamed(path, 'second')
    second.rename(`${path}.deleted`)
    await second.read(bytes, 0, 6, 0)
    expect(bytes.toString()).toBe('second')
  })

  test('holds no handle while it is only read, and reads on through close and rename', async () => {
    const disk = newDisk()
    writeFile(disk, path, utf8('content'))
    const { file, cache } = fileOn(disk, 7)
    const buffer = new Uint8Array(7)
    expect(cache.openCount).toBe(0)
    expect(file.readSync(buffer, 0, 7, 0)).toBe(7)
    expect(cache.openCount).toBe(1)
    const reading = file.read(buffer, 0, 7, 0)
    file.close()
    file.rename(`${path}.deleted`)
    expect(await reading).toBe(7)
    expect(file.readSync(buffer, 0, 7, 4)).toBe(3)
    expect(file.path).toBe(`${path}.deleted`)
    await file.remove()
    expect(cache.openCount).toBe(0)
    expect(disk.readDirectory('/log')).toEqual([])
  })

  test('is read by the write handle on the spot while it is written, so that no second one is opened', () => {
    const { fs, open } = countingHandles(newDisk())
    const { file, cache } = fileOn(fs)
    file.create()
    write(file, 'one')
    file.commit(3)
    const buffer = new Uint8Array(3)
    expect(file.readSync(buffer, 0, 3, 0)).toBe(3)
    expect([Buffer.from(buffer).toString(), cache.openCount, open.size]).toEqual(['one', 0, 1])
    file.datasyncSync()
    file.close()
    expect(file.readSync(buffer, 0, 3, 0)).toBe(3)
    expect(cache.openCount).toBe(1)
  })

  test('is closed by a seal only after a sync under way has ended', async () => {
    const faults = new FaultFileSystem(newDisk())
    const { fs, open } = countingHandles(faults)
    const { file } = fileOn(fs)
    file.create()
    write(file, 'x')
    file.commit(1)
    const held = faults.holdSyncs()
    const sync = file.datasync()
    file.close()
    expect(open.size).toBe(1)
    held.release()
    await expect(sync).resolves.toBeUndefined()
    expect(open.size).toBe(0)
  })

  test('holds no write handle after a sync, cut or close of a sealed file', async () => {
    const { fs, open } = countingHandles(newDisk())
    const { file } = fileOn(fs)
    file.create()
    write(file, 'x')
    expect(open.size).toBe(1)
    file.close()
    expect(open.size).toBe(0)
    file.datasyncSync()
    file.cut()
    await file.datasync()
    expect(open.size).toBe(0)
  })

  test('is synced and cut by the handle that wrote it: another might not be told that its bytes were lost', async () => {
    const faults = new FaultFileSystem(newDisk())
    const { file } = fileOn(faults)
    file.create()
    write(file, 'one')
    file.commit(3)
    const opened = faults.calls('open')
    file.datasyncSync()
    write(file, 'two')
    await file.datasync()
    file.cut()
    await file.datasync()
    expect(faults.calls('open')).toBe(opened)
  })

  test('tells of a sync that failed, whether it blocks or not, and is synced by the next', async () => {
    const disk = newDisk()
    const faults = new FaultFileSystem(disk)
    const { file } = fileOn(faults)
    file.create()
    write(file, 'x')
    file.commit(1)
    faults.inject({ call: 'datasync', error: 'EIO', sticky: true })
    expect(() => { file.datasyncSync() }).toThrow(expect.objectContaining({ code: 'KAFKA_STORAGE_ERROR' }))
    await expect(file.datasync()).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    faults.heal()
    const before = disk.operations.length
    file.datasyncSync()
    expect(disk.operations.slice(before).map((each) => each.kind)).toEqual(['datasync', 'syncDirectory'])
  })

  test('is not synced again when nothing has changed', async () => {
    const disk = newDisk()
    const { file } = fileOn(disk)
    file.create()
    write(file, 'x')
    file.commit(1)
    await file.datasync()
    const before = disk.operations.length
    await file.datasync()
    file.datasyncSync()
    expect(disk.operations.length).toBe(before)
    file.resize(1)
    await file.datasync()
    expect(disk.operations.slice(before).map((o) => o.kind)).toEqual(['datasync', 'syncDirectory'])
  })

  test('refuses every change when it is open for reading only', () => {
    const disk = newDisk()
    writeFile(disk, path, utf8('content'))
    const file = new LogFile(disk, new FileCache(disk, 4), path, 7, { readOnly: true })
    const refused = expect.objectContaining({ code: 'READ_ONLY' })
    expect(() => write(file, 'x')).toThrow(refused)
    expect(() => file.cut()).toThrow(refused)
    expect(() => file.rename('/log/other')).toThrow(refused)
    file.resize(3)
    expect(textOf(disk)).toBe('content')
  })
})
