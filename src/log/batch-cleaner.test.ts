/** What one batch becomes; whole logs beside Kafka's are in log-cleaner-fixtures.test.ts. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { legacyMessage } from '../../test/support/legacy-messages.ts'
import { readBatchHeader, viewOf } from '../record/batch-format.ts'
import { crc32c } from '../record/crc32c.ts'
import { buildBatch, buildEndTransactionMarker, type RecordInput } from '../record/record-batch-builder.ts'
import { readBatch } from '../record/record-cursor.ts'
import { BatchCleaner } from './batch-cleaner.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { KeyOffsets } from './key-offsets.ts'

const round = { transactions: new CleanedTransactions(), lastOfProducers: new Map(), now: 5000, deleteRetentionMs: 600, end: 10, breathe: async () => {} }

test.each([0, 1] as const)('what stays of magic %i becomes magic 2, and a tombstone has a time to be gone by', async (magic) => {
  const keys = new KeyOffsets(1000, 0.9)
  keys.passed(9)
  const cleaner = new BatchCleaner({ ...round, keys })
  const clean = async (value: string | null): Promise<unknown> => {
    const message = legacyMessage({ magic, offset: 3, key: 'k', value, timestamp: 4000 })
    const { header, records } = readBatch((await cleaner.clean(message, 0, readBatchHeader(message, viewOf(message), 0, message.length), true))!)
    return { magic: header.magic, baseOffset: header.baseOffset, deleteHorizonMs: header.deleteHorizonMs, records: records.map(({ offset, timestamp }) => ({ offset, timestamp })) }
  }
  const kept = { magic: 2, baseOffset: 3, deleteHorizonMs: null, records: [{ offset: 3, timestamp: magic === 0 ? -1 : 4000 }] }
  expect(await clean('v')).toEqual(kept)
  expect(await clean(null)).toEqual({ ...kept, deleteHorizonMs: 5600 })
})

test.each(['COMMIT', 'ABORT'] as const)('a %s marker stays with its batches, then until its time', async (type) => {
  const marker = Buffer.from(buildEndTransactionMarker({ type, producerId: 7, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 4000, offset: 5 }))
  const data = Buffer.from(buildBatch([{ key: 'k', value: 'v', timestamp: 3000 }], { baseOffset: 4, producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true }))
  /** What a round at this time leaves of the marker, behind its batches or without any. */
  const round = async (now: number, bytes: Uint8Array, isAlone: boolean): Promise<Uint8Array | null> => {
    const transactions = new CleanedTransactions()
    if (type === 'ABORT' && !isAlone) transactions.expect([{ producerId: 7, firstOffset: 4, lastOffset: 5, lastStableOffset: 6 }])
    const cleaner = new BatchCleaner({ keys: new KeyOffsets(1000, 0.9), transactions, lastOfProducers: new Map(), now, deleteRetentionMs: 600, end: 10, breathe: async () => {} })
    if (!isAlone) await cleaner.clean(data, 0, readBatchHeader(data, viewOf(data), 0, data.length), true)
    return cleaner.clean(bytes, 0, readBatchHeader(bytes, viewOf(bytes), 0, bytes.length), true)
  }
  expect(await round(5000, marker, false)).toEqual(marker)
  const waiting = (await round(5000, marker, true))!
  expect(readBatch(waiting).header).toMatchObject({ baseOffset: 5, isControl: true, count: 1, deleteHorizonMs: 5600 })
  expect(await round(5599, waiting, true)).toEqual(waiting)
  expect(await round(5600, waiting, true)).toBeNull()
})

test('a tombstone that is to be kept for ever can be read', async () => {
  const keys = new KeyOffsets(1000, 0.9)
  keys.passed(9)
  const now = 1_795_351_727_097
  const round = { keys, transactions: new CleanedTransactions(), lastOfProducers: new Map(), now, deleteRetentionMs: Number.MAX_SAFE_INTEGER, end: 10, breathe: async () => {} }
  const batch = Buffer.from(buildBatch([{ key: 'k', value: null, timestamp: now }, { key: 'l', value: 'v', timestamp: -1 }], { baseOffset: 3 }))
  const { header, records } = readBatch((await new BatchCleaner(round).clean(batch, 0, readBatchHeader(batch, viewOf(batch), 0, batch.length), true))!)
  expect(header.deleteHorizonMs).toBe(Number.MAX_SAFE_INTEGER)
  expect(records.map(({ offset, timestamp }) => ({ offset, timestamp }))).toEqual([{ offset: 3, timestamp: now }, { offset: 4, timestamp: -1 }])
})

test('records whose header keys are no UTF-8 stay, all of them', async () => {
  const name = 'h'.repeat(40)
  const record = (key: string): RecordInput => ({ key, value: 'v', timestamp: 4000, headers: [{ key: name, value: Buffer.from('x') }] })
  const batch = Buffer.from(buildBatch(['gone', 'b', 'c', 'd'].map(record), { baseOffset: 3 }))
  for (let at = batch.indexOf(name); at >= 0; at = batch.indexOf(name)) batch.fill(0xff, at, at + name.length)
  batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17)
  const keys = new KeyOffsets(1000, 0.9)
  keys.put(Buffer.from('gone'), 9)
  const round = { keys, transactions: new CleanedTransactions(), lastOfProducers: new Map(), now: 5000, deleteRetentionMs: 600, end: 10, breathe: async () => {} }
  const { records } = readBatch((await new BatchCleaner(round).clean(batch, 0, readBatchHeader(batch, viewOf(batch), 0, batch.length), true))!)
  expect(records.map(({ offset, key }) => `${offset} ${Buffer.from(key!).toString()}`)).toEqual(['4 b', '5 c', '6 d'])
})

test('what stays of a wrapper of magic 0 ends with the last record that stays', async () => {
  const keys = new KeyOffsets(1000, 0.9)
  keys.put(Buffer.from('later'), 9)
  const inner = ['k', 'l', 'later'].map((key, i) => legacyMessage({ magic: 0, offset: 3 + i, key, value: 'v' }))
  const wrapper = legacyMessage({ magic: 0, offset: 5, attributes: 1, value: gzipSync(Buffer.concat(inner)) })
  const cleaned = await new BatchCleaner({ ...round, keys }).clean(wrapper, 0, readBatchHeader(wrapper, viewOf(wrapper), 0, wrapper.length), true)
  const { header, records } = readBatch(cleaned!)
  expect(header).toMatchObject({ magic: 2, baseOffset: 3, lastOffset: 4, compression: 'gzip' })
  expect(records.map(({ offset }) => offset)).toEqual([3, 4])
})
