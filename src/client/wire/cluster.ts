/**
 * What is known of a cluster: its brokers, who leads which partition, where a group's coordinator is. Shared by all clients of a connection; asks
 * over connections of its own.
 *
 * Metadata is asked for when it is needed and missing, older than `metadata.max.age.ms`, or known to be wrong (`stale`): one request at a time, for
 * all that wait. Any broker will do: those connected before those known before those of the bootstrap list, so losing a broker, or all known ones,
 * is survived while one of them answers.
 */
import { errorCodeName, OttlaError } from '../../common/errors.ts'
import type { Ports } from '../../common/ports.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import type { ResponseOf } from '../../protocol/api.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { FindCoordinatorResponse, MetadataResponse } from '../../protocol/broker-api.ts'
import { throwOnFailure } from '../failure.ts'
import { addressText, type Address } from './address.ts'
import type { BrokerLink } from './broker-link.ts'
import { combined, type LinkPool } from './link-pool.ts'

export interface Node extends Address { readonly nodeId: number; readonly rack: string | null }

export interface Leader { readonly nodeId: number; readonly leaderEpoch: number }

interface Topic {
  readonly errorCode: number
  readonly partitions: ReadonlyMap<number, Leader & { readonly errorCode: number }>
  readonly askedAt: number
  isStale: boolean
}

export interface ClusterSettings { readonly metadataMaxAgeMs: number }

const TELL_EVERY_MS = 10_000
/** For so long a broker that did not answer is asked last: the connection to it that is kept here may look whole. */
const SUSPECT_MS = 30_000
const UNKNOWN_TOPIC = 3
const LEADER_NOT_AVAILABLE = 5
/** Errors that say: who leads, or what is there, is not what we think. */
const staleCodes: ReadonlySet<number> = new Set([UNKNOWN_TOPIC, LEADER_NOT_AVAILABLE, 6, 9, 13, 56, 72, 74, 75, 100, 103])

export class Cluster {
  readonly #bootstrap: readonly Address[]
  readonly #pool: LinkPool
  readonly #settings: ClusterSettings
  readonly #ports: Ports
  #nodes: ReadonlyMap<number, Node> = new Map()
  #controllerId = -1
  readonly #topics = new Map<string, Topic>()
  readonly #coordinators = new Map<string, Node>()
  #asking: Promise<void> = Promise.resolve()
  /** The request after the one under way: its topics are still gathered. */
  #next: { readonly topics: Set<string>; readonly done: Promise<void> } | null = null
  #turn = 0
  /** When a broker left somebody without an answer. */
  readonly #lostAt = new Map<number, number>()
  /** When it was logged that a broker does not answer. */
  readonly #told = new Map<number, number>()

  constructor(bootstrap: readonly Address[], pool: LinkPool, settings: ClusterSettings, ports: Ports) {
    this.#bootstrap = bootstrap
    this.#pool = pool
    this.#settings = settings
    this.#ports = ports
  }

  // ---- brokers ----

