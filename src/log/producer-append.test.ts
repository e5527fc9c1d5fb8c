import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { silentLogger } from '../common/logger.ts'
import { OttlaError } from '../common/errors.ts'
import { advanceSequence } from '../record/batch-format.ts'
import { newDisk } from '../../test/support/segment-harness.ts'
import type { AppendOrigin } from './log-types.ts'
import type { EndMarker, ProducerFields } from './producer-append.ts'
import { ProducerStateManager } from './producer-state-manager.ts'
import type { TransactionIndexEntry } from './transaction-index.ts'

const max = 2147483647

function newManager(): ProducerStateManager {
  return new ProducerStateManager({ fileSystem: newDisk(), directory: '/log', expirationMs: 1000, snapshotOffsets: [], readOnly: false, logger: silentLogger })
}

function data(producerId: number, producerEpoch: number, baseSequence: number, count: number, isTransactional: boolean = false,
  maxTimestamp: number = 1): ProducerFields {
  const lastOffsetDelta = count - 1
  return { producerId, producerEpoch, baseSequence, lastSequence: advanceSequence(baseSequence, lastOffsetDelta), lastOffsetDelta, maxTimestamp,
    isTransactional }
}

const marker = (producerId: number, producerEpoch: number, type: 'ABORT' | 'COMMIT',
  coordinatorEpoch: number = 0): EndMarker => ({ producerId, producerEpoch, type, coordinatorEpoch, timestamp: 2 })

/** Appends and commits one batch alone. */
function append(manager: ProducerStateManager, batch: ProducerFields, offset: number, origin: AppendOrigin = 'client'): void {
  const group = manager.beginGroup()
  group.append(batch, offset, origin)
  group.commit(offset + batch.lastOffsetDelta + 1)
}

function end(manager: ProducerStateManager, m: EndMarker, offset: number, origin: AppendOrigin = 'coordinator'): TransactionIndexEntry[] {
  const group = manager.beginGroup()
  group.appendMarker(m, offset, origin)
  return group.commit(offset + 1)
}

const code = (run: () => unknown): string => {
  try {
    run()
    return 'OK'
  } catch (error) {
    return OttlaError.from(error).code
  }
}

