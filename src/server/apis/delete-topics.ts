/** DeleteTopics, by name or (version 6) by id. */
import { errorTable } from '../../common/errors.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import { apis } from '../../protocol/api-registry.ts'
import { failureFields, serve, type WireApi } from '../wire-api.ts'

const FIRST_WITH_IDS = 6
const { INVALID_REQUEST, UNKNOWN_TOPIC_ID, TOPIC_AUTHORIZATION_FAILED } = errorTable
/** Since when what is over the quota for changes is refused, in place of being done all the same (KIP-599). */
const FIRST_STRICT = 5

export const deleteTopics: WireApi = serve(apis.deleteTopics, 1, 6, async (request, call) => {
  const quota = call.mutationQuota(call.version >= FIRST_STRICT)
  const asked = call.version >= FIRST_WITH_IDS ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
  const { broker } = call
  const found = asked.map(({ name, topicId }) => (
    { name: name ?? broker.topicName(topicId), topicId: name === null ? topicId : broker.topicId(name) ?? ZERO_UUID, isById: name === null }))
  const problems = asked.map((each, index) => problemOf(each, found[index]!.name, found, (name) => call.rights.may('DESCRIBE', 'TOPIC', name)))
  const names = found.flatMap(({ name }, index) => name === null || problems[index] !== null ? [] : [name])
  const { topics } = await broker.deleteTopics({ names, allowance: quota.allowance })
  let next = 0
  return {
    throttleTimeMs: quota.waitMs(),
    responses: found.map(({ name, topicId, isById }, index) => {
      const errorMessage = problems[index]!
      if (errorMessage !== null) return { name: asked[index]!.name, topicId: asked[index]!.topicId, errorCode: INVALID_REQUEST.errorCode, errorMessage }
      if (name === null) return { name, topicId, errorCode: UNKNOWN_TOPIC_ID.errorCode, errorMessage: 'no topic has this id' }
      const told = failureFields(topics[next++]!)
      if (told.errorCode !== TOPIC_AUTHORIZATION_FAILED.errorCode) return { name, topicId, ...told }
      // Neither half of a topic is told to who may not describe it and knows but the other.
      return isById ? { name: call.rights.may('DESCRIBE', 'TOPIC', name) ? name : null, topicId, ...told } : { name, topicId: ZERO_UUID, ...told }
    }),
  }
})

/** A topic that is named twice, one way or another, is not deleted at all. That an id is that of a name is only told to who may know. */
function problemOf(
  { name, topicId }: { readonly name: string | null; readonly topicId: string }, found: string | null,
  all: readonly { readonly name: string | null; readonly isById: boolean }[], mayKnow: (name: string) => boolean,
): string | null {
  if (name !== null && topicId !== ZERO_UUID) return 'a topic is named by its name or its id, not both'
  if (name === null && topicId === ZERO_UUID) return 'neither name nor id of a topic is given'
  const same = found === null ? [] : all.filter((each) => each.name === found)
  const isTwice = same.filter(({ isById }) => isById === (name === null)).length > 1 || (same.length > 1 && mayKnow(found!))
  return isTwice ? 'the request names this topic twice' : null
}
