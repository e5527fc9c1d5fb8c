import { describe, expect, test } from 'vitest'
import { RecordingLogger, type SimulatedFileSystem } from '../testing/index.ts'
import { buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import { readBatchHeader, viewOf } from '../record/batch-format.ts'
import { batchAt, hex, newDisk, toHex, writeFile } from '../../test/support/segment-harness.ts'
import { ProducerStateManager, type ProducerStateOptions } from './producer-state-manager.ts'
import { parseSegmentFileName, segmentFileName } from './segment-names.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

const now = 1_700_000_000_000

function managerOn(disk: SimulatedFileSystem, options: Partial<ProducerStateOptions> = {}): ProducerStateManager {
  const snapshotOffsets = disk.readDirectory('/log').map((e) => parseSegmentFileName(e.name)).filter((n) => n?.kind === 'snapshot' &&
    n.state === '').map((n) => n!.offset)
  return new ProducerStateManager({ fileSystem: disk, directory: '/log', expirationMs: 86_400_000, snapshotOffsets, readOnly: false,
    logger: new RecordingLogger(), ...options })
}

function replay(manager: ProducerStateManager, bytes: Uint8Array): TransactionIndexEntry | null {
  return manager.replay(bytes, 0, readBatchHeader(bytes, viewOf(bytes), 0, bytes.length))
}

function produced(manager: ProducerStateManager, baseOffset: number, producerId: number, baseSequence: number, isTransactional: boolean = false,
  timestamp: number = now): void {
  replay(manager, batchAt(baseOffset, 2, timestamp, 5, { producerId, producerEpoch: 0, baseSequence, isTransactional }))
}

const files = (disk: SimulatedFileSystem): string[] => disk.readDirectory('/log').map((e) => e.name)
const path = (offset: number): string => `/log/${segmentFileName(offset, 'snapshot')}`

describe('snapshot files', () => {
  test('of a folder that is only read are neither written, renamed nor removed', async () => {
    const disk = newDisk()
    const writer = managerOn(disk)
    produced(writer, 0, 9, 0)
    await writer.takeDurableSnapshot()
    disk.settle()
    const reader = managerOn(disk, { readOnly: true })
    expect(reader.markSnapshotDeleted(2)).toBeNull()
    reader.removeStraySnapshots([])
    produced(reader, 0, 9, 0)
    produced(reader, 2, 9, 2)
    expect(await reader.takeDurableSnapshot()).toBeNull()
    reader.deleteSnapshotsFrom(0)
    reader.truncateFullyAndStartAt(0)
    expect([files(disk), disk.operations]).toEqual([[segmentFileName(2, 'snapshot')], []])
  })

  test('take the place of what is longer and has their name', async () => {
    const disk = newDisk()
    writeFile(disk, path(2), new Uint8Array(1000).fill(9))
    disk.settle()
    const manager = managerOn(disk, { snapshotOffsets: [] })
    produced(manager, 0, 9, 0)
    expect(await manager.takeDurableSnapshot()).toBe(path(2))
    const again = managerOn(disk.survivors('lose-all'))
    again.truncateAndReload(0, 2, now)
    expect(again.producers()).toEqual(manager.producers())
    expect(again.producers()).toHaveLength(1)
  })

  test('that match no segment go, but for the newest behind the last one', () => {
    const left = (bases: readonly number[], ...offsets: readonly number[]): readonly number[] => {
      const disk = newDisk()
      for (const offset of offsets) writeFile(disk, path(offset), new Uint8Array(0))
      const manager = managerOn(disk)
      manager.removeStraySnapshots(bases)
      expect(files(disk)).toEqual(manager.snapshotOffsets.map((offset) => segmentFileName(offset, 'snapshot')))
      return manager.snapshotOffsets
    }
    expect(left([0, 10], 5, 10, 12, 20)).toEqual([10, 20])
    expect(left([0, 10], 5, 10)).toEqual([10])
    expect(left([0, 10], 7)).toEqual([])
    expect(left([], 0, 3)).toEqual([3])
    expect(left([], 0)).toEqual([0])
  })
})

describe('replay', () => {
  test('refuses a control batch that was too large to be looked into', () => {
    const bytes = buildEndTransactionMarker({ type: 'ABORT', timestamp: now, producerId: 9, producerEpoch: 0, coordinatorEpoch: 0 })
    const header = readBatchHeader(bytes, viewOf(bytes), 0, bytes.length)
    expect(() => managerOn(newDisk()).replay(bytes, -1, header)).toThrow(`control batch of ${bytes.length} bytes at offset 0`)
  })

  test('takes data and markers as they stand in the log', () => {
    const manager = managerOn(newDisk())
    produced(manager, 0, 9, 0, true)
    produced(manager, 2, 9, 2, true)
    const abort = buildEndTransactionMarker({ type: 'ABORT', producerId: 9, producerEpoch: 0, coordinatorEpoch: 3, timestamp: now + 5, offset: 4 })
    expect(replay(manager, abort)).toEqual({ producerId: 9, firstOffset: 0, lastOffset: 4, lastStableOffset: 5 })
    expect(manager.endOffset).toBe(5)
    expect(manager.producers()).toEqual([{ producerId: 9, producerEpoch: 0, lastSequence: 3, lastTimestamp: now + 5, coordinatorEpoch: 3,
      currentTxnStartOffset: -1 }])
  })

  test('reads the markers of Kafka', () => {
    const manager = managerOn(newDisk())
    const abort = hex(`
      00000000000000670000004200000005026959efe90030000000000000018bcfe5680a0000018bcfe5680a0000000000000fa00002ffffffff00000001
      2000000008000000000c00000000000300
    `)
    replay(manager, batchAt(100, 3, now, 5, { producerId: 4000, producerEpoch: 2, baseSequence: 7, isTransactional: true }))
    expect(replay(manager, abort)).toEqual({ producerId: 4000, firstOffset: 100, lastOffset: 103, lastStableOffset: 104 })
    expect(manager.producers()[0]).toMatchObject({ coordinatorEpoch: 3, lastTimestamp: 1700000000010, lastSequence: 9 })
  })

  test('passes over batches without a producer and control batches of other kinds', () => {
    const manager = managerOn(newDisk())
    expect(replay(manager, batchAt(0, 3, now))).toBeNull()
    expect(manager.endOffset).toBe(3)
    expect(manager.producerCount).toBe(0)
  })

  test('refuses a control record that cannot be read, and changes nothing by it', () => {
    const manager = managerOn(newDisk())
    const bad = batchAt(0, 1, now, 3, { producerId: 1, producerEpoch: 0, isControl: true, isTransactional: true })
    expect(() => replay(manager, bad)).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }))
    expect(manager.producerCount).toBe(0)
  })

  test('never refuses what the log holds', () => {
    const manager = managerOn(newDisk())
    produced(manager, 0, 9, 50)
    produced(manager, 2, 9, 7)
    produced(manager, 4, 9, 7, true)
    produced(manager, 6, 9, 1, false)
    expect(manager.producers()[0]).toMatchObject({ lastSequence: 2, currentTxnStartOffset: 4 })
  })
})

