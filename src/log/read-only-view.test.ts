import { expect, test } from 'vitest'
import type { OpenMode } from '../io/file-system.ts'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { ReadOnlyView } from './read-only-view.ts'

function seen(): { disk: SimulatedFileSystem; view: ReadOnlyView } {
  const disk = new SimulatedFileSystem({ clock: new ManualClock() })
  for (const folder of ['/p', '/p/q', '/other']) disk.makeDirectory(folder)
  for (const path of ['/p/a', '/p/b', '/p/c', '/p/q/a', '/other/a']) writeWhole(disk, path, Buffer.from(path))
  return { disk, view: new ReadOnlyView(disk) }
}
const names = (view: ReadOnlyView, path = '/p'): string[] => view.readDirectory(path).map((entry) => entry.name)
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

test('renames and unlinks are seen, in order, in their own folder only, and change nothing', async () => {
  const { disk, view } = seen()
  view.rename('/p/b', '/p/0')
  view.unlink('/p/c')
  await view.unlinkAsync('/p/q/a')
  expect(names(view)).toEqual(['0', 'a', 'q'])
  expect(view.readDirectory('/p')[0]).toEqual({ name: '0', kind: 'file' })
  expect([names(view, '/p/q'), names(view, '/other')]).toEqual([[], ['a']])
  expect(view.stat('/p/b')).toBeNull()
  expect(view.stat('/p/0')).toMatchObject({ kind: 'file', size: 4 })
  expect(textOf(view.readFile('/p/0'))).toBe('/p/b')
  const handle = view.open('/p/0', 'read')
  expect(handle.size()).toBe(4)
  handle.close()
  // Onto another, and on from there.
  view.rename('/p/0', '/p/a')
  expect([names(view), textOf(view.readFile('/p/a'))]).toEqual([['a', 'q'], '/p/b'])
  expect(disk.readDirectory('/p').map((entry) => entry.name)).toEqual(['a', 'b', 'c', 'q'])
  expect(textOf(disk.readFile('/p/a'))).toBe('/p/a')
})

test('what got another name stands where that name belongs', () => {
  const { view } = seen()
  view.rename('/p/a', '/p/bb')
  view.rename('/p/c', '/p/ab')
  expect(names(view)).toEqual(['ab', 'b', 'bb', 'q'])
})

test('what was taken away is missing', () => {
  const { view } = seen()
  view.unlink('/p/a')
  for (const call of [() => view.readFile('/p/a'), () => view.open('/p/a', 'read'), () => view.rename('/p/a', '/p/z')]) {
    expect(call).toThrow(expect.objectContaining({ code: 'DIRECTORY_UNUSABLE', file: '/p/a', message: '/p/a does not exist', cause: expect.objectContaining({ code: 'ENOENT' }) }))
  }
})

test('a log that is opened is the one that was looked at first, or missing', () => {
  const { disk } = seen()
  let open = 0
  const counted = new Proxy(disk, { get: (target, name) => (name !== 'open' ? (Reflect.get(target, name) as () => unknown).bind(target) : (path: string, mode: OpenMode) => {
    open++
    const handle = disk.open(path, mode)
    const { close } = handle
    handle.close = () => {
      open--
      close.call(handle)
    }
    return handle
  }) })
  const view = new ReadOnlyView(counted)
  const write = (path: string, length: number): void => { writeWhole(disk, path, Buffer.alloc(length)) }
  const missing = expect.objectContaining({ code: 'DIRECTORY_UNUSABLE', file: '/p/1.log', cause: expect.objectContaining({ code: 'ENOENT' }) })
  for (const path of ['/p/1.log', '/p/2.log', '/p/1.index', '/p/2.index']) write(path, 10)
  for (const path of ['/p/1.log', '/p/1.index']) view.stat(path)
  // It may grow, not shrink.
  write('/p/1.log', 11)
  view.open('/p/1.log', 'read').close()
  write('/p/1.log', 9)
  expect(() => view.open('/p/1.log', 'read')).toThrow(missing)
  write('/p/1.log', 10)
  for (const kind of ['log', 'index']) disk.rename(`/p/2.${kind}`, `/p/1.${kind}`)
  expect(view.stat('/p/1.log')!.size).toBe(10)
  expect(() => view.open('/p/1.log', 'read')).toThrow(missing)
  view.open('/p/1.index', 'read').close()
  view.forget('/other')
  expect(() => view.open('/p/1.log', 'read')).toThrow(missing)
  view.forget('/p')
  view.open('/p/1.log', 'read').close()
  view.stat('/p/1.log')
  view.open('/p/1.log', 'read').close()
  expect(open).toBe(0)
})

test('everything that would change something is refused', async () => {
  const { view } = seen()
  const refused = expect.objectContaining({ code: 'READ_ONLY' })
  for (const call of [
    () => view.open('/p/a', 'write'), () => view.open('/p/a', 'create'), () => view.makeDirectory('/new'),
    () => view.makeDirectory('/p/a'), () => view.setModifiedTime('/p/a'),
  ]) expect(call).toThrow(refused)
  await expect(view.removeDirectory('/p/q')).rejects.toEqual(refused)
  view.makeDirectory('/p')
  view.syncDirectorySync()
  await view.syncDirectory()
  expect(view.realPath('/p')).toBe('/p')
  expect(view.info('/p')).toEqual(seen().disk.info('/p'))
})
