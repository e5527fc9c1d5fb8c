/**
 * The Fetch requests of one consumer: at most one on the way per broker, so that a quiet broker's long poll holds up nobody else's records.
 *
 * A call resolves as soon as one broker has answered, with what there is, or when its signal fires. Requests that are still out then stay out: what
 * they bring is kept until the same partition is asked for at the same offset, and dropped when something else is. So nothing is kept for
 * partitions that are gone, and at most one answer of a broker is.
 *
 * While a partition of a broker is left out (the consumer has enough of it for now), the wait for its others is short, and longer the longer that
 * lasts: one cannot take back a long poll once the consumer wants more.
 */
import { OttlaError } from '../../common/errors.ts'
import type { Ports } from '../../common/ports.ts'
import { partitionKey } from '../../common/topic-partition.ts'
import type { ResponseOf } from '../../protocol/api.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { FetchPartitionResponse, FetchRequest, FetchResponse } from '../../protocol/broker-api.ts'
import type { Cluster, Node } from './cluster.ts'
import { FetchSession, type FetchTarget } from './fetch-session.ts'
import type { LinkPool } from './link-pool.ts'

type Wanted = FetchRequest['partitions'][number]
type PartitionAnswer = ResponseOf<typeof apis.fetch>['responses'][number]['partitions'][number]

export interface FetchSettings { readonly rackId: string; readonly requestTimeoutMs: number; readonly metadataMaxAgeMs: number }

/** Topics go by name: later versions know them by id alone. */
const MAX_VERSION = 12
const SHORT_WAIT_MS = 5
const OFFSET_OUT_OF_RANGE = 1
const NOTHING: Uint8Array = new Uint8Array(0)

interface NodeState {
  readonly session: FetchSession
  isAsking: boolean
  /** Partitions of the last request, and since when one of them has been left out (−1: none is). */
  asked: ReadonlySet<string>
  leftOutSince: number
}

interface Call { readonly request: FetchRequest; readonly settle: () => void }

export class FetchLane {
  readonly #cluster: Cluster
  readonly #pool: LinkPool
  readonly #settings: FetchSettings
  readonly #ports: Ports
  readonly #states = new Map<number, NodeState>()
  /** Answers that no call has taken yet. */
  readonly #ready = new Map<string, { readonly fetchOffset: number; readonly response: FetchPartitionResponse }>()
  /** Followers that are nearer, by partition (KIP-392). */
  readonly #nearer = new Map<string, { readonly nodeId: number; readonly until: number }>()
  #call: Call | null = null

  constructor(cluster: Cluster, pool: LinkPool, settings: FetchSettings, ports: Ports) {
    this.#cluster = cluster
    this.#pool = pool
    this.#settings = settings
    this.#ports = ports
  }

  /** One call at a time. */
  fetch(request: FetchRequest): Promise<FetchResponse> {
    const there = this.#take(request)
    if (there.partitions.length > 0 || request.signal?.aborted === true) return Promise.resolve(there)
    return new Promise((resolve) => {
      const settle = (): void => {
        if (this.#call !== call) return
        this.#call = null
        request.signal?.removeEventListener('abort', settle)
        resolve(this.#take(request))
      }
      const call: Call = { request, settle }
      this.#call = call
      request.signal?.addEventListener('abort', settle, { once: true })
      this.#ask(call)
    })
  }

  /** What is there for the request. The rest is of no use any more: its partitions are gone, or read from elsewhere. */
  #take(request: FetchRequest): FetchResponse {
    if (this.#ready.size === 0) return { partitions: [] }
    const partitions: FetchPartitionResponse[] = []
    for (const { topic, partition, fetchOffset } of request.partitions) {
      const there = this.#ready.get(partitionKey(topic, partition))
      if (there?.fetchOffset === fetchOffset) partitions.push(there.response)
    }
    this.#ready.clear()
    return { partitions }
  }

  /** Sends to every broker that leads something wanted and has no request. What has no leader is looked up meanwhile. */
  #ask(call: Call): void {
    const located = this.#cluster.locate(call.request.partitions.map((each) => each.topic))
    if (located !== null) {
      // Once more of them are known, the consumer asks again.
      located.then(() => call.settle(), (reason: unknown) => {
        this.#refuse(call.request.partitions.filter((each) => typeof this.#cluster.leader(each.topic, each.partition) === 'number'), OttlaError.from(reason))
        call.settle()
      })
    }
    const nodes = new Map<Node, (Wanted & FetchTarget)[]>()
    const homeless: [Wanted, number][] = []
    for (const each of call.request.partitions) {
      const place = this.#placeOf(each)
      if (typeof place === 'number') {
        if (located === null) homeless.push([each, place])
        continue
      }
      const list = nodes.get(place.node)
      const target = { ...each, currentLeaderEpoch: place.leaderEpoch }
      if (list === undefined) nodes.set(place.node, [target])
      else list.push(target)
    }
    for (const [node, targets] of nodes) if (!this.#stateOf(node.nodeId).isAsking) void this.#exchange(node, targets, call.request)
    for (const [each, errorCode] of homeless) {
      this.#cluster.notice(each.topic, errorCode)
      this.#put(each, failed(each, errorCode))
    }
    if (homeless.length > 0) call.settle()
  }

  #placeOf({ topic, partition }: Wanted): { readonly node: Node; readonly leaderEpoch: number } | number {
    const leader = this.#cluster.leader(topic, partition)
    const nearer = this.#nearer.get(partitionKey(topic, partition))
    if (nearer === undefined || typeof leader === 'number') return leader
    const node = this.#ports.clock.monotonic() < nearer.until ? this.#cluster.node(nearer.nodeId) : undefined
    return node === undefined ? leader : { node, leaderEpoch: leader.leaderEpoch }
  }

  #stateOf(nodeId: number): NodeState {
    let state = this.#states.get(nodeId)
    if (state === undefined) this.#states.set(nodeId, state = { session: new FetchSession(), isAsking: false, asked: new Set(), leftOutSince: -1 })
    return state
  }

