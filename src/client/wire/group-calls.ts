/**
 * The calls that go to the coordinator of a group. A coordinator that has moved, or does not answer, is looked up again by the next call; the error of
 * this one goes to the caller, who knows whether and when to repeat it. Joins and syncs, which the broker answers late, have a lane of their own.
 */
import type { Api, ResponseOf } from '../../protocol/api.ts'
import { OttlaError } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi, DescribedGroup, Failure, ListedGroup } from '../../protocol/broker-api.ts'
import type { CallOptions, RequestFor } from './broker-link.ts'
import type { Lane } from './link-pool.ts'
import { byTopic } from './topic-lists.ts'
import { unanswered, type Wire } from './wire.ts'

type Calls = Pick<BrokerApi, 'joinGroup' | 'syncGroup' | 'heartbeat' | 'leaveGroup' | 'offsetCommit' | 'offsetFetch' | 'offsetDelete' | 'describeGroups' | 'listGroups' | 'deleteGroups'>

const COORDINATOR_NOT_AVAILABLE = 15
const NOT_COORDINATOR = 16
/** Above what the coordinator may take to gather a group, as Kafka's clients allow. */
const JOIN_SLACK_MS = 5000
const NO_MEMBER = ''

export function groupCalls(wire: Wire): Calls {
  const { cluster, pool } = wire

  async function ask<A extends Api>(lane: Lane, groupId: string, api: A, request: RequestFor<A>, options?: CallOptions): Promise<ResponseOf<A>> {
    const node = await cluster.coordinator(groupId)
    try {
      return await (await pool.get(node, lane)).call(api, request, options)
    } catch (reason) {
      const error = OttlaError.from(reason)
      cluster.lost(node.nodeId, error)
      throw error
    }
  }

  function noticed(groupId: string, errorCode: number): void {
    if (errorCode === NOT_COORDINATOR || errorCode === COORDINATOR_NOT_AVAILABLE) cluster.forgetCoordinator(groupId)
  }

  /** Groups that share a coordinator share a request. */
  async function perCoordinator<R>(groups: readonly string[], request: (groupIds: readonly string[]) => Promise<readonly R[]>, failed: (groupId: string, failure: Failure) => R): Promise<R[]> {
    const nodes = new Map<number, string[]>()
    const failures: R[] = []
    await Promise.all(groups.map(async (groupId) => {
      try {
        const { nodeId } = await cluster.coordinator(groupId)
        const list = nodes.get(nodeId)
        if (list === undefined) nodes.set(nodeId, [groupId])
        else list.push(groupId)
      } catch (reason) {
        failures.push(failed(groupId, unanswered(reason)))
      }
    }))
    const answers = await Promise.all([...nodes.values()].map(async (groupIds) => {
      try {
        return await request(groupIds)
      } catch (reason) {
        return groupIds.map((groupId) => failed(groupId, unanswered(reason)))
      }
    }))
    return [...answers.flat(), ...failures]
  }

  return {
    async joinGroup(request) {
      const { groupId, memberId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols } = request
      const timeoutMs = Math.max(wire.requestTimeoutMs, rebalanceTimeoutMs + JOIN_SLACK_MS)
      const answer = await ask('group', groupId, apis.joinGroup, { groupId, memberId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols },
        { timeoutMs, minVersion: groupInstanceId === null ? 0 : 5 })
      noticed(groupId, answer.errorCode)
      return answer
    },

    async syncGroup({ groupId, memberId, groupInstanceId, generationId, protocolType, protocolName, assignments }) {
      const answer = await ask('group', groupId, apis.syncGroup, { groupId, memberId, groupInstanceId, generationId, protocolType, protocolName, assignments })
      noticed(groupId, answer.errorCode)
      return answer
    },

    async heartbeat({ groupId, memberId, groupInstanceId, generationId }) {
      const { errorCode } = await ask('main', groupId, apis.heartbeat, { groupId, memberId, groupInstanceId, generationId })
      noticed(groupId, errorCode)
      return { errorCode }
    },

    async leaveGroup({ groupId, members }) {
      // Before version 3, members leave one by one.
      const answer = await ask('main', groupId, apis.leaveGroup, (version) => (
        { groupId, ...version < 3 ? { memberId: members[0]?.memberId ?? NO_MEMBER } : { members: members.map((each) => ({ ...each, reason: each.reason ?? null })) } }))
      noticed(groupId, answer.errorCode)
      return answer
    },

    async offsetCommit({ groupId, memberId, groupInstanceId, generationId, partitions }) {
      const topics = byTopic(partitions, ({ partition, committedOffset, committedLeaderEpoch, committedMetadata }) => (
        { partitionIndex: partition, committedOffset, committedLeaderEpoch, committedMetadata }))
      const answer = await ask('main', groupId, apis.offsetCommit, {
        groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generationId, topics: topics.map(({ topic, list }) => ({ name: topic, partitions: list })),
      })
      const results = answer.topics.flatMap(({ name, partitions: list }) => list.map(({ partitionIndex, errorCode }) => ({ topic: name, partition: partitionIndex, errorCode })))
      for (const { errorCode } of results) noticed(groupId, errorCode)
      return { partitions: results }
    },

    async offsetFetch({ groupId, requireStable, partitions }) {
      const topics = partitions === null ? null : byTopic(partitions, (each) => each.partition).map(({ topic, list }) => ({ name: topic, partitionIndexes: list }))
      const answer = await ask('main', groupId, apis.offsetFetch, (version) => ({ requireStable, ...version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics } }),
        { minVersion: partitions === null ? 2 : 1 })
      const mine = answer.groups.find((each) => each.groupId === groupId) ?? answer
      const found = mine.topics.flatMap(({ name, partitions: list }) => list.map(({ partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode }) => (
        { topic: name, partition: partitionIndex, committedOffset, committedLeaderEpoch, metadata: metadata ?? '', errorCode })))
      // Version 1 says it with each partition.
      const errorCode = mine.errorCode !== 0 ? mine.errorCode : found.find((each) => each.errorCode === NOT_COORDINATOR)?.errorCode ?? 0
      noticed(groupId, errorCode)
      return { errorCode, partitions: found }
    },

    async offsetDelete({ groupId, partitions }) {
      const topics = byTopic(partitions, ({ partition }) => ({ partitionIndex: partition })).map(({ topic, list }) => ({ name: topic, partitions: list }))
      const answer = await ask('main', groupId, apis.offsetDelete, { groupId, topics })
      noticed(groupId, answer.errorCode)
      const results = answer.topics.flatMap(({ name, partitions: list }) => list.map(({ partitionIndex, errorCode }) => ({ topic: name, partition: partitionIndex, errorCode })))
      return { errorCode: answer.errorCode, partitions: results }
    },

    async describeGroups({ groups }) {
      const described = await perCoordinator<DescribedGroup>(groups, async (groupIds) => {
        const answer = await ask('main', groupIds[0]!, apis.describeGroups, { groups: groupIds })
        for (const each of answer.groups) noticed(each.groupId, each.errorCode)
        return answer.groups.map(({ errorMessage, ...group }) => ({ ...group, errorMessage: errorMessage ?? undefined }))
      }, (groupId, failure) => ({ groupId, ...failure, groupState: '', protocolType: '', protocolData: '', members: [] }))
      return { groups: described }
    },

    /** Every broker lists the groups that it coordinates. Those that tell of no type know one type only. */
    async listGroups({ statesFilter }) {
      await cluster.metadata([], false)
      const answers = await Promise.all(cluster.nodes.map(async (node) => {
        try {
          return await (await pool.get(node, 'main')).call(apis.listGroups, { statesFilter }, { minVersion: statesFilter.length > 0 ? 4 : 0 })
        } catch (reason) {
          return { ...unanswered(reason), groups: [] as ListedGroup[] }
        }
      }))
      const bad: Failure | undefined = answers.find((each) => each.errorCode !== 0)
      return { errorCode: bad?.errorCode ?? 0, error: bad?.error, groups: answers.flatMap((each) => each.groups).map((each) => ({ ...each, groupType: each.groupType || 'classic' })) }
    },

    async deleteGroups({ groups }) {
      const results = await perCoordinator<Failure & { readonly groupId: string }>(groups, async (groupIds) => {
        const answer = await ask('main', groupIds[0]!, apis.deleteGroups, { groupsNames: groupIds })
        for (const each of answer.results) noticed(each.groupId, each.errorCode)
        return answer.results
      }, (groupId, failure) => ({ groupId, ...failure }))
      return { results }
    },
  }
}
