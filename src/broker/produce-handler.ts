/**
 * Produce. Every append is begun before anything is waited for, in the order of the request, so that two requests of one producer keep their
 * order. With acks 0 the answer comes when the bytes are with the operating system (nobody waits for it, and the bytes are free again).
 */
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import { internalTopics } from '../common/topic-partition.ts'
import type { AppendResult } from '../log/log-types.ts'
import type { Failure, ProducePartition, ProducePartitionResponse, ProduceRequest, ProduceResponse } from '../protocol/broker-api.ts'
import { ATTRIBUTES_AT, TRANSACTIONAL_BIT } from '../record/batch-format.ts'
import type { BrokerContext } from './broker-context.ts'
import { failureOf } from './failure.ts'
import { findLog, mustWrite } from './partition-lookup.ts'

export function handleProduce(context: BrokerContext, request: ProduceRequest): Promise<ProduceResponse> {
  const { metrics } = context
  metrics.produceRequests += 1
  const partitions = request.partitions
  if (partitions.length === 1) return appendOne(context, request, partitions[0]!, (answer) => ({ partitions: [answer] }))
  return Promise.all(partitions.map((partition) => appendOne(context, request, partition, (answer) => answer))).then((answers) => ({ partitions: answers }))
}

function appendOne<T>(context: BrokerContext, request: ProduceRequest, item: ProducePartition, shape: (answer: ProducePartitionResponse) => T): Promise<T> {
  const size = item.records.length
  const isSynced = request.acks === -1 && context.topics.get(item.topic)?.values['write.caching'] !== true
  return new Promise((answer) => begin(context, request, item, isSynced, (result) => {
    context.metrics.producedBatches += 1
    context.metrics.producedBytes += size
    if (!result.duplicate) context.metrics.producedRecords += result.lastOffset - result.baseOffset + 1
    answer(shape({
      topic: item.topic, partition: item.partition, errorCode: 0,
      baseOffset: request.acks === 0 ? -1 : result.baseOffset, logAppendTimeMs: result.logAppendTimeMs, logStartOffset: result.logStartOffset, isSynced,
    }))
  }, (error) => {
    context.metrics.failedBatches += 1
    answer(refusal(context, request, item, failureOf(error)).then(shape))
  }))
}

/** A client is told which of its records are to blame, where the code that looks can be had. Looks into records that nobody has checked: what that raises rejects. */
async function refusal(context: BrokerContext, request: ProduceRequest, item: ProducePartition, why: Failure): Promise<ProducePartitionResponse> {
  const code = why.error?.code
  const values = context.topics.get(item.topic)?.values
  if (request.inProcess === true || values === undefined || (code !== 'INVALID_RECORD' && code !== 'INVALID_TIMESTAMP')) return refuse(item, why)
  const demands = { values, now: context.ports.clock.now() }
  try {
    const { recordsToBlame } = await loadPart('the code that tells records to blame', () => import('./record-errors.ts'))
    const recordErrors = recordsToBlame(code, item, demands)
    return recordErrors.length === 0 ? refuse(item, why) : { ...refuse(item, why), recordErrors }
  } catch (error) {
    if (!OttlaError.is(error)) throw error
    return refuse(item, why)
  }
}

function refuse(item: ProducePartition, why: Failure): ProducePartitionResponse {
  return { topic: item.topic, partition: item.partition, ...why, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }
}

/** What is too short to say is left to the log to refuse. */
function isTransactional(records: Uint8Array): boolean { return records.length > ATTRIBUTES_AT + 1 && (records[ATTRIBUTES_AT + 1]! & TRANSACTIONAL_BIT) !== 0 }

/** Checks and appends, and tells one of the two. What is raised before the append fails like the append itself. */
function begin(context: BrokerContext, request: ProduceRequest, item: ProducePartition, durable: boolean, done: (result: AppendResult) => void,
  failed: (error: unknown) => void): void {
  const { topic, partition, records } = item
  const { acks } = request
  try {
    mustWrite(context)
    if (acks !== 0 && acks !== 1 && acks !== -1) throw new OttlaError('INVALID_REQUIRED_ACKS', `acks must be 0, 1 or -1, not ${acks}`, { topic, partition })
    if (request.inProcess !== true && isTransactional(records)) {
      throw new OttlaError('INVALID_TXN_STATE', 'transactions are not built yet: leave transactional.id out', { topic, partition })
    }
    const log = findLog(context, topic, partition)
    if (internalTopics.has(topic)) throw new OttlaError('INVALID_TOPIC_EXCEPTION', `${topic} is internal: clients cannot write to it`, { topic, partition })
    // Kafka asks for no more replicas in sync than a partition has: min.insync.replicas refuses nothing where there is one.
    log.appendFor(records, { origin: request.inProcess === true ? 'in-process' : 'client', durable, urgent: request.urgent === true }, done, failed)
  } catch (error) {
    failed(error)
  }
}
