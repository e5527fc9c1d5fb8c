/** DescribeLogDirs: the one data directory and the size of each partition in it. */
import { apis } from '../../protocol/api-registry.ts'
import { failureFields, NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

export const describeLogDirs: WireApi = serve(apis.describeLogDirs, 1, 4, async (request, call) => {
  const { results } = await call.broker.describeLogDirs({ topics: request.topics })
  return {
    throttleTimeMs, errorCode: NONE,
    results: results.map(({ logDir, topics, totalBytes, usableBytes, ...failure }) => (
      { errorCode: failureFields(failure).errorCode, logDir, topics, totalBytes, usableBytes })),
  }
})
