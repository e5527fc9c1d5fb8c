import { describe, expect, test } from 'vitest'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { setAsideLog, setAsideRange } from './set-aside.ts'

const LOG = '00000000000000000068.log'

function diskWith(bytes: Uint8Array): SimulatedFileSystem {
  const disk = new SimulatedFileSystem({ clock: new ManualClock() })
  disk.makeDirectory('/p')
  writeWhole(disk, `/p/${LOG}`, bytes)
  disk.settle()
  return disk
}
const text = (disk: SimulatedFileSystem, name: string): string => Buffer.from(disk.readFile(`/p/${name}`)).toString()
const names = (disk: SimulatedFileSystem): string[] => disk.readDirectory('/p').map((entry) => entry.name)

/** How many of its files are open now. */
function countOpen(disk: SimulatedFileSystem): () => number {
  const open = disk.open.bind(disk)
  let count = 0
  disk.open = (path, mode) => {
    const handle = open(path, mode)
    const close = handle.close.bind(handle)
    count++
    handle.close = () => { count--; close() }
    return handle
  }
  return () => count
}

describe('a range that is set aside', () => {
  test('is copied byte for byte, durably, and the log stays as it is', async () => {
    const disk = diskWith(Buffer.from('0123456789'))
    expect(await setAsideRange(disk, '/p', LOG, 3, 7)).toBe(`${LOG}.damaged-3`)
    const left = disk.survivors('lose-all')
    expect(text(left, `${LOG}.damaged-3`)).toBe('3456')
    expect(text(left, LOG)).toBe('0123456789')
  })

  test('is not copied twice; another one with its name keeps its own', async () => {
    const disk = diskWith(Buffer.from('0123456789'))
    await setAsideRange(disk, '/p', LOG, 3, 7)
    expect(await setAsideRange(disk, '/p', LOG, 3, 7)).toBe(`${LOG}.damaged-3`)
    expect(await setAsideRange(disk, '/p', LOG, 3, 8)).toBe(`${LOG}.damaged-3-2`)
    writeWhole(disk, `/p/${LOG}`, Buffer.from('0123x56789'))
    expect(await setAsideRange(disk, '/p', LOG, 3, 7)).toBe(`${LOG}.damaged-3-3`)
    expect(await setAsideRange(disk, '/p', LOG, 3, 7)).toBe(`${LOG}.damaged-3-3`)
    expect(names(disk)).toEqual([LOG, `${LOG}.damaged-3`, `${LOG}.damaged-3-2`, `${LOG}.damaged-3-3`])
    expect(['', '-2', '-3'].map((end) => text(disk, `${LOG}.damaged-3${end}`))).toEqual(['3456', '34567', '3x56'])
  })

  test('may be larger than what is copied at once, and differ at its very end', async () => {
    const bytes = Buffer.alloc(2 * 1_048_576 + 10, 'abcdefg')
    const disk = diskWith(bytes)
    const name = await setAsideRange(disk, '/p', LOG, 2, bytes.length)
    expect(Buffer.from(disk.readFile(`/p/${name}`)).equals(bytes.subarray(2))).toBe(true)
    expect(await setAsideRange(disk, '/p', LOG, 2, bytes.length)).toBe(name)
    bytes[bytes.length - 1]! ^= 1
    writeWhole(disk, `/p/${LOG}`, bytes)
    expect(await setAsideRange(disk, '/p', LOG, 2, bytes.length)).toBe(`${name}-2`)
    bytes[2]! ^= 1
    writeWhole(disk, `/p/${LOG}`, bytes)
    expect(await setAsideRange(disk, '/p', LOG, 2, bytes.length)).toBe(`${name}-3`)
  })

  test.each(['write', 'datasync', 'truncate', 'read'] as const)('leaves nothing half done and no file open when a %s fails', async (call) => {
    const disk = diskWith(Buffer.from('0123456789'))
    const open = countOpen(disk)
    const faults = new FaultFileSystem(disk)
    faults.inject({ call, error: 'ENOSPC' })
    await expect(setAsideRange(faults, '/p', LOG, 3, 7)).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(names(disk)).toEqual([LOG])
    expect(open()).toBe(0)
    expect(await setAsideRange(faults, '/p', LOG, 3, 7)).toBe(`${LOG}.damaged-3`)
    expect(open()).toBe(0)
    await setAsideRange(faults, '/p', LOG, 3, 7)
    expect(open()).toBe(0)
  })

  test('takes the place of what an attempt that was killed left behind', async () => {
    const disk = diskWith(Buffer.from('0123456789'))
    writeWhole(disk, `/p/${LOG}.damaged-3.tmp`, Buffer.from('longer than it will be'))
    await setAsideRange(disk, '/p', LOG, 3, 7)
    expect(names(disk)).toEqual([LOG, `${LOG}.damaged-3`])
    expect(text(disk, `${LOG}.damaged-3`)).toBe('3456')
  })
})

test('a whole log that is set aside gets a name that is free', () => {
  const disk = diskWith(Buffer.from('one'))
  expect(setAsideLog(disk, `/p/${LOG}`)).toBe(`${LOG}.damaged-0`)
  writeWhole(disk, `/p/${LOG}`, Buffer.from('two'))
  expect(setAsideLog(disk, `/p/${LOG}`)).toBe(`${LOG}.damaged-0-2`)
  writeWhole(disk, `/p/${LOG}`, Buffer.from('three'))
  expect(setAsideLog(disk, `/p/${LOG}`)).toBe(`${LOG}.damaged-0-3`)
  expect(names(disk).map((name) => text(disk, name))).toEqual(['one', 'two', 'three'])
})
