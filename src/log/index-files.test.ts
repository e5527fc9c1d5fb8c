/** What the three indexes of a segment write to their files, and when: each change once, nothing that is there already, exactly as long as their entries. */
import { describe, expect, test } from 'vitest'
import { abortedEntries, offsetEntries, timeEntries } from '../../test/support/raw-partition.ts'
import { newDisk, writeFile } from '../../test/support/segment-harness.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { OffsetIndex } from './offset-index.ts'
import { TimeIndex } from './time-index.ts'
import { TransactionIndex } from './transaction-index.ts'

const BASE = 100
const PATH = '/log/file'

interface Index { readonly isDirty: boolean; writeTo(fs: SimulatedFileSystem, path: string): void; truncateTo(offset: number): void }
interface Kind { make(): Index; load(disk: SimulatedFileSystem): Index; add(index: Index, n: number): void; bytes(count: number): Buffer; entry: number }

/** Entry number n is about offset BASE + 10 n + 9. */
const kinds: Record<string, Kind> = {
  'an offset index': {
    make: () => new OffsetIndex(BASE), load: (disk) => OffsetIndex.load(disk, PATH, BASE, 1 << 30), entry: 8,
    add: (index, n) => (index as OffsetIndex).append(BASE + 10 * n + 9, 500 * (n + 1)),
    bytes: (count) => offsetEntries(...Array.from({ length: count }, (_, n) => [10 * n + 9, 500 * (n + 1)] as const)),
  },
  'a time index': {
    make: () => new TimeIndex(BASE), load: (disk) => TimeIndex.load(disk, PATH, BASE), entry: 12,
    add: (index, n) => (index as TimeIndex).maybeAppend(1000 + n, BASE + 10 * n + 9),
    bytes: (count) => timeEntries(...Array.from({ length: count }, (_, n) => [1000 + n, 10 * n + 9] as const)),
  },
  'a transaction index': {
    make: () => new TransactionIndex(BASE), load: (disk) => TransactionIndex.load(disk, PATH, BASE), entry: 34,
    add: (index, n) => (index as TransactionIndex).append(
      { producerId: n, firstOffset: BASE + 10 * n, lastOffset: BASE + 10 * n + 9, lastStableOffset: BASE + 10 * n + 10 },
    ),
    bytes: (count) => abortedEntries(...Array.from({ length: count }, (_, n) => [n, BASE + 10 * n, BASE + 10 * n + 9, BASE + 10 * n + 10] as const)),
  },
}

describe.each(Object.entries(kinds))('%s', (_name, { make, load, add, bytes, entry }) => {
  const writes = (disk: SimulatedFileSystem): number[] => disk.operations.flatMap((each) => (each.kind === 'write' ? [each.position] : []))
  const onDisk = (disk: SimulatedFileSystem): Buffer => Buffer.from(disk.readFile(PATH))

  test('writes only the entries that its file lacks, and is clean then', () => {
    const disk = newDisk()
    const index = make()
    for (let n = 0; n < 40; n++) {
      add(index, n)
      if (n % 7 !== 6) continue
      disk.settle()
      expect(index.isDirty).toBe(true)
      index.writeTo(disk, PATH)
      expect([index.isDirty, onDisk(disk)]).toEqual([false, bytes(n + 1)])
      expect(writes(disk)).toEqual([(n - 6) * entry])
      disk.settle()
      index.writeTo(disk, PATH)
      expect(disk.operations).toEqual([])
    }
  })

  test('is clean as it is loaded, and goes on behind what the file has', () => {
    const disk = newDisk()
    writeFile(disk, PATH, bytes(3))
    const index = load(disk)
    expect(index.isDirty).toBe(false)
    add(index, 3)
    disk.settle()
    index.writeTo(disk, PATH)
    expect([onDisk(disk), writes(disk)]).toEqual([bytes(4), [3 * entry]])
  })

  test('cuts its file where it was cut, and writes again what comes in its place', () => {
    const disk = newDisk()
    const index = make()
    for (let n = 0; n < 6; n++) add(index, n)
    index.writeTo(disk, PATH)
    index.truncateTo(BASE + 39)
    expect(index.isDirty).toBe(true)
    index.writeTo(disk, PATH)
    expect(onDisk(disk)).toEqual(bytes(3))
    index.truncateTo(BASE + 20)
    for (let n = 2; n < 5; n++) add(index, n)
    disk.settle()
    index.writeTo(disk, PATH)
    expect([onDisk(disk), writes(disk)]).toEqual([bytes(5), [2 * entry]])
  })

  test('refuses an entry that does not lie behind the last', () => {
    const index = make()
    add(index, 1)
    const internal = expect.objectContaining({ code: 'INTERNAL' })
    if (index instanceof TimeIndex) expect(() => index.maybeAppend(9999, BASE + 18)).toThrow(internal)
    else {
      expect(() => add(index, 1)).toThrow(internal)
      expect(() => add(index, 0)).toThrow(internal)
    }
    if (index instanceof TransactionIndex) {
      const below = { producerId: 1, firstOffset: BASE - 5, lastOffset: BASE - 1, lastStableOffset: BASE }
      expect(() => new TransactionIndex(BASE).append(below)).toThrow(internal)
      new TransactionIndex(BASE).append({ ...below, lastOffset: BASE })
    }
    index.truncateTo(BASE)
    const disk = newDisk()
    index.writeTo(disk, PATH)
    expect(disk.stat(PATH)?.size ?? 0).toBe(0)
  })
})

test('an offset index has each entry once for the offsets and positions that 31 bits hold', () => {
  const index = new OffsetIndex(BASE)
  index.append(BASE + 2147483646, 2147483646)
  index.append(BASE + 2147483647, 2147483647)
  expect([index.entryCount, index.lastOffset, index.lastPosition]).toEqual([2, BASE + 2147483647, 2147483647])
  for (const [offset, position] of [[BASE + 2147483648, 10], [BASE + 5, 2147483648], [BASE - 1, 10], [BASE + 5, 0], [-1, 1]] as const) {
    expect(() => new OffsetIndex(BASE).append(offset, position), `${offset} at ${position}`).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  }
  new OffsetIndex(BASE).append(BASE, 1)
})
