/** The calls that go to the leaders of partitions: offsets, deletion of records, producers. */
import { apis } from '../../protocol/api-registry.ts'
import { MAX_TIMESTAMP, type BrokerApi } from '../../protocol/broker-api.ts'
import { askLeaders } from './leader-calls.ts'
import { byTopic } from './topic-lists.ts'
import type { Wire } from './wire.ts'

type Calls = Pick<BrokerApi, 'listOffsets' | 'deleteRecords' | 'offsetForLeaderEpoch' | 'describeProducers'>

const CONSUMER = -1

export function offsetCalls(wire: Wire): Calls {
  return {
    async listOffsets({ isolationLevel, partitions }) {
      // Version 7 is the first that knows the largest timestamp; before version 2, transactions are not heard of.
      const minVersion = partitions.some((each) => each.timestamp === MAX_TIMESTAMP) ? 7 : isolationLevel === 1 ? 2 : 1
      const found = await askLeaders(wire, partitions, async (link, part) => {
        const topics = byTopic(part, ({ partition, currentLeaderEpoch, timestamp }) => ({ partitionIndex: partition, currentLeaderEpoch, timestamp }))
        const answer = await link.call(apis.listOffsets, {
          replicaId: CONSUMER, isolationLevel, topics: topics.map(({ topic, list }) => ({ name: topic, partitions: list })), timeoutMs: wire.requestTimeoutMs,
        }, { minVersion })
        return answer.topics.flatMap(({ name, partitions: list }) => list.map(({ partitionIndex, errorCode, offset, timestamp, leaderEpoch }) => (
          { topic: name, partition: partitionIndex, errorCode, offset, timestamp, leaderEpoch })))
      }, ({ topic, partition }, failure) => ({ topic, partition, ...failure, offset: -1, timestamp: -1, leaderEpoch: -1 }))
      return { partitions: inOrder(partitions, found) }
    },

    async deleteRecords({ partitions }) {
      const found = await askLeaders(wire, partitions, async (link, part) => {
        const topics = byTopic(part, ({ partition, offset }) => ({ partitionIndex: partition, offset }))
        const answer = await link.call(apis.deleteRecords, { topics: topics.map(({ topic, list }) => ({ name: topic, partitions: list })), timeoutMs: wire.requestTimeoutMs })
        return answer.topics.flatMap(({ name, partitions: list }) => list.map(({ partitionIndex, errorCode, lowWatermark }) => (
          { topic: name, partition: partitionIndex, errorCode, lowWatermark })))
      }, ({ topic, partition }, failure) => ({ topic, partition, ...failure, lowWatermark: -1 }))
      return { partitions: inOrder(partitions, found) }
    },

    async offsetForLeaderEpoch({ partitions }) {
      const found = await askLeaders(wire, partitions, async (link, part) => {
        const topics = byTopic(part, ({ partition, currentLeaderEpoch, leaderEpoch }) => ({ partition, currentLeaderEpoch, leaderEpoch }))
        const answer = await link.call(apis.offsetForLeaderEpoch, { replicaId: CONSUMER, topics: topics.map(({ topic, list }) => ({ topic, partitions: list })) })
        return answer.topics.flatMap(({ topic, partitions: list }) => list.map((each) => ({ topic, ...each })))
      }, ({ topic, partition }, failure) => ({ topic, partition, ...failure, leaderEpoch: -1, endOffset: -1 }))
      return { partitions: inOrder(partitions, found) }
    },

    async describeProducers({ partitions }) {
      const found = await askLeaders(wire, partitions, async (link, part) => {
        const answer = await link.call(apis.describeProducers, { topics: byTopic(part, (each) => each.partition).map(({ topic, list }) => ({ name: topic, partitionIndexes: list })) })
        return answer.topics.flatMap(({ name, partitions: list }) => list.map(({ partitionIndex, errorCode, errorMessage, activeProducers }) => (
          { topic: name, partition: partitionIndex, errorCode, errorMessage: errorMessage ?? undefined, activeProducers })))
      }, ({ topic, partition }, failure) => ({ topic, partition, ...failure, errorMessage: failure.errorMessage, activeProducers: [] }))
      return { partitions: inOrder(partitions, found) }
    },
  }
}

/** As they were asked for. */
function inOrder<R extends { readonly topic: string; readonly partition: number }>(asked: readonly { readonly topic: string; readonly partition: number }[], found: readonly R[]): R[] {
  const places = new Map(asked.map((each, i) => [`${each.topic}-${each.partition}`, i]))
  const place = (each: R): number => places.get(`${each.topic}-${each.partition}`) ?? places.size
  return [...found].sort((a, b) => place(a) - place(b))
}
