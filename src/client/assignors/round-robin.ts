/** `roundrobin`: all partitions of all topics, in order, dealt to the members in a circle; a member not subscribed to a topic is passed over. */
import type { TopicPartition } from '../../common/topic-partition.ts'
import type { Assignor, AssignorMember, AssignorTopic } from './assignor.ts'
import { compareMembers, compareText, subscribedTopics } from './members.ts'

function assign(topics: ReadonlyMap<string, AssignorTopic>, members: readonly AssignorMember[]): Map<string, TopicPartition[]> {
  const result = new Map<string, TopicPartition[]>(members.map((member) => [member.memberId, []]))
  const circle = [...members].sort(compareMembers).map((member) => ({ partitions: result.get(member.memberId)!, topics: new Set(member.topics) }))
  let next = 0
  for (const topic of subscribedTopics(topics, members).sort(compareText)) {
    const count = topics.get(topic)!.partitions
    for (let partition = 0; partition < count; partition++) {
      while (!circle[next]!.topics.has(topic)) next = (next + 1) % circle.length
      circle[next]!.partitions.push({ topic, partition })
      next = (next + 1) % circle.length
    }
  }
  return result
}

export const roundRobin: Assignor = { name: 'roundrobin', protocol: 'eager', userData: () => null, assign }
