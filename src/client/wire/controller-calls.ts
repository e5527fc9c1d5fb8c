/** Changes go to the controller; brokers of a KRaft cluster pass them on. */
import type { Api, ResponseOf } from '../../protocol/api.ts'
import type { RequestFor } from './broker-link.ts'
import type { Wire } from './wire.ts'

const NOT_CONTROLLER = 41

/** `codes` are the error codes of an answer. A controller that moved, or does not answer, is looked up again by the next call. */
export async function askController<A extends Api>(
  { cluster }: Wire, api: A, request: RequestFor<A>, codes: (answer: ResponseOf<A>) => readonly number[],
): Promise<ResponseOf<A>> {
  try {
    const answer = await cluster.controller((link) => link.call(api, request))
    if (codes(answer).includes(NOT_CONTROLLER)) cluster.forgetController()
    return answer
  } catch (reason) {
    cluster.forgetController()
    throw reason
  }
}
