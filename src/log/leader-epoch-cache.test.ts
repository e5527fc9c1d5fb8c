import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { nodeFileSystem } from '../io/node-file-system.ts'
import { fixtureNames, fixturePartitions, newDisk, toHex, utf8, writeFile } from '../../test/support/segment-harness.ts'
import { LeaderEpochCache, type EpochEntry } from './leader-epoch-cache.ts'

const path = '/log/leader-epoch-checkpoint'

function cacheOf(...entries: [number, number][]): LeaderEpochCache {
  const cache = LeaderEpochCache.empty(newDisk(), path)
  for (const [epoch, start] of entries) cache.assign(epoch, start)
  return cache
}

/** What a change leaves; the file says the same when it returns, and is not touched where nothing changes. */
function changed(change: (cache: LeaderEpochCache) => void): [number, number][] {
  const disk = newDisk()
  const cache = LeaderEpochCache.empty(disk, path)
  for (const [epoch, start] of [[2, 10], [4, 20], [7, 50]] as const) cache.assign(epoch, start)
  const before = [pairs(cache), disk.operations.length] as const
  change(cache)
  expect(cache.latestEpoch).toBe(pairs(cache).at(-1)?.[0] ?? -1)
  expect(pairs(LeaderEpochCache.load(disk, path))).toEqual(pairs(cache))
  if (toText(before[0]) === toText(pairs(cache))) expect(disk.operations).toHaveLength(before[1])
  return pairs(cache)
}

const toText = (entries: [number, number][]): string => entries.join(' ')
const pairs = (cache: LeaderEpochCache): [number, number][] => cache.entries.map((e) => [e.epoch, e.startOffset])