  /** Brokers known; empty before the first metadata. */
  get nodes(): readonly Node[] { return [...this.#nodes.values()] }
  node(nodeId: number): Node | undefined { return this.#nodes.get(nodeId) }

  /** Runs a request that every broker answers on one after another, until one does. Raises what they said, when none did. */
  async any<T>(use: (link: BrokerLink) => Promise<T>): Promise<T> {
    const errors: OttlaError[] = []
    for (const address of this.#candidates()) {
      try {
        return await use(await this.#pool.get(address, 'main'))
      } catch (reason) {
        const error = OttlaError.from(reason)
        if (error.code === 'CLOSED') throw error
        errors.push(error)
      }
    }
    throw combined(errors)
  }

  #candidates(): Address[] {
    const known = [...this.#nodes.values()]
    const first = known.length === 0 ? 0 : this.#turn % known.length
    const rotated: Address[] = [...known.slice(first), ...known.slice(0, first)]
    const texts = new Set(known.map(addressText))
    const all = [...rotated, ...this.#bootstrap.filter((each) => !texts.has(addressText(each)))]
    const since = this.#ports.clock.monotonic() - SUSPECT_MS
    const suspects = new Set(known.filter(({ nodeId }) => (this.#lostAt.get(nodeId) ?? -Infinity) > since).map(addressText))
    const rank = (each: Address): number => suspects.has(addressText(each)) ? 2 : this.#pool.isOpen(each) ? 0 : 1
    return all.sort((a, b) => rank(a) - rank(b))
  }

  /** The controller, or any broker: those of a KRaft cluster pass admin requests on. */
  async controller<T>(use: (link: BrokerLink) => Promise<T>): Promise<T> {
    if (!this.#nodes.has(this.#controllerId)) await this.metadata([], false)
    const node = this.#nodes.get(this.#controllerId)
    if (node === undefined) return this.any(use)
    return this.at(node, use)
  }

  /** At one broker, on the connections of the cluster. */
  async at<T>(node: Address, use: (link: BrokerLink) => Promise<T>): Promise<T> { return use(await this.#pool.get(node, 'main')) }

  /** The controller has moved, or the broker is gone: both are asked for again. */
  forgetController(): void { this.#controllerId = -1 }

  // ---- metadata ----

  /** Asks now. Null: every topic; none: brokers only. */
  async metadata(topics: readonly string[] | null, allowAutoTopicCreation: boolean): Promise<MetadataResponse> {
    const answer = await this.any(async (link) => {
      const said = await link.call(apis.metadata, (version) => (
        // Before version 1, no topics means all: nobody speaks that any more but to be asked for brokers.
        { topics: topics === null ? (version === 0 ? [] : null) : topics.map((name) => ({ name, topicId: ZERO_UUID })), allowAutoTopicCreation }))
      throwOnFailure(said, `metadata of broker ${addressText(link.address)}`)
      return said
    })
    this.#learn(answer)
    return {
      brokers: answer.brokers, clusterId: answer.clusterId ?? '', controllerId: answer.controllerId,
      topics: answer.topics.map((topic) => ({ ...topic, name: topic.name ?? '' })),
    }
  }

  #learn(answer: ResponseOf<typeof apis.metadata>): void {
    this.#turn += 1
    if (answer.brokers.length > 0) this.#nodes = new Map(answer.brokers.map((each) => [each.nodeId, each]))
    this.#controllerId = answer.controllerId
    const askedAt = this.#ports.clock.monotonic()
    for (const { name, errorCode, partitions } of answer.topics) {
      if (name === null) continue
      const leaders = partitions.map((each) => [each.partitionIndex, { nodeId: each.leaderId, leaderEpoch: each.leaderEpoch, errorCode: each.errorCode }] as const)
      // A partition without leader does not make the others wait: whoever wants it says so (`notice`).
      this.#topics.set(name, { errorCode, partitions: new Map(leaders), askedAt, isStale: errorCode !== 0 })
    }
  }

  /** What is known of the topic may be acted upon. */
  isFresh(name: string): boolean {
    const topic = this.#topics.get(name)
    return topic !== undefined && !topic.isStale && this.#ports.clock.monotonic() - topic.askedAt < this.#settings.metadataMaxAgeMs
  }

  /** Who leads is known, as far as that can be: what is missing is asked for. Null: nothing is missing. */
  locate(topics: Iterable<string>): Promise<void> | null {
    const missing = [...new Set(topics)].filter((name) => !this.isFresh(name))
    return missing.length === 0 ? null : this.#refresh(missing)
  }

  #refresh(missing: readonly string[]): Promise<void> {
    if (this.#next === null) {
      const topics = new Set<string>()
      const done = this.#asking.catch(() => {}).then(async () => {
        this.#next = null
        await this.metadata([...topics], false)
      })
      this.#next = { topics, done }
      this.#asking = done
    }
    for (const name of missing) this.#next.topics.add(name)
    return this.#next.done
  }

  /** Where to send requests for the partition, or Kafka's code of what is wrong with it. Never asks. */
  leader(topic: string, partition: number): { readonly node: Node; readonly leaderEpoch: number } | number {
    const entry = this.#topics.get(topic)
    if (entry === undefined) return UNKNOWN_TOPIC
    if (entry.errorCode !== 0) return entry.errorCode
    const leader = entry.partitions.get(partition)
    if (leader === undefined) return UNKNOWN_TOPIC
    const node = this.#nodes.get(leader.nodeId)
    return node === undefined ? leader.errorCode === 0 ? LEADER_NOT_AVAILABLE : leader.errorCode : { node, leaderEpoch: leader.leaderEpoch }
  }

  /** What a broker said of a partition. */
  notice(topic: string, errorCode: number): void {
    const entry = this.#topics.get(topic)
    if (entry !== undefined && staleCodes.has(errorCode)) entry.isStale = true
  }

  /** A broker did not answer: what it led may be led by another now, and what it coordinated too. What the broker does not know is its answer. */
  lost(nodeId: number, error: OttlaError): void {
    if (error.code === 'UNSUPPORTED_VERSION' || error.code === 'CLOSED') return
    this.#tell(nodeId, error)
    this.#lostAt.set(nodeId, this.#ports.clock.monotonic())
    for (const topic of this.#topics.values()) {
      if ([...topic.partitions.values()].some((each) => each.nodeId === nodeId)) topic.isStale = true
    }
    for (const [key, node] of this.#coordinators) if (node.nodeId === nodeId) this.#coordinators.delete(key)
    if (nodeId === this.#controllerId) this.#controllerId = -1
  }

  /** Callers repeat what failed, and may do so for long: whoever runs this program should know why nothing moves. */
  #tell(nodeId: number, error: OttlaError): void {
    const now = this.#ports.clock.monotonic()
    if (now - (this.#told.get(nodeId) ?? -Infinity) < TELL_EVERY_MS) return
    this.#told.set(nodeId, now)
    this.#ports.logger.warn('a broker does not answer', { broker: nodeId, error })
  }

  // ---- coordinators ----

  async findCoordinators(keyType: 0 | 1, keys: readonly string[]): Promise<FindCoordinatorResponse['coordinators']> {
    return this.any(async (link) => {
      if (link.version(apis.findCoordinator) >= 4) return (await link.call(apis.findCoordinator, { keyType, coordinatorKeys: keys })).coordinators.map(plain)
      return Promise.all(keys.map(async (key) => plain({ ...await link.call(apis.findCoordinator, { key, keyType }, { maxVersion: 3 }), key })))
    })
  }

  /** Raises COORDINATOR_NOT_AVAILABLE and what else the broker says of the group. */
  async coordinator(groupId: string): Promise<Node> {
    const known = this.#coordinators.get(groupId)
    if (known !== undefined) return known
    const found = (await this.findCoordinators(0, [groupId]))[0]
    if (found === undefined) throw new OttlaError('COORDINATOR_NOT_AVAILABLE', `the broker named no coordinator of group ${groupId}`)
    if (found.errorCode !== 0) {
      const code = errorCodeName(found.errorCode)
      throw new OttlaError(code, `looking for the coordinator of group ${groupId}: ${found.errorMessage ?? code}`)
    }
    const node = { nodeId: found.nodeId, host: found.host, port: found.port, rack: null }
    this.#coordinators.set(groupId, node)
    return node
  }

  forgetCoordinator(groupId: string): void { this.#coordinators.delete(groupId) }
}

type Coordinator = FindCoordinatorResponse['coordinators'][number]

function plain(found: Omit<Coordinator, 'errorMessage'> & { readonly errorMessage: string | null }): Coordinator {
  const { key, nodeId, host, port, errorCode, errorMessage } = found
  return { key, nodeId, host, port, errorCode, errorMessage: errorMessage ?? undefined }
}
