/** AlterReplicaLogDirs: there is one data directory, and every partition is in it already. */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { groupByTopic, NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'
import { partitionCounts } from './elect-leaders.ts'

const LOG_DIR_NOT_FOUND = 57
/** Where Kafka puts a partition that moves: `topic-partition.id-future`, of which file systems take 255 bytes. */
const MOVING_SUFFIX_LENGTH = 40
const MAX_FOLDER_NAME_LENGTH = 255

export const alterReplicaLogDirs: WireApi = serve(apis.alterReplicaLogDirs, 1, 2, async ({ dirs }, call) => {
  const asked = dirs.flatMap(({ path, topics }) => topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ path, topic: name, partition }))))
  const isAllowed = demandOfCluster(call.rights, 'ALTER')
  const counts = await partitionCounts(call, asked.map(({ topic }) => topic))
  const { results: [home] } = await call.unguarded.describeLogDirs({ topics: [] })
  const codeFor = ({ path, topic, partition }: typeof asked[number]): number => {
    if (!isAllowed) return clusterRefused.errorCode
    if (`${topic}-${partition}`.length + MOVING_SUFFIX_LENGTH > MAX_FOLDER_NAME_LENGTH) return errorTable.INVALID_TOPIC_EXCEPTION.errorCode
    if (path !== home?.logDir) return LOG_DIR_NOT_FOUND
    return partition >= 0 && partition < (counts.get(topic) ?? 0) ? NONE : errorTable.UNKNOWN_TOPIC_OR_PARTITION.errorCode
  }
  return {
    throttleTimeMs,
    results: groupByTopic(asked, (topicName, list) => ({ topicName, partitions: list.map((each) => ({ partitionIndex: each.partition, errorCode: codeFor(each) })) })),
  }
})
