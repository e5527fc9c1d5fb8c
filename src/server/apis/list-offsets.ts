/** ListOffsets: by time, and the special timestamps as far as the client's version knows them (spec/wire-protocol T17). */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { ListOffsetsPartition, ListOffsetsRequest } from '../../protocol/broker-api.ts'
import { groupByTopic, isIsolationLevel, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

/** Special timestamp → first version that knows it; −1 and −2 are as old as the API. */
const firstVersionOf: Readonly<Record<number, number>> = { [-3]: 7, [-4]: 8, [-5]: 9 }
const nothing = { offset: -1, timestamp: -1, leaderEpoch: -1 }
const FIRST_WITH_NOT_AVAILABLE = 5

export const listOffsets: WireApi = serve(apis.listOffsets, 1, 10, async (request, call) => {
  const named = request.topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex, timestamp, currentLeaderEpoch }) => (
    { topic: name, partition: partitionIndex, timestamp, currentLeaderEpoch })))
  const seen = new Map<string, number>()
  const asked = named.filter(({ topic, partition }) => {
    const times = seen.get(`${topic}/${partition}`) ?? 0
    seen.set(`${topic}/${partition}`, times + 1)
    return times === 0
  })
  const refused = asked.map(({ topic, partition, timestamp }) => {
    if (!isIsolationLevel(request.isolationLevel)) return errorTable.UNKNOWN_SERVER_ERROR.errorCode
    if (seen.get(`${topic}/${partition}`)! > 1) return errorTable.INVALID_REQUEST.errorCode
    return timestamp < -2 && !(call.version >= (firstVersionOf[timestamp] ?? Infinity)) ? errorTable.UNSUPPORTED_VERSION.errorCode : null
  })
  const partitions: ListOffsetsRequest['partitions'] = asked.filter((_, index) => refused[index] === null)
  const response = await call.broker.listOffsets({ isolationLevel: request.isolationLevel === 1 ? 1 : 0, partitions })
  let next = 0
  const answers = asked.map(({ topic, partition }, index): ListOffsetsPartition => {
    const errorCode = refused[index]!
    return errorCode === null ? response.partitions[next++]! : { topic, partition, errorCode, ...nothing }
  })
  return {
    throttleTimeMs,
    topics: groupByTopic(answers, (name, list) => ({
      name,
      partitions: list.map(({ partition, errorCode, timestamp, offset, leaderEpoch }) => (
        { partitionIndex: partition, errorCode: codeFor(call.version, errorCode), timestamp, offset, leaderEpoch })),
    })),
  }
})

/** Clients below version 5 do not know OFFSET_NOT_AVAILABLE. */
function codeFor(version: number, errorCode: number): number {
  return version < FIRST_WITH_NOT_AVAILABLE && errorCode === errorTable.OFFSET_NOT_AVAILABLE.errorCode ? errorTable.LEADER_NOT_AVAILABLE.errorCode : errorCode
}
