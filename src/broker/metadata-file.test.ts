import { describe, expect, test } from 'vitest'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { METADATA_FILE, metadataFileIn } from './metadata-file.ts'

describe('before LMDB opens a file', () => {
  const path = `/data/${METADATA_FILE}`
  const empty = Buffer.alloc(8192, 7)
  const made = (capacityBytes?: number): SimulatedFileSystem => {
    const disk = new SimulatedFileSystem({ clock: new ManualClock(), ...(capacityBytes === undefined ? {} : { capacityBytes }) })
    disk.makeDirectory('/data')
    return disk
  }
  const prepare = (disk: SimulatedFileSystem): void => metadataFileIn(disk, '/data').prepare(path, empty, 720)

  test('it is made, and a lock file without holes; what is there already stays, but for a lock file that is too short', () => {
    const disk = made()
    prepare(disk)
    expect([Buffer.from(disk.readFile(path)), Buffer.from(disk.readFile(`${path}-lock`))]).toEqual([empty, Buffer.alloc(720)])
    writeWhole(disk, path, Buffer.from('records'))
    writeWhole(disk, `${path}-lock`, Buffer.alloc(800, 1))
    prepare(disk)
    expect([Buffer.from(disk.readFile(path)).toString(), Buffer.from(disk.readFile(`${path}-lock`))]).toEqual(['records', Buffer.alloc(800, 1)])
    writeWhole(disk, `${path}-lock`, Buffer.alloc(100, 1))
    prepare(disk)
    expect(Buffer.from(disk.readFile(`${path}-lock`))).toEqual(Buffer.alloc(720))
  })

  test.each([0, 4096, 8191, 8192, 8900])('a disk of %i bytes is full, and nothing is left half written', (capacity) => {
    const disk = made(capacity)
    expect(() => prepare(disk)).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
    const left = disk.readDirectory('/data').map(({ name }) => [name, disk.readFile(`/data/${name}`).length])
    expect(left).toEqual(capacity < 8192 ? [] : [[METADATA_FILE, 8192]])
  })

  test('a directory in its place, or in that of the lock, is told', () => {
    for (const name of [path, `${path}-lock`]) {
      const disk = made()
      disk.makeDirectory(name)
      expect(() => prepare(disk)).toThrow(expect.objectContaining({ code: 'DIRECTORY_UNUSABLE', file: name }))
    }
  })
})

test('a copy of a damaged file, and what takes its place, are there after a power cut', () => {
  const disk = new SimulatedFileSystem({ clock: new ManualClock() })
  disk.makeDirectory('/data')
  writeWhole(disk, `/data/${METADATA_FILE}`, Buffer.from('damaged'))
  disk.settle()
  const file = metadataFileIn(disk, '/data')
  const after = (): Record<string, string> => {
    const left = disk.survivors('lose-all')
    return Object.fromEntries(left.readDirectory('/data').map(({ name }) => [name, Buffer.from(left.readFile(`/data/${name}`)).toString()]))
  }
  for (const number of [0, 1]) expect(file.keepCopy(Buffer.from('damaged'))).toBe(`/data/${METADATA_FILE}.damaged-${number}`)
  const copies = { [`${METADATA_FILE}.damaged-0`]: 'damaged', [`${METADATA_FILE}.damaged-1`]: 'damaged' }
  expect(after()).toEqual({ ...copies, [METADATA_FILE]: 'damaged' })
  const replacement = disk.open(file.replacementPath(), 'createNew')
  replacement.writeSync(Buffer.from('mended'), 0, 6, 0)
  replacement.datasyncSync()
  replacement.close()
  file.replace()
  expect(after()).toEqual({ ...copies, [METADATA_FILE]: 'mended' })
})
