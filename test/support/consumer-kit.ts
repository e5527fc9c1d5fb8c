/** Helpers of the consumer's tests: a topic with numbered records, and ways to read it. */
import { harness, type Harness } from './client-harness.ts'
import type { FakePartition } from './fake-log.ts'
import type { Consumer, ConsumerBatch, ConsumerRecord, ConsumerSettings } from '../../src/client/types.ts'
import { buildBatch } from '../../src/record/record-batch-builder.ts'

export interface ConsumerKit extends Harness {
  readonly h: Harness; readonly partitions: FakePartition[]; readonly partition: FakePartition; readonly consumer: Consumer
}

/** Topic `t`, and a consumer that begins at its start. */
export function consumerKit(settings: ConsumerSettings = {}, partitions: number = 1): ConsumerKit {
  const h = harness()
  const made = h.broker.createTopic('t', partitions)
  return { ...h, h, partitions: made, partition: made[0]!, consumer: h.clients.consumer({ 'auto.offset.reset': 'earliest', ...settings }) }
}

/** Records `from` to `to`: key `k<n>`, value `v<n>`, timestamp 1000 + n. */
export function fill(partition: FakePartition, from: number, to: number, perBatch: number = 10): void {
  for (let at = from; at < to; at += perBatch) {
    partition.store(buildBatch(Array.from({ length: Math.min(perBatch, to - at) },
      (_, i) => ({ timestamp: 1000 + at + i, key: `k${at + i}`, value: `v${at + i}` }))))
  }
}

export const text = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString('utf8')
export const values = (batches: readonly ConsumerBatch[]): (string | null)[] => batches.flatMap((batch) => [...batch].map((record) => text(record.value)))
export const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `v${from + i}`)

/** Reads `count` records by for await, and leaves the loop by break. */
export async function readSome(consumer: Consumer, count: number): Promise<ConsumerRecord[]> {
  const records: ConsumerRecord[] = []
  for await (const record of consumer) {
    records.push(record)
    if (records.length === count) break
  }
  return records
}
