/** OffsetFetch: of one group up to version 7, of several from there on. Why a group cannot be asked stands where the version has a place for it. */
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf } from '../../protocol/api.ts'
import type { OffsetFetchPartition, OffsetFetchResponse } from '../../protocol/broker-api.ts'
import { groupByTopic, NONE, serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

type Topics = RequestOf<Apis['offsetFetch']>['topics']

const FIRST_WITH_GROUPS = 8
const FIRST_WITH_TOP_LEVEL_CODE = 2

export const offsetFetch: WireApi = serve(apis.offsetFetch, 1, 9, async (request, call) => {
  const { requireStable } = request
  if (call.version < FIRST_WITH_GROUPS) {
    const { errorCode, topics } = await fetchOffsets(call, request.groupId, request.topics, requireStable)
    return { throttleTimeMs, errorCode, topics }
  }
  const groups = await Promise.all(request.groups.map(async ({ groupId, topics }) => (
    { groupId, ...await fetchOffsets(call, groupId, topics, requireStable) })))
  return { throttleTimeMs, groups }
})

async function fetchOffsets(call: Call, groupId: string, asked: Topics, requireStable: boolean) {
  const partitions = asked?.flatMap(({ name, partitionIndexes }) => partitionIndexes.map((partition) => ({ topic: name, partition }))) ?? null
  const response = await call.broker.offsetFetch({ groupId, requireStable, partitions })
  const answers = response.errorCode !== NONE && call.version < FIRST_WITH_TOP_LEVEL_CODE ? refused(partitions ?? [], response) : response.partitions
  const topics = groupByTopic(answers, (name, list) => ({
    name,
    partitions: list.map(({ partition, committedOffset, committedLeaderEpoch, metadata, errorCode }) => (
      { partitionIndex: partition, committedOffset, committedLeaderEpoch, metadata, errorCode })),
  }))
  return { errorCode: response.errorCode, topics }
}

function refused(partitions: readonly { readonly topic: string; readonly partition: number }[], { errorCode }: OffsetFetchResponse): OffsetFetchPartition[] {
  return partitions.map((each) => ({ ...each, errorCode, committedOffset: -1, committedLeaderEpoch: -1, metadata: '' }))
}
