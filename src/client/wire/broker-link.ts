/**
 * A connection that is ready for requests: the versions of both sides are known, and the broker knows who we are.
 *
 * Handshake: TCP, TLS, ApiVersions (v4; a broker that does not know it says in v0 which it knows, KIP-511), then SaslHandshake and SaslAuthenticate
 * (spec/wire-protocol 6.1). A session that ends is renewed in band before it does (KIP-368): requests wait meanwhile.
 */
import type { Socket } from 'node:net'
import { errorCodeName, OttlaError } from '../../common/errors.ts'
import type { Ports } from '../../common/ports.ts'
import type { Timer } from '../../common/scheduler.ts'
import type { Api, RequestInput, ResponseOf } from '../../protocol/api.ts'
import { apis } from '../../protocol/api-registry.ts'
import { decodeResponse, encodeRequest, encodeRequestParts } from '../../protocol/frames.ts'
import { addressText, type Address } from './address.ts'
import { Connection } from './connection.ts'
import { saslExchange, type Credentials } from './sasl.ts'
import { openSocket, socketError, type TlsOptions } from './socket.ts'

export interface LinkSettings {
  readonly clientId: string
  /** What the broker is told of this software. */
  readonly softwareVersion: string
  readonly requestTimeoutMs: number
  readonly maxFrameBytes: number
  readonly tls: TlsOptions | null
  readonly credentials: Credentials | null
}

export interface CallOptions {
  /** Bounds on the version, where a request needs what only some have. */
  readonly minVersion?: number
  readonly maxVersion?: number
  /** Default: request.timeout.ms. */
  readonly timeoutMs?: number
}

/** What a request is made of once the version is known. */
export type RequestFor<A extends Api> = RequestInput<A> | ((version: number) => RequestInput<A>)

const UNSUPPORTED_VERSION = 35
/** Of a session's life, before it is renewed: at least, and by chance more (as Kafka's clients do, so that not all come at once). */
const RENEW = { at: 0.85, spread: 0.1 }

export class BrokerLink {
  readonly address: Address
  readonly #connection: Connection
  readonly #settings: LinkSettings
  readonly #ports: Ports
  readonly #versions = new Map<number, { readonly min: number; readonly max: number }>()
  #renewal: Timer | null = null
  /** While the session is renewed. */
  #gate: Promise<void> | null = null
  #usedAt: number
  #ended: () => void = () => {}

