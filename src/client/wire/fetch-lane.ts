/**
 * The Fetch requests of one consumer: at most one on the way per broker, so that a quiet broker's long poll holds up nobody else's records.
 *
 * A call resolves as soon as one broker has answered, with what there is, or when its signal fires. Requests that are still out then stay out: what
 * they bring is kept until the same partition is asked for at the same offset, and dropped when something else is. So nothing is kept for
 * partitions that are gone, and at most one answer of a broker is.
 *
 * One cannot take a long poll back. What is wanted meanwhile of the same broker and is not in it (there is room again, or a seek went elsewhere) is
 * asked for beside it, once per offset, without a session and without waiting.
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
import { unanswered } from './wire.ts'

type Wanted = FetchRequest['partitions'][number]
type PartitionAnswer = ResponseOf<typeof apis.fetch>['responses'][number]['partitions'][number]

export interface FetchSettings { readonly rackId: string; readonly requestTimeoutMs: number; readonly metadataMaxAgeMs: number }

/** Topics go by name: later versions know them by id alone. */
const MAX_VERSION = 12
const OFFSET_OUT_OF_RANGE = 1
const NOTHING: Uint8Array = new Uint8Array(0)

interface NodeState {
  readonly session: FetchSession
  /** What the request that is out asks for: offsets by partition. Null: none is. */
  asked: Map<string, number> | null
  /** What was asked for beside it. */
  readonly beside: Map<string, number>
  isAskingBeside: boolean
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
        this.#refuse(call.request.partitions.filter((each) => !this.#cluster.isFresh(each.topic)), OttlaError.from(reason))
        call.settle()
      })
    }
    const nodes = new Map<Node, (Wanted & FetchTarget)[]>()
    const homeless: [Wanted, number][] = []
    for (const each of call.request.partitions) {
      if (!this.#cluster.isFresh(each.topic)) continue
      const place = this.#placeOf(each)
      if (typeof place === 'number') {
        homeless.push([each, place])
        continue
      }
      const list = nodes.get(place.node)
      const target = { ...each, currentLeaderEpoch: place.leaderEpoch }
      if (list === undefined) nodes.set(place.node, [target])
      else list.push(target)
    }
    for (const [node, targets] of nodes) {
      if (this.#stateOf(node.nodeId).asked === null) void this.#exchange(node, targets, call.request)
      else void this.#exchangeBeside(node, targets, call.request)
    }
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
    if (state === undefined) this.#states.set(nodeId, state = { session: new FetchSession(), asked: null, beside: new Map(), isAskingBeside: false })
    return state
  }

  async #exchange(node: Node, targets: readonly (Wanted & FetchTarget)[], request: FetchRequest): Promise<void> {
    const state = this.#stateOf(node.nodeId)
    state.asked = new Map(targets.map((each) => [partitionKey(each.topic, each.partition), each.fetchOffset]))
    const { maxWaitMs, minBytes, maxBytes, isolationLevel } = request
    try {
      const link = this.#pool.open(node, 'fetch') ?? await this.#connect(node, state)
      const answer = await link.call(apis.fetch, () => ({ ...state.session.next(targets), maxWaitMs, minBytes, maxBytes, isolationLevel, rackId: this.#settings.rackId }),
        { maxVersion: MAX_VERSION, timeoutMs: this.#settings.requestTimeoutMs + maxWaitMs })
      if (!state.session.answered(answer.errorCode, answer.sessionId)) return
      if (answer.errorCode !== 0) for (const each of targets) this.#put(each, failed(each, answer.errorCode))
      this.#received(node, targets, answer.responses)
    } catch (reason) {
      const error = OttlaError.from(reason)
      state.session.reset()
      this.#cluster.lost(node.nodeId, error)
      this.#nearer.clear()
      this.#refuse(targets, error)
    } finally {
      state.asked = null
      state.beside.clear()
      this.#call?.settle()
    }
  }

  async #exchangeBeside(node: Node, targets: readonly (Wanted & FetchTarget)[], request: FetchRequest): Promise<void> {
    const state = this.#stateOf(node.nodeId)
    const missing = targets.filter(({ topic, partition, fetchOffset }) => {
      const key = partitionKey(topic, partition)
      return state.asked?.get(key) !== fetchOffset && state.beside.get(key) !== fetchOffset
    })
    if (missing.length === 0 || state.isAskingBeside) return
    state.isAskingBeside = true
    for (const { topic, partition, fetchOffset } of missing) state.beside.set(partitionKey(topic, partition), fetchOffset)
    try {
      const answer = await this.#askOnce(node, missing, { ...request, maxWaitMs: 0 })
      this.#received(node, missing, answer.responses, true)
    } catch (reason) {
      // The long poll on the same broker fails too, if it does, and says so.
      this.#ports.logger.debug('a fetch beside a long poll failed', { broker: node.nodeId, error: OttlaError.from(reason).code })
    }
    state.isAskingBeside = false
    if (this.#ready.size > 0) this.#call?.settle()
    else if (this.#call !== null) this.#ask(this.#call)
  }

  /** One request without session, on the lane of short questions. */
  async #askOnce(node: Node, targets: readonly FetchTarget[], request: FetchRequest): Promise<ResponseOf<typeof apis.fetch>> {
    const { maxWaitMs, minBytes, maxBytes, isolationLevel } = request
    const link = await this.#pool.get(node, 'main')
    return link.call(apis.fetch, () => (
      { ...new FetchSession().next(targets), sessionEpoch: -1, maxWaitMs, minBytes, maxBytes, isolationLevel, rackId: this.#settings.rackId }), { maxVersion: MAX_VERSION })
  }

  /** Sessions belong to connections: some brokers forget them with it. */
  #connect(node: Node, state: NodeState): ReturnType<LinkPool['get']> {
    state.session.reset()
    return this.#pool.get(node, 'fetch')
  }

  /** `onlyNews`: an answer without records is none. */
  #received(node: Node, targets: readonly Wanted[], responses: ResponseOf<typeof apis.fetch>['responses'], onlyNews: boolean = false): void {
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
        if (!onlyNews || answer.errorCode !== 0 || answer.divergingEpoch.endOffset >= 0 || (answer.records ?? NOTHING).length > 0) this.#put(mine, plain(topic, answer))
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
    const partitions: FetchPartitionResponse[] = await Promise.all(request.partitions.map(async (each): Promise<FetchPartitionResponse> => {
      const leader = this.#cluster.leader(each.topic, each.partition)
      if (typeof leader === 'number') return failed(each, leader)
      try {
        const answer = await this.#askOnce(leader.node, [{ ...each, currentLeaderEpoch: leader.leaderEpoch }], request)
        const mine = answer.responses.flatMap((topic) => topic.partitions)[0]
        return mine === undefined ? failed(each, answer.errorCode === 0 ? -1 : answer.errorCode) : plain(each.topic, mine)
      } catch (reason) {
        const { errorCode, error } = unanswered(reason)
        return { ...failed(each, errorCode), error }
      }
    }))
    return { partitions }
  }
}

function plain(topic: string, answer: PartitionAnswer): FetchPartitionResponse {
  const { partitionIndex, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records, divergingEpoch: { endOffset } } = answer
  return {
    topic, partition: partitionIndex, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records: records ?? NOTHING,
    ...endOffset < 0 ? {} : { divergesAt: endOffset },
  }
}

function failed({ topic, partition }: Wanted, errorCode: number): FetchPartitionResponse {
  return { topic, partition, errorCode, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, records: NOTHING }
}
