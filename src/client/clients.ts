/** Gives admin, producers and consumers over one `BrokerApi`, and closes them together. Called by open.ts (and later connect.ts) only. */
import type { Ports } from '../common/ports.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import type { Admin, Consumer, ConsumerSettings, Producer, ProducerSettings } from './types.ts'

export interface ClientsOptions {
  /** The broker runs in this process: its answers are authoritative at once, and defaults are those in process. */
  readonly embedded: boolean
  /** Node id of the embedded broker, for admin calls on "the" broker. */
  readonly nodeId: number
}

/** A batch that was sent or posted and that the broker does not have yet. */
export interface PendingBatch {
  readonly topic: string; readonly partition: number
  /** One whole batch, sealed. */
  readonly records: Uint8Array
  /** −1, 0 or 1, as the producer was set. */
  readonly acks: number
}

export interface Clients {
  readonly admin: Admin
  producer<K = Uint8Array, V = Uint8Array>(settings?: ProducerSettings<K, V>): Producer<K, V>
  consumer<K = Uint8Array, V = Uint8Array>(settings?: ConsumerSettings<K, V>): Consumer<K, V>
  /** Closes consumers, then producers. What is not done after `timeoutMs` is given up (its sends reject with CLOSED). */
  closeAll(timeoutMs?: number): Promise<void>
  /**
   * For the exit handler, when no promise will ever run again: takes everything that waits in producers, in order per partition. The
   * producers are dead afterwards.
   */
  pendingBatches(): PendingBatch[]
}

export function createClients(api: BrokerApi, ports: Ports, options: ClientsOptions): Clients {
  throw new Error(`${typeof api} ${typeof ports} ${options.nodeId}`)
}
