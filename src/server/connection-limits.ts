/** The bounds of one connection (spec/reliability 3.4, spec/wire-protocol 2.4). Times in milliseconds, sizes in bytes. */
export interface ConnectionLimits {
  /** Largest request once the peer may speak; `socket.request.max.bytes`. */
  readonly maxFrameBytes: number
  /** Largest request of a peer that has not authenticated yet; Kafka's sasl.server.max.receive.size. */
  readonly maxFrameBytesBefore: number
  /** Requests read but not answered, at most. */
  readonly maxPendingRequests: number
  /** Bytes of requests read but not answered, above which reading stops. */
  readonly maxPendingBytes: number
  /** From the connection to its first whole request (and to authentication, where there is one). */
  readonly firstFrameMs: number
  /** From the first byte of a request to its last; a second more for every 64 KiB that has come. */
  readonly frameMs: number
  /** Without a request under way; `connections.max.idle.ms`. */
  readonly idleMs: number
}

export const defaultLimits: ConnectionLimits = {
  maxFrameBytes: 104_857_600, maxFrameBytesBefore: 524_288, maxPendingRequests: 64, maxPendingBytes: 4_194_304,
  firstFrameMs: 10_000, frameMs: 30_000, idleMs: 600_000,
}
