/** ListOffsets, DeleteRecords, OffsetForLeaderEpoch: questions and changes about offsets of single partitions. */
import { OttlaError } from '../common/errors.ts'
import { internalTopics } from '../common/topic-partition.ts'
import {
  EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, MAX_TIMESTAMP, type DeleteRecordsRequest, type DeleteRecordsResponse, type ListOffsetsPartition,
  type ListOffsetsRequest, type ListOffsetsResponse, type OffsetForLeaderEpochRequest, type OffsetForLeaderEpochResponse,
} from '../protocol/broker-api.ts'
import type { BrokerContext, BrokerLog } from './broker-context.ts'
import { answerEach, epochFailure, findLog, mustWrite } from './partition-lookup.ts'

const EARLIEST_LOCAL_TIMESTAMP = -4
const LATEST_TIERED_TIMESTAMP = -5
const notFound = { offset: -1, timestamp: -1, leaderEpoch: -1 }

export async function handleListOffsets(context: BrokerContext, request: ListOffsetsRequest): Promise<ListOffsetsResponse> {
  const isolation = request.isolationLevel === 1 ? 'committed' : 'highWatermark'
  const partitions = await answerEach(request.partitions, async ({ topic, partition, timestamp, currentLeaderEpoch }): Promise<ListOffsetsPartition> => {
    const log = findLog(context, topic, partition)
    const fenced = epochFailure(log, currentLeaderEpoch)
    if (fenced !== null) return { topic, partition, ...fenced, ...notFound }
    return { topic, partition, errorCode: 0, ...await findOffset(log, timestamp, isolation) ?? notFound }
  }, ({ topic, partition }, why) => ({ topic, partition, ...why, ...notFound }))
  return { partitions }
}

type Found = { readonly offset: number; readonly timestamp: number; readonly leaderEpoch: number }

async function findOffset(log: BrokerLog, timestamp: number, isolation: 'committed' | 'highWatermark'): Promise<Found | null> {
  if (timestamp >= 0) return log.offsetForTimestamp(timestamp, isolation)
  switch (timestamp) {
    case LATEST_TIMESTAMP: return log.latest(isolation)
    case EARLIEST_TIMESTAMP: case EARLIEST_LOCAL_TIMESTAMP: return log.earliest()
    case MAX_TIMESTAMP: return log.maxTimestampOffset()
    case LATEST_TIERED_TIMESTAMP: return null
    default: throw new OttlaError('UNSUPPORTED_VERSION', `offsets at timestamp ${timestamp} are not known`, { topic: log.topic, partition: log.partition })
  }
}

export async function handleDeleteRecords(context: BrokerContext, request: DeleteRecordsRequest): Promise<DeleteRecordsResponse> {
  const partitions = await answerEach(request.partitions, async ({ topic, partition, offset }) => {
    mustWrite(context)
    const log = findLog(context, topic, partition)
    if (internalTopics.has(topic)) throw new OttlaError('INVALID_TOPIC_EXCEPTION', `${topic} is internal: its records cannot be deleted`, { topic, partition })
    return { topic, partition, errorCode: 0, lowWatermark: await log.deleteRecordsBefore(offset) }
  }, ({ topic, partition }, why) => ({ topic, partition, ...why, lowWatermark: -1 }))
  return { partitions }
}

export async function handleOffsetForLeaderEpoch(context: BrokerContext, request: OffsetForLeaderEpochRequest): Promise<OffsetForLeaderEpochResponse> {
  const partitions = await answerEach(request.partitions, ({ topic, partition, leaderEpoch, currentLeaderEpoch }) => {
    const log = findLog(context, topic, partition)
    const fenced = epochFailure(log, currentLeaderEpoch)
    if (fenced !== null) return { topic, partition, ...fenced, leaderEpoch: -1, endOffset: -1 }
    const end = log.endOffsetForEpoch(leaderEpoch)
    return { topic, partition, errorCode: 0, leaderEpoch: end.leaderEpoch, endOffset: end.endOffset }
  }, ({ topic, partition }, why) => ({ topic, partition, ...why, leaderEpoch: -1, endOffset: -1 }))
  return { partitions }
}
