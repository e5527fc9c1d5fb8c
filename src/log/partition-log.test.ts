import { describe, expect, test } from 'vitest'
import { openTestLog, text } from '../../test/support/test-log.ts'
import { buildBatch, buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import { readBatchHeader, viewOf } from '../record/batch-format.ts'

const HOUR = 3_600_000

describe('append and read', () => {
  test('gives offsets in order of append and the records back', async () => {
    const t = await openTestLog()
    expect(await t.append(['a', 'b'])).toMatchObject({ baseOffset: 0, lastOffset: 1, duplicate: false, logAppendTimeMs: -1, logStartOffset: 0 })
    expect(await t.append(['c'])).toMatchObject({ baseOffset: 2, lastOffset: 2 })
    expect(await t.values()).toEqual(['a', 'b', 'c'])
    expect(t.log).toMatchObject({ logStartOffset: 0, logEndOffset: 3, highWatermark: 3, lastStableOffset: 3, recoveryPoint: 3, segmentCount: 1 })
  })

  test('shows nothing of an append before it is complete', async () => {
    const t = await openTestLog()
    const sent = t.send(['a'])
    expect(t.log.logEndOffset).toBe(0)
    expect((await t.log.read(0, { maxBytes: 100, isolation: 'logEnd' })).records).toHaveLength(0)
    await t.drive(sent)
    expect(t.log.logEndOffset).toBe(1)
  })

  test('does not touch the bytes it was given, so that a failed append can be sent again', async () => {
    const t = await openTestLog({ config: { 'message.timestamp.type': 'LogAppendTime' } })
    const bytes = Buffer.from(buildBatch([{ value: 'a', timestamp: 5 }]))
    const before = Buffer.from(bytes)
    await t.append(['first'])
    const result = await t.drive(t.log.append(bytes, { origin: 'client', durable: true }))
    expect(result).toMatchObject({ baseOffset: 1, logAppendTimeMs: t.clock.now() })
    expect(bytes).toEqual(before)
  })

  test('stamps offset and leader epoch, and the time where the topic says so', async () => {
    const t = await openTestLog({ config: { 'message.timestamp.type': 'LogAppendTime' } })
    await t.append(['a'])
    await t.append([{ value: 'b', timestamp: 17 }])
    const { records } = await t.log.read(1, { maxBytes: 100, isolation: 'logEnd' })
    expect(readBatchHeader(records, viewOf(records), 0, records.length)).toMatchObject({
      baseOffset: 1, leaderEpoch: 0, timestampType: 'LogAppendTime', maxTimestamp: t.clock.now(), baseTimestamp: 17,
    })
  })

  test('answers an offset at the end with nothing and one beyond it, or below the start, with an error', async () => {
    const t = await openTestLog()
    await t.append(['a', 'b', 'c'])
    expect(await t.read(3)).toEqual([])
    await expect(t.read(4)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', topic: 't', partition: 0, offset: 4 })
    await expect(t.read(-1)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await t.drive(t.log.deleteRecordsBefore(2))
    await expect(t.read(1)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect((await t.read(2)).map((record) => text(record.value))).toEqual(['c'])
  })

  test('starts with the batch that holds the offset asked, whole batches only', async () => {
    const t = await openTestLog()
    await t.append(['a', 'b', 'c'])
    await t.append(['d'])
    const { records } = await t.log.read(1, { maxBytes: 1, isolation: 'logEnd' })
    expect(readBatchHeader(records, viewOf(records), 0, records.length)).toMatchObject({ baseOffset: 0, lastOffset: 2, size: records.length })
    expect((await t.log.read(1, { maxBytes: 1, isolation: 'logEnd', minOneMessage: false })).records).toHaveLength(0)
  })

  test.each([[true, 'from memory'], [false, 'from the disk']])('gives memory that the caller may keep and change (%s: %s)', async (fromMemory) => {
    const t = await openTestLog()
    await t.append(['a'])
    if (!fromMemory) await t.reopen()
    const first = await t.drive(t.log.read(0, { maxBytes: 1000, isolation: 'logEnd' }))
    first.records.fill(0)
    expect(await t.values()).toEqual(['a'])
  })

  test('gives a consumer that keeps up everything without touching a file', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 2000 } })
    for (let i = 0; i < 100; i++) await t.append([`value ${i}`])
    expect(t.log.segmentCount).toBeGreaterThan(3)
    const reads = t.disk.operations.length
    // A read from a file would have to open one: take the files away.
    const names = t.fileNames().filter((name) => name.endsWith('.log'))
    for (const name of names) t.disk.rename(`${t.directory}/${name}`, `${t.directory}/away-${name}`)
    expect((await t.values()).length).toBe(100)
    for (const name of names) t.disk.rename(`${t.directory}/away-${name}`, `${t.directory}/${name}`)
    expect(t.disk.operations.length - reads).toBe(2 * names.length)
  })

  test('reads what a later segment has where a segment has nothing', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 200 } })
    for (let i = 0; i < 10; i++) await t.append([`v${i}`])
    await t.reopen()
    expect(await t.values()).toEqual(Array.from({ length: 10 }, (_, i) => `v${i}`))
    for (let offset = 0; offset < 10; offset++) expect((await t.read(offset, { maxBytes: 1 })).map((record) => record.offset)).toEqual([offset])
  })

  test('tells listeners after the appends concerned were answered', async () => {
    const t = await openTestLog()
    const order: string[] = []
    const stop = t.log.onAdvance(() => order.push(`end ${t.log.logEndOffset}`))
    const sent = t.send(['a']).then(() => { order.push('answered') })
    await t.drive(sent)
    expect(order).toEqual(['end 1', 'answered'])
    stop()
    await t.append(['b'])
    expect(order).toHaveLength(2)
  })

  test('refuses everything once closed', async () => {
    const t = await openTestLog()
    const { log } = t
    await t.append(['a'])
    await t.close()
    await expect(log.append(new Uint8Array(1), { origin: 'client', durable: true })).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(log.read(0, { maxBytes: 1, isolation: 'logEnd' })).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(log.offsetForTimestamp(0, 'logEnd')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(log.deleteRecordsBefore(0)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('finishes the appends that wait when it is closed', async () => {
    const t = await openTestLog()
    const sent = [t.send(['a']), t.send(['b'])]
    await t.close()
    expect((await Promise.all(sent)).map((result) => result.baseOffset)).toEqual([0, 1])
    await t.open()
    expect(await t.values()).toEqual(['a', 'b'])
  })
})

describe('segments', () => {
  test('roll by size before the batch that does not fit, named by its offset', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 150 } })
    for (let i = 0; i < 4; i++) await t.append(['x'])
    expect(t.fileNames().filter((name) => name.endsWith('.log'))).toEqual(['00000000000000000000.log', '00000000000000000002.log'])
    expect(t.fileNames()).toContain('00000000000000000002.snapshot')
    expect(await t.values()).toEqual(['x', 'x', 'x', 'x'])
  })

  test('roll by record time', async () => {
    const t = await openTestLog({ config: { 'segment.ms': HOUR, 'message.timestamp.after.max.ms': Number.MAX_SAFE_INTEGER } })
    await t.append([{ value: 'a', timestamp: 1000 }])
    await t.append([{ value: 'b', timestamp: 1000 + HOUR }])
    expect(t.log.segmentCount).toBe(1)
    await t.append([{ value: 'c', timestamp: 1001 + HOUR }])
    expect(t.log.segmentCount).toBe(2)
  })

  test('roll inside a group of appends that came together', async () => {
    const t = await openTestLog({ config: { 'segment.ms': HOUR, 'message.timestamp.after.max.ms': Number.MAX_SAFE_INTEGER } })
    await t.drive(Promise.all([1000, 2000, 1001 + HOUR, 1002 + HOUR].map((timestamp) => t.send([{ value: 'x', timestamp }]))))
    expect(t.fileNames().filter((name) => name.endsWith('.log'))).toEqual(['00000000000000000000.log', '00000000000000000002.log'])
  })

  test('roll when an index is full', async () => {
    const t = await openTestLog({ config: { 'segment.index.bytes': 24, 'index.interval.bytes': 0 } })
    for (let i = 0; i < 12; i++) await t.append(['x'])
    expect(t.log.segmentCount).toBeGreaterThan(2)
    expect(await t.values()).toHaveLength(12)
  })

  test('do not roll for ever when the index can hold nothing', async () => {
    const t = await openTestLog({ config: { 'segment.index.bytes': 4, 'index.interval.bytes': 0 } })
    for (let i = 0; i < 3; i++) await t.append(['x'])
    expect(t.log.segmentCount).toBe(3)
  })

  test('of a quiet log roll and expire by time', async () => {
    const t = await openTestLog({ config: { 'segment.ms': HOUR, 'retention.ms': 2 * HOUR, 'file.delete.delay.ms': 1000 } })
    await t.append(['old'])
    await t.drive(t.scheduler.advance(HOUR + 10 * 60_000))
    expect(t.log.segmentCount).toBe(2)
    await t.drive(t.scheduler.advance(HOUR))
    expect(t.log).toMatchObject({ segmentCount: 1, logStartOffset: 1, logEndOffset: 1 })
    expect(t.fileNames().filter((name) => name.includes('00000000000000000000'))).toEqual([])
    expect(await t.append(['new'])).toMatchObject({ baseOffset: 1 })
  })

  test('do not roll at each look while old records are copied in', async () => {
    const t = await openTestLog({ config: { 'segment.ms': HOUR, 'retention.ms': -1 } })
    for (let i = 0; i < 5; i++) {
      await t.append([{ value: 'x', timestamp: 1000 + i }])
      await t.drive(t.scheduler.advance(10 * 60_000))
    }
    expect(t.log.segmentCount).toBe(1)
  })

  test('that retention takes are renamed at once and removed after file.delete.delay.ms', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 150, 'retention.bytes': 150, 'file.delete.delay.ms': 60_000 } })
    for (let i = 0; i < 8; i++) await t.append(['x'])
    expect(await t.drive(t.log.applyRetention(t.clock.now()))).toBe(2)
    expect(t.log).toMatchObject({ logStartOffset: 4, segmentCount: 2 })
    expect(
      t.fileNames(),
    ).toEqual(expect.arrayContaining(['00000000000000000000.log.deleted', '00000000000000000002.log.deleted', '00000000000000000002.snapshot.deleted']))
    await t.drive(t.scheduler.advance(59_000))
    expect(t.fileNames().filter((name) => name.endsWith('.deleted'))).not.toEqual([])
    await t.drive(t.scheduler.advance(2_000))
    expect(t.fileNames().filter((name) => name.endsWith('.deleted'))).toEqual([])
    await t.reopen()
    expect(t.log.logStartOffset).toBe(4)
  })

  test('can still be read by a reader that was on them when they were deleted', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 150, 'retention.bytes': 150, 'file.delete.delay.ms': 0 } })
    for (let i = 0; i < 8; i++) await t.append([`v${i}`])
    await t.reopen()
    const reading = t.log.read(0, { maxBytes: 1000, isolation: 'logEnd' })
    const retained = t.log.applyRetention(t.clock.now())
    const read = await t.drive(reading)
    expect(read.records.length).toBeGreaterThan(0)
    await t.drive(retained)
    await t.drive(t.scheduler.advance(1000))
    await expect(t.read(0)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  })
})

