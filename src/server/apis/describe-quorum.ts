/**
 * DescribeQuorum: who decides about topics and settings. The one broker does, by itself; it keeps them in a file, not in a log, so there are no offsets to
 * tell, and it is up to date whenever it is asked.
 */
import { errorTable } from '../../common/errors.ts'
import { METADATA_TOPIC } from '../../common/topic-partition.ts'
import { apis } from '../../protocol/api-registry.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { NONE, serve, type WireApi } from '../wire-api.ts'

const nobody = { leaderId: -1, leaderEpoch: -1, highWatermark: -1, currentVoters: [], observers: [] }

export const describeQuorum: WireApi = serve(apis.describeQuorum, 0, 2, async ({ topics }, call) => {
  if (!demandOfCluster(call.rights, 'DESCRIBE')) return { ...clusterRefused, topics: [], nodes: [] }
  const { controllerId } = await call.unguarded.describeCluster()
  const now = call.now()
  const voter = { replicaId: controllerId, logEndOffset: 0, lastFetchTimestamp: now, lastCaughtUpTimestamp: now }
  const alone = { leaderId: controllerId, leaderEpoch: 0, highWatermark: 0, currentVoters: [voter], observers: [] }
  return {
    errorCode: NONE, errorMessage: '',
    topics: topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => topicName === METADATA_TOPIC && partitionIndex === 0
        ? { partitionIndex, errorCode: NONE, errorMessage: '', ...alone }
        : { partitionIndex, errorCode: errorTable.UNKNOWN_TOPIC_OR_PARTITION.errorCode, errorMessage: `only ${METADATA_TOPIC}-0 has a quorum`, ...nobody }),
    })),
    nodes: [{ nodeId: controllerId, listeners: [{ name: 'CONTROLLER', ...call.endpoint }] }],
  }
})