describe('expiry', () => {
  test('drops silent producers, not those with an open transaction', () => {
    const manager = managerOn(newDisk(), { expirationMs: 1000 })
    produced(manager, 0, 1, 0)
    produced(manager, 2, 2, 0, true)
    produced(manager, 4, 3, 0, false, now + 500)
    expect(manager.removeExpired(now + 999)).toBe(0)
    expect(manager.removeExpired(now + 1000)).toBe(1)
    expect(manager.producers().map((p) => p.producerId)).toEqual([2, 3])
    expect(manager.removeExpired(now + 90_000)).toBe(1)
    expect(manager.firstUnstableOffset).toBe(2)
  })

  test('is the same when a snapshot is loaded', async () => {
    const disk = newDisk()
    const first = managerOn(disk, { expirationMs: 1000 })
    produced(first, 0, 1, 0)
    produced(first, 2, 2, 0, true)
    await first.takeDurableSnapshot()
    const second = managerOn(disk, { expirationMs: 1000 })
    second.truncateAndReload(0, 10, now + 1000)
    expect(second.producers().map((p) => p.producerId)).toEqual([2])
  })
})

describe('snapshots', () => {
  test('are written at the end offset, once, and survive a power cut when synced', async () => {
    const disk = newDisk()
    disk.syncDirectorySync('/')
    const manager = managerOn(disk)
    expect(await manager.takeDurableSnapshot()).toBeNull()
    produced(manager, 0, 1, 0)
    expect(await manager.takeDurableSnapshot()).toBe(path(2))
    expect(await manager.takeDurableSnapshot()).toBeNull()
    expect(manager.snapshotOffsets).toEqual([2])
    expect(disk.survivors('lose-all').readFile(path(2))).toHaveLength(56)
    manager.setEndOffset(7)
    expect(manager.takeSnapshot()).toBe(path(7))
    expect(manager.latestSnapshotOffset).toBe(7)
  })

  test('of no producer have ten bytes, and take the place of longer files', () => {
    const disk = newDisk()
    writeFile(disk, path(5), new Uint8Array(500))
    const manager = managerOn(disk, { snapshotOffsets: [] })
    manager.setEndOffset(5)
    manager.takeSnapshot()
    expect(toHex(disk.readFile(path(5)))).toBe('000148674bc700000000')
  })

  test('bring back producers with their last batch and open transactions', () => {
    const disk = newDisk()
    const first = managerOn(disk)
    for (const n of [0, 1, 2]) produced(first, n * 2, 1, n * 2)
    produced(first, 6, 2, 0, true)
    produced(first, 8, 3, 0, true)
    first.takeSnapshot()
    const second = managerOn(disk)
    second.truncateAndReload(0, 20, now)
    expect(second.endOffset).toBe(10)
    expect(second.producers()).toEqual(first.producers())
    expect(second.firstUnstableOffset).toBe(6)
    const group = second.beginGroup()
    const again = { producerId: 1, producerEpoch: 0, baseSequence: 4, lastSequence: 5, lastOffsetDelta: 1, maxTimestamp: now, isTransactional: false }
    expect(group.findDuplicate(again)).toMatchObject({ baseOffset: 4, lastOffset: 5, staged: false })
    expect(group.findDuplicate({ ...again, baseSequence: 2, lastSequence: 3 })).toBeNull()
  })

  const bytes: [string, (good: Uint8Array) => Uint8Array][] = [
    ['empty', () => new Uint8Array(0)], ['cut', (good) => good.subarray(0, 40)], ['flipped', (good) => good.map((b, i) => (i === 30 ? b ^ 1 : b))],
      ['zero-filled', (good) => new Uint8Array(good.length)],
  ]
  test.each(bytes)('that are %s give way to the next older one', (_, damage) => {
    const disk = newDisk()
    const first = managerOn(disk)
    produced(first, 0, 1, 0)
    first.takeSnapshot()
    produced(first, 2, 1, 2)
    first.takeSnapshot()
    writeFile(disk, path(4), damage(disk.readFile(path(4))))
    const logger = new RecordingLogger()
    const second = managerOn(disk, { logger })
    second.truncateAndReload(0, 4, now)
    expect(second.endOffset).toBe(2)
    expect(second.producers()[0]).toMatchObject({ lastSequence: 1 })
    expect(files(disk)).toEqual([segmentFileName(2, 'snapshot')])
    expect(logger.entries.some((e) => e.level === 'warn' && e.fields['file'] === path(4))).toBe(true)
  })

  test('all bad leave the state empty at the log start', () => {
    const disk = newDisk()
    writeFile(disk, path(4), new Uint8Array(3))
    const manager = managerOn(disk)
    manager.truncateAndReload(1, 9, now)
    expect([manager.endOffset, manager.producerCount, manager.snapshotOffsets]).toEqual([1, 0, []])
  })

  test('beyond the end or not above the start are dropped when the log is cut', () => {
    const disk = newDisk()
    const manager = managerOn(disk)
    for (const n of [0, 1, 2, 3, 4]) {
      produced(manager, n * 2, 1, n * 2)
      manager.takeSnapshot()
    }
    manager.truncateAndReload(4, 9, now)
    expect(manager.snapshotOffsets).toEqual([6, 8])
    expect(manager.producers()[0]).toMatchObject({ lastSequence: 7 })
    expect(files(disk)).toEqual([segmentFileName(6, 'snapshot'), segmentFileName(8, 'snapshot')])
  })

  test('that match no segment go, but for the newest above the last segment', () => {
    const disk = newDisk()
    for (const offset of [3, 10, 15, 20, 25, 27]) writeFile(disk, path(offset), hex('000148674bc700000000'))
    const manager = managerOn(disk)
    manager.removeStraySnapshots([0, 10, 20])
    expect(manager.snapshotOffsets).toEqual([10, 20, 27])
    manager.removeStraySnapshots([0, 10, 20, 30])
    expect(files(disk)).toEqual([10, 20].map((o) => segmentFileName(o, 'snapshot')))
  })

  test('of a deleted segment are renamed, and others removed by range', () => {
    const disk = newDisk()
    for (const offset of [3, 10, 15, 20]) writeFile(disk, path(offset), hex('000148674bc700000000'))
    const manager = managerOn(disk)
    expect(manager.markSnapshotDeleted(10)).toBe(`${path(10)}.deleted`)
    expect(manager.markSnapshotDeleted(10)).toBeNull()
    expect(manager.markSnapshotDeleted(11)).toBeNull()
    expect(manager.snapshotOffsets).toEqual([3, 15, 20])
    manager.deleteSnapshotsFrom(15)
    expect(files(disk)).toEqual([segmentFileName(3, 'snapshot'), `${segmentFileName(10, 'snapshot')}.deleted`])
    manager.truncateFullyAndStartAt(100)
    expect([manager.endOffset, manager.snapshotOffsets]).toEqual([100, []])
    expect(manager.takeSnapshot()).toBe(path(100))
    manager.truncateFullyAndStartAt(50)
    expect(manager.takeSnapshot()).toBe(path(50))
  })

  test('of a read-only directory are neither written nor removed', async () => {
    const disk = newDisk()
    writeFile(disk, path(3), new Uint8Array(3))
    writeFile(disk, path(30), hex('000148674bc700000000'))
    const before = disk.stateHash()
    const manager = managerOn(disk, { readOnly: true })
    manager.removeStraySnapshots([0])
    manager.truncateAndReload(0, 9, now)
    produced(manager, 3, 1, 0)
    expect(await manager.takeDurableSnapshot()).toBeNull()
    expect(manager.markSnapshotDeleted(30)).toBeNull()
    manager.truncateFullyAndStartAt(0)
    expect(disk.stateHash()).toBe(before)
  })

  test('written without sync can be made durable later, if they are still there', async () => {
    const disk = newDisk()
    disk.syncDirectorySync('/')
    const manager = managerOn(disk)
    produced(manager, 0, 1, 0)
    const written = manager.takeSnapshot()!
    await manager.syncSnapshot(written)
    disk.syncDirectorySync('/log')
    expect(disk.survivors('lose-all').readFile(written)).toHaveLength(56)
    disk.unlink(written)
    await manager.syncSnapshot(written)
  })
})

test('the log start moving up makes old transactions stable', () => {
  const manager = managerOn(newDisk())
  produced(manager, 0, 1, 0, true)
  replay(manager, buildEndTransactionMarker({ type: 'COMMIT', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: now, offset: 2 }))
  expect(manager.firstUnstableOffset).toBe(0)
  manager.onLogStart(3)
  expect(manager.firstUnstableOffset).toBeNull()
  manager.onLogStart(10)
  expect(manager.endOffset).toBe(10)
})
