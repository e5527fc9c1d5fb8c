/**
 * What a member says to its group and hears from it, and what the group's leader does between JoinGroup and SyncGroup: who gets which partition,
 * by the assignor that was voted for. Loaded as a whole by the first member (membership.ts).
 */
import { OttlaError } from '../common/errors.ts'
import type { TopicPartition } from '../common/topic-partition.ts'
import type { ConsumerValues } from '../config/settings.ts'
import type { BrokerApi, JoinGroupResponse, SyncGroupRequest } from '../protocol/broker-api.ts'
import { CONSUMER_PROTOCOL_TYPE, decodeSubscription, encodeAssignment, encodeSubscription, type TopicPartitions } from '../protocol/consumer-protocol.ts'
import type { AssignorMember, AssignorTopic } from './assignors/assignor.ts'
import { assignorNamed, assignors } from './assignors/registry.ts'

export { CONSUMER_PROTOCOL_TYPE, decodeAssignment } from '../protocol/consumer-protocol.ts'

export interface GroupAssignment {
  readonly assignments: SyncGroupRequest['assignments']
  /** Partition counts of all topics that members read and that exist. */
  readonly partitions: ReadonlyMap<string, number>
  readonly topics: readonly string[]
}

/** By topic, in order of first appearance. */
function byTopic(partitions: readonly TopicPartition[]): TopicPartitions[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const list = topics.get(topic)
    if (list === undefined) topics.set(topic, [partition])
    else list.push(partition)
  }
  return [...topics].map(([topic, list]) => ({ topic, partitions: list }))
}

export function flat(topics: readonly TopicPartitions[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}

type JoinRequest = Parameters<BrokerApi['joinGroup']>[0]

/** What a member that owns `owned` in `generationId`, and was assigned `last` in `lastGenerationId`, says of itself when it joins; who it is comes on top. */
export function joinRequest(
  values: ConsumerValues, topics: readonly string[], owned: TopicPartition[], generationId: number, last: TopicPartition[] | null, lastGenerationId: number,
): Omit<JoinRequest, 'groupId' | 'memberId' | 'requireKnownMemberId' | 'inProcess'> {
  return {
    groupInstanceId: values['group.instance.id'],
    sessionTimeoutMs: values['session.timeout.ms'], rebalanceTimeoutMs: values['max.poll.interval.ms'], protocolType: CONSUMER_PROTOCOL_TYPE,
    clientId: values['client.id'] === '' ? 'ottla' : values['client.id'], clientHost: '',
    protocols: values['partition.assignment.strategy'].map((name) => ({
      name,
      metadata: encodeSubscription({
        topics, userData: assignors[name].userData(last, lastGenerationId), ownedPartitions: byTopic(owned),
        generationId, rackId: values['client.rack'] === '' ? null : values['client.rack'],
      }),
    })),
  }
}

export async function assignGroup(api: BrokerApi, joined: JoinGroupResponse): Promise<GroupAssignment> {
  const assignor = assignorNamed(joined.protocolName ?? '')
  if (assignor === undefined) {
    throw new OttlaError('INCONSISTENT_GROUP_PROTOCOL', `the group chose the assignor ${String(joined.protocolName)}, which this client does not have`)
  }
  const members = joined.members.map((member): AssignorMember => {
    const subscription = decodeSubscription(member.metadata)
    return {
      memberId: member.memberId, groupInstanceId: member.groupInstanceId, rackId: subscription.rackId, topics: subscription.topics,
      ownedPartitions: flat(subscription.ownedPartitions), generationId: subscription.generationId, userData: subscription.userData,
    }
  })
  const topics = [...new Set(members.flatMap((member) => member.topics))]
  const metadata = topics.length === 0 ? [] : (await api.metadata({ topics, allowAutoTopicCreation: false })).topics
  const there = metadata.filter((topic) => topic.errorCode === 0 && topic.partitions.length > 0)
  const partitions = new Map(there.map((topic) => [topic.name, topic.partitions.length]))
  const sizes = new Map<string, AssignorTopic>([...partitions].map(([name, count]) => [name, { partitions: count }]))
  const assigned = assignor.assign(sizes, members)
  const assignments = [...assigned].map(([memberId, list]) => (
    { memberId, assignment: encodeAssignment({ assignedPartitions: byTopic(list), userData: null }) }))
  return { assignments, partitions, topics }
}
