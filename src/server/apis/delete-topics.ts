/** DeleteTopics, by name or (version 6) by id. */
import { errorTable } from '../../common/errors.ts'
import { repeated } from '../../common/repeated.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import { apis } from '../../protocol/api-registry.ts'
import { failureFields, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const FIRST_WITH_IDS = 6
const { INVALID_REQUEST, UNKNOWN_TOPIC_ID, TOPIC_AUTHORIZATION_FAILED, TOPIC_DELETION_DISABLED } = errorTable
/** Since when clients know a code for topics that cannot be deleted. */
const FIRST_WITH_DISABLED = 3
/** Since when what is over the quota for changes is refused, in place of being done all the same (KIP-599). */
const FIRST_STRICT = 5
const DELETION_DISABLED = 'topics cannot be deleted: delete.topic.enable is false'
const TWICE = 'the request names this topic twice'

export const deleteTopics: WireApi = serve(apis.deleteTopics, 1, 6, async (request, call) => {
  const asked = call.version >= FIRST_WITH_IDS ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
  const { broker } = call
  if (!broker.deletesTopics()) {
    const { errorCode } = call.version >= FIRST_WITH_DISABLED ? TOPIC_DELETION_DISABLED : INVALID_REQUEST
    return { throttleTimeMs, responses: asked.map(({ name, topicId }) => ({ name, topicId, errorCode, errorMessage: DELETION_DISABLED })) }
  }
  const quota = call.mutationQuota(call.version >= FIRST_STRICT)
  const found = asked.map(({ name, topicId }) => (
    { name: name ?? broker.topicName(topicId), topicId: name === null ? topicId : broker.topicId(name) ?? ZERO_UUID, isById: name === null }))
  const mayKnow = (name: string): boolean => call.rights.may('DESCRIBE', 'TOPIC', name)
  const [byName, byId] = [false, true].map((wanted) => found.flatMap(({ name, isById }) => name === null || isById !== wanted ? [] : [name])) as [string[], string[]]
  const [namedTwice, foundTwice, bothWays] = [repeated(byName), repeated(byId), repeated([...new Set(byName), ...new Set(byId)])]
  const isTwice = (name: string, isById: boolean): boolean => (isById ? foundTwice : namedTwice).has(name) || (bothWays.has(name) && mayKnow(name))
  const problems = asked.map((each, index) => problemOf(each, found[index]!.name, isTwice))
  const names = found.flatMap(({ name }, index) => name === null || problems[index] !== null ? [] : [name])
  const { topics } = await broker.deleteTopics({ names, allowance: quota.allowance })
  let next = 0
  const told = new Set<string>()
  const named = new Set(byName)
  const ids = new Map(found.flatMap(({ name, topicId, isById }) => isById && name !== null ? [[name, topicId] as const] : []))
  return {
    throttleTimeMs: quota.waitMs(),
    responses: found.flatMap(({ name, topicId, isById }, index) => {
      const errorMessage = problems[index]!
      if (errorMessage === TWICE) {
        // Told once, by all that it was named by: that name and id are one topic only to who may know.
        const ways = mayKnow(name!) ? { name: named.has(name!) ? name : null, topicId: ids.get(name!) ?? ZERO_UUID }
          : { name: isById ? null : name, topicId: isById ? topicId : ZERO_UUID }
        const key = `${ways.name} ${ways.topicId}`
        if (told.has(key)) return []
        told.add(key)
        return { ...ways, errorCode: INVALID_REQUEST.errorCode, errorMessage }
      }
      if (errorMessage !== null) return { name: asked[index]!.name, topicId: asked[index]!.topicId, errorCode: INVALID_REQUEST.errorCode, errorMessage }
      if (name === null) return { name, topicId, errorCode: UNKNOWN_TOPIC_ID.errorCode, errorMessage: 'no topic has this id' }
      const answer = failureFields(topics[next++]!)
      if (answer.errorCode !== TOPIC_AUTHORIZATION_FAILED.errorCode) return { name, topicId, ...answer }
      // Neither half of a topic is told to who may not describe it and knows but the other.
      return isById ? { name: mayKnow(name) ? name : null, topicId, ...answer } : { name, topicId: ZERO_UUID, ...answer }
    }),
  }
})

/** A topic that is named twice, one way or another, is not deleted at all. That an id is that of a name is only told to who may know. */
function problemOf(
  { name, topicId }: { readonly name: string | null; readonly topicId: string }, found: string | null, isTwice: (name: string, isById: boolean) => boolean,
): string | null {
  if (name !== null && topicId !== ZERO_UUID) return 'a topic is named by its name or its id, not both'
  if (name === null && topicId === ZERO_UUID) return 'neither name nor id of a topic is given'
  return found !== null && isTwice(found, name === null) ? TWICE : null
}
