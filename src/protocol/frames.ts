/**
 * Frames: the length, header and body of a request or response (spec/wire-protocol 2.1).
 *
 *   request   i32 length · i16 api key · i16 api version · i32 correlation id · nullable string client id · v2: tags · body
 *   response  i32 length · i32 correlation id · v1: tags · body
 *
 * Header v2 and v1 go with flexible bodies, v1 and v0 with the others; ApiVersions is always answered with header v0. The client id keeps
 * its classic length in both. What is decoded starts behind the length; what is encoded starts with it.
 */
import type { Api, RequestInput, RequestOf, ResponseInput, ResponseOf } from './api.ts'
import { apiOf } from './api-registry.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { decodeBody, encodeBody } from './message-codec.ts'

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  /** Where the body begins. */
  readonly bodyStart: number
}

const API_VERSIONS = 18
/** A writer that is larger than this is not kept. */
const MAX_KEPT = 1024 * 1024
let scratch = new ByteWriter(16 * 1024)

/**
 * The header of a request without its length. Of an API, or a version of one, that is not known here only the fixed part is looked at, and
 * `bodyStart` is behind the client id. Raises CORRUPT_MESSAGE.
 */
export function decodeRequestHeader(bytes: Uint8Array, start: number = 0, end: number = bytes.length): RequestHeader {
  const reader = new ByteReader(bytes, start, end)
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const clientId = reader.nullableString()
  const api = apiOf(apiKey)
  if (api !== undefined && apiVersion >= api.flexibleSince && apiVersion <= api.maxVersion) reader.skipTags()
  return { apiKey, apiVersion, correlationId, clientId, bodyStart: reader.position }
}

/** The body of a request whose header was decoded. Raises CORRUPT_MESSAGE, UNSUPPORTED_VERSION. */
export function decodeRequestBody<A extends Api>(api: A, version: number, bytes: Uint8Array, bodyStart: number, end: number = bytes.length): RequestOf<A> {
  return decodeBody<A['request']>(api.request, version, bytes, bodyStart, end)
}

function hasResponseTags(api: Api, version: number): boolean { return version >= api.flexibleSince && api.key !== API_VERSIONS }

function writeRequest<A extends Api>(writer: ByteWriter, api: A, version: number, correlationId: number, clientId: string | null, body: RequestInput<A>): void {
  const length = writer.reserveInt32()
  writer.int16(api.key)
  writer.int16(version)
  writer.int32(correlationId)
  writer.nullableString(clientId)
  if (version >= api.flexibleSince) writer.noTags()
  encodeBody<A['request']>(api.request, version, body, writer)
  writer.patchInt32(length, writer.size - 4)
}

function writeResponse<A extends Api>(writer: ByteWriter, api: A, version: number, correlationId: number, body: ResponseInput<A>): void {
  const length = writer.reserveInt32()
  writer.int32(correlationId)
  if (hasResponseTags(api, version)) writer.noTags()
  encodeBody<A['response']>(api.response, version, body, writer)
  writer.patchInt32(length, writer.size - 4)
}

/** What the scratch writer holds, in memory of its own. */
function finish(): Uint8Array {
  const frame = Buffer.allocUnsafe(scratch.position)
  frame.set(scratch.view())
  if (frame.length > MAX_KEPT) scratch = new ByteWriter(16 * 1024)
  return frame
}

/** A whole request, length included. Raises INVALID_REQUEST for a value that the version cannot carry, UNSUPPORTED_VERSION. */
export function encodeRequest<A extends Api>(api: A, version: number, correlationId: number, clientId: string | null, body: RequestInput<A>): Uint8Array {
  scratch.reset()
  writeRequest(scratch, api, version, correlationId, clientId, body)
  return finish()
}

/** As `encodeRequest`, in parts to be sent one behind the other: record data is not copied, so it must not change until it is sent. */
export function encodeRequestParts<A extends Api>(
  api: A, version: number, correlationId: number, clientId: string | null, body: RequestInput<A>,
): Uint8Array[] {
  const writer = new ByteWriter(512, true)
  writeRequest(writer, api, version, correlationId, clientId, body)
  return writer.parts()
}

/** A whole response, length included. Errors as `encodeRequest`. */
export function encodeResponse<A extends Api>(api: A, version: number, correlationId: number, body: ResponseInput<A>): Uint8Array {
  scratch.reset()
  writeResponse(scratch, api, version, correlationId, body)
  return finish()
}

/** As `encodeResponse`, in parts to be sent one behind the other: record data is not copied, so it must not change until it is sent. */
export function encodeResponseParts<A extends Api>(api: A, version: number, correlationId: number, body: ResponseInput<A>): Uint8Array[] {
  const writer = new ByteWriter(512, true)
  writeResponse(writer, api, version, correlationId, body)
  return writer.parts()
}

/** The correlation id of a response without its length, to find the request that it answers. Raises CORRUPT_MESSAGE. */
export function decodeCorrelationId(bytes: Uint8Array, start: number = 0, end: number = bytes.length): number {
  return new ByteReader(bytes, start, end).int32()
}

/** What a response may take in memory when decoded: it comes from a broker that was asked for it. */
const MAX_RESPONSE_MEMORY = 1024 * 1024 * 1024

/** The body of a response without its length. Raises CORRUPT_MESSAGE, UNSUPPORTED_VERSION. */
export function decodeResponse<A extends Api>(api: A, version: number, bytes: Uint8Array, start: number = 0, end: number = bytes.length): ResponseOf<A> {
  const reader = new ByteReader(bytes, start, end)
  reader.int32()
  if (hasResponseTags(api, version)) reader.skipTags()
  return decodeBody<A['response']>(api.response, version, bytes, reader.position, end, MAX_RESPONSE_MEMORY)
}