describe('deleteRecordsBefore', () => {
  test('moves the start inside a segment, survives a power cut, and lets retention take whole segments', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 150 } })
    for (let i = 0; i < 8; i++) await t.append([`v${i}`])
    expect(await t.drive(t.log.deleteRecordsBefore(5))).toBe(5)
    expect(t.log).toMatchObject({ logStartOffset: 5, segmentCount: 4 })
    const after = await t.crash(t.disk.survivors('lose-all'))
    expect(after.log.logStartOffset).toBe(5)
    expect(await after.values()).toEqual(['v5', 'v6', 'v7'])
    await after.drive(after.log.applyRetention(after.clock.now()))
    expect(after.log).toMatchObject({ logStartOffset: 5, segmentCount: 2 })
  })

  test('takes −1 for everything, and refuses offsets beyond the high watermark and compacted topics', async () => {
    const t = await openTestLog()
    await t.append(['a', 'b'])
    await expect(t.drive(t.log.deleteRecordsBefore(3))).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await expect(t.drive(t.log.deleteRecordsBefore(-2))).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect(await t.drive(t.log.deleteRecordsBefore(-1))).toBe(2)
    expect(await t.drive(t.log.deleteRecordsBefore(1))).toBe(2)
    t.configure({ 'cleanup.policy': 'compact' })
    await expect(t.drive(t.log.deleteRecordsBefore(-1))).rejects.toMatchObject({ code: 'POLICY_VIOLATION' })
  })
})

