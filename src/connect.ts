/**
 * `connect`: the door to a cluster, as `open` is to a directory. What speaks the protocol is loaded on the first call only: programs that open
 * directories do not pay for it.
 */
import type { Kafka } from './client/types.ts'
import { loadPart } from './common/load-part.ts'
import type { Logger } from './common/logger.ts'
import type { ClientSettings } from './config/settings.ts'
import type { Users } from './users.ts'
import type { ConnectionOptions } from 'node:tls'

export interface ConnectOptions {
  /** TLS: `true`, or what Node's `tls.connect` takes (`ca`, `cert`, `key`, `servername`, `rejectUnauthorized` …). */
  ssl?: boolean | ConnectionOptions
  /** Default: info and above on standard error. */
  logger?: Logger
  /** Ends the connecting with ABORTED. */
  signal?: AbortSignal
}

/** A connection to a cluster: what an embedded database gives, but for what belongs to a directory. */
export interface RemoteKafka extends Kafka {
  /** Who may log in with SCRAM on the brokers. */
  readonly users: Users
}

/**
 * Connects to Apache Kafka, Redpanda, another Ottla: `bootstrap` is `'host:9092'`, several of these, or the settings with `bootstrap.servers`.
 * Resolves once one of the brokers has answered; from then on, brokers may come and go. One that is not ready is asked again within `default.api.timeout.ms`.
 *
 * Raises INVALID_CONFIG for settings, and for a port where no Kafka broker listens; NETWORK_EXCEPTION when none can be reached;
 * SASL_AUTHENTICATION_FAILED, UNSUPPORTED_SASL_MECHANISM; ABORTED by the signal.
 */
export async function connect(bootstrap: string | readonly string[] | ClientSettings & ConnectOptions, settings?: ClientSettings & ConnectOptions): Promise<RemoteKafka> {
  const { connectKafka } = await loadPart('the code for clusters', () => import('./remote-kafka.ts'))
  return connectKafka(bootstrap, settings)
}
