/** Record batches of 100 B values, 64 KB each, encoded by the JavaScript clients' own encoders and by ours (target 4). */
import { createRequire } from 'node:module'
import { RecordBatchBuilder } from '../../dist/record/record-batch-builder.js'
import { interleave, nanosecondsPer, row } from '../lib/measure.mjs'

const require = createRequire(import.meta.url)
const PER_BATCH = 600
const value = Buffer.alloc(100, 0x61)
const now = 1_700_000_000_000

function ours(batches) {
  const builder = new RecordBatchBuilder(1 << 16)
  return nanosecondsPer(batches * PER_BATCH, () => {
    for (let b = 0; b < batches; b += 1) {
      builder.reset()
      for (let i = 0; i < PER_BATCH; i += 1) builder.append(now, null, value, null)
      builder.seal({})
    }
  })
}

async function kafkajs(batches) {
  const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js')
  const Record = require('kafkajs/src/protocol/recordBatch/record/v0/index.js')
  const started = process.hrtime.bigint()
  for (let b = 0; b < batches; b += 1) {
    const records = Array.from({ length: PER_BATCH }, (_, i) => Record({ offsetDelta: i, timestampDelta: 0, key: null, value, headers: {} }))
    await RecordBatch({ compression: 0, firstTimestamp: now, maxTimestamp: now, partitionLeaderEpoch: 0, lastOffsetDelta: PER_BATCH - 1, producerId: -1, producerEpoch: -1, firstSequence: -1, records })
  }
  return Number(process.hrtime.bigint() - started) / (batches * PER_BATCH)
}

async function platformatic(batches) {
  const { createRecordsBatch } = await import('@platformatic/kafka')
  const messages = Array.from({ length: PER_BATCH }, () => ({ topic: 't', value, timestamp: BigInt(now) }))
  const started = process.hrtime.bigint()
  for (let b = 0; b < batches; b += 1) createRecordsBatch(messages, {})
  return Number(process.hrtime.bigint() - started) / (batches * PER_BATCH)
}

export async function run({ rounds }) {
  const figures = await interleave({ ours: () => ours(3000), kafkajs: () => kafkajs(60), platformatic: () => platformatic(100) }, rounds)
  const speed = (times) => times.map((ns) => 1e9 / ns)
  const common = { unit: 'rec/s', figures: speed(figures.ours) }
  return [
    row({ name: 'encode 100 B, against kafkajs', ...common, yardsticks: speed(figures.kafkajs), yardstickName: 'kafkajs', must: 30, stretch: 60 }),
    row({ name: 'encode 100 B, against @platformatic/kafka', ...common, yardsticks: speed(figures.platformatic), yardstickName: '@platformatic/kafka', must: 12, stretch: 20 }),
  ]
}
