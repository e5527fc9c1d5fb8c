/** OffsetCommit. Of a group that does not exist versions below 9 say that the generation is over (spec/wire-protocol T16). */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { byTopic, serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

const FIRST_WITH_NOT_FOUND = 9
const { GROUP_ID_NOT_FOUND, ILLEGAL_GENERATION } = errorTable

export const offsetCommit: WireApi = serve(apis.offsetCommit, 2, 9, async (request, call) => {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch, topics } = request
  const asked = topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => (
    { topic: name, partition: partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata })))
  const { partitions: answers } = await call.broker.offsetCommit({ groupId, memberId, groupInstanceId, generationId: generationIdOrMemberEpoch, partitions: asked })
  const partitions = call.version >= FIRST_WITH_NOT_FOUND && answers.some(isIllegal) && await isUnknown(call, groupId)
    ? answers.map((each) => isIllegal(each) ? { ...each, errorCode: GROUP_ID_NOT_FOUND.errorCode } : each) : answers
  return {
    throttleTimeMs,
    topics: byTopic(topics, partitions, ({ name }, list) => (
      { name, partitions: list.map(({ partition, errorCode }) => ({ partitionIndex: partition, errorCode })) })),
  }
})

function isIllegal({ errorCode }: { readonly errorCode: number }): boolean { return errorCode === ILLEGAL_GENERATION.errorCode }

async function isUnknown({ unguarded }: Call, groupId: string): Promise<boolean> {
  const { groups } = await unguarded.describeGroups({ groups: [groupId] })
  return groups[0]?.errorCode === GROUP_ID_NOT_FOUND.errorCode
}
