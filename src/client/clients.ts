/** Gives admin, producers and consumers over one `BrokerApi`, and closes them together. Called by open.ts (and later connect.ts) only. */
import { shown } from '../common/call-options.ts'
import type { Ports } from '../common/ports.ts'
import { resolveAdmin, resolveConsumer, resolveProducer } from '../config/resolve.ts'
import type { AdminSettings, ConsumerValues, ProducerValues } from '../config/settings.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import { KafkaAdmin } from './admin.ts'
import { KafkaConsumer } from './consumer.ts'
import { invalidConfig } from './failure.ts'
import { fetchShare } from './fetch-memory.ts'
import type { PendingBatch } from './pending-batch.ts'
import { KafkaProducer } from './producer.ts'
import { SendBudget } from './send-budget.ts'
import { resolveDeserializer, resolveSerializer } from './serializers.ts'
import type { Admin, Consumer, ConsumerSettings, Producer, ProducerSettings } from './types.ts'
import { within } from './waiting.ts'

/** Batches of a partition in flight in process: two groups of the log at the default batch.size, one that is written or synced and one that is made ready meanwhile. */
const EMBEDDED_PIPELINE = 32

/** What may be asked of settings of any record type. */
type ProducerSettingNames = Pick<ProducerSettings, 'enable.idempotence' | 'max.in.flight.requests.per.connection'>

export interface ClientsOptions {
  /** The broker runs in this process: its answers are authoritative at once, and defaults are those in process. */
  readonly embedded: boolean
  /** Node id of the embedded broker, for admin calls on "the" broker. */
  readonly nodeId: number
  /** Remote: gives each producer and consumer an api of its own, with connections of its own, for as long as it lives. */
  readonly dedicate?: (client: ProducerValues | ConsumerValues) => DedicatedApi
  /** Settings of the admin client. */
  readonly admin?: AdminSettings
}

export interface DedicatedApi { readonly api: BrokerApi; close(): void }

export interface Clients {
  readonly admin: Admin
  producer<K = Uint8Array, V = Uint8Array>(settings?: ProducerSettings<K, V>): Producer<K, V>
  consumer<K = Uint8Array, V = Uint8Array>(settings?: ConsumerSettings<K, V>): Consumer<K, V>
  /** Closes consumers, then producers. What is not done after `timeoutMs` is given up (its sends reject with CLOSED). */
  closeAll(timeoutMs?: number): Promise<void>
  /**
   * For the exit handler, when no promise will ever run again: takes everything that waits in producers, in order per partition. The
   * producers are dead afterwards. `partitionCount` (0: no such topic) answers for the metadata that will not come any more.
   */
  pendingBatches(partitionCount: (topic: string) => number): PendingBatch[]
}

export function createClients(api: BrokerApi, ports: Ports, options: ClientsOptions): Clients {
  const budget = new SendBudget()
  const producers = new Set<Pick<KafkaProducer<unknown, unknown>, 'close' | 'abandon' | 'takePending'>>()
  const consumers = new Set<Pick<KafkaConsumer<unknown, unknown>, 'abandon'>>()

  function producer<K = Uint8Array, V = Uint8Array>(settings: ProducerSettings<K, V> = {}): Producer<K, V> {
    const values = resolveProducer(settings, options.embedded)
    const own = options.dedicate?.(values)
    const made: KafkaProducer<K, V> = new KafkaProducer<K, V>(own?.api ?? api, ports, {
      values, budget, ended: () => { producers.delete(made); own?.close() }, embedded: options.embedded, ...pipelineOf(values, settings, options.embedded),
      keySerializer: resolveSerializer('key.serializer', settings['key.serializer']),
      valueSerializer: resolveSerializer('value.serializer', settings['value.serializer']),
      partitioner: checkPartitioner(settings.partitioner),
    })
    producers.add(made)
    return made
  }

  function consumer<K = Uint8Array, V = Uint8Array>(settings: ConsumerSettings<K, V> = {}): Consumer<K, V> {
    const values = resolveConsumer(settings)
    const own = options.dedicate?.(values)
    const made: KafkaConsumer<K, V> = new KafkaConsumer<K, V>(own?.api ?? api, ports, {
      values, embedded: options.embedded, ended: () => { consumers.delete(made); own?.close() }, fetchShare: () => fetchShare(consumers.size),
      deserializers: {
        key: resolveDeserializer('key.deserializer', settings['key.deserializer']),
        value: resolveDeserializer('value.deserializer', settings['value.deserializer']),
      },
    })
    consumers.add(made)
    return made
  }

  return {
    admin: new KafkaAdmin(api, ports, resolveAdmin(options.admin)),
    producer,
    consumer,
    async closeAll(timeoutMs = 30_000) {
      await Promise.all([...consumers].map((each) => within(ports.scheduler, timeoutMs, 'closing', each.abandon()).catch(() => {})))
      await Promise.all([...producers].map((each) => within(ports.scheduler, timeoutMs, 'closing', each.close()).catch(() => each.abandon())))
    },
    pendingBatches: (partitionCount) => [...producers].flatMap((each) => each.takePending(partitionCount)),
  }
}

/**
 * Whether batches carry sequence numbers, and how many of a partition may be in flight.
 *
 * With acks 1 `enable.idempotence` resolves to false, as in Kafka; in process a sequence costs nothing and keeps retries in order and free
 * of duplicates, so only an explicit `false` does without. Kafka's five requests in flight are a matter of the wire: in process, where the
 * setting is not given, more batches go at once, so that one write and one sync carry more of them.
 */
function pipelineOf(values: ProducerValues, settings: ProducerSettingNames, embedded: boolean): { sequenced: boolean; pipeline: number } {
  const inFlight = values['max.in.flight.requests.per.connection']
  const possible = values.acks !== 0 && values.retries > 0 && inFlight <= 5
  const sequenced = values['enable.idempotence'] || (embedded && possible && settings['enable.idempotence'] === undefined)
  const wide = embedded && sequenced && settings['max.in.flight.requests.per.connection'] === undefined
  return { sequenced, pipeline: wide ? EMBEDDED_PIPELINE : inFlight }
}

function checkPartitioner<K, V>(given: ProducerSettings<K, V>['partitioner']): Exclude<ProducerSettings<K, V>['partitioner'], undefined> {
  if (given === undefined) return 'default'
  if (typeof given === 'function' || given === 'default' || given === 'round-robin') return given
  throw invalidConfig(`partitioner takes 'default', 'round-robin' or a function, not ${shown(given)}`)
}
