import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { silentLogger } from '../common/logger.ts'
import { buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import { FaultFileSystem, type SimulatedFileSystem } from '../testing/index.ts'
import { appendTo, batchAt, defaultSegmentSettings, hex, newDisk, storeOn, toHex, writeFile } from '../../test/support/segment-harness.ts'
import { legacyMessage } from '../../test/support/legacy-messages.ts'
import { LeaderEpochCache } from './leader-epoch-cache.ts'
import { rebuildProducerState } from './producer-rebuild.ts'
import { ProducerStateManager } from './producer-state-manager.ts'
import type { RecoverOptions, RecoveryOutcome } from './segment-recovery.ts'
import { segmentFileName } from './segment-names.ts'
import { Segment } from './segment.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

const settings = { ...defaultSegmentSettings, indexIntervalBytes: 300 }
const none: RecoverOptions = { producers: null, epochs: null }
const path = (kind: 'log' | 'index' | 'timeindex' | 'txnindex' | 'snapshot', base: number = 0): string => `/log/${segmentFileName(base, kind)}`

function managerOn(disk: SimulatedFileSystem, snapshotOffsets: readonly number[] = []): ProducerStateManager {
  return new ProducerStateManager({ fileSystem: disk, directory: '/log', expirationMs: Number.MAX_SAFE_INTEGER, snapshotOffsets, readOnly: false,
    logger: silentLogger })
}

function segmentOf(disk: SimulatedFileSystem, ...parts: Uint8Array[]): Segment {
  writeFile(disk, path('log'), Buffer.concat(parts))
  return Segment.open(storeOn(disk), 0, settings)
}

async function recovered(...parts: Uint8Array[]): Promise<RecoveryOutcome> { return segmentOf(newDisk(), ...parts).recover(none) }

const run = (count: number, from: number = 0): Uint8Array[] => Array.from({ length: count }, (_, i) => batchAt((from + i) * 2, 2, 1000 + i, 40))

describe('recovery of a segment', () => {
  test('accepts whole batches, none included', async () => {
    const batches = run(5)
    const size = Buffer.concat(batches).length
    expect(await recovered(...batches)).toEqual({ validBytes: size, fileBytes: size, batchCount: 5, nextOffset: 10, problem: null, following: null })
    expect(await recovered()).toEqual({ validBytes: 0, fileBytes: 0, batchCount: 0, nextOffset: 0, problem: null, following: null })
  })

  test('ends at the previous batch for every byte at which the last may be torn, and goes on from there', async () => {
    const batches = run(3)
    const kept = Buffer.concat(batches.slice(0, 2))
    for (let length = 1; length < batches[2]!.length; length++) {
      const disk = newDisk()
      const segment = segmentOf(disk, kept, batches[2]!.subarray(0, length))
      const outcome = await segment.recover(none)
      expect(outcome).toMatchObject({ validBytes: kept.length, fileBytes: kept.length + length, nextOffset: 4, following: null,
        problem: { reason: 'torn', position: kept.length } })
      expect([segment.size, segment.nextOffset]).toEqual([kept.length, 4])
      segment.cutFile()
      expect(disk.stat(path('log'))!.size).toBe(kept.length)
      appendTo(segment, batches[2]!)
      expect(toHex(disk.readFile(path('log')))).toBe(toHex(Buffer.concat(batches)))
    }
  })

  test('cuts nothing by itself, and a write after it starts clean', async () => {
    const disk = newDisk()
    const batches = run(2)
    const segment = segmentOf(disk, batches[0]!, new Uint8Array(500).fill(7))
    await segment.recover(none)
    expect(disk.stat(path('log'))!.size).toBe(batches[0]!.length + 500)
    appendTo(segment, batches[1]!)
    expect(disk.stat(path('log'))!.size).toBe(batches[0]!.length + batches[1]!.length)
  })

  test('finds every flipped byte under the checksum and whole batches behind it', async () => {
    const batches = run(4)
    const bad = batches[1]!
    for (let at = 16; at < bad.length; at++) {
      const flipped = bad.slice()
      flipped[at]! ^= 0x20
      const outcome = await recovered(batches[0]!, flipped, batches[2]!, batches[3]!)
      expect(outcome).toMatchObject({ validBytes: batches[0]!.length, nextOffset: 2,
        following: { position: batches[0]!.length + bad.length, baseOffset: 4, lastOffset: 5 } })
    }
  })

  test('finds whole batches behind a wrong length, zeros and garbage', async () => {
    const batches = run(4)
    const long = batches[1]!.slice()
    long[9]! ^= 0x40
    const short = batches[1]!.slice()
    short[11]! -= 7
    for (const middle of [long, short, new Uint8Array(777), new Uint8Array(3000).fill(0xff)]) {
      const outcome = await recovered(batches[0]!, middle, batches[2]!)
      expect(outcome).toMatchObject({ validBytes: batches[0]!.length, nextOffset: 2,
        following: { position: batches[0]!.length + middle.length, baseOffset: 4 } })
    }
  })

  test('finds a batch that lies across the end of what is read at once', async () => {
    const batches = run(2)
    for (const before of [3, 16, 17, 40]) {
      const middle = new Uint8Array(1024 * 1024 + 1 - before)
      const outcome = await recovered(batches[0]!, middle, batches[1]!)
      expect(outcome.following).toEqual({ position: batches[0]!.length + middle.length, baseOffset: 2, lastOffset: 3 })
    }
  })

  test('sees nothing worth keeping in zeros, garbage or batches that were there before', async () => {
    const batches = run(3)
    const flipped = batches[2]!.slice()
    flipped[70]! ^= 1
    for (const tail of [[new Uint8Array(5000)], [new Uint8Array(5000).fill(2)], [flipped], [new Uint8Array(20), batches[0]!, batches[1]!]]) {
      expect(await recovered(batches[0]!, batches[1]!, ...tail)).toMatchObject({ nextOffset: 4, following: null })
    }
  })

  test('ends before a batch whose offset is too high for the one behind it, wherever that lies', async () => {
    const batches = run(5)
    const moved = (offset: number): Uint8Array => {
      const bytes = Buffer.from(batches[2]!)
      bytes.writeBigInt64BE(BigInt(offset))
      return bytes
    }
    const before = batches[0]!.length + batches[1]!.length
    for (const offset of [6, 7, 1000, 2 ** 36]) {
      expect(await recovered(batches[0]!, batches[1]!, moved(offset), batches[3]!, batches[4]!), String(offset)).toMatchObject({
        validBytes: before, nextOffset: 4, problem: { reason: 'offset-order', position: before }, following: { position: before + batches[2]!.length, baseOffset: 6 },
      })
    }
    // A hole in front of a batch that the ones behind it follow is one, as compaction leaves it; so is one in front of the last.
    expect(await recovered(batches[0]!, batches[2]!, batches[4]!)).toMatchObject({ nextOffset: 10, problem: null })
    const old = [0, 2 ** 36, 2].map((offset) => legacyMessage({ magic: 0, offset, value: 'v' }))
    expect(await recovered(...old)).toMatchObject({ validBytes: old[0]!.length, nextOffset: 1, problem: { reason: 'offset-order' } })
    // What stands behind it is no batch.
    const broken = batches[3]!.slice()
    broken[70]! ^= 1
    expect(await recovered(batches[0]!, batches[1]!, moved(1000), broken)).toMatchObject({ nextOffset: 1002, problem: { reason: 'crc' } })
    expect(await recovered(batches[0]!, batches[1]!, moved(1000), new Uint8Array(500))).toMatchObject({ nextOffset: 1002, problem: { reason: 'malformed' } })
  })

  test('ends at an offset that does not rise, and at one below the base', async () => {
    const batches = run(4)
    expect(await recovered(batches[0]!, batches[1]!, batches[1]!, batches[2]!)).toMatchObject({ nextOffset: 4, problem: { reason: 'offset-order' },
      following: { baseOffset: 4 } })
    const disk = newDisk()
    writeFile(disk, path('log', 10), batchAt(8, 1, 1))
    const outcome = await Segment.open(storeOn(disk), 10, settings).recover(none)
    expect(outcome).toMatchObject({ validBytes: 0, nextOffset: 10, problem: { reason: 'offset-order', position: 0 } })
  })

  test('rebuilds what an undisturbed segment wrote, byte for byte', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.record({ count: fc.integer({ min: 1, max: 4 }), time: fc.integer({ min: -1, max: 30 }),
      size: fc.nat(300), gap: fc.nat(3) }), { maxLength: 40 }), async (plan) => {
      const disk = newDisk()
      const segment = Segment.create(storeOn(disk), 0, settings)
      let offset = 0
      for (const { count, time, size, gap } of plan) {
        appendTo(segment, batchAt(offset, count, time, size))
        offset += count + gap
      }
      segment.close()
      const written = ['index', 'timeindex'].map((kind) => toHex(disk.readFile(path(kind as 'index'))))
      disk.unlink(path('index'))
      writeFile(disk, path('timeindex'), new Uint8Array(300).fill(9))
      const reopened = Segment.open(storeOn(disk), 0, settings)
      const outcome = await reopened.recover(none)
      expect(outcome).toMatchObject({ problem: null, nextOffset: segment.nextOffset })
      expect([reopened.maxTimestamp, reopened.offsetOfMaxTimestamp, reopened.rollTimestamp]).toEqual([segment.maxTimestamp,
        segment.offsetOfMaxTimestamp, segment.rollTimestamp])
      reopened.close()
      expect(['index', 'timeindex'].map((kind) => toHex(disk.readFile(path(kind as 'index'))))).toEqual(written)
    }), { numRuns: 40 })
  })

  test('feeds epochs in memory, each from its first batch', async () => {
    const disk = newDisk()
    const epochs = LeaderEpochCache.empty(disk, '/log/leader-epoch-checkpoint')
    const batches = [1, 1, 3, 2, 3, 7].map((leaderEpoch, i) => batchAt(i * 2, 2, i, 5, { leaderEpoch }))
    await segmentOf(disk, ...batches).recover({ producers: null, epochs })
    expect(epochs.entries).toEqual([{ epoch: 1, startOffset: 0 }, { epoch: 3, startOffset: 4 }, { epoch: 7, startOffset: 10 }])
    expect(disk.stat('/log/leader-epoch-checkpoint')).toBeNull()
  })

  test('rebuilds producers and the transaction index', async () => {
    const disk = newDisk()
    const txn = { producerId: 5, producerEpoch: 0, isTransactional: true }
    const abort = (offset: number): Uint8Array => buildEndTransactionMarker({ type: 'ABORT', producerId: 5, producerEpoch: 0, coordinatorEpoch: 0,
      timestamp: 9, offset })
    writeFile(disk, path('txnindex'), hex('ff'.repeat(100)))
    const segment = segmentOf(disk, batchAt(0, 2, 1, 5, { ...txn, baseSequence: 0 }), abort(2), batchAt(3, 1, 2, 5, { ...txn, baseSequence: 2 }),
      batchAt(4, 1, 2), abort(5))
    const producers = managerOn(disk)
    await segment.recover({ producers, epochs: null })
    const found: TransactionIndexEntry[] = []
    segment.abortedTransactions(0, 100, found)
    expect(found.map((e) => [e.firstOffset, e.lastOffset, e.lastStableOffset])).toEqual([[0, 2, 3], [3, 5, 6]])
    expect(producers.endOffset).toBe(6)
    segment.close()
    expect(disk.stat(path('txnindex'))!.size).toBe(68)
  })

  test('ends at a control record that cannot be read', async () => {
    const disk = newDisk()
    const bad = batchAt(2, 1, 1, 5, { producerId: 5, producerEpoch: 0, isTransactional: true, isControl: true })
    const segment = segmentOf(disk, batchAt(0, 2, 1), bad, batchAt(3, 1, 1))
    expect(await segment.recover({ producers: managerOn(disk), epochs: null })).toMatchObject({ nextOffset: 2, problem: { reason: 'invalid-record' },
      following: { baseOffset: 2 } })
  })

  test('reports progress and stops when its signal fires, leaving the segment as it was', async () => {
    const disk = newDisk()
    const segment = segmentOf(disk, ...Array.from({ length: 40 }, (_, i) => batchAt(i, 1, i, 100_000)))
    const progress: number[] = []
    await segment.recover({ ...none, onProgress: (bytes) => progress.push(bytes) })
    expect(progress.length).toBeGreaterThan(4)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(progress[progress.length - 1]).toBe(segment.size)
    const controller = new AbortController()
    const again = Segment.open(storeOn(disk), 0, settings)
    const size = again.size
    await expect(again.recover({ ...none, signal: controller.signal,
      onProgress: (bytes) => { if (bytes > 1_000_000) controller.abort() } })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(again.size).toBe(size)
  })

  test('passes on what the disk raises', async () => {
    const disk = newDisk()
    writeFile(disk, path('log'), Buffer.concat(run(3)))
    const faults = new FaultFileSystem(disk)
    const segment = Segment.open(storeOn(faults), 0, settings)
    faults.inject({ call: 'read', error: 'EIO' })
    await expect(segment.recover(none)).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
  })

  test('checks a batch larger than its memory', async () => {
    const large = batchAt(0, 1, 5, 3_000_000)
    expect(await recovered(large, batchAt(1, 1, 6))).toMatchObject({ problem: null, nextOffset: 2 })
    large[2_900_000]! ^= 1
    expect(await recovered(large, batchAt(1, 1, 6))).toMatchObject({ problem: { reason: 'crc', position: 0 },
      following: { position: large.length, baseOffset: 1 } })
  })

  test('ends at some whole batch for any damage, and never invents one', async () => {
    const batches = run(6)
    const whole = Buffer.concat(batches)
    const ends = [0, ...batches.map((_, i) => Buffer.concat(batches.slice(0, i + 1)).length)]
    await fc.assert(fc.asyncProperty(fc.nat(whole.length),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }), fc.uint8Array({ maxLength: 50 }),
        async (cut, flips, tail) => {
      const damaged = Buffer.concat([whole.subarray(0, cut), tail])
      let first = Math.min(cut, damaged.length)
      for (const [at, mask] of flips) {
        if (at >= damaged.length) continue
        damaged[at]! ^= mask
        first = Math.min(first, at)
      }
      const outcome = await recovered(damaged)
      expect(ends).toContain(outcome.validBytes)
      // Everything before the first damaged byte is kept; base offset, length and epoch have no checksum, so a batch may survive a flip there.
      expect(outcome.validBytes).toBeGreaterThanOrEqual(ends.filter((e) => e <= first).pop()!)
    }), { numRuns: 150 })
  })
})

