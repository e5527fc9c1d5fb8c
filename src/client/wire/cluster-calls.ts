/** What is asked of the cluster as a whole. */
import { OttlaError } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi, DescribeLogDirsResponse } from '../../protocol/broker-api.ts'
import { throwOnFailure } from '../failure.ts'
import { addressText } from './address.ts'
import type { Wire } from './wire.ts'

export function clusterCalls({ cluster, pool }: Wire): Pick<BrokerApi, 'describeCluster' | 'describeLogDirs'> {
  return {
    /** Brokers before 2.8 do not know the question; their metadata says the same. */
    async describeCluster() {
      try {
        return await cluster.any(async (link) => {
          const answer = await link.call(apis.describeCluster, { includeClusterAuthorizedOperations: false })
          throwOnFailure({ ...answer, errorMessage: answer.errorMessage ?? undefined }, `broker ${addressText(link.address)} on its cluster`)
          return answer
        })
      } catch (error) {
        if (!OttlaError.is(error, 'UNSUPPORTED_VERSION')) throw error
      }
      const { clusterId, controllerId, brokers } = await cluster.metadata([], false)
      return { clusterId, controllerId, brokers: brokers.map(({ nodeId, ...place }) => ({ brokerId: nodeId, ...place })) }
    },

    /** Every broker tells of its own. */
    async describeLogDirs({ topics }) {
      await cluster.metadata([], false)
      const answers = await Promise.all(cluster.nodes.map(async (node): Promise<DescribeLogDirsResponse['results']> => {
        const answer = await (await pool.get(node, 'main')).call(apis.describeLogDirs, { topics })
        if (answer.errorCode === 0) return answer.results.map((each) => ({ ...each, brokerId: node.nodeId }))
        return [{ errorCode: answer.errorCode, brokerId: node.nodeId, logDir: '', totalBytes: -1, usableBytes: -1, topics: [] }]
      }))
      return { results: answers.flat() }
    },
  }
}
