/**
 * What is said on one connection: frames to requests to handlers and back. An API or version that is not served, and a request that cannot be read, close
 * the connection without an answer, as in Kafka (spec/wire-protocol 2.4); only ApiVersions is answered in any version.
 */
import { OttlaError } from '../common/errors.ts'
import { apis } from '../protocol/api-registry.ts'
import { decodeRequestBody, decodeRequestHeader, encodeResponse, encodeResponseParts, type RequestHeader } from '../protocol/frames.ts'
import type { PlainMessage } from '../protocol/schema.ts'
import { unsupportedApiVersions } from './apis/api-versions.ts'
import type { FetchSessions } from './fetch-sessions.ts'
import type { Peer, Session } from './listener.ts'
import type { Call, Endpoint, ServedBroker, WireApi } from './wire-api.ts'

/** What the connections of a listener share. */
export interface WireService {
  readonly broker: ServedBroker
  readonly fetchSessions: FetchSessions
  /** By key. */
  readonly served: readonly (WireApi | undefined)[]
  /** Where clients that came this way should come back to. */
  endpointFor(peer: Peer): Endpoint
}

const { produce, fetch, joinGroup, syncGroup, apiVersions } = apis
const KEY_SIZE = 2

export class WireSession implements Session {
  readonly #service: WireService
  readonly #peer: Peer
  readonly #endpoint: Endpoint
  readonly #gone = new AbortController()

  constructor(service: WireService, peer: Peer) {
    this.#service = service
    this.#peer = peer
    this.#endpoint = service.endpointFor(peer)
  }

  get isAuthenticated(): boolean { return true }
  isOverlappable(frame: Uint8Array): boolean { return keyOf(frame) === produce.key }

  isParked(frame: Uint8Array): boolean {
    const key = keyOf(frame)
    return key === joinGroup.key || key === syncGroup.key
  }

  drain(): void { this.#gone.abort() }
  close(): void { this.#gone.abort() }

  async handle(frame: Uint8Array): Promise<readonly Uint8Array[] | null> {
    const header = decodeRequestHeader(frame)
    const { apiKey, apiVersion, correlationId } = header
    const served = this.#service.served[apiKey]
    if (served === undefined) throw new OttlaError('UNSUPPORTED_VERSION', `it asked for API ${apiKey}, which is not served`)
    if (apiVersion < served.first || apiVersion > served.last) {
      if (apiKey === apiVersions.key) return [encodeResponse(apiVersions, 0, correlationId, unsupportedApiVersions)]
      throw new OttlaError('UNSUPPORTED_VERSION', `it sent ${served.api.name} version ${apiVersion}; ${served.first} to ${served.last} are served`)
    }
    const request = decodeRequestBody(served.api, apiVersion, frame, header.bodyStart)
    const response = await served.handle(request, this.#call(header))
    return response === null ? null : encode(served, apiVersion, correlationId, response)
  }

  #call({ apiVersion, clientId }: RequestHeader): Call {
    const { broker, fetchSessions } = this.#service
    return {
      broker, fetchSessions, version: apiVersion, clientId: clientId ?? '', clientHost: `/${this.#peer.remoteAddress}`, endpoint: this.#endpoint,
      signal: this.#gone.signal,
    }
  }
}

function encode({ api }: WireApi, version: number, correlationId: number, response: PlainMessage): readonly Uint8Array[] {
  if (api.key === fetch.key) return encodeResponseParts(api, version, correlationId, response as never)
  return [encodeResponse(api, version, correlationId, response as never)]
}

/** −1 for a frame too short to say. */
function keyOf(frame: Uint8Array): number { return frame.length < KEY_SIZE ? -1 : (frame[0]! << 8) | frame[1]! }