describe('lookup by time', () => {
  test('finds the first record at or above a timestamp, and the largest timestamp', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 300 } })
    const base = t.clock.now() - 1_000_000
    for (let i = 0; i < 20; i++) await t.append([{ value: `${i}`, timestamp: base + 10 * i }, { value: `${i}b`, timestamp: base + 10 * i + 5 }])
    expect(await t.drive(t.log.offsetForTimestamp(0, 'logEnd'))).toEqual({ offset: 0, timestamp: base, leaderEpoch: 0 })
    expect(await t.drive(t.log.offsetForTimestamp(base + 71, 'logEnd'))).toMatchObject({ offset: 15, timestamp: base + 75 })
    expect(await t.drive(t.log.offsetForTimestamp(base + 196, 'logEnd'))).toBeNull()
    expect(await t.drive(t.log.maxTimestampOffset())).toMatchObject({ offset: 39, timestamp: base + 195 })
    await t.drive(t.log.deleteRecordsBefore(16))
    expect(await t.drive(t.log.offsetForTimestamp(0, 'logEnd'))).toMatchObject({ offset: 16 })
  })
})

describe('transactions', () => {
  const producer = { producerId: 7, producerEpoch: 0 }

  test('hold the stable offset back until they end, and name the aborted ones', async () => {
    const t = await openTestLog()
    await t.append(['plain'])
    await t.append(['a', 'b'], { ...producer, baseSequence: 0, isTransactional: true })
    await t.append(['plain too'])
    expect(t.log).toMatchObject({ lastStableOffset: 1, highWatermark: 4 })
    expect(await t.read(1, { isolation: 'committed' })).toEqual([])
    expect((await t.log.read(0, { maxBytes: 1000, isolation: 'committed' })).abortedTransactions).toEqual([])
    const marker = Buffer.from(buildEndTransactionMarker({ type: 'ABORT', timestamp: t.clock.now(), ...producer, coordinatorEpoch: 0 }))
    await t.drive(t.log.append(marker, { origin: 'coordinator', durable: true }))
    expect(t.log.lastStableOffset).toBe(5)
    expect((await t.log.read(0, { maxBytes: 1000, isolation: 'committed' })).abortedTransactions).toEqual([{ producerId: 7, firstOffset: 1 }])
    expect((await t.log.read(0, { maxBytes: 1000, isolation: 'highWatermark' })).abortedTransactions).toBeNull()
    await t.reopen()
    expect((await t.drive(t.log.read(2, { maxBytes: 1000, isolation: 'committed' }))).abortedTransactions).toEqual([{ producerId: 7, firstOffset: 1 }])
    expect(t.log.activeProducers()).toMatchObject([{ ...producer, lastSequence: 1, currentTxnStartOffset: -1 }])
  })

  test('hide what follows their start from the disk as from memory', async () => {
    const t = await openTestLog()
    await t.append(['a'])
    await t.append(['b'], { ...producer, baseSequence: 0, isTransactional: true })
    await t.append(['c'])
    for (let i = 0; i < 2; i++) {
      expect((await t.read(0, { isolation: 'committed' })).map((record) => text(record.value))).toEqual(['a'])
      expect((await t.read(0, { isolation: 'highWatermark' })).map((record) => text(record.value))).toEqual(['a', 'b', 'c'])
      await t.reopen()
    }
  })

  test('open at a crash are open afterwards', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 200 } })
    for (let i = 0; i < 6; i++) await t.append(['x'], { ...producer, baseSequence: i, isTransactional: true })
    const after = await t.crash(t.disk.survivors('lose-all'))
    expect(after.log).toMatchObject({ lastStableOffset: 0, logEndOffset: 6 })
    expect(after.log.activeProducers()).toMatchObject([{ currentTxnStartOffset: 0, lastSequence: 5 }])
  })
})