  constructor(address: Address, socket: Socket, settings: LinkSettings, ports: Ports) {
    this.address = address
    this.#settings = settings
    this.#ports = ports
    this.#usedAt = ports.clock.monotonic()
    this.#connection = new Connection(address, socket, ports, settings.tls !== null)
    this.#connection.ended = () => {
      this.#renewal?.cancel()
      this.#ended()
    }
  }

  get isOpen(): boolean { return this.#connection.isOpen }
  get isAwaiting(): boolean { return this.#connection.pendingRequests > 0 }
  /** Milliseconds since the last request or answer; 0 while one is awaited. */
  get idleMs(): number { return this.isAwaiting ? 0 : this.#ports.clock.monotonic() - this.#usedAt }

  onEnded(listener: () => void): void { this.#ended = listener }

  // ---- handshake ----

  async handshake(): Promise<void> {
    await this.#negotiate()
    if (this.#settings.credentials !== null) await this.#authenticate(this.#settings.credentials)
    this.#connection.allow(this.#settings.maxFrameBytes)
  }

  async #negotiate(): Promise<void> {
    let version = apis.apiVersions.maxVersion
    for (;;) {
      const frame = await this.#exchange(apis.apiVersions, version, { clientSoftwareName: 'ottla', clientSoftwareVersion: this.#settings.softwareVersion })
      // The error code comes first in every version, and a broker that does not know the version answers with version 0.
      const errorCode = frame.length < 6 ? 0 : Buffer.from(frame.buffer, frame.byteOffset, frame.length).readInt16BE(4)
      const answer = this.#decode(apis.apiVersions, errorCode === UNSUPPORTED_VERSION ? 0 : version, frame)
      if (answer.errorCode === UNSUPPORTED_VERSION && version > 0) {
        const known = answer.apiKeys.find((each) => each.apiKey === apis.apiVersions.key)?.maxVersion ?? 0
        version = Math.min(known, version - 1)
        continue
      }
      if (answer.errorCode !== 0) throw this.#refusal(answer.errorCode, 'ApiVersions', null)
      for (const { apiKey, minVersion, maxVersion } of answer.apiKeys) this.#versions.set(apiKey, { min: minVersion, max: maxVersion })
      return
    }
  }

  async #authenticate(credentials: Credentials): Promise<void> {
    const hello = await this.#ask(apis.saslHandshake, { mechanism: credentials.mechanism }, { minVersion: 1 })
    const known = hello.mechanisms.length === 0 ? 'nobody logs in there: check security.protocol' : `it knows ${hello.mechanisms.join(', ')}`
    if (hello.errorCode !== 0) throw this.#refusal(hello.errorCode, `SASL ${credentials.mechanism}`, known)
    const exchange = saslExchange(credentials, this.#ports.random)
    let lifetimeMs = 0
    let challenge: Uint8Array = new Uint8Array(0)
    for (;;) {
      const authBytes = await exchange.next(challenge)
      if (authBytes === null) break
      const answer = await this.#ask(apis.saslAuthenticate, { authBytes })
      if (answer.errorCode !== 0) throw this.#refusal(answer.errorCode, `SASL ${credentials.mechanism} of user ${credentials.username}`, answer.errorMessage)
      challenge = answer.authBytes
      lifetimeMs = answer.sessionLifetimeMs
    }
    if (lifetimeMs > 0) this.#renewal = this.#ports.scheduler.after(lifetimeMs * (RENEW.at + RENEW.spread * this.#ports.random.float()), () => this.#renew(credentials))
  }

  #renew(credentials: Credentials): void {
    this.#gate = this.#authenticate(credentials).catch((error: unknown) => this.#connection.fail(OttlaError.from(error))).finally(() => { this.#gate = null })
  }

  #refusal(errorCode: number, what: string, message: string | null): OttlaError {
    const code = errorCodeName(errorCode)
    return new OttlaError(code, `broker ${addressText(this.address)} refused ${what}: ${message ?? code}`)
  }

  // ---- requests ----

  /** The highest version that both sides have. Raises UNSUPPORTED_VERSION. */
  version(api: Api, { minVersion = 0, maxVersion = Infinity }: CallOptions = {}): number {
    const theirs = this.#versions.get(api.key)
    const where = `broker ${addressText(this.address)}`
    if (theirs === undefined) throw new OttlaError('UNSUPPORTED_VERSION', `${where} does not know ${api.name}: it is too old for this, or has no such thing`)
    const most = Math.min(api.maxVersion, maxVersion, theirs.max)
    if (most >= Math.max(api.minVersion, minVersion, theirs.min)) return most
    const least = Math.max(api.minVersion, minVersion)
    const ours = `${least} to ${Math.min(api.maxVersion, maxVersion)}`
    const who = theirs.max < least ? 'it is too old for this' : 'this version of Ottla is too old for it'
    throw new OttlaError('UNSUPPORTED_VERSION', `${where} knows versions ${theirs.min} to ${theirs.max} of ${api.name}, and ${ours} are needed here: ${who}`)
  }

  /** Raises UNSUPPORTED_VERSION, REQUEST_TIMED_OUT, NETWORK_EXCEPTION. */
  async call<A extends Api>(api: A, request: RequestFor<A>, options: CallOptions = {}): Promise<ResponseOf<A>> {
    while (this.#gate !== null) await this.#gate
    return this.#ask(api, request, options)
  }

  async #ask<A extends Api>(api: A, request: RequestFor<A>, options: CallOptions = {}): Promise<ResponseOf<A>> {
    const version = this.version(api, options)
    const frame = await this.#exchange(api, version, typeof request === 'function' ? request(version) : request, options.timeoutMs)
    return this.#decode(api, version, frame)
  }

  /** What cannot be read says nothing of what the broker did, and what comes behind it is no better. */
  #decode<A extends Api>(api: A, version: number, frame: Uint8Array): ResponseOf<A> {
    try {
      return decodeResponse(api, version, frame)
    } catch (cause) {
      const error = new OttlaError('NETWORK_EXCEPTION', `broker ${addressText(this.address)} answered ${api.name} (version ${version}) with what cannot be read`, { cause })
      this.#connection.fail(error)
      throw error
    }
  }

  async #exchange<A extends Api>(api: A, version: number, body: RequestInput<A>, timeoutMs: number = this.#settings.requestTimeoutMs): Promise<Uint8Array> {
    const id = this.#connection.nextCorrelationId()
    const frame = encodeRequest(api, version, id, this.#settings.clientId, body)
    this.#usedAt = this.#ports.clock.monotonic()
    const answer = await this.#connection.request(id, [frame], api.name, timeoutMs)
    this.#usedAt = this.#ports.clock.monotonic()
    return answer
  }

  /**
   * Sends a Produce request, in the order of the calls: record data is not copied, and must not change until the promise is settled. With acks 0
   * there is no answer: null, once the operating system has it all.
   */
  produce(request: RequestInput<typeof apis.produce>, timeoutMs: number): Promise<ResponseOf<typeof apis.produce> | null> {
    // Topics go by name: version 13 knows them by id alone.
    const version = this.version(apis.produce, { maxVersion: 12 })
    const id = this.#connection.nextCorrelationId()
    const parts = encodeRequestParts(apis.produce, version, id, this.#settings.clientId, request)
    this.#usedAt = this.#ports.clock.monotonic()
    if (request.acks === 0) return this.#connection.send(parts).then(() => null)
    return this.#connection.request(id, parts, apis.produce.name, timeoutMs).then((frame) => this.#decode(apis.produce, version, frame))
  }

  /** Resolves when requests may be sent: not while the session is renewed. */
  ready(): Promise<void> { return this.#gate ?? Promise.resolve() }

  close(): void {
    this.#renewal?.cancel()
    this.#connection.close()
  }

  fail(error: OttlaError): void { this.#connection.fail(error) }
}

export interface Opening {
  readonly link: Promise<BrokerLink>
  /** Ends the attempt with `error`. */
  cancel(error: OttlaError): void
}

/** Connects, and shakes hands, within `timeoutMs`. */
export function openLink(address: Address, settings: LinkSettings, ports: Ports, timeoutMs: number): Opening {
  let link: BrokerLink | null = null
  let cancel: (error: OttlaError) => void = () => {}
  const promise = new Promise<BrokerLink>((resolve, reject) => {
    const timer = ports.scheduler.after(timeoutMs, () => cancel(new OttlaError('NETWORK_EXCEPTION', tooSlow(address, timeoutMs, !socket.connecting, settings.tls !== null))))
    const failed = (error: OttlaError): void => {
      timer.cancel()
      reject(error)
    }
    const socket = openSocket(address, settings.tls, () => {
      socket.off('error', refused)
      link = new BrokerLink(address, socket, settings, ports)
      const made = link
      made.handshake().then(() => {
        timer.cancel()
        resolve(made)
      }, (reason: unknown) => {
        const error = OttlaError.from(reason)
        made.fail(error)
        failed(error)
      })
    })
    const refused = (error: Error): void => failed(socketError(address, error, settings.tls !== null))
    socket.on('error', refused)
    cancel = (error) => {
      failed(error)
      if (link !== null) link.fail(error)
      else {
        socket.on('error', () => {})
        socket.destroy()
      }
    }
  })
  return { link: promise, cancel: (error) => cancel(error) }
}

function tooSlow(address: Address, timeoutMs: number, connected: boolean, usesTls: boolean): string {
  const silence = `answers nothing: is this the port of a Kafka broker, ${usesTls ? 'with' : 'without'} TLS?`
  return `broker ${addressText(address)} ${connected ? silence : 'cannot be reached'} (${timeoutMs} ms)`
}
