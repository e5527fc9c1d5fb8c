/**
 * What is said on one connection: frames to requests to handlers and back. An API or version that is not served, and a request that cannot be read, close
 * the connection without an answer, as in Kafka (spec/wire-protocol 2.4); only ApiVersions is answered in any version.
 */
import { ANONYMOUS } from '../common/acl.ts'
import type { Clock } from '../common/clock.ts'
import { OttlaError } from '../common/errors.ts'
import type { Scheduler } from '../common/scheduler.ts'
import type { Api } from '../protocol/api.ts'
import { apis } from '../protocol/api-registry.ts'
import { decodeRequestBody, decodeRequestHeader, encodeResponse, encodeResponseParts, type RequestHeader } from '../protocol/frames.ts'
import type { PartitionAllowance } from '../protocol/broker-api.ts'
import type { PlainMessage } from '../protocol/schema.ts'
import type { Authorizer } from './access/authorizer.ts'
import { guardedBroker } from './access/guarded-broker.ts'
import type { QuotaMeter, QuotaSubject } from './access/quota-meter.ts'
import { everyRight, rightsOf, type Rights } from './access/rights.ts'
import { unsupportedApiVersions } from './apis/api-versions.ts'
import { AnswerShare, type AnswerLease, type AnswerMemory } from './answer-memory.ts'
import type { FetchSessions } from './fetch-sessions.ts'
import { SaslGate, type SaslOptions } from './sasl/sasl-gate.ts'
import type { UserCredentials } from './user-credentials.ts'
import { hangUp, type Answer } from './connection.ts'
import type { Peer, Session } from './listener.ts'
import type { MemoryPool } from './memory-pool.ts'
import type { ProblemLog } from './problem-log.ts'
import type { Call, Endpoint, FetchQuota, MutationQuota, ServedBroker, WireApi } from './wire-api.ts'

/** A request that has been read, on its way to its handler. */
export interface WireRequest {
  readonly api: Api
  readonly version: number
  readonly clientId: string
  readonly body: PlainMessage
  readonly endpoint: Endpoint
  /** Fires when the connection or the listener goes. */
  readonly signal: AbortSignal
}
/**
 * Stands between requests and their handlers, for brokers of tests: answers itself, changes when and whether `carryOut` is called, or has the connection
 * closed. Appends keep the order of their requests only where `carryOut` is called at once.
 */
export type Interceptor = (request: WireRequest, carryOut: () => Promise<PlainMessage | null>) => Promise<PlainMessage | null | 'hang up'>

/** What the connections of a listener share. */
export interface WireService {
  readonly broker: ServedBroker
  readonly fetchSessions: FetchSessions
  readonly users: UserCredentials
  /** Null: nobody authenticates. */
  readonly sasl: SaslOptions | null
  /** Null: who is in may do everything. */
  readonly authorizer: Authorizer | null
  readonly quotas: QuotaMeter
  readonly scheduler: Scheduler
  readonly clock: Clock
  /** Told what was denied. */
  readonly denials: ProblemLog
  /** By key. */
  readonly served: readonly (WireApi | undefined)[]
  /** Null: every request goes to its handler. */
  readonly intercept: Interceptor | null
  /** Where clients that came this way should come back to. */
  endpointFor(peer: Peer): Endpoint
}

/** What one connection may do, and the broker as far as it may. */
interface Access { readonly rights: Rights; readonly broker: ServedBroker }

const { produce, fetch, joinGroup, syncGroup, apiVersions, saslHandshake, saslAuthenticate, createTopics, deleteTopics, createPartitions } = apis
/** What a client may ask before it has said who it is. */
const beforeLogin = new Set([apiVersions.key, saslHandshake.key, saslAuthenticate.key])
/** Their handlers say for how long to wait. */
const meteredKeys = new Set([fetch.key, createTopics.key, deleteTopics.key, createPartitions.key])
/** Who logs in is nobody yet. */
const unmeteredKeys = new Set([saslHandshake.key, saslAuthenticate.key])
const KEY_SIZE = 2
const noQuota: FetchQuota = { mostAtOnce: Infinity, take: () => 0 }

export class WireSession implements Session {
  readonly #service: WireService
  readonly #peer: Peer
  readonly #endpoint: Endpoint
  readonly #gone = new AbortController()
  readonly #gate: SaslGate | null
  readonly #answers: AnswerShare
  #access: Access | null = null
  /** Until the client is heard again, when it has used more than its quota. */
  #mute: Promise<unknown> | null = null

