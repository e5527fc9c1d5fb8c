/** The part of the admin client that concerns consumer groups and their offsets. */
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import type { TopicPartition, TopicPartitionOffset } from '../common/topic-partition.ts'
import { nearest } from '../config/suggestion.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import type { Assignment } from '../protocol/consumer-protocol.ts'
import { throwOnFailure } from './failure.ts'
import { checkOffsets, checkPartitions } from './partition-arguments.ts'
import type { RequestCaller } from './request-caller.ts'
import type { GroupDescription, GroupListing } from './types.ts'

const GROUP_ID_NOT_FOUND = 69

function checkGroup(id: unknown): asserts id is string {
  if (typeof id === 'string' && id !== '') return
  throw new OttlaError('INVALID_GROUP_ID', `a group id is a string that is not empty, not ${id === '' ? 'an empty one' : typeof id}`)
}

function assigned(decode: (bytes: Uint8Array) => Assignment, bytes: Uint8Array): TopicPartition[] {
  try {
    return decode(bytes).assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
  } catch {
    // Members of another protocol type keep other bytes here.
    return []
  }
}

export class GroupAdmin {
  readonly #api: BrokerApi
  readonly #caller: RequestCaller

  constructor(api: BrokerApi, caller: RequestCaller) {
    this.#api = api
    this.#caller = caller
  }

  async list(): Promise<GroupListing[]> {
    const { groups } = await this.#caller.call('listing groups', async () => {
      const answer = await this.#api.listGroups({ statesFilter: [] })
      throwOnFailure(answer, 'listing groups')
      return answer
    })
    return groups.map((each) => ({ groupId: each.groupId, state: each.groupState, protocolType: each.protocolType, type: each.groupType }))
      .sort((a, b) => a.groupId < b.groupId ? -1 : 1)
  }

  async #notFound(id: string): Promise<OttlaError> {
    const guess = nearest(id, (await this.list()).map((each) => each.groupId))
    return new OttlaError('GROUP_ID_NOT_FOUND', `there is no group ${id}${guess === null ? '' : `: did you mean ${guess}?`}`)
  }

  /** Raises GROUP_ID_NOT_FOUND. */
  async describe(id: string): Promise<GroupDescription> {
    checkGroup(id)
    const { groups } = await this.#caller.call(`describing group ${id}`, async () => {
      const answer = await this.#api.describeGroups({ groups: [id] })
      for (const each of answer.groups) if (each.errorCode !== GROUP_ID_NOT_FOUND) throwOnFailure(each, `describing group ${id}`)
      return answer
    })
    const group = groups.find((each) => each.groupId === id)
    // Kafka answers for a group that does not exist with a dead one.
    if (group === undefined || group.errorCode !== 0 || group.groupState === 'Dead') throw await this.#notFound(id)
    const { decodeAssignment } = await loadPart('the code for descriptions of groups', () => import('../protocol/consumer-protocol.ts'))
    const { coordinator } = group
    return {
      groupId: id, state: group.groupState, protocolType: group.protocolType, protocol: group.protocolData,
      ...coordinator === undefined ? {} : { coordinator: { id: coordinator.nodeId, host: coordinator.host, port: coordinator.port } },
      members: group.members.map((each) => ({
        memberId: each.memberId, groupInstanceId: each.groupInstanceId, clientId: each.clientId, clientHost: each.clientHost,
        assignment: assigned(decodeAssignment, each.memberAssignment),
      })),
    }
  }

  /** Raises GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. */
  async delete(id: string): Promise<void> {
    checkGroup(id)
    const isThere = await this.#caller.call(`deleting group ${id}`, async () => {
      const { results } = await this.#api.deleteGroups({ groups: [id] })
      for (const each of results) if (each.errorCode !== GROUP_ID_NOT_FOUND) throwOnFailure(each, `deleting group ${id}`)
      return results.every((each) => each.errorCode === 0)
    })
    if (!isThere) throw await this.#notFound(id)
  }

  /** What the group has committed, by topic and partition; empty when it has not, or does not exist. */
  async listOffsets(id: string): Promise<TopicPartitionOffset[]> {
    checkGroup(id)
    const { partitions } = await this.#caller.call(`listing offsets of group ${id}`, async () => {
      const answer = await this.#api.offsetFetch({ groupId: id, requireStable: false, partitions: null })
      throwOnFailure(answer, `listing offsets of group ${id}`)
      for (const each of answer.partitions) throwOnFailure(each, `the offset of group ${id} in ${each.topic}-${each.partition}`, each)
      return answer
    })
    return partitions.filter((each) => each.committedOffset >= 0)
      .map(({ topic, partition, committedOffset, committedLeaderEpoch, metadata }) => (
        { topic, partition, offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata }))
      .sort((a, b) => a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1)
  }

  /** The group must have no members (NON_EMPTY_GROUP): theirs would be overwritten by their next commit. */
  async alterOffsets(id: string, offsets: readonly TopicPartitionOffset[]): Promise<void> {
    checkGroup(id)
    checkOffsets('alterGroupOffsets', offsets)
    await this.#caller.call(`altering offsets of group ${id}`, async () => {
      const answer = await this.#api.offsetCommit({
        groupId: id, memberId: '', groupInstanceId: null, generationId: -1,
        partitions: offsets.map((each) => ({
          topic: each.topic, partition: each.partition, committedOffset: each.offset,
          committedLeaderEpoch: each.leaderEpoch ?? -1, committedMetadata: each.metadata ?? '',
        })),
      })
      for (const each of answer.partitions) {
        if (each.errorCode === 25) throw new OttlaError('NON_EMPTY_GROUP', `group ${id} has members: stop them before its offsets are changed`)
        throwOnFailure(each, `altering the offset of group ${id} in ${each.topic}-${each.partition}`, each)
      }
    })
  }

  /** Raises GROUP_ID_NOT_FOUND, GROUP_SUBSCRIBED_TO_TOPIC. */
  async deleteOffsets(id: string, partitions: readonly TopicPartition[]): Promise<void> {
    checkGroup(id)
    checkPartitions('deleteGroupOffsets', partitions)
    const isThere = await this.#caller.call(`deleting offsets of group ${id}`, async () => {
      const answer = await this.#api.offsetDelete({ groupId: id, partitions: partitions.map(({ topic, partition }) => ({ topic, partition })) })
      if (answer.errorCode === GROUP_ID_NOT_FOUND) return false
      throwOnFailure(answer, `deleting offsets of group ${id}`)
      for (const each of answer.partitions) throwOnFailure(each, `deleting the offset of group ${id} in ${each.topic}-${each.partition}`, each)
      return true
    })
    if (!isThere) throw await this.#notFound(id)
  }
}