describe('producer state at an offset', () => {
  /** Three segments of ten offsets with producers 1 and 2, producer 2 with a transaction over the border. */
  function log(disk: SimulatedFileSystem): Segment[] {
    const segments = [0, 10, 20].map((base) => Segment.create(storeOn(disk), base, settings))
    const batch = (offset: number, producerId: number, baseSequence: number, isTransactional: boolean = false): Uint8Array => batchAt(offset, 2,
      1000 + offset, 5, { producerId, producerEpoch: 0, baseSequence, isTransactional })
    appendTo(segments[0]!, batch(0, 1, 0), batch(2, 1, 2), batch(8, 2, 0, true))
    appendTo(segments[1]!, batch(10, 1, 4), batch(12, 2, 2, true), batchAt(14, 1, 5),
      buildEndTransactionMarker({ type: 'ABORT', producerId: 2, producerEpoch: 0, coordinatorEpoch: 1, timestamp: 77, offset: 15 }))
    appendTo(segments[2]!, batch(20, 1, 6), batch(22, 1, 8))
    return segments
  }

  const summary = (producers: ProducerStateManager): unknown[] => producers.producers().map((p) => [p.producerId, p.lastSequence, p.currentTxnStartOffset])
  const atEnd = [[1, 9, -1], [2, 3, -1]]

  test('comes from a scan when there is no snapshot, clean or not, and leaves snapshots at the last two segments and the end', async () => {
    const disk = newDisk()
    const producers = managerOn(disk)
    await rebuildProducerState({ producers, segments: log(disk), logStartOffset: 0, endOffset: 24, nowMs: 0 })
    expect(summary(producers)).toEqual(atEnd)
    expect(producers.snapshotOffsets).toEqual([10, 20, 24])
    expect(producers.endOffset).toBe(24)
    const middle = managerOn(disk, [10])
    middle.truncateAndReload(0, 10, 0)
    expect(summary(middle)).toEqual([[1, 3, -1], [2, 1, 8]])
  })

  test('is the same from any snapshot, and reads only what lies behind it', async () => {
    const disk = newDisk()
    const segments = log(disk)
    await rebuildProducerState({ producers: managerOn(disk), segments, logStartOffset: 0, endOffset: 24, nowMs: 0 })
    for (const offsets of [[10], [20], [10, 20], [24], [10, 20, 24]]) {
      const producers = managerOn(disk, offsets)
      await rebuildProducerState({ producers, segments, logStartOffset: 0, endOffset: 24, nowMs: 0 })
      expect(summary(producers)).toEqual(atEnd)
    }
    const faults = new FaultFileSystem(disk)
    const producers = new ProducerStateManager({ fileSystem: faults, directory: '/log', expirationMs: Number.MAX_SAFE_INTEGER,
      snapshotOffsets: [10, 20, 24], readOnly: false, logger: silentLogger })
    await rebuildProducerState({ producers, segments: [0, 10, 20].map((base) => Segment.open(storeOn(faults), base, settings)), logStartOffset: 0,
      endOffset: 24, nowMs: 0 })
    expect(faults.calls('read')).toBe(0)
  })

  test('goes back when the log is cut', async () => {
    const disk = newDisk()
    const segments = log(disk)
    const producers = managerOn(disk)
    await rebuildProducerState({ producers, segments, logStartOffset: 0, endOffset: 24, nowMs: 0 })
    await rebuildProducerState({ producers, segments: segments.slice(0, 2), logStartOffset: 0, endOffset: 14, nowMs: 0 })
    expect(summary(producers)).toEqual([[1, 5, -1], [2, 3, 8]])
    expect(producers.firstUnstableOffset).toBe(8)
    expect(producers.snapshotOffsets).toEqual([10, 14])
  })

  test('does not look below the log start', async () => {
    const disk = newDisk()
    const segments = log(disk)
    const producers = managerOn(disk)
    await rebuildProducerState({ producers, segments, logStartOffset: 20, endOffset: 24, nowMs: 0 })
    expect(summary(producers)).toEqual([[1, 9, -1]])
  })

  test('is not sought in a log without producers that is cut', async () => {
    const disk = newDisk()
    const producers = managerOn(disk)
    producers.setEndOffset(24)
    const faults = new FaultFileSystem(disk)
    log(disk)
    await rebuildProducerState({ producers, segments: [Segment.open(storeOn(faults), 0, settings)], logStartOffset: 0, endOffset: 10, nowMs: 0 })
    expect(faults.calls('read')).toBe(0)
    expect(producers.endOffset).toBe(10)
  })

  test('is refused over bytes that cannot be read, and given up when the signal fires', async () => {
    const disk = newDisk()
    const segments = log(disk)
    const bytes = disk.readFile(path('log', 10)).slice()
    bytes.fill(0, bytes.length - 30)
    bytes.fill(0, bytes.length - 78, bytes.length - 60)
    for (const segment of segments) segment.close()
    writeFile(disk, path('log', 10), bytes)
    const reopened = [0, 10, 20].map((base) => Segment.open(storeOn(disk), base, settings))
    await expect(rebuildProducerState({ producers: managerOn(disk), segments: reopened, logStartOffset: 0, endOffset: 24,
      nowMs: 0 })).rejects.toMatchObject({ code: 'LOG_CORRUPT', file: path('log', 10) })
    await expect(rebuildProducerState({ producers: managerOn(disk), segments: reopened, logStartOffset: 0, endOffset: 24, nowMs: 0,
      signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
  })
})
