import { beforeEach, describe, expect, test } from 'vitest'
import { diskWith } from '../../test/support/disk-with.ts'
import { OttlaError } from '../common/errors.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { FileCache, type Lease } from './file-cache.ts'
import type { FileHandle, FileSystem } from './file-system.ts'

let disk: SimulatedFileSystem
let fs: FaultFileSystem

beforeEach(() => {
  disk = new SimulatedFileSystem()
  fs = new FaultFileSystem(disk)
  for (let i = 0; i < 20; i++) put(`/f${i}`, `content ${i}`)
})

function put(path: string, text: string): void {
  const file = disk.open(path, 'create')
  file.truncate(0)
  file.writeSync(Buffer.from(text), 0, text.length, 0)
  file.close()
}

function textOf(lease: Lease): string {
  const buffer = Buffer.alloc(lease.handle.size())
  lease.handle.readSync(buffer, 0, buffer.length, 0)
  return buffer.toString()
}

/** Borrows, gives back, and tells whether a handle had to be opened for it. */
function touch(cache: FileCache, path: string): boolean {
  const before = fs.calls('open')
  cache.acquire(path, 'read').release()
  return fs.calls('open') > before
}

describe('FileCache', () => {
  test('opens a file once for all borrowers and keeps it for the next', () => {
    const cache = new FileCache(fs, 4)
    const first = cache.acquire('/f1', 'read')
    const second = cache.acquire('/f1', 'read')
    expect(second.handle).toBe(first.handle)
    first.release()
    second.release()
    expect(touch(cache, '/f1')).toBe(false)
    expect([cache.openCount, cache.idleCount]).toEqual([1, 1])
  })

  test('forgets what is in a folder, both ways of opening, and nothing of other folders', () => {
    const paths = ['/d/a', '/d/b', '/d/e/a', '/d2/a', '/f1']
    for (const folder of ['/d', '/d/e', '/d2']) fs.makeDirectory(folder)
    for (const path of paths.slice(0, 4)) fs.open(path, 'createNew').close()
    const cache = new FileCache(fs, 8)
    for (const path of paths) touch(cache, path)
    const lent = cache.acquire('/d/a', 'write')
    cache.invalidateIn('/d')
    expect(cache.openCount).toBe(4)
    expect(paths.filter((path) => touch(cache, path))).toEqual(['/d/a', '/d/b'])
    lent.release()
    expect(cache.openCount).toBe(5)
  })

  test('lends handles for reading and for writing apart', () => {
    const cache = new FileCache(fs, 4)
    const reader = cache.acquire('/f1', 'read')
    const writer = cache.acquire('/f1', 'write')
    writer.handle.writeSync(Buffer.from('C'), 0, 1, 0)
    expect(() => reader.handle.truncate(0)).toThrow()
    expect(textOf(reader)).toBe('Content 1')
    expect(cache.openCount).toBe(2)
  })

  test('closes the least recently used idle handle first', () => {
    const cache = new FileCache(fs, 3)
    for (const path of ['/f1', '/f2', '/f3', '/f1']) touch(cache, path)
    touch(cache, '/f4')
    expect(touch(cache, '/f1')).toBe(false)
    expect(touch(cache, '/f3')).toBe(false)
    expect(touch(cache, '/f2')).toBe(true)
    expect(cache.openCount).toBe(3)
  })

  test('never closes a handle in use, and refuses when all are', () => {
    const cache = new FileCache(fs, 2)
    const [one, two] = [cache.acquire('/f1', 'read'), cache.acquire('/f2', 'read')]
    expect(() => cache.acquire('/f3', 'read')).toThrow(expect.objectContaining({ code: 'TOO_MANY_OPEN_FILES', retriable: true, file: '/f3' }))
    expect([textOf(one), textOf(two)]).toEqual(['content 1', 'content 2'])
    two.release()
    expect(textOf(cache.acquire('/f3', 'read'))).toBe('content 3')
    expect(textOf(one)).toBe('content 1')
  })

  test('giving a lease back twice does not take it from another borrower', () => {
    const cache = new FileCache(fs, 1)
    const [one, two] = [cache.acquire('/f1', 'read'), cache.acquire('/f1', 'read')]
    one.release()
    one.release()
    expect(() => cache.acquire('/f2', 'read')).toThrow(/in use/)
    expect(textOf(two)).toBe('content 1')
  })

  test('when the process is out of files, gives half of its idle ones back and tries once more', () => {
    const cache = new FileCache(fs, 10)
    const held = cache.acquire('/f0', 'read')
    for (let i = 1; i < 6; i++) touch(cache, `/f${i}`)
    fs.inject({ call: 'open', error: 'EMFILE' })
    expect(textOf(cache.acquire('/f9', 'read'))).toBe('content 9')
    expect(cache.openCount).toBe(4)
    expect(touch(cache, '/f3')).toBe(true)
    expect(touch(cache, '/f5')).toBe(false)
    expect(textOf(held)).toBe('content 0')
  })

  test('gives up with TOO_MANY_OPEN_FILES when that did not help, or nothing was idle', () => {
    const cache = new FileCache(fs, 10)
    fs.inject({ call: 'open', error: 'EMFILE', sticky: true, path: /f9/ })
    expect(() => cache.acquire('/f9', 'read')).toThrow(expect.objectContaining({ code: 'TOO_MANY_OPEN_FILES' }))
    expect(fs.injected).toBe(1)
    touch(cache, '/f1')
    expect(() => cache.acquire('/f9', 'read')).toThrow(expect.objectContaining({ code: 'TOO_MANY_OPEN_FILES' }))
    expect(fs.injected).toBe(3)
    expect(cache.openCount).toBe(0)
  })

  test('closes owners that rest, those first that rest longest, when there are too many of them, or when the process is out of files', () => {
    const cache = new FileCache(fs, 10)
    const closed: number[] = []
    const owners = Array.from({ length: 513 }, (_, i) => ({ close: () => { closed.push(i) } }))
    for (const owner of owners.slice(0, 512)) cache.rest(owner)
    cache.wake(owners[0]!)
    cache.rest(owners[0]!)
    expect(closed).toEqual([])
    cache.rest(owners[512]!)
    expect(closed).toEqual([1])
    cache.wake(owners[2]!)
    for (const owner of owners.slice(8)) cache.wake(owner)
    fs.inject({ call: 'open', error: 'EMFILE' })
    cache.openOwned('/f1').close()
    // Of 3 to 7 and 0.
    expect(closed).toEqual([1, 3, 4, 5])
    fs.inject({ call: 'open', error: 'EMFILE' })
    touch(cache, '/f2')
    expect(closed).toEqual([1, 3, 4, 5, 6, 7])
    fs.inject({ call: 'open', error: 'EMFILE', sticky: true })
    expect(() => cache.openOwned('/f3')).toThrow(expect.objectContaining({ code: 'TOO_MANY_OPEN_FILES' }))
    expect(closed).toEqual([1, 3, 4, 5, 6, 7, 0])
  })

  test('another failure to open changes nothing', () => {
    const cache = new FileCache(fs, 2)
    touch(cache, '/f1')
    expect(() => cache.acquire('/missing', 'read')).toThrow(expect.objectContaining({ code: 'DIRECTORY_UNUSABLE' }))
    expect(touch(cache, '/f1')).toBe(false)
    expect(cache.openCount).toBe(1)
  })

  test('after invalidate the next borrower sees the file that has the name now', () => {
    const cache = new FileCache(fs, 4)
    expect(cache.invalidate('/f1')).toBe(true)
    const old = cache.acquire('/f1', 'read')
    put('/new', 'replaced')
    disk.rename('/new', '/f1')
    expect(cache.invalidate('/f1')).toBe(false)
    const fresh = cache.acquire('/f1', 'read')
    expect([textOf(old), textOf(fresh)]).toEqual(['content 1', 'replaced'])
    expect(cache.openCount).toBe(2)
    old.release()
    expect(cache.openCount).toBe(1)
    fresh.release()
    expect(cache.invalidate('/f1')).toBe(true)
    expect(cache.openCount).toBe(0)
  })

  test('close closes what is idle at once, what is lent when it comes back, and lends no more', () => {
    const cache = new FileCache(fs, 4)
    touch(cache, '/f1')
    const lent = cache.acquire('/f2', 'read')
    cache.close()
    cache.close()
    expect(cache.openCount).toBe(1)
    expect(textOf(lent)).toBe('content 2')
    lent.release()
    expect(cache.openCount).toBe(0)
    expect(() => lent.handle.size()).toThrow(/closed/)
    expect(() => cache.acquire('/f3', 'read')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test('who waits until a folder has no open file does not wait for a handle that could not be closed', async () => {
    const failing = diskWith<FileSystem>(fs, {
      open: (path, mode) => diskWith<FileHandle>(fs.open(path, mode), { close: () => { throw new OttlaError('KAFKA_STORAGE_ERROR', 'close') } }),
    })
    const cache = new FileCache(failing, 4)
    const lent = cache.acquire('/f1', 'read')
    let isClosed = false
    void cache.closedIn('/').then(() => { isClosed = true })
    expect(() => lent.release()).toThrow('close')
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    expect(isClosed).toBe(true)
  })

  test.each([0, -1, NaN])('cannot be made with room for %d handles', (limit) => {
    expect(() => new FileCache(fs, limit)).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })

  test('keeps its invariants under any sequence of calls', () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new SeededRandom(seed)
      const cache = new FileCache(fs, 5)
      const leases: { lease: Lease; path: string }[] = []
      for (let step = 0; step < 200; step++) {
        const path = `/f${random.int(12)}`
        if (random.chance(0.5) && leases.length < 5) leases.push({ lease: cache.acquire(path, 'read'), path })
        else if (random.chance(0.8)) leases.splice(random.int(leases.length), 1)[0]?.lease.release()
        else cache.invalidate(path)
        const lent = new Set(leases.map(({ lease }) => lease.handle)).size
        expect(cache.openCount, `seed ${seed}`).toBe(lent + cache.idleCount)
        expect(cache.openCount).toBeLessThanOrEqual(5)
        for (const { lease, path: name } of leases) expect(textOf(lease)).toBe(`content ${name.slice(2)}`)
      }
      for (const { lease } of leases) lease.release()
      cache.close()
      expect(cache.openCount, `seed ${seed}`).toBe(0)
    }
  })
})
