/**
 * The broker's settings in force: what `open` was given, under what `alterConfigs` changed at run time. The changes are kept in the metadata
 * store and hold again after reopening; of a setting that may not change while open they are never taken.
 */
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { Mutex } from '../common/mutex.ts'
import { brokerTable } from '../config/broker-settings.ts'
import { resolveBroker } from '../config/resolve.ts'
import { formatSetting } from '../config/setting-value.ts'
import type { BrokerValues } from '../config/values.ts'
import type { MetadataStore } from './metadata-store.ts'

export const BROKER_CONFIG = '/broker-config'
export type Overrides = Readonly<Record<string, string>>

export class BrokerConfig {
  readonly #store: MetadataStore
  readonly #given: Overrides
  readonly #mutex = new Mutex()
  #dynamic: Overrides
  #values: BrokerValues

  private constructor(store: MetadataStore, given: Overrides, dynamic: Overrides) {
    this.#store = store
    this.#given = given
    this.#dynamic = dynamic
    this.#values = resolveBroker({ ...given, ...dynamic })
    this.live = { ...this.#values }
  }

  /** `given`: as `open` got them. Raises INVALID_CONFIG for them; stored changes that are not valid any more are dropped with an error line. */
  static async load(store: MetadataStore, given: object, logger: Logger): Promise<BrokerConfig> {
    const texts = textsOf(given)
    const node = await store.get(BROKER_CONFIG)
    if (node === null) return new BrokerConfig(store, texts, {})
    const dynamic = decode(node.value)
    try {
      if (dynamic !== null) return new BrokerConfig(store, texts, dynamic)
    } catch (error) {
      logger.error('stored broker settings are not valid and are not used', { error })
      return new BrokerConfig(store, texts, {})
    }
    logger.error('stored broker settings cannot be read and are lost', { path: BROKER_CONFIG })
    return new BrokerConfig(store, texts, {})
  }

  get values(): BrokerValues { return this.#values }
  /** One object that always holds the current values, for parts that keep their settings. */
  readonly live: BrokerValues
  /** As text; of `open`. */
  get given(): Overrides { return this.#given }
  /** As text; of `alterConfigs`. */
  get dynamic(): Overrides { return this.#dynamic }

  /** Raises INVALID_CONFIG when a result is not valid or a setting may not change while open. With `validateOnly` nothing changes. */
  alter(change: (dynamic: Overrides) => Overrides, validateOnly: boolean): Promise<void> {
    return this.#mutex.run(async () => {
      const next = change(this.#dynamic)
      for (const name of new Set([...Object.keys(next), ...Object.keys(this.#dynamic)])) {
        if (next[name] !== this.#dynamic[name] && brokerTable[name]?.fixed === true) {
          throw new OttlaError('INVALID_CONFIG', `${name} cannot change while the database is open: give it to open()`)
        }
      }
      const values = resolveBroker({ ...this.#given, ...next })
      if (validateOnly) return
      await this.#store.set(BROKER_CONFIG, Buffer.from(JSON.stringify({ version: 1, configs: next })))
      this.#dynamic = next
      this.#values = values
      Object.assign(this.live, values)
    })
  }
}

function textsOf(given: object): Overrides {
  const values = resolveBroker(given) as unknown as Readonly<Record<string, Parameters<typeof formatSetting>[0]>>
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    const text = value === undefined ? null : formatSetting(values[name] ?? null)
    if (text !== null) texts[name] = text
  }
  return texts
}

function decode(bytes: Uint8Array): Overrides | null {
  try {
    const json = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) as { version?: unknown; configs?: unknown } | null
    const sound = json !== null && json.version === 1 && typeof json.configs === 'object' && json.configs !== null
      && Object.values(json.configs).every((value) => typeof value === 'string')
    return sound ? { ...json.configs as Overrides } : null
  } catch {
    return null
  }
}
