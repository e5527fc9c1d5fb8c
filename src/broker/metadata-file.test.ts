import { expect, test } from 'vitest'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { METADATA_FILE, metadataFileIn } from './metadata-file.ts'

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
