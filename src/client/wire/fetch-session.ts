/**
 * A fetch session with one broker (KIP-227): the broker remembers which partitions are asked for, so that a request names only what changed. Pure: what
 * to send, and what an answer means for the next request.
 *
 *   id 0, epoch 0   begin: all partitions are named        id, epoch n   go on: what is new, moved or dropped
 */
import { partitionKey } from '../../common/topic-partition.ts'
import type { RequestInput } from '../../protocol/api.ts'
import type { apis } from '../../protocol/api-registry.ts'
import { byTopic } from './topic-lists.ts'

export interface FetchTarget {
  readonly topic: string; readonly partition: number; readonly fetchOffset: number; readonly partitionMaxBytes: number; readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch?: number
}

export type FetchBody = Pick<RequestInput<typeof apis.fetch>, 'sessionId' | 'sessionEpoch' | 'topics' | 'forgottenTopicsData'>

const MAX_EPOCH = 2_147_483_647
/** Errors of a session: it is gone, or not where we think. */
const sessionCodes: ReadonlySet<number> = new Set([70, 71, 106])

export class FetchSession {
  #id = 0
  #epoch = 0
  #known = new Map<string, FetchTarget>()

  /** The request for `targets`, the session's whole content from here on. */
  next(targets: readonly FetchTarget[]): FetchBody {
    const wanted = new Map(targets.map((each) => [partitionKey(each.topic, each.partition), each]))
    const named = this.#epoch === 0 ? targets : [...wanted].filter(([key, each]) => !same(this.#known.get(key), each)).map(([, each]) => each)
    const dropped = this.#epoch === 0 ? [] : [...this.#known].filter(([key]) => !wanted.has(key)).map(([, each]) => each)
    this.#known = wanted
    return {
      sessionId: this.#id, sessionEpoch: this.#epoch,
      topics: byTopic(named, ({ partition, currentLeaderEpoch, fetchOffset, lastFetchedEpoch = -1, partitionMaxBytes }) => (
        { partition, currentLeaderEpoch, fetchOffset, lastFetchedEpoch, partitionMaxBytes }))
        .map(({ topic, list }) => ({ topic, partitions: list })),
      forgottenTopicsData: byTopic(dropped, ({ partition }) => partition).map(({ topic, list }) => ({ topic, partitions: list })),
    }
  }

  /** False when the answer says that the session has to begin anew. */
  answered(errorCode: number, sessionId: number): boolean {
    if (errorCode !== 0) {
      this.reset()
      return !sessionCodes.has(errorCode)
    }
    // A broker that keeps no session answers with id 0: every request is a full one then.
    this.#epoch = sessionId === 0 ? 0 : this.#epoch === MAX_EPOCH ? 1 : this.#epoch + 1
    this.#id = sessionId
    return true
  }

  /** No answer came, or the connection is another. */
  reset(): void {
    this.#id = 0
    this.#epoch = 0
    this.#known = new Map()
  }
}

function same(a: FetchTarget | undefined, b: FetchTarget): boolean {
  return a !== undefined && a.fetchOffset === b.fetchOffset && a.partitionMaxBytes === b.partitionMaxBytes && a.currentLeaderEpoch === b.currentLeaderEpoch
    && a.lastFetchedEpoch === b.lastFetchedEpoch
}
