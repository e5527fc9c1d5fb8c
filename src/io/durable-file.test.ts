/** Small files under power cuts and failing calls: old or new, never mixed, and no handle stays open. */
import { beforeEach, describe, expect, test } from 'vitest'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { draftFile, replaceFile, replaceFileSync, TEMPORARY_SUFFIX } from './durable-file.ts'
import type { FileHandle, FileSystem } from './file-system.ts'

const PATH = '/data/checkpoint'
const OLD = Buffer.from('old '.repeat(300))
const NEW = Buffer.from('new content '.repeat(50))

let disk: SimulatedFileSystem
beforeEach(() => {
  disk = new SimulatedFileSystem()
  disk.makeDirectory('/data')
  replaceFileSync(disk, PATH, OLD)
  disk.settle()
})

const ways: readonly (readonly [string, (fs: FileSystem) => Promise<void>])[] = [
  ['at once', async (fs) => { replaceFileSync(fs, PATH, NEW) }],
  ['off the event loop', (fs) => replaceFile(fs, PATH, NEW)],
]

/** A file system that counts the handles that are open. */
function counting(fs: FileSystem): { fs: FileSystem; open: () => number } {
  let open = 0
  const counted = new Proxy(fs, {
    get(target, name) {
      if (name === 'open') return (...args: Parameters<FileSystem['open']>): FileHandle => {
        const handle = target.open(...args)
        const close = handle.close.bind(handle)
        open++
        return Object.assign(handle, { close: () => { open--; close() } })
      }
      const member = Reflect.get(target, name) as unknown
      return typeof member === 'function' ? (member as (...all: unknown[]) => unknown).bind(target) : member
    },
  })
  return { fs: counted, open: () => open }
}

describe.each(ways)('a file that is replaced %s', (_, replace) => {
  test('is the old or the new one after a cut at any moment, and the new one once that is promised', async () => {
    await replace(disk)
    disk.mark('done')
    let states = 0
    for (const state of disk.crashStates({ damage: true })) {
      const found = Buffer.from(state.restore().readFile(PATH))
      expect(found.equals(NEW) || (state.marks.length === 0 && found.equals(OLD)), state.describe()).toBe(true)
      states++
    }
    expect(states).toBeGreaterThan(10)
  })

  test('is the old or the new one when any call fails, with the error of that call and no handle open', async () => {
    for (let nth = 1; ; nth++) {
      const copy = disk.copy()
      const faults = new FaultFileSystem(copy)
      const { fs, open } = counting(faults)
      faults.inject({ call: 'any', nth, error: 'EIO' })
      const failed = await replace(fs).then(() => false, () => true)
      expect(open(), `call ${nth}`).toBe(0)
      expect(failed).toBe(faults.injected > 0)
      const found = Buffer.from(copy.readFile(PATH))
      expect(found.equals(OLD) || found.equals(NEW), `call ${nth}`).toBe(true)
      if (faults.injected === 0) {
        expect(nth).toBeGreaterThan(5)
        return
      }
    }
  })
})

test('a draft takes the place of what lay there before, and is durable but for its name', async () => {
  await draftFile(disk, PATH + TEMPORARY_SUFFIX, OLD)
  await draftFile(disk, PATH + TEMPORARY_SUFFIX, NEW)
  disk.syncDirectorySync('/data')
  const left = disk.survivors('lose-all')
  expect(Buffer.from(left.readFile(PATH + TEMPORARY_SUFFIX))).toEqual(NEW)
  expect(Buffer.from(left.readFile(PATH))).toEqual(OLD)
})
