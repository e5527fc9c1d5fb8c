/**
 * The broker's settings in force: what `open` was given, under what `alterConfigs` changed at run time. The changes are kept in the metadata
 * store and hold again after reopening; of a setting that may not change while open they are never taken. Beside them: what was set for groups, and which metrics clients are asked for.
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
type NamedOverrides = Readonly<Record<string, Overrides>>
/** What settings are kept of under names of their own. */
export type NamedKind = 'groups' | 'clientMetrics'
/** `defaults`: set for all brokers, and under what is set for this one; there is but one. */
interface Stored { readonly configs: Overrides; readonly defaults: Overrides; readonly named: Readonly<Record<NamedKind, NamedOverrides>> }
export type BrokerScope = 'this' | 'all'

const nothing: Stored = { configs: {}, defaults: {}, named: { groups: {}, clientMetrics: {} } }

export class BrokerConfig {
  readonly #store: MetadataStore
  readonly #given: Overrides
  readonly #mutex = new Mutex()
  #dynamic: Overrides
  #defaults: Overrides
  #named: Stored['named']
  #values: BrokerValues

  private constructor(store: MetadataStore, given: Overrides, { configs, defaults, named }: Stored) {
    this.#store = store
    this.#given = given
    this.#dynamic = configs
    this.#defaults = defaults
    this.#named = named
    this.#values = resolveBroker({ ...given, ...defaults, ...configs })
    this.live = { ...this.#values }
  }

  /** `given`: as `open` got them. Raises INVALID_CONFIG for them; a stored change that is not valid any more is dropped with an error line. */
  static async load(store: MetadataStore, given: object, logger: Logger): Promise<BrokerConfig> {
    const texts = textsOf(given)
    const node = await store.get(BROKER_CONFIG)
    if (node === null) return new BrokerConfig(store, texts, nothing)
    const stored = decode(node.value)
    if (stored !== null) return new BrokerConfig(store, texts, usable(texts, stored, logger))
    logger.error('stored broker settings cannot be read and are lost', { path: BROKER_CONFIG })
    return new BrokerConfig(store, texts, nothing)
  }

  get values(): BrokerValues { return this.#values }
  /** One object that always holds the current values, for parts that keep their settings. */
  readonly live: BrokerValues
  /** As text; of `open`. */
  get given(): Overrides { return this.#given }
  /** As text; of `alterConfigs`, for this broker. */
  get dynamic(): Overrides { return this.#dynamic }
  /** The same, for all brokers. */
  get defaults(): Overrides { return this.#defaults }

  /** Raises INVALID_CONFIG when a result is not valid or a setting may not change while open. With `validateOnly` nothing changes. */
  alter(change: (overrides: Overrides) => Overrides, validateOnly: boolean, scope: BrokerScope = 'this'): Promise<void> {
    return this.#mutex.run(async () => {
      const before = scope === 'this' ? this.#dynamic : this.#defaults
      const next = change(before)
      for (const name of new Set([...Object.keys(next), ...Object.keys(before)])) {
        if (next[name] !== before[name] && brokerTable[name]?.fixed === true) {
          throw new OttlaError('INVALID_CONFIG', `${name} cannot change while the database is open: give it to open()`)
        }
      }
      const [configs, defaults] = scope === 'this' ? [next, this.#defaults] : [this.#dynamic, next]
      const values = resolveBroker({ ...this.#given, ...defaults, ...configs })
      if (validateOnly) return
      await this.#keep({ configs, defaults, named: this.#named })
      this.#dynamic = configs
      this.#defaults = defaults
      this.#values = values
      Object.assign(this.live, values)
    })
  }

  /** What was set for one of these. */
  named(kind: NamedKind, name: string): Overrides { return Object.hasOwn(this.#named[kind], name) ? this.#named[kind][name]! : {} }

  /** Those for which something was set. */
  configured(kind: NamedKind): readonly string[] { return Object.keys(this.#named[kind]) }

  /** As `alter`, for the settings of one of these. */
  alterNamed(kind: NamedKind, name: string, change: (overrides: Overrides) => Overrides, validateOnly: boolean): Promise<void> {
    return this.#mutex.run(async () => {
      const changed = change(this.named(kind, name))
      if (validateOnly) return
      const others = Object.entries(this.#named[kind]).filter(([each]) => each !== name)
      const named = { ...this.#named, [kind]: Object.fromEntries(Object.keys(changed).length === 0 ? others : [...others, [name, changed]]) }
      await this.#keep({ configs: this.#dynamic, defaults: this.#defaults, named })
      this.#named = named
    })
  }

  async #keep({ configs, defaults, named }: Stored): Promise<void> {
    const said = Object.fromEntries(Object.entries({ defaults, ...named }).filter(([, each]) => Object.keys(each).length > 0))
    await this.#store.set(BROKER_CONFIG, Buffer.from(JSON.stringify({ version: 1, configs, ...said })))
  }
}

/** Without what is not valid any more, or does not go with what `open` was given: of those, and of no others, the values in force are others than before. */
function usable(given: Overrides, stored: Stored, logger: Logger): Stored {
  let { configs, defaults } = stored
  for (;;) {
    const changes: Overrides = { ...defaults, ...configs }
    const error = problemOf({ ...given, ...changes })
    if (error === null) return { ...stored, configs, defaults }
    const names = Object.keys(changes)
    const name = names.find((each) => problemOf({ ...given, ...without(changes, each) }) === null)
      ?? names.find((each) => problemOf({ ...given, [each]: changes[each]! }) !== null) ?? names[0]!
    logger.error('a stored broker setting is not valid and is not used', { setting: name, error })
    // The one of all brokers comes to light where this one's own is gone.
    if (Object.hasOwn(configs, name)) configs = without(configs, name)
    else defaults = without(defaults, name)
  }
}

function problemOf(settings: Overrides): unknown {
  try {
    resolveBroker(settings)
    return null
  } catch (error) {
    return error
  }
}

function without(overrides: Overrides, name: string): Overrides { return Object.fromEntries(Object.entries(overrides).filter(([each]) => each !== name)) }

function textsOf(given: object): Overrides {
  const values = resolveBroker(given) as unknown as Readonly<Record<string, Parameters<typeof formatSetting>[0]>>
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    const text = value === undefined ? null : formatSetting(values[name] ?? null, brokerTable[name])
    if (text !== null) texts[name] = text
  }
  return texts
}

function decode(bytes: Uint8Array): Stored | null {
  try {
    const json = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) as Partial<Readonly<Record<string, unknown>>> | null
    if (json === null || json.version !== 1 || !isOverrides(json.configs)) return null
    const { defaults = {}, groups = {}, clientMetrics = {} } = json
    if (!isOverrides(defaults) || !isNamed(groups) || !isNamed(clientMetrics)) return null
    return { configs: { ...json.configs }, defaults: { ...defaults }, named: { groups, clientMetrics } }
  } catch {
    return null
  }
}

function isOverrides(value: unknown): value is Overrides {
  return typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'string')
}

function isNamed(value: unknown): value is NamedOverrides { return typeof value === 'object' && value !== null && Object.values(value).every(isOverrides) }
