/** `startBroker`: a Kafka broker for tests, in the process of the test. What it is, in types; `src/start-broker.ts` puts it together. */
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { Scheduler } from '../common/scheduler.ts'
import type { BrokerSettings } from '../config/settings.ts'
import type { ListenOptions } from '../server/wire-listener.ts'
import type { Ottla } from '../ottla.ts'
import type { DelayOptions, DropOptions, FailOptions, FaultApi, InjectedFault } from './request-faults.ts'

/** Settings of the broker under Kafka's names, and: */
export interface StartBrokerOptions extends BrokerSettings, ListenOptions {
  /** Default 0: one that is free. */
  port?: number
  /** Keep files in a new directory under the system's temporary one, removed by `close`. Default false: in memory. */
  temporaryDirectory?: boolean
  /** Who may log in, with `sasl`: passwords by name. They are there after a reset, too. */
  users?: Readonly<Record<string, string>>
  /** Default: silent. */
  logger?: Logger
  /** What `delay` counts its milliseconds by: a ManualScheduler lets the test say when they are over. Default: real time. */
  scheduler?: Scheduler
}

export interface TestBroker extends AsyncDisposable {
  /** "127.0.0.1:54321", as clients take it for `brokers` or `bootstrap.servers`. */
  readonly bootstrap: string
  readonly host: string
  readonly port: number
  /** The database behind the port, until the next reset: to arrange what a test needs, and to look at what it left. */
  readonly ottla: Ottla
  /**
   * The next requests of an API are answered with an error, at every topic, partition or group that they name; nothing is done. A Fetch in a session is first
   * made to come again without one. Requests whose answer has no place for an error (Metadata about everything, before version 13) are left alone.
   */
  fail(api: FaultApi, options: FailOptions): InjectedFault
  /** The next requests are carried out at once and answered late. */
  delay(api: FaultApi, options: DelayOptions): InjectedFault
  /** The connections of the next requests are closed without an answer: before anything was done, or (`carriedOut`) after. */
  drop(api: FaultApi, options?: DropOptions): InjectedFault
  /** How many requests of an API came in since the start or the last reset. */
  requests(api: FaultApi): number
  /** Cancels every fault, and counts requests anew. */
  clearFaults(): void
  /**
   * As just started, on the same port: no topics, groups, offsets, users beyond those given, changed settings or faults. Connections are closed; clients that
   * live on connect again. `ottla` is another one.
   */
  reset(): Promise<void>
  /** Ends connections at once, and removes what was kept. Idempotent. */
  close(): Promise<void>
}

/** Starts a broker on a free port of loopback. Raises INVALID_CONFIG for settings, INVALID_ARGUMENT for options. */
export async function startBroker(options: StartBrokerOptions = {}): Promise<TestBroker> {
  if (Object.prototype.toString.call(options) !== '[object Object]') throw new OttlaError('INVALID_ARGUMENT', 'startBroker(options): the options are an object')
  const { startTestBroker } = await import('../start-broker.ts')
  return startTestBroker(options)
}
