/**
 * Incremental fetch sessions (KIP-227, spec/wire-protocol T11): the broker remembers which partitions a consumer reads, so that its requests name only
 * what changes and the answers only what is new. Losing a session costs the client one full request, so they are simply bounded: by number and by
 * partitions, and only one that was idle for a while gives way to another.
 */
import type { Ports } from '../common/ports.ts'
import type { FetchPartitionResponse } from '../protocol/broker-api.ts'

/** A partition that a consumer reads, named as its version of the API does: by name below 13, by id from there on. */
export interface WantedPartition {
  readonly topic: string; readonly topicId: string; readonly partition: number
  readonly currentLeaderEpoch: number; readonly fetchOffset: number; readonly partitionMaxBytes: number
}
export interface ForgottenPartitions { readonly topic: string; readonly topicId: string; readonly partitions: readonly number[] }

export interface SessionRequest {
  readonly sessionId: number
  /** −1: no session (and the end of the one named); 0: a new one; else the next request of the one named. */
  readonly sessionEpoch: number
  readonly usesTopicIds: boolean
  readonly wanted: readonly WantedPartition[]
  readonly forgotten: readonly ForgottenPartitions[]
}

export type FetchAnswer = Pick<FetchPartitionResponse, 'errorCode' | 'highWatermark' | 'lastStableOffset' | 'logStartOffset' | 'records'>

/** What one request of a session asks for. */
export interface SessionFetch {
  readonly wanted: readonly WantedPartition[]
  /** Notes the answers, in the order of `wanted`; returns the id to answer with, and which of them must be told. */
  answered(answers: readonly FetchAnswer[]): { readonly sessionId: number; readonly told: (index: number) => boolean }
}

interface Known { wanted: WantedPartition; highWatermark: number; lastStableOffset: number; logStartOffset: number }
interface Session { readonly id: number; readonly usesTopicIds: boolean; epoch: number; usedAt: number; readonly partitions: Map<string, Known> }

const NO_SESSION = 0
const FINAL_EPOCH = -1
const FETCH_SESSION_ID_NOT_FOUND = 70
const INVALID_FETCH_SESSION_EPOCH = 71
const FETCH_SESSION_TOPIC_ID_ERROR = 106
const MAX_EPOCH = 2 ** 31 - 1
/** Kafka's max.incremental.fetch.session.cache.slots and min.incremental.fetch.session.eviction.ms. */
const SLOTS = 1000
const IDLE_MS = 120_000
const PARTITIONS = 500_000
const untold = (): boolean => true

export class FetchSessions {
  readonly #ports: Pick<Ports, 'clock' | 'random'>
  /** The longest unused first. */
  readonly #sessions = new Map<number, Session>()
  #partitions = 0

  constructor(ports: Pick<Ports, 'clock' | 'random'>) {
    this.#ports = ports
  }

  get size(): number { return this.#sessions.size }

  /** What is asked for, or Kafka's error code for the whole request. */
  begin(request: SessionRequest): SessionFetch | number {
    const { sessionId, sessionEpoch, wanted } = request
    if (sessionEpoch === FINAL_EPOCH || sessionEpoch === 0) {
      this.#end(sessionId)
      return { wanted, answered: (answers) => ({ sessionId: sessionEpoch === 0 ? this.#create(request, answers) : NO_SESSION, told: untold }) }
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return FETCH_SESSION_ID_NOT_FOUND
    if (session.epoch !== sessionEpoch) return INVALID_FETCH_SESSION_EPOCH
    if (session.usesTopicIds !== request.usesTopicIds) return FETCH_SESSION_TOPIC_ID_ERROR
    this.#update(session, request)
    if (session.partitions.size === 0) {
      this.#end(sessionId)
      return { wanted, answered: () => ({ sessionId: NO_SESSION, told: untold }) }
    }
    const asked = [...session.partitions.values()]
    return { wanted: asked.map((known) => known.wanted), answered: (answers) => ({ sessionId, told: this.#note(session, asked, answers) }) }
  }

  #update(session: Session, { wanted, forgotten }: SessionRequest): void {
    const { partitions } = session
    const before = partitions.size
    for (const partition of wanted) {
      const key = keyOf(partition, partition.partition)
      const known = partitions.get(key)
      if (known === undefined) partitions.set(key, { wanted: partition, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 })
      else known.wanted = partition
    }
    for (const topic of forgotten) for (const partition of topic.partitions) partitions.delete(keyOf(topic, partition))
    this.#partitions += partitions.size - before
    session.epoch = session.epoch === MAX_EPOCH ? 1 : session.epoch + 1
    session.usedAt = this.#ports.clock.monotonic()
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }

  /** Which answers say something new. Partitions that had data go to the end, so that the others have their turn. */
  #note(session: Session, asked: readonly Known[], answers: readonly FetchAnswer[]): (index: number) => boolean {
    const isTold = asked.map((known, index) => {
      const answer = answers[index]!
      const isNew = answer.errorCode !== 0 || answer.records.length > 0 || known.highWatermark !== answer.highWatermark
        || known.lastStableOffset !== answer.lastStableOffset || known.logStartOffset !== answer.logStartOffset
      remember(known, answer)
      const key = keyOf(known.wanted, known.wanted.partition)
      if (answer.records.length > 0 && session.partitions.get(key) === known) {
        session.partitions.delete(key)
        session.partitions.set(key, known)
      }
      return isNew
    })
    return (index) => isTold[index]!
  }

  /** NO_SESSION when there is no room. */
  #create({ wanted, usesTopicIds }: SessionRequest, answers: readonly FetchAnswer[]): number {
    if (!this.#makeRoom(wanted.length)) return NO_SESSION
    const partitions = new Map<string, Known>()
    wanted.forEach((each, index) => {
      const known: Known = { wanted: each, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }
      remember(known, answers[index]!)
      partitions.set(keyOf(each, each.partition), known)
    })
    const id = this.#newId()
    this.#sessions.set(id, { id, usesTopicIds, epoch: 1, usedAt: this.#ports.clock.monotonic(), partitions })
    this.#partitions += partitions.size
    return id
  }

  #makeRoom(partitions: number): boolean {
    const now = this.#ports.clock.monotonic()
    while (this.#sessions.size >= SLOTS || this.#partitions + partitions > PARTITIONS) {
      const oldest = this.#sessions.values().next().value
      if (oldest === undefined || now - oldest.usedAt < IDLE_MS) return false
      this.#end(oldest.id)
    }
    return true
  }

  #newId(): number {
    for (;;) {
      const id = 1 + this.#ports.random.int(MAX_EPOCH)
      if (!this.#sessions.has(id)) return id
    }
  }

  #end(sessionId: number): void {
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return
    this.#sessions.delete(sessionId)
    this.#partitions -= session.partitions.size
  }
}

function keyOf({ topic, topicId }: Pick<WantedPartition, 'topic' | 'topicId'>, partition: number): string { return `${topic}/${topicId}/${partition}` }

/** After an error the next answer is told whatever it says. */
function remember(known: Known, answer: FetchAnswer): void {
  known.highWatermark = answer.errorCode === 0 ? answer.highWatermark : -1
  known.lastStableOffset = answer.lastStableOffset
  known.logStartOffset = answer.logStartOffset
}