describe('idempotent producers', () => {
  const producer = { producerId: 9, producerEpoch: 0 }

  test('get the first offsets again for a batch that was appended before, in the same group too', async () => {
    const t = await openTestLog()
    const twice = [t.send(['a', 'b'], { ...producer, baseSequence: 0 }), t.send(['a', 'b'], { ...producer, baseSequence: 0 })]
    expect(await t.drive(Promise.all(twice))).toMatchObject([{ baseOffset: 0, duplicate: false }, { baseOffset: 0, lastOffset: 1, duplicate: true }])
    await t.append(['c'], { ...producer, baseSequence: 2 })
    expect(await t.append(['a', 'b'], { ...producer, baseSequence: 0 })).toMatchObject({ baseOffset: 0, lastOffset: 1, duplicate: true })
    expect(await t.values()).toEqual(['a', 'b', 'c'])
  })

  test('are told of a gap, and nothing is appended', async () => {
    const t = await openTestLog()
    await t.append(['a'], { ...producer, baseSequence: 0 })
    await expect(t.append(['c'], { ...producer, baseSequence: 2 })).rejects.toMatchObject({ code: 'OUT_OF_ORDER_SEQUENCE_NUMBER', topic: 't', partition: 0 })
    await expect(t.append(['b'], { ...producer, producerEpoch: -1, baseSequence: 1 })).rejects.toMatchObject({ code: 'INVALID_PRODUCER_EPOCH' })
    expect(await t.append(['b'], { ...producer, baseSequence: 1 })).toMatchObject({ baseOffset: 1 })
  })

  test('of one group are checked against each other, and a refused one spoils nobody', async () => {
    const t = await openTestLog()
    const sent = [0, 1, 3, 2].map((baseSequence) => t.send([`s${baseSequence}`], { ...producer, baseSequence }))
    const results = await t.drive(Promise.allSettled(sent))
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(await t.values()).toEqual(['s0', 's1', 's2'])
  })

  test('are known after a clean reopen and after a crash', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 200 } })
    for (let i = 0; i < 5; i++) await t.append([`v${i}`], { ...producer, baseSequence: i })
    await t.reopen()
    expect(await t.append(['v4'], { ...producer, baseSequence: 4 })).toMatchObject({ baseOffset: 4, duplicate: true })
    const after = await t.crash(t.disk.survivors('lose-all'))
    expect(await after.append(['v4'], { ...producer, baseSequence: 4 })).toMatchObject({ baseOffset: 4, duplicate: true })
    expect(await after.append(['v5'], { ...producer, baseSequence: 5 })).toMatchObject({ baseOffset: 5, duplicate: false })
  })

  test('get a durable answer for a copy of what was not durable', async () => {
    const t = await openTestLog()
    await t.append(['a'], { ...producer, baseSequence: 0 }, { durable: false })
    expect(t.log.recoveryPoint).toBe(0)
    expect(await t.append(['a'], { ...producer, baseSequence: 0 })).toMatchObject({ duplicate: true })
    const after = await t.crash(t.disk.survivors('lose-all'))
    expect(await after.values()).toEqual(['a'])
  })
})

