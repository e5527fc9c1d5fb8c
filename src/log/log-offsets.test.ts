import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { LogOffsets } from './log-offsets.ts'

function facts(offsets: LogOffsets): number[] { return [offsets.logStart, offsets.recoveryPoint, offsets.lastStable, offsets.highWatermark, offsets.logEnd] }

describe('LogOffsets', () => {
  test('lets the high watermark follow the end and the stable offset stop at an open transaction', () => {
    const offsets = new LogOffsets(0, 0, 0)
    offsets.advanceEnd(10, null)
    expect(facts(offsets)).toEqual([0, 0, 10, 10, 10])
    offsets.advanceEnd(20, 12)
    expect(facts(offsets)).toEqual([0, 0, 12, 20, 20])
    offsets.advanceEnd(21, null)
    expect(offsets.lastStable).toBe(21)
  })

  test('never lowers the recovery point or the start', () => {
    const offsets = new LogOffsets(5, 8, 10)
    offsets.raiseRecoveryPoint(6)
    offsets.raiseStart(3)
    expect(facts(offsets)).toEqual([5, 8, 10, 10, 10])
  })

  test('caps the recovery point at the end', () => {
    const offsets = new LogOffsets(0, 0, 10)
    offsets.raiseRecoveryPoint(99)
    expect(offsets.recoveryPoint).toBe(10)
  })

  test('raises the recovery point with the start', () => {
    const offsets = new LogOffsets(0, 2, 10)
    offsets.raiseStart(7)
    expect(facts(offsets)).toEqual([7, 7, 10, 10, 10])
  })

  test('does not show a stable offset below the start when the transaction began there', () => {
    const offsets = new LogOffsets(0, 0, 0)
    offsets.advanceEnd(10, 2)
    offsets.raiseStart(5)
    expect(offsets.lastStable).toBe(5)
  })

  test('pulls everything down with the end', () => {
    const offsets = new LogOffsets(5, 8, 10)
    offsets.cutEnd(7, null)
    expect(facts(offsets)).toEqual([5, 7, 7, 7, 7])
    offsets.cutEnd(3, null)
    expect(facts(offsets)).toEqual([3, 3, 3, 3, 3])
    // What was not durable is not durable because something behind it was cut.
    const behind = new LogOffsets(0, 2, 10)
    behind.cutEnd(7, null)
    expect(facts(behind)).toEqual([0, 2, 7, 7, 7])
  })

  test('is stable up to the high watermark while a transaction is open behind it', () => {
    const offsets = new LogOffsets(0, 0, 0)
    offsets.raiseEnd(10)
    offsets.raiseWatermark(6, 8)
    expect(facts(offsets)).toEqual([0, 0, 6, 6, 10])
    offsets.raiseWatermark(10, 8)
    expect(offsets.lastStable).toBe(8)
    offsets.cutEnd(9, null)
    expect(offsets.lastStable).toBe(9)
    offsets.raiseWatermark(9, 3)
    offsets.restartAt(20)
    expect(facts(offsets)).toEqual([20, 20, 20, 20, 20])
  })

  test('refuses an order that cannot be, however it would come about', () => {
    expect(() => new LogOffsets(5, 5, 4)).toThrow(OttlaError)
    expect(() => new LogOffsets(5, 4, 9)).toThrow(/out of order/)
    expect(() => new LogOffsets(5, 10, 9)).toThrow(/out of order/)
    for (const change of [
      (offsets: LogOffsets) => { offsets.raiseEnd(9) },
      (offsets: LogOffsets) => { offsets.raiseWatermark(11, null) },
      (offsets: LogOffsets) => { offsets.raiseWatermark(4, null) },
      (offsets: LogOffsets) => { offsets.advanceEnd(4, null) },
      (offsets: LogOffsets) => { offsets.raiseStart(11) },
    ]) expect(() => { change(new LogOffsets(5, 5, 10)) }).toThrow(/out of order/)
  })
})
