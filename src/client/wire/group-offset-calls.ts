/** The offsets that a group has committed. */
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi } from '../../protocol/broker-api.ts'
import { askCoordinator, NOT_COORDINATOR, noticeCoordinator } from './coordinator-calls.ts'
import { byTopic } from './topic-lists.ts'
import type { Wire } from './wire.ts'

export function groupOffsetCalls(wire: Wire): Pick<BrokerApi, 'offsetCommit' | 'offsetFetch' | 'offsetDelete'> {
  return {
    async offsetCommit({ groupId, memberId, groupInstanceId, generationId, partitions }) {
      const topics = byTopic(partitions, ({ partition, committedOffset, committedLeaderEpoch, committedMetadata }) => (
        { partitionIndex: partition, committedOffset, committedLeaderEpoch, committedMetadata }))
      const answer = await askCoordinator(wire, 'main', groupId, apis.offsetCommit, {
        groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generationId, topics: topics.map(({ topic, list }) => ({ name: topic, partitions: list })),
      })
      const results = answer.topics.flatMap(({ name, partitions: list }) => list.map(({ partitionIndex, errorCode }) => ({ topic: name, partition: partitionIndex, errorCode })))
      for (const { errorCode } of results) noticeCoordinator(wire, groupId, errorCode)
      return { partitions: results }
    },

    async offsetFetch({ groupId, requireStable, partitions }) {
      const topics = partitions === null ? null : byTopic(partitions, (each) => each.partition).map(({ topic, list }) => ({ name: topic, partitionIndexes: list }))
      const answer = await askCoordinator(wire, 'main', groupId, apis.offsetFetch, (version) => ({ requireStable, ...version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics } }),
        { minVersion: partitions === null ? 2 : 1 })
      const mine = answer.groups.find((each) => each.groupId === groupId) ?? answer
      const found = mine.topics.flatMap(({ name, partitions: list }) => list.map(({ partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode }) => (
        { topic: name, partition: partitionIndex, committedOffset, committedLeaderEpoch, metadata: metadata ?? '', errorCode })))
      // Version 1 says it with each partition.
      const errorCode = mine.errorCode !== 0 ? mine.errorCode : found.find((each) => each.errorCode === NOT_COORDINATOR)?.errorCode ?? 0
      noticeCoordinator(wire, groupId, errorCode)
      return { errorCode, partitions: found }
    },

    async offsetDelete({ groupId, partitions }) {
      const topics = byTopic(partitions, ({ partition }) => ({ partitionIndex: partition })).map(({ topic, list }) => ({ name: topic, partitions: list }))
      const answer = await askCoordinator(wire, 'main', groupId, apis.offsetDelete, { groupId, topics })
      noticeCoordinator(wire, groupId, answer.errorCode)
      const results = answer.topics.flatMap(({ name, partitions: list }) => list.map(({ partitionIndex, errorCode }) => ({ topic: name, partition: partitionIndex, errorCode })))
      return { errorCode: answer.errorCode, partitions: results }
    },
  }
}
