/** What a handler of one API is: typed request in, typed response out, over `BrokerApi`. One file per API in `apis/`. */
import type { Api, RequestOf, ResponseInput } from '../protocol/api.ts'
import type { BrokerApi, ConfigResult, Failure, FetchRoom, PartitionAllowance } from '../protocol/broker-api.ts'
import type { PlainMessage } from '../protocol/schema.ts'
import type { Rights } from './access/rights.ts'
import type { FetchSessions } from './fetch-sessions.ts'
import type { SaslGate } from './sasl/sasl-gate.ts'
import type { UserCredentials } from './user-credentials.ts'

/** The broker as a server needs it: clients of newer versions name topics by id. Null for what there is not. */
export interface ServedBroker extends BrokerApi {
  topicName(topicId: string): string | null
  topicId(name: string): string | null
  /** Whether asking for a topic that is not there makes it. */
  autoCreatesTopics(): boolean
  /** Whether topics can be deleted at all. */
  deletesTopics(): boolean
  /** Groups, or subscriptions to the metrics of clients, for which settings were set. */
  configured(kind: 'groups' | 'clientMetrics'): readonly string[]
}

/** Where clients of a connection should come back to. */
export interface Endpoint { readonly host: string; readonly port: number }

/** What of its quota for consuming a client has used. */
export interface FetchQuota {
  /** The most bytes that can be within it at once. */
  readonly mostAtOnce: number
  /** Counts the bytes, unless they are more than the quota allows now: then the milliseconds after which they are not. */
  take(bytes: number): number
}

/** What of its quota for changes to topics a client has used (KIP-599). */
export interface MutationQuota {
  /** Undefined where there is no such quota. */
  readonly allowance: PartitionAllowance | undefined
  /** Milliseconds to wait, after what was taken last. */
  waitMs(): number
}

/** One request on its way through a handler. */
export interface Call {
  /** As far as the client may use it. */
  readonly broker: ServedBroker
  /** Without asking for rights: for questions that a handler has itself, and whose answers the client does not get to see. */
  readonly unguarded: ServedBroker
  readonly rights: Rights
  /** As `User:alice`; whether there is a login or a certificate behind it. */
  readonly principal: string
  readonly hasName: boolean
  /** Whether the listener heeds ACLs at all. */
  readonly hasAcls: boolean
  readonly version: number
  readonly clientId: string
  /** With a slash before the address, as Kafka shows it. */
  readonly clientHost: string
  readonly endpoint: Endpoint
  /** Milliseconds since 1970. */
  now(): number
  readonly fetchSessions: FetchSessions
  readonly fetchQuota: FetchQuota
  /** Strict: what is over is refused. Else it is done, and the client waits. */
  mutationQuota(isStrict: boolean): MutationQuota
  /** Of Fetch alone: where the records of its answer are counted, and what they are read into. */
  readonly answers: FetchRoom | undefined
  readonly users: UserCredentials
  /** Null where nobody authenticates. */
  readonly gate: SaslGate | null
  /** Fires when the connection or the listener goes: what waits for data should answer. */
  readonly signal: AbortSignal
}

export interface WireApi {
  readonly api: Api
  readonly first: number
  readonly last: number
  /** What ApiVersions tells as the lowest version. */
  readonly advertisedFirst: number
  /** Null: the request gets no answer. A rejection closes the connection. */
  handle(request: PlainMessage, call: Call): Promise<PlainMessage | null>
}

export type Handle<A extends Api> = (request: RequestOf<A>, call: Call) => Promise<ResponseInput<A> | null>

/** Binds a handler to the types of its API. `first` to `last`: the versions served. */
export function serve<A extends Api>(api: A, first: number, last: number, handle: Handle<A>, advertisedFirst: number = first): WireApi {
  return { api, first, last, advertisedFirst, handle }
}

/** Of answers without a quota of their own; who has used up the one for requests is told so by the session. */
export const throttleTimeMs = 0
export const NONE = 0

/** The two fields that most answers have. */
export function failureFields(failure: Failure): { readonly errorCode: number; readonly errorMessage: string | null } {
  return { errorCode: failure.errorCode, errorMessage: failure.errorCode === NONE ? null : failure.errorMessage ?? null }
}

/** The same, where Kafka 4.1 leaves the message of a success at what its schema begins with: empty text. */
export function toldFields(failure: Failure): { readonly errorCode: number; readonly errorMessage: string | null } {
  return failure.errorCode === NONE ? { errorCode: NONE, errorMessage: '' } : failureFields(failure)
}

/** Kafka keeps its internal settings to itself unless they were set. */
export function isShown({ name, value }: Pick<ConfigResult, 'name' | 'value'>): boolean { return value !== null || !name.startsWith('internal.') }

/** Read uncommitted or read committed. Kafka answers another, which no client sends, with UNKNOWN_SERVER_ERROR. */
export function isIsolationLevel(level: number): level is 0 | 1 { return level === 0 || level === 1 }

/** Deals the answers, which stand in the order of the partitions asked, back to the topics they belong to. */
export function byTopic<T extends { readonly partitions: readonly unknown[] }, R, O>(
  topics: readonly T[], answers: readonly R[], make: (topic: T, answers: readonly R[]) => O,
): O[] {
  let from = 0
  return topics.map((topic) => {
    const slice = answers.slice(from, from + topic.partitions.length)
    from += topic.partitions.length
    return make(topic, slice)
  })
}

/** Partitions that carry the name of their topic, gathered under it in order of first appearance. */
export function groupByTopic<P extends { readonly topic: string }, O>(partitions: readonly P[], make: (topic: string, partitions: readonly P[]) => O): O[] {
  const topics = new Map<string, P[]>()
  for (const partition of partitions) {
    const known = topics.get(partition.topic)
    if (known === undefined) topics.set(partition.topic, [partition])
    else known.push(partition)
  }
  return [...topics].map(([topic, list]) => make(topic, list))
}