describe('checks of a data batch', () => {
  test('accept any first sequence of a producer that is not known', () => {
    const manager = newManager()
    append(manager, data(1, 3, 77, 2), 0)
    expect(manager.producers()).toEqual([{ producerId: 1, producerEpoch: 3, lastSequence: 78, lastTimestamp: 1, coordinatorEpoch: -1,
      currentTxnStartOffset: -1 }])
    expect(manager.endOffset).toBe(2)
  })

  test('ignore batches without a producer', () => {
    const manager = newManager()
    append(manager, data(-1, -1, -1, 3), 0)
    expect(manager.producerCount).toBe(0)
    expect(manager.endOffset).toBe(3)
  })

  test.each<[string, ProducerFields, AppendOrigin, string]>([
    ['the next sequence', data(1, 2, 10, 1), 'client', 'OK'],
    ['a gap', data(1, 2, 11, 1), 'client', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
    ['a step back', data(1, 2, 5, 1), 'in-process', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
    ['a new epoch from 0', data(1, 3, 0, 1), 'client', 'OK'],
    ['a new epoch from elsewhere', data(1, 3, 10, 1), 'client', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
    ['an old epoch', data(1, 1, 0, 1), 'client', 'INVALID_PRODUCER_EPOCH'],
    ['an old epoch before its sequence', data(1, 1, 99, 1), 'client', 'INVALID_PRODUCER_EPOCH'],
    ['a coordinator without order', data(1, 2, 0, 1), 'coordinator', 'OK'],
    ['a coordinator of an old epoch', data(1, 1, 0, 1), 'coordinator', 'INVALID_PRODUCER_EPOCH'],
    ['a leader\'s gap', data(1, 2, 400, 1), 'replication', 'OK'],
    ['a leader\'s old epoch', data(1, 0, 0, 1), 'replication', 'OK'],
  ])('%s after epoch 2, sequence 9', (_, batch, origin, expected) => {
    const manager = newManager()
    append(manager, data(1, 2, 0, 10), 0)
    expect(code(() => append(manager, batch, 10, origin))).toBe(expected)
  })

  test('let sequences wrap after 2^31−1', () => {
    const manager = newManager()
    append(manager, data(1, 0, max - 1, 2), 0)
    expect(code(() => append(manager, data(1, 0, 1, 1), 2))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    append(manager, data(1, 0, 0, 3), 2)
    append(manager, data(2, 0, max - 1, 4), 5)
    expect(manager.producers().map((p) => p.lastSequence)).toEqual([2, 1])
    expect(manager.beginGroup().findDuplicate(data(2, 0, max - 1, 4))).toEqual({ baseOffset: 5, lastOffset: 8, timestamp: 1, staged: false })
  })

  test('say which sequence would have come, in the same epoch and in a new one', () => {
    const manager = newManager()
    append(manager, data(1, 0, 0, 3), 0)
    expect(() => append(manager, data(1, 0, 7, 1), 3)).toThrow('sequence 7 of producer 1 cannot come after sequence 2')
    expect(() => append(manager, data(1, 5, 3, 1), 3)).toThrow('sequence 3 of producer 1 cannot come as the first sequence of epoch 5')
  })

  test('refuse a plain batch while a transaction is open, and change nothing by it', () => {
    const manager = newManager()
    append(manager, data(1, 0, 0, 1, true), 0)
    const group = manager.beginGroup()
    expect(code(() => group.append(data(1, 0, 1, 1), 1, 'client'))).toBe('INVALID_TXN_STATE')
    group.append(data(1, 0, 1, 1, true), 1, 'client')
    group.commit(2)
    expect(manager.producers()[0]!.lastSequence).toBe(1)
  })
})

describe('duplicates', () => {
  test('are recognised among the last five batches, with the offsets of the first time', () => {
    const manager = newManager()
    for (let n = 0; n < 7; n++) append(manager, data(1, 0, n * 2, 2, false, 100 + n), 50 + n * 2)
    const group = manager.beginGroup()
    expect(group.findDuplicate(data(1, 0, 2, 2))).toBeNull()
    for (let n = 2; n < 7; n++) expect(group.findDuplicate(data(1, 0, n * 2, 2))).toEqual({ baseOffset: 50 + n * 2, lastOffset: 51 + n * 2,
      timestamp: 100 + n, staged: false })
    expect(group.findDuplicate(data(1, 0, 4, 3))).toBeNull()
    expect(group.findDuplicate(data(1, 1, 12, 2))).toBeNull()
    expect(group.findDuplicate(data(2, 0, 12, 2))).toBeNull()
    expect(group.findDuplicate(data(-1, -1, -1, 1))).toBeNull()
    // Older than five: no duplicate any more, and out of order.
    expect(code(() => group.append(data(1, 0, 2, 2), 64, 'client'))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  })

  test('are recognised within a group that is not written yet, and forgotten with it', () => {
    const manager = newManager()
    append(manager, data(1, 0, 0, 1), 0)
    const group = manager.beginGroup()
    group.append(data(1, 0, 1, 2), 1, 'client')
    group.append(data(1, 0, 3, 1), 3, 'client')
    expect(group.findDuplicate(data(1, 0, 1, 2))).toMatchObject({ baseOffset: 1, staged: true })
    expect(group.findDuplicate(data(1, 0, 0, 1))).toMatchObject({ baseOffset: 0, staged: false })
    // The write failed: the group is dropped.
    const next = manager.beginGroup()
    expect(next.findDuplicate(data(1, 0, 1, 2))).toBeNull()
    next.append(data(1, 0, 1, 2), 1, 'client')
    next.commit(3)
    expect(manager.producers()[0]!.lastSequence).toBe(2)
  })
})

describe('end markers', () => {
  test('close the transaction, keep the batches of the same epoch and note the abort', () => {
    const manager = newManager()
    append(manager, data(1, 0, 0, 2, true), 10)
    append(manager, data(2, 0, 0, 1, true), 12)
    expect(manager.firstUnstableOffset).toBe(10)
    expect(end(manager, marker(1, 0, 'ABORT', 5), 13)).toEqual([{ producerId: 1, firstOffset: 10, lastOffset: 13, lastStableOffset: 12 }])
    expect(manager.producers()[0]).toEqual({ producerId: 1, producerEpoch: 0, lastSequence: 1, lastTimestamp: 2, coordinatorEpoch: 5,
      currentTxnStartOffset: -1 })
    expect(manager.firstUnstableOffset).toBe(10)
    manager.onHighWatermark(13)
    expect(manager.firstUnstableOffset).toBe(10)
    manager.onHighWatermark(14)
    expect(manager.firstUnstableOffset).toBe(12)
    expect(end(manager, marker(2, 0, 'COMMIT'), 14)).toEqual([])
    manager.onHighWatermark(15)
    expect(manager.firstUnstableOffset).toBeNull()
    append(manager, data(1, 0, 2, 1, true), 15)
  })

  test('of the next epoch forget the batches, so that sequences start at 0 (transaction.version 2)', () => {
    const manager = newManager()
    append(manager, data(1, 0, 0, 2, true), 0)
    expect(end(manager, marker(1, 1, 'ABORT'), 2)).toEqual([{ producerId: 1, firstOffset: 0, lastOffset: 2, lastStableOffset: 3 }])
    expect(manager.producers()[0]).toMatchObject({ producerEpoch: 1, lastSequence: -1 })
    expect(code(() => append(manager, data(1, 1, 2, 1, true), 3))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(code(() => append(manager, data(1, 0, 2, 1, true), 3))).toBe('INVALID_PRODUCER_EPOCH')
    append(manager, data(1, 1, 0, 1, true), 3)
  })

  test('without a transaction change only the epochs', () => {
    const manager = newManager()
    append(manager, data(1, 0, 0, 2), 0)
    expect(end(manager, marker(1, 4, 'ABORT', 9), 2)).toEqual([])
    expect(manager.producers()[0]).toMatchObject({ producerEpoch: 4, coordinatorEpoch: 9 })
    expect(manager.firstUnstableOffset).toBeNull()
    expect(end(manager, marker(7, 0, 'COMMIT'), 3)).toEqual([])
    expect(manager.producerCount).toBe(2)
  })

  test('are refused from an old epoch or an old coordinator, unless they come from a leader', () => {
    const manager = newManager()
    append(manager, data(1, 2, 0, 1, true), 0)
    end(manager, marker(1, 2, 'COMMIT', 5), 1)
    expect(code(() => end(manager, marker(1, 1, 'COMMIT', 5), 2))).toBe('INVALID_PRODUCER_EPOCH')
    expect(code(() => end(manager, marker(1, 2, 'COMMIT', 4), 2))).toBe('TRANSACTION_COORDINATOR_FENCED')
    expect(code(() => end(manager, marker(1, 1, 'COMMIT', 4), 2, 'replication'))).toBe('OK')
  })

  test('in one group count transactions that were open at the marker, not those opened behind it', () => {
    const manager = newManager()
    const group = manager.beginGroup()
    group.append(data(1, 0, 0, 1, true), 0, 'client')
    group.appendMarker(marker(1, 0, 'ABORT'), 1, 'coordinator')
    group.append(data(2, 0, 0, 1), 2, 'client')
    group.append(data(3, 0, 0, 1, true), 3, 'client')
    expect(group.commit(4)).toEqual([{ producerId: 1, firstOffset: 0, lastOffset: 1, lastStableOffset: 2 }])
    manager.onHighWatermark(4)
    expect(manager.firstUnstableOffset).toBe(3)
  })
})

// ---- against a model that looks through everything that was ever appended ----

interface Past { producerId: number; epoch: number; first: number; last: number; offset: number; count: number; txn: boolean; marker: EndMarker | null }

function historyOf(past: readonly Past[], producerId: number): { known: Past[]; epoch: number; recent: Past[]; open: number | null; coordinatorEpoch: number } {
  const known = past.filter((p) => p.producerId === producerId)
  const epoch = known[known.length - 1]?.epoch ?? -1
  const sinceChange = known.slice(known.findLastIndex((p) => p.epoch !== epoch) + 1)
  let open: number | null = null
  let coordinatorEpoch = -1
  for (const p of known) {
    if (p.marker !== null) { open = null; coordinatorEpoch = p.marker.coordinatorEpoch } else if (p.txn && open === null) open = p.offset
  }
  return { known, epoch, recent: sinceChange.filter((p) => p.marker === null).slice(-5), open, coordinatorEpoch }
}

function verdict(past: readonly Past[], batch: ProducerFields): { duplicateOf: Past | null; code: string } {
  const { known, epoch, recent, open } = historyOf(past, batch.producerId)
  const duplicateOf = batch.producerEpoch === epoch ? recent.find((p) => p.first === batch.baseSequence && p.last === batch.lastSequence) ?? null : null
  if (known.length === 0) return { duplicateOf, code: 'OK' }
  if (batch.producerEpoch < epoch) return { duplicateOf, code: 'INVALID_PRODUCER_EPOCH' }
  const last = batch.producerEpoch === epoch ? recent[recent.length - 1]?.last ?? -1 : -1
  if (batch.baseSequence !== (last === max ? 0 : last + 1)) return { duplicateOf, code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }
  return { duplicateOf, code: open !== null && !batch.isTransactional ? 'INVALID_TXN_STATE' : 'OK' }
}

function firstUnstable(past: readonly Past[], highWatermark: number): number | null {
  const unstable: number[] = []
  for (const id of new Set(past.map((p) => p.producerId))) {
    let open: number | null = null
    for (const p of past.filter((q) => q.producerId === id)) {
      if (p.marker !== null) {
        if (open !== null && p.offset >= highWatermark) unstable.push(open)
        open = null
      } else if (p.txn) {
        open ??= p.offset
      }
    }
    if (open !== null) unstable.push(open)
  }
  return unstable.length === 0 ? null : Math.min(...unstable)
}

test('producer state agrees with a model over the whole history, whatever is appended, dropped and repeated', () => {
  const producer = fc.integer({ min: 1, max: 3 })
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('data' as const), producerId: producer, epochStep: fc.constantFrom(0, 0, 0, 0, 1, -1),
      choice: fc.constantFrom('next', 'next', 'next', 'zero', 'gap', 'again', 'wrap'), count: fc.integer({ min: 1, max: 3 }), back: fc.nat(6),
        txn: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('marker' as const), producerId: producer, epochStep: fc.constantFrom(0, 0, 1, -1),
      abort: fc.boolean(), coordinatorEpoch: fc.integer({ min: 0, max: 2 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const), commit: fc.boolean(), highWatermark: fc.nat(3) }) },
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
    const manager = newManager()
    let committed: Past[] = []
    let past: Past[] = []
    let offset = 0
    let end = 0
    let highWatermark = 0
    let group = manager.beginGroup()
    for (const s of [...steps, { kind: 'settle' as const, commit: true, highWatermark: 0 }]) {
      if (s.kind === 'settle') {
        if (s.commit) {
          const entries = group.commit(offset)
          const aborts = past.slice(committed.length).filter((p) => p.marker?.type === 'ABORT' &&
            historyOf(past.slice(0, past.indexOf(p)), p.producerId).open !== null)
          expect(entries.map((e) => [e.producerId, e.lastOffset])).toEqual(aborts.map((p) => [p.producerId, p.offset]))
          for (const [i, p] of aborts.entries()) {
            const before = past.slice(0, past.indexOf(p))
            const others = [1, 2, 3].filter((id) => id !== p.producerId).map((id) => historyOf(before, id).open).filter((o) => o !== null)
            expect(entries[i]).toMatchObject({ firstOffset: historyOf(before, p.producerId).open,
              lastStableOffset: others.length === 0 ? p.offset + 1 : Math.min(...others) })
          }
          committed = past
          end = offset
          highWatermark = Math.max(highWatermark, end - s.highWatermark)
          manager.onHighWatermark(highWatermark)
        } else {
          past = committed
          offset = end
        }
        group = manager.beginGroup()
        expect(manager.endOffset).toBe(end)
        expect(manager.firstUnstableOffset).toBe(firstUnstable(committed, highWatermark))
        for (const summary of manager.producers()) {
          const h = historyOf(committed, summary.producerId)
          expect(summary).toMatchObject({ producerEpoch: h.epoch, lastSequence: h.recent[h.recent.length - 1]?.last ?? -1,
            coordinatorEpoch: h.coordinatorEpoch, currentTxnStartOffset: h.open ?? -1 })
        }
        continue
      }
      const h = historyOf(past, s.producerId)
      const epoch = Math.max(0, h.epoch + s.epochStep)
      if (s.kind === 'marker') {
        const m = marker(s.producerId, epoch, s.abort ? 'ABORT' : 'COMMIT', s.coordinatorEpoch)
        const expected = h.known.length === 0 ? 'OK' : epoch < h.epoch ? 'INVALID_PRODUCER_EPOCH' : s.coordinatorEpoch < h.coordinatorEpoch
          ? 'TRANSACTION_COORDINATOR_FENCED' : 'OK'
        expect(code(() => group.appendMarker(m, offset, 'coordinator'))).toBe(expected)
        if (expected !== 'OK') continue
        past = [...past, { producerId: s.producerId, epoch, first: -1, last: -1, offset, count: 1, txn: false, marker: m }]
        offset += 1
        continue
      }
      const last = h.recent[h.recent.length - 1]?.last ?? -1
      const old = h.recent[h.recent.length - 1 - s.back]
      const first = s.choice === 'zero' ? 0 : s.choice === 'gap' ? last + 2 : s.choice === 'wrap' &&
        h.known.length === 0 ? max - 1 : s.choice === 'again' && old !== undefined ? old.first : last === max ? 0 : last + 1
      const count = s.choice === 'again' && old !== undefined ? old.count : s.count
      const batch = data(s.producerId, epoch, first, count, s.txn)
      const expected = verdict(past, batch)
      const duplicate = group.findDuplicate(batch)
      if (expected.duplicateOf === null) expect(duplicate).toBeNull()
      else expect(duplicate).toEqual({ baseOffset: expected.duplicateOf.offset,
        lastOffset: expected.duplicateOf.offset + expected.duplicateOf.count - 1, timestamp: 1, staged: expected.duplicateOf.offset >= end })
      if (duplicate !== null) continue
      expect(code(() => group.append(batch, offset, 'client'))).toBe(expected.code)
      if (expected.code !== 'OK') continue
      past = [...past, { producerId: s.producerId, epoch, first, last: batch.lastSequence, offset, count, txn: s.txn, marker: null }]
      offset += count
    }
  }), { numRuns: 400 })
})
