/** DescribeLogDirs: the one data directory and the size of each partition in it. */
import { apis } from '../../protocol/api-registry.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { failureFields, NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const describeLogDirs: WireApi = serve(apis.describeLogDirs, 1, 4, async (request, call) => {
  if (!demandOfCluster(call.rights, 'DESCRIBE')) return { throttleTimeMs, errorCode: clusterRefused.errorCode, results: [] }
  const { results } = await call.broker.describeLogDirs({ topics: request.topics })
  return {
    throttleTimeMs, errorCode: NONE,
    results: results.map(({ logDir, topics, totalBytes, usableBytes, ...failure }) => (
      { errorCode: failureFields(failure).errorCode, logDir, topics, totalBytes, usableBytes })),
  }
})