describe('leader epochs', () => {
  test('are written with exactly the bytes of Kafka, before assign returns', () => {
    const disk = newDisk()
    disk.syncDirectorySync('/')
    const cache = LeaderEpochCache.empty(disk, path)
    expect(disk.stat(path)).toBeNull()
    cache.assign(0, 0)
    cache.assign(4, 1200)
    expect(Buffer.from(disk.survivors('lose-all').readFile(path)).toString()).toBe('0\n2\n0 0\n4 1200\n')
    cache.clear()
    expect(Buffer.from(disk.readFile(path)).toString()).toBe('0\n0\n')
  })

  test('are not written again by the epoch of every batch', () => {
    const disk = newDisk()
    const cache = LeaderEpochCache.empty(disk, path)
    cache.assign(3, 10)
    const operations = disk.operations.length
    expect(cache.assign(3, 11)).toBe(false)
    expect(cache.assign(3, 5000)).toBe(false)
    expect(cache.assign(-1, 12)).toBe(false)
    cache.flush()
    cache.truncateFromStart(10)
    cache.truncateFromEnd(11)
    expect(disk.operations.length).toBe(operations)
  })

  test('can be collected in memory and written once', () => {
    const disk = newDisk()
    const cache = LeaderEpochCache.empty(disk, path)
    cache.assign(1, 0, false)
    cache.assign(2, 7, false)
    expect(disk.stat(path)).toBeNull()
    cache.flush()
    expect(Buffer.from(disk.readFile(path)).toString()).toBe('0\n2\n1 0\n2 7\n')
  })

  test('give way to what contradicts them', () => {
    expect(pairs(cacheOf([1, 0], [2, 10], [5, 20], [3, 15]))).toEqual([[1, 0], [2, 10], [3, 15]])
    expect(pairs(cacheOf([1, 0], [2, 10], [3, 10]))).toEqual([[1, 0], [3, 10]])
    expect(pairs(cacheOf([1, 5], [1, 3]))).toEqual([[1, 3]])
    // What a flipped epoch field does to a real broker (fixtures/09-unclean, flip-leader-epoch).
    expect(pairs(cacheOf([1, 0], [2, 27], [66, 94], [2, 100]))).toEqual([[1, 0], [2, 100]])
  })

  const table = cacheOf([2, 10], [4, 20], [7, 50])
  test.each<[number, number, number]>([[-1, -1, -1], [7, 7, 99], [8, -1, -1], [1, 1, 10], [0, 0, 10], [2, 2, 20], [3, 2, 20], [4, 4, 50], [6, 4, 50]])(
    'of request %d end as spec 9.2 says', (epoch, found, endOffset) => {
      expect(table.endOffsetFor(epoch, 99)).toEqual({ epoch: found, endOffset })
    })

  test('of nothing known end nowhere', () => { expect(cacheOf().endOffsetFor(0, 99)).toEqual({ epoch: -1, endOffset: -1 }) })

  test('know the first and the last', () => {
    expect(table.latestEpoch).toBe(7)
    expect(table.earliest).toEqual({ epoch: 2, startOffset: 10 })
    expect(cacheOf().latestEpoch).toBe(-1)
    expect(cacheOf().earliest).toBeNull()
  })

  test('that were all forgotten leave nothing behind', () => {
    expect(changed((cache) => {
      cache.clear()
      expect(cache.endOffsetFor(7, 99)).toEqual({ epoch: -1, endOffset: -1 })
    })).toEqual([])
  })

  test.each<[number, [number, number][]]>([[51, [[2, 10], [4, 20], [7, 50]]], [50, [[2, 10], [4, 20]]], [20, [[2, 10]]],
    [0, []]])('are cut from the end at %d', (offset, left) => {
    expect(changed((cache) => { cache.truncateFromEnd(offset) })).toEqual(left)
  })

  test.each<[number, [number, number][]]>([
    [9, [[2, 10], [4, 20], [7, 50]]], [10, [[2, 10], [4, 20], [7, 50]]], [11, [[2, 11], [4, 20], [7, 50]]], [20, [[4, 20], [7, 50]]],
      [30, [[4, 30], [7, 50]]], [900, [[7, 900]]],
  ])('are cut from the start at %d', (offset, left) => {
    expect(changed((cache) => { cache.truncateFromStart(offset) })).toEqual(left)
  })

  test('always ascend, whatever is assigned, and read back as they were', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(8), fc.nat(20))), (changes) => {
      const disk = newDisk()
      const cache = LeaderEpochCache.empty(disk, path)
      for (const [epoch, start] of changes) {
        const before = cache.entries.map((e) => ({ ...e }))
        cache.assign(epoch, start)
        // Model: what is below in both stays; the newcomer is the last unless the last said as much.
        const last = before[before.length - 1]
        const ignored = last !== undefined && last.epoch === epoch && start >= last.startOffset
        const expected: EpochEntry[] = ignored ? before : [...before.filter((e) => e.epoch < epoch && e.startOffset < start), { epoch, startOffset: start }]
        expect(cache.entries).toEqual(expected)
      }
      expect(LeaderEpochCache.load(disk, path).entries).toEqual(cache.entries)
    }), { numRuns: 200 })
  })

  test('are not written again as they were read', () => {
    const disk = newDisk()
    writeFile(disk, path, utf8('0\n2\n1 0\n2 5\n'))
    const cache = LeaderEpochCache.load(disk, path)
    disk.settle()
    cache.flush()
    expect([cache.assign(2, 5), cache.assign(2, 9), cache.assign(-1, 9)]).toEqual([false, false, false])
    expect(disk.operations).toEqual([])
    expect(cache.assign(3, 9)).toBe(true)
    expect(Buffer.from(disk.survivors('lose-all').readFile(path)).toString()).toBe('0\n3\n1 0\n2 5\n3 9\n')
  })

  test('of a read-only directory are never written', () => {
    const disk = newDisk()
    LeaderEpochCache.load(disk, path, { readOnly: true }).assign(1, 0)
    expect(disk.stat(path)).toBeNull()
  })

  test.each(['1\n0\n', '0\n1\n1\n', '0\n1\n1 x\n', '0\n1\n-1 0\n', '0\n2\n1 0\n'])('of %j are refused', (text) => {
    const disk = newDisk()
    writeFile(disk, path, utf8(text))
    expect(() => LeaderEpochCache.load(disk, path)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT', file: path }))
  })

  test('of a real broker are written back byte for byte', () => {
    let files = 0
    for (const partition of fixtureNames().flatMap(fixturePartitions)) {
      const file = join(partition, 'leader-epoch-checkpoint')
      if (nodeFileSystem.stat(file) === null) continue
      const cache = LeaderEpochCache.load(nodeFileSystem, file, { readOnly: true })
      const bytes = nodeFileSystem.readFile(file)
      if (bytes.length === 0) {
        expect(cache.entries).toEqual([])
        continue
      }
      const disk = newDisk()
      const copy = LeaderEpochCache.empty(disk, path)
      for (const { epoch, startOffset } of cache.entries) copy.assign(epoch, startOffset)
      expect(toHex(disk.readFile(path))).toBe(toHex(bytes))
      files++
    }
    expect(files).toBeGreaterThan(50)
  })
})
