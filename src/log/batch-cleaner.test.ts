/** What one batch becomes; whole logs beside Kafka's are in log-cleaner-fixtures.test.ts. */
import { expect, test } from 'vitest'
import { legacyMessage } from '../../test/support/legacy-messages.ts'
import { readBatchHeader, viewOf } from '../record/batch-format.ts'
import { readBatch } from '../record/record-cursor.ts'
import { BatchCleaner } from './batch-cleaner.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { KeyOffsets } from './key-offsets.ts'

test.each([0, 1] as const)('what stays of magic %i becomes magic 2, and a tombstone has a time to be gone by', async (magic) => {
  const keys = new KeyOffsets(1000, 0.9)
  keys.passed(9)
  const cleaner = new BatchCleaner({ keys, transactions: new CleanedTransactions(), lastOfProducers: new Map(), now: 5000, deleteRetentionMs: 600, end: 10, breathe: async () => {} })
  const clean = async (value: string | null): Promise<unknown> => {
    const message = legacyMessage({ magic, offset: 3, key: 'k', value, timestamp: 4000 })
    const { header, records } = readBatch((await cleaner.clean(message, 0, readBatchHeader(message, viewOf(message), 0, message.length), true))!)
    return { magic: header.magic, baseOffset: header.baseOffset, deleteHorizonMs: header.deleteHorizonMs, records: records.map(({ offset, timestamp }) => ({ offset, timestamp })) }
  }
  const kept = { magic: 2, baseOffset: 3, deleteHorizonMs: null, records: [{ offset: 3, timestamp: magic === 0 ? -1 : 4000 }] }
  expect(await clean('v')).toEqual(kept)
  expect(await clean(null)).toEqual({ ...kept, deleteHorizonMs: 5600 })
})