describe('replication', () => {
  test('keeps offsets, epochs and gaps of the leader, many batches at a time', async () => {
    const t = await openTestLog()
    const batches = [
      [0, 0], [5, 0], [9, 3],
    ].map(([baseOffset, leaderEpoch]) => buildBatch([{ value: `v${baseOffset}`, timestamp: 1 }], { baseOffset: baseOffset!, leaderEpoch: leaderEpoch! }))
    const sent = t.log.append(Buffer.concat(batches), { origin: 'replication', durable: true })
    expect(await t.drive(sent)).toMatchObject({ baseOffset: 0, lastOffset: 9 })
    expect(t.log).toMatchObject({ logEndOffset: 10, leaderEpoch: 3 })
    expect(t.log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 9 })
    expect((await t.readAll()).map((record) => record.offset)).toEqual([0, 5, 9])
    await expect(t.drive(t.log.append(Buffer.from(buildBatch([{ value: 'x' }], { baseOffset: 9 })), { origin: 'replication', durable: true })))
      .rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await t.reopen()
    expect((await t.readAll()).map((record) => record.offset)).toEqual([0, 5, 9])
  })

  test('truncates to an offset, never splitting a batch', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 200 } })
    for (let i = 0; i < 6; i++) await t.append([`a${i}`, `b${i}`], { producerId: 4, producerEpoch: 0, baseSequence: 2 * i })
    await t.drive(t.log.truncateTo(7))
    expect(t.log).toMatchObject({ logEndOffset: 7, highWatermark: 7 })
    expect((await t.values()).length).toBe(6)
    expect(await t.append(['next'])).toMatchObject({ baseOffset: 7 })
    expect(await t.values()).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'next'])
    await expect(t.append(['x'], { producerId: 4, producerEpoch: 0, baseSequence: 12 })).rejects.toMatchObject({ code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
    const after = await t.crash()
    expect(await after.values()).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'next'])
  })

  test('forgets the leader epochs of what a truncation, or a power cut, takes', async () => {
    const t = await openTestLog()
    const at = (baseOffset: number, leaderEpoch: number): Buffer => Buffer.from(buildBatch([{ value: 'x', timestamp: 1 }], { baseOffset, leaderEpoch }))
    for (const [offset, epoch] of [[0, 0], [1, 2], [2, 5], [3, 6]] as const) await t.drive(t.log.append(at(offset, epoch), { origin: 'replication', durable: offset < 2 }))
    expect(t.log.endOffsetForEpoch(4)).toEqual({ leaderEpoch: 2, endOffset: 2 })
    const after = await t.crash(t.disk.survivors('lose-all'))
    expect(after.log).toMatchObject({ logEndOffset: 2, leaderEpoch: 5 })
    expect(after.log.endOffsetForEpoch(5)).toEqual({ leaderEpoch: 5, endOffset: 2 })
    await after.drive(after.log.truncateTo(1))
    expect(after.log).toMatchObject({ logEndOffset: 1, leaderEpoch: 0 })
    await after.reopen()
    expect(after.log.leaderEpoch).toBe(0)
    const early = await t.crash(t.disk.survivors('keep-all'))
    await early.drive(early.log.truncateTo(2))
    expect(early.log.endOffsetForEpoch(2)).toEqual({ leaderEpoch: 2, endOffset: 2 })
  })

  test('drops everything and goes on at an offset', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 200 } })
    for (let i = 0; i < 6; i++) await t.append(['x'])
    await t.drive(t.log.truncateFullyAndStartAt(100))
    expect(t.log).toMatchObject({ logStartOffset: 100, logEndOffset: 100, segmentCount: 1, recoveryPoint: 100 })
    expect(await t.append(['y'])).toMatchObject({ baseOffset: 100 })
    await t.reopen()
    expect(await t.values()).toEqual(['y'])
    expect(t.log.logStartOffset).toBe(100)
  })
})