  constructor(service: WireService, peer: Peer, answers: AnswerMemory, pool: MemoryPool) {
    this.#service = service
    this.#peer = peer
    this.#endpoint = service.endpointFor(peer)
    this.#gate = service.sasl === null ? null : new SaslGate(service.sasl)
    this.#answers = new AnswerShare(answers, pool, this.#gone.signal)
  }

  get isAuthenticated(): boolean { return this.#gate === null || this.#gate.isOpen }
  get farewell(): string | null { return this.#gate?.isShut === true ? 'authentication failed' : null }
  isOverlappable(frame: Uint8Array): boolean { return keyOf(frame) === produce.key }

  isParked(frame: Uint8Array): boolean {
    const key = keyOf(frame)
    return key === joinGroup.key || key === syncGroup.key
  }

  /** The log is done with records when it answers, and not before (docs/adr/0035); others may keep what they were sent. */
  isTransient(frame: Uint8Array): boolean { return keyOf(frame) === produce.key && this.isAuthenticated && this.#gate?.takesBareTokens !== true }

  drain(): void { this.#gone.abort() }

  close(): void {
    this.#gone.abort()
    this.#answers.end()
  }

  async handle(frame: Uint8Array): Promise<Answer | null> {
    if (this.#mute !== null) await this.#mute
    if (this.#gate?.takesBareTokens === true) return { chunks: await bareToken(this.#gate, frame) }
    const header = decodeRequestHeader(frame)
    const { apiKey, apiVersion, correlationId } = header
    const served = this.#service.served[apiKey]
    if (served === undefined) throw new OttlaError('UNSUPPORTED_VERSION', `it asked for API ${apiKey}, which is not served`)
    if (apiVersion < served.first || apiVersion > served.last) {
      if (apiKey === apiVersions.key) return { chunks: [encodeResponse(apiVersions, 0, correlationId, unsupportedApiVersions)] }
      throw new OttlaError('UNSUPPORTED_VERSION', `it sent ${served.api.name} version ${apiVersion}; ${served.first} to ${served.last} are served`)
    }
    if (!this.isAuthenticated && !beforeLogin.has(apiKey)) throw new OttlaError('ILLEGAL_SASL_STATE', `it sent ${served.api.name} before it authenticated`)
    this.#checkSession(apiKey, served.api.name)
    // What others do while the answer is waited for does not count: only the time of the thread that this request took (KIP-124).
    const { quotas } = this.#service
    const began = quotas.uses('request_percentage') ? quotas.now() : null
    const request = decodeRequestBody(served.api, apiVersion, frame, header.bodyStart)
    const lease = apiKey === fetch.key ? this.#answers.lease() : undefined
    const pending = this.#serve(served, request, this.#call(header, lease))
    const tookMs = began === null ? null : quotas.now() - began
    const response = await pending
    if (response === 'hang up') throw hangUp
    this.#throttle(served, header, frame.length, tookMs, response)
    if (response === null) return null
    if (lease === undefined) return { chunks: [encodeResponse(served.api, apiVersion, correlationId, response as never)] }
    return { chunks: encodeResponseParts(served.api, apiVersion, correlationId, response as never), taken: lease.release }
  }

  #serve(served: WireApi, body: PlainMessage, call: Call): Promise<PlainMessage | null | 'hang up'> {
    const { intercept } = this.#service
    if (intercept === null) return served.handle(body, call)
    const { version, clientId, endpoint, signal } = call
    return intercept({ api: served.api, version, clientId, body, endpoint, signal }, () => served.handle(body, call))
  }

  #call({ apiVersion, clientId }: RequestHeader, answers: AnswerLease | undefined): Call {
    const { broker: unguarded, authorizer, fetchSessions, users, clock } = this.#service
    const { rights, broker } = this.#accessNow()
    return {
      broker, unguarded, rights, principal: this.#principal(), hasName: this.#name() !== null, hasAcls: authorizer !== null, fetchSessions, users,
      fetchQuota: this.#fetchQuota(clientId), mutationQuota: (isStrict) => this.#mutationQuota(clientId, isStrict), gate: this.#gate,
      version: apiVersion, clientId: clientId ?? '', clientHost: `/${this.#peer.remoteAddress}`, endpoint: this.#endpoint, now: () => clock.now(), signal: this.#gone.signal, answers,
    }
  }

  /** What is over its quota is answered at once, with the time for which nothing more is heard from the client (KIP-219). */
  #throttle({ api }: WireApi, { clientId }: RequestHeader, bytes: number, tookMs: number | null, response: PlainMessage | null): void {
    const { quotas } = this.#service
    const told = meteredKeys.has(api.key) ? (response as { throttleTimeMs?: number } | null)?.throttleTimeMs ?? 0 : 0
    const forBytes = api.key === produce.key && quotas.uses('producer_byte_rate') ? quotas.record(this.#subject(clientId), 'producer_byte_rate', bytes) : 0
    const forTime = tookMs === null || response === null || unmeteredKeys.has(api.key) ? 0 : quotas.recordTime(this.#subject(clientId), tookMs)
    const waitMs = Math.max(told, forBytes, forTime)
    if (waitMs > told && response !== null) Object.assign(response, { throttleTimeMs: waitMs })
    if (waitMs === 0 || this.#gone.signal.aborted) return
    const wait = new Promise<void>((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#gone.signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#service.scheduler.after(waitMs, end)
      this.#gone.signal.addEventListener('abort', end)
    })
    // It does not end before the one in force, so that requests that wait for it keep their order; and those wait in line behind the end that is noted here.
    const mute = Promise.all([this.#mute, wait])
    this.#mute = mute
    void mute.then(() => { if (this.#mute === mute) this.#mute = null })
  }

  #subject(clientId: string | null): QuotaSubject { return { user: this.#name() ?? ANONYMOUS.slice('User:'.length), clientId: clientId ?? '' } }

  /** Raises ILLEGAL_SASL_STATE when its login has run out, or is being renewed. */
  #checkSession(apiKey: number, name: string): void {
    if (this.#gate?.isExpired === true && !this.#gate.isRenewing && apiKey !== saslHandshake.key) {
      throw new OttlaError('ILLEGAL_SASL_STATE', `it sent ${name} when its login had run out (connections.max.reauth.ms)`)
    }
    if (this.#gate?.isRenewing === true && !beforeLogin.has(apiKey)) throw new OttlaError('ILLEGAL_SASL_STATE', `it sent ${name} while it logged in again`)
  }

  #fetchQuota(clientId: string | null): FetchQuota {
    const { quotas } = this.#service
    if (!quotas.uses('consumer_byte_rate')) return noQuota
    const subject = this.#subject(clientId)
    return { mostAtOnce: quotas.mostAtOnce(subject, 'consumer_byte_rate'), take: (bytes) => quotas.recordUnlessOver(subject, 'consumer_byte_rate', bytes) }
  }

  #mutationQuota(clientId: string | null, isStrict: boolean): MutationQuota {
    const { quotas } = this.#service
    let waitMs = 0
    const allowance: PartitionAllowance = {
      take: (partitions) => {
        waitMs = quotas.recordMutations(this.#subject(clientId), partitions, isStrict)
        if (isStrict && waitMs > 0) throw new OttlaError('THROTTLING_QUOTA_EXCEEDED', `the quota controller_mutation_rate is used up: try again in ${waitMs} ms`)
      },
    }
    return { allowance: quotas.uses('controller_mutation_rate') ? allowance : undefined, waitMs: () => waitMs }
  }

  /** Who it is stands once the login is over; before, nothing is asked that needs a right. */
  #accessNow(): Access {
    if (this.#access !== null) return this.#access
    const { broker, authorizer, denials } = this.#service
    if (authorizer === null) return this.#access = { rights: everyRight, broker }
    const rights = rightsOf(authorizer, { principal: this.#principal(), host: this.#peer.remoteAddress }, (line) => denials.warn(line))
    const access = { rights, broker: guardedBroker(broker, rights) }
    if (this.isAuthenticated) this.#access = access
    return access
  }

  #name(): string | null { return this.#gate === null ? this.#peer.certificateName : this.#gate.user }

  #principal(): string {
    const name = this.#name()
    return name === null ? ANONYMOUS : `User:${name}`
  }
}

/** After SaslHandshake version 0: a token and its answer with nothing but the length around them. */
async function bareToken(gate: SaslGate, token: Uint8Array): Promise<readonly Uint8Array[]> {
  const step = await gate.token(token, true)
  if (step.kind === 'failed') throw new OttlaError('SASL_AUTHENTICATION_FAILED', 'authentication failed')
  const length = Buffer.alloc(4)
  length.writeInt32BE(step.token.length)
  return [length, step.token]
}

/** −1 for a frame too short to say. */
function keyOf(frame: Uint8Array): number { return frame.length < KEY_SIZE ? -1 : (frame[0]! << 8) | frame[1]! }
