/** Asks the leaders of partitions, each for its own, and gives the answers as one list. */
import type { Failure } from '../../protocol/broker-api.ts'
import type { BrokerLink } from './broker-link.ts'
import type { Node } from './cluster.ts'
import { unanswered, type Wire } from './wire.ts'

interface Place { readonly topic: string; readonly partition: number }

/** Answers without one are those of brokers that did not answer, or of partitions without leader: `failed` makes them. */
export async function askLeaders<P extends Place, R extends Place & { readonly errorCode: number }>(
  wire: Wire, partitions: readonly P[], ask: (link: BrokerLink, part: readonly (P & { readonly currentLeaderEpoch: number })[]) => Promise<readonly R[]>,
  failed: (place: P, failure: Failure) => R,
): Promise<R[]> {
  const { cluster, pool } = wire
  await cluster.locate(partitions.map((each) => each.topic))
  const answers: R[] = []
  const nodes = new Map<Node, (P & { readonly currentLeaderEpoch: number })[]>()
  for (const each of partitions) {
    const leader = cluster.leader(each.topic, each.partition)
    if (typeof leader === 'number') {
      answers.push(failed(each, { errorCode: leader }))
      continue
    }
    const part = nodes.get(leader.node)
    const target = { ...each, currentLeaderEpoch: leader.leaderEpoch }
    if (part === undefined) nodes.set(leader.node, [target])
    else part.push(target)
  }
  const asked = await Promise.all([...nodes].map(async ([node, part]) => {
    try {
      return await ask(await pool.get(node, 'main'), part)
    } catch (reason) {
      const failure = unanswered(reason)
      cluster.lost(node.nodeId, failure.error)
      return part.map((each) => failed(each, failure))
    }
  }))
  answers.push(...asked.flat())
  for (const each of answers) cluster.notice(each.topic, each.errorCode)
  return answers
}
