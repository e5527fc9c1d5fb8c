/** ElectLeaders: the one broker leads every partition already. Of "all partitions" Kafka names every topic, and of its partitions those that got another leader: none. */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { NONE, serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

const PREFERRED = 0
const UNCLEAN = 1
const ELECTION_NOT_NEEDED = { errorCode: 84, errorMessage: 'Leader election not needed for topic partition.' }

export const electLeaders: WireApi = serve(apis.electLeaders, 0, 2, async ({ electionType, topicPartitions }, call) => {
  const asked = topicPartitions ?? []
  if (!demandOfCluster(call.rights, 'ALTER')) {
    const replicaElectionResults = asked.map(({ topic, partitions }) => ({ topic, partitionResult: partitions.map((partitionId) => ({ partitionId, ...clusterRefused })) }))
    return { throttleTimeMs, errorCode: clusterRefused.errorCode, replicaElectionResults }
  }
  if (electionType !== PREFERRED && electionType !== UNCLEAN) {
    const unknown = { errorCode: errorTable.INVALID_REQUEST.errorCode, errorMessage: `elections of type ${electionType} are not known` }
    const replicaElectionResults = asked.map(({ topic, partitions }) => ({ topic, partitionResult: partitions.map((partitionId) => ({ partitionId, ...unknown })) }))
    return { throttleTimeMs, errorCode: topicPartitions?.length === 0 ? NONE : unknown.errorCode, replicaElectionResults }
  }
  if (topicPartitions === null) {
    const { topics } = await call.unguarded.metadata({ topics: null, allowAutoTopicCreation: false })
    return { throttleTimeMs, errorCode: NONE, replicaElectionResults: topics.map(({ name }) => ({ topic: name, partitionResult: [] })) }
  }
  const counts = await partitionCounts(call, asked.map(({ topic }) => topic))
  return {
    throttleTimeMs, errorCode: NONE,
    replicaElectionResults: asked.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({
        partitionId, ...partitionId >= 0 && partitionId < (counts.get(topic) ?? 0) ? ELECTION_NOT_NEEDED : unknownPartition(topic, partitionId),
      })),
    })),
  }
})

/** How many partitions each of these topics has; those that are not there are left out. */
export async function partitionCounts({ unguarded }: Call, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const response = await unguarded.metadata({ topics: [...new Set(topics)], allowAutoTopicCreation: false })
  return new Map(response.topics.filter(({ errorCode }) => errorCode === NONE).map(({ name, partitions }) => [name, partitions.length]))
}

export function unknownPartition(topic: string, partition: number): { readonly errorCode: number; readonly errorMessage: string } {
  return { errorCode: errorTable.UNKNOWN_TOPIC_OR_PARTITION.errorCode, errorMessage: `there is no partition ${topic}-${partition}` }
}