  #waitFor(state: NodeState, targets: readonly FetchTarget[], maxWaitMs: number): number {
    const now = this.#ports.clock.monotonic()
    const asked = new Set(targets.map((each) => partitionKey(each.topic, each.partition)))
    const isOver = state.leftOutSince >= 0 && now - state.leftOutSince >= maxWaitMs
    if (isOver || [...state.asked].every((key) => asked.has(key))) {
      state.asked = asked
      state.leftOutSince = -1
      return maxWaitMs
    }
    if (state.leftOutSince < 0) state.leftOutSince = now
    return Math.min(maxWaitMs, Math.max(SHORT_WAIT_MS, Math.floor(now - state.leftOutSince)))
  }

  async #exchange(node: Node, targets: readonly (Wanted & FetchTarget)[], request: FetchRequest): Promise<void> {
    const state = this.#stateOf(node.nodeId)
    state.isAsking = true
    const maxWaitMs = this.#waitFor(state, targets, request.maxWaitMs)
    try {
      const link = this.#pool.open(node, 'fetch') ?? await this.#connect(node, state)
      const answer = await link.call(apis.fetch, () => ({
        ...state.session.next(targets), maxWaitMs, minBytes: request.minBytes, maxBytes: request.maxBytes, isolationLevel: request.isolationLevel,
        rackId: this.#settings.rackId,
      }), { maxVersion: MAX_VERSION, timeoutMs: this.#settings.requestTimeoutMs + maxWaitMs })
      if (!state.session.answered(answer.errorCode, answer.sessionId)) return
      if (answer.errorCode !== 0) for (const each of targets) this.#put(each, failed(each, answer.errorCode))
      this.#received(node, targets, answer.responses)
    } catch (reason) {
      const error = OttlaError.from(reason)
      state.session.reset()
      this.#cluster.lost(node.nodeId)
      this.#nearer.clear()
      this.#refuse(targets, error)
    } finally {
      state.isAsking = false
      this.#call?.settle()
    }
  }

  /** Sessions belong to connections: some brokers forget them with it. */
  #connect(node: Node, state: NodeState): ReturnType<LinkPool['get']> {
    state.session.reset()
    return this.#pool.get(node, 'fetch')
  }

  #received(node: Node, targets: readonly Wanted[], responses: ResponseOf<typeof apis.fetch>['responses']): void {
    const asked = new Map(targets.map((each) => [partitionKey(each.topic, each.partition), each]))
    for (const { topic, partitions } of responses) {
      for (const answer of partitions) {
        const key = partitionKey(topic, answer.partitionIndex)
        const mine = asked.get(key)
        if (mine === undefined) continue
        this.#cluster.notice(topic, answer.errorCode)
        if (answer.preferredReadReplica >= 0) {
          this.#nearer.set(key, { nodeId: answer.preferredReadReplica, until: this.#ports.clock.monotonic() + this.#settings.metadataMaxAgeMs })
          continue
        }
        const leader = this.#cluster.leader(topic, answer.partitionIndex)
        const isFollower = typeof leader === 'object' && leader.node.nodeId !== node.nodeId
        if (answer.errorCode !== 0) this.#nearer.delete(key)
        // A follower may be behind: the leader is asked before the position is given up.
        if (answer.errorCode === OFFSET_OUT_OF_RANGE && isFollower) continue
        this.#put(mine, plain(topic, answer))
      }
    }
  }

  #put(wanted: Wanted, response: FetchPartitionResponse): void {
    this.#ready.set(partitionKey(wanted.topic, wanted.partition), { fetchOffset: wanted.fetchOffset, response })
  }

  #refuse(partitions: readonly Wanted[], error: OttlaError): void { for (const each of partitions) this.#put(each, { ...failed(each, error.errorCode), error }) }

  /** A single question beside the calls of the consumer's loop: no session, and the answer comes at once. */
  async once(request: FetchRequest): Promise<FetchResponse> {
    await this.#cluster.locate(request.partitions.map((each) => each.topic))
    const partitions = await Promise.all(request.partitions.map(async (each) => {
      const leader = this.#cluster.leader(each.topic, each.partition)
      if (typeof leader === 'number') return failed(each, leader)
      const target = { ...each, currentLeaderEpoch: leader.leaderEpoch }
      const link = await this.#pool.get(leader.node, 'main')
      const { maxWaitMs, minBytes, maxBytes, isolationLevel } = request
      const answer = await link.call(apis.fetch, () => ({ ...new FetchSession().next([target]), sessionEpoch: -1, maxWaitMs, minBytes, maxBytes, isolationLevel }), { maxVersion: MAX_VERSION })
      const mine = answer.responses.flatMap((topic) => topic.partitions)[0]
      return mine === undefined ? failed(each, answer.errorCode === 0 ? -1 : answer.errorCode) : plain(each.topic, mine)
    }))
    return { partitions }
  }
}

function plain(topic: string, answer: PartitionAnswer): FetchPartitionResponse {
  const { partitionIndex, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records } = answer
  return { topic, partition: partitionIndex, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records: records ?? NOTHING }
}

function failed({ topic, partition }: Wanted, errorCode: number): FetchPartitionResponse {
  return { topic, partition, errorCode, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, records: NOTHING }
}
