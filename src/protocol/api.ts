/** One API of Kafka's protocol: its key, its two messages and the versions that both have. */
import type { MessageInput, MessageOf, MessageSchema } from './schema.ts'
import { versionsOf } from './plan.ts'

export interface Api<Q extends MessageSchema = MessageSchema, R extends MessageSchema = MessageSchema> {
  readonly key: number
  /** Kafka's name, without "Request" and "Response". */
  readonly name: string
  readonly request: Q
  readonly response: R
  /** Versions known here; which of them a broker offers is its own affair. */
  readonly minVersion: number
  readonly maxVersion: number
  /** First flexible version: header v2 of requests, v1 of responses (but ApiVersions: v0 always). Infinity: none. */
  readonly flexibleSince: number
}

/** What a handler gets, and what a caller gets back. */
export type RequestOf<A extends Api> = MessageOf<A['request']>
export type ResponseOf<A extends Api> = MessageOf<A['response']>
/** What a caller gives, and what a handler answers. */
export type RequestInput<A extends Api> = MessageInput<A['request']>
export type ResponseInput<A extends Api> = MessageInput<A['response']>

export function defineApi<Q extends MessageSchema, R extends MessageSchema>(key: number, request: Q, response: R): Api<Q, R> {
  const { first, last, flexibleSince } = versionsOf(request)
  return { key, name: request.name.slice(0, -'Request'.length), request, response, minVersion: first, maxVersion: last, flexibleSince }
}
