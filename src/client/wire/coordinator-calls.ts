/**
 * Asks the coordinators of groups. One that has moved, or does not answer, is looked up again by the next call; the error of this one goes to the caller,
 * who knows whether and when to repeat it.
 */
import { OttlaError } from '../../common/errors.ts'
import type { Api, ResponseOf } from '../../protocol/api.ts'
import type { Failure } from '../../protocol/broker-api.ts'
import type { CallOptions, RequestFor } from './broker-link.ts'
import type { Lane } from './link-pool.ts'
import { unanswered, type Wire } from './wire.ts'

const COORDINATOR_NOT_AVAILABLE = 15
export const NOT_COORDINATOR = 16

export async function askCoordinator<A extends Api>({ cluster, pool }: Wire, lane: Lane, groupId: string, api: A, request: RequestFor<A>, options?: CallOptions): Promise<ResponseOf<A>> {
  const node = await cluster.coordinator(groupId)
  try {
    return await (await pool.get(node, lane)).call(api, request, options)
  } catch (reason) {
    const error = OttlaError.from(reason)
    cluster.lost(node.nodeId, error)
    throw error
  }
}

/** What the coordinator said of the group. */
export function noticeCoordinator({ cluster }: Wire, groupId: string, errorCode: number): void {
  if (errorCode === NOT_COORDINATOR || errorCode === COORDINATOR_NOT_AVAILABLE) cluster.forgetCoordinator(groupId)
}

/** Groups that share a coordinator share a request. */
export async function perCoordinator<R>(
  { cluster }: Wire, groups: readonly string[], request: (groupIds: readonly string[]) => Promise<readonly R[]>, failed: (groupId: string, failure: Failure) => R,
): Promise<R[]> {
  const nodes = new Map<number, string[]>()
  const failures: R[] = []
  await Promise.all(groups.map(async (groupId) => {
    try {
      const { nodeId } = await cluster.coordinator(groupId)
      const list = nodes.get(nodeId)
      if (list === undefined) nodes.set(nodeId, [groupId])
      else list.push(groupId)
    } catch (reason) {
      failures.push(failed(groupId, unanswered(reason)))
    }
  }))
  const answers = await Promise.all([...nodes.values()].map(async (groupIds) => {
    try {
      return await request(groupIds)
    } catch (reason) {
      return groupIds.map((groupId) => failed(groupId, unanswered(reason)))
    }
  }))
  return [...answers.flat(), ...failures]
}
