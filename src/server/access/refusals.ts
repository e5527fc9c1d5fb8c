/** What the refused are told, and the weave of their answers with those of what was allowed. */
import { errorTable, type ErrorCode } from '../../common/errors.ts'
import type { Failure } from '../../protocol/broker-api.ts'

type Refused = Failure & { readonly errorMessage: string }

const refusal = (code: ErrorCode, errorMessage: string): Refused => ({ errorCode: errorTable[code].errorCode, errorMessage })

/** In Kafka's words, on which some tools rely. */
export const topicRefused: Refused = refusal('TOPIC_AUTHORIZATION_FAILED', 'Topic authorization failed.')
export const groupRefused: Refused = refusal('GROUP_AUTHORIZATION_FAILED', 'Group authorization failed.')
export const clusterRefused: Refused = refusal('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.')
export const transactionRefused: Refused = refusal('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'Transactional Id authorization failed.')

/** Whether a name is allowed, asked once for each of several that are the same. */
export function onceEach(isAllowed: (name: string) => boolean): (name: string) => boolean {
  const known = new Map<string, boolean>()
  return (name) => {
    let answer = known.get(name)
    if (answer === undefined) known.set(name, answer = isAllowed(name))
    return answer
  }
}

/** Asks for the items that are allowed, at once, and puts the refusals of the others in their places among the answers. */
export async function askAllowed<I, A>(
  items: readonly I[], isAllowed: (item: I) => boolean, ask: (allowed: readonly I[]) => Promise<readonly A[]>, refuse: (item: I) => A,
): Promise<readonly A[]> {
  const allowed = items.map(isAllowed)
  if (!allowed.includes(false)) return ask(items)
  const answers = allowed.includes(true) ? await ask(items.filter((_, index) => allowed[index])) : []
  let next = 0
  return items.map((item, index) => allowed[index]! ? answers[next++]! : refuse(item))
}
