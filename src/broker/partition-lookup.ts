/** Finds the log that a request names, or says as response fields why there is none. */
import { OttlaError } from '../common/errors.ts'
import type { Failure } from '../protocol/broker-api.ts'
import { unknownTopic } from '../metadata/topic-registry.ts'
import type { BrokerContext, BrokerLog } from './broker-context.ts'
import { failure, failureOf } from './failure.ts'

/** Raises UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE (the partition is elsewhere, or its folder is missing and the database read only). */
export function findLog(context: BrokerContext, topic: string, partition: number): BrokerLog {
  const info = context.topics.get(topic)
  if (info === undefined) throw unknownTopic(topic)
  if (!(partition >= 0 && partition < info.partitionCount)) {
    const range = info.partitionCount === 1 ? 'only partition 0' : `partitions 0 to ${info.partitionCount - 1}`
    throw new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has ${range}, not ${partition}`, { topic, partition })
  }
  const log = context.logs.get(topic, partition)
  if (log === undefined) throw new OttlaError('LEADER_NOT_AVAILABLE', `partition ${partition} of ${topic} has no log in this directory`, { topic, partition })
  return log
}

/** Null when `epoch` is the log's own or −1 or absent; else FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH. */
export function epochFailure(log: BrokerLog, epoch: number | undefined): Failure | null {
  if (epoch === undefined || epoch === -1 || epoch === log.leaderEpoch) return null
  const context = { topic: log.topic, partition: log.partition }
  return epoch < log.leaderEpoch
    ? failure('FENCED_LEADER_EPOCH', `leader epoch ${epoch} is over; ${log.leaderEpoch} leads`, context)
    : failure('UNKNOWN_LEADER_EPOCH', `leader epoch ${epoch} is not known; ${log.leaderEpoch} leads`, context)
}

/** Runs `answer` on every item and turns what it raises into `refuse(item, failure)`. */
export function answerEach<I, R>(items: readonly I[], answer: (item: I) => Promise<R> | R, refuse: (item: I, why: Failure) => R): Promise<R[]> {
  return Promise.all(items.map(async (item) => {
    try {
      return await answer(item)
    } catch (error) {
      return refuse(item, failureOf(error))
    }
  }))
}

/** Raises READ_ONLY. */
export function mustWrite(context: BrokerContext): void {
  if (context.readOnly) throw new OttlaError('READ_ONLY', 'the database was opened with { readOnly: true }')
}