describe('settings', () => {
  test('take effect at run time', async () => {
    const t = await openTestLog()
    await t.append(['a'])
    t.configure({ 'segment.bytes': 100, 'max.message.bytes': 90 })
    await expect(t.append(['x'.repeat(100)])).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await t.append(['b'])
    await t.append(['c'])
    expect(t.log.segmentCount).toBe(3)
    t.configure({ 'message.timestamp.type': 'LogAppendTime' })
    expect(await t.append(['d'])).toMatchObject({ logAppendTimeMs: t.clock.now() })
  })

  test('flush.messages makes appends durable that did not ask for it', async () => {
    const t = await openTestLog({ config: { 'flush.messages': 3 } })
    await t.append(['a'], {}, { durable: false })
    await t.append(['b'], {}, { durable: false })
    expect(t.log.recoveryPoint).toBe(0)
    await t.append(['c'], {}, { durable: false })
    expect(t.log.recoveryPoint).toBe(3)
  })

  test('flush.ms makes them durable after a while', async () => {
    const t = await openTestLog({ config: { 'flush.ms': 1000 } })
    await t.append(['a'], {}, { durable: false })
    await t.drive(t.scheduler.advance(2500))
    expect(t.log.recoveryPoint).toBe(1)
    t.configure({ 'flush.ms': Number.MAX_SAFE_INTEGER })
    await t.append(['b'], {}, { durable: false })
    await t.drive(t.scheduler.advance(100_000))
    expect(t.log.recoveryPoint).toBe(1)
  })
})
