/**
 * The topics of a database: names, ids, partition counts, settings. The partition folders are the truth about which topics exist and under
 * which id; the metadata store adds what folders cannot tell (settings) and what makes creation and deletion whole across a crash.
 *
 * Commit points (each is one durable change of the topic's entry in the store):
 *  - create: entry `creating`, folders, then entry `ready` = committed. Without it, opening removes the folders again.
 *  - delete: entry `deleting` = committed, folders renamed, entry removed. Opening finishes it.
 *  - add partitions: entry with `growTo` = committed, folders, then the new count. Opening finishes it.
 *
 * Knows logs only through `TopicFolders`. Calls that change something run one after another.
 */
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { Mutex } from '../common/mutex.ts'
import type { Random } from '../common/random.ts'
import { checkTopicName, collides, internalTopics, MAX_PARTITIONS } from '../common/topic-partition.ts'
import { randomUuid } from '../common/uuid.ts'
import { checkTopicChange, resolveTopic, topicInForce } from '../config/resolve.ts'
import type { BrokerValues, TopicValues } from '../config/values.ts'
import type { MetadataStore } from './metadata-store.ts'
import { adoptionConfigs, judgeTopic, type FoundPartition } from './topic-adoption.ts'
import { decodeTopicEntry, encodeTopicEntry, TOPICS, topicPath, type TopicEntry } from './topic-entry.ts'

/** The partition folders, as the registry needs them. `create` of a partition that is there already is no error. */
export interface TopicFolders {
  found(): readonly FoundPartition[]
  create(topic: string, partition: number, topicId: string, values: TopicValues): Promise<void>
  delete(topic: string): Promise<void>
}

export interface TopicInfo {
  readonly name: string
  readonly topicId: string
  readonly partitionCount: number
  readonly isInternal: boolean
  /** Overrides as text. */
  readonly configs: Readonly<Record<string, string>>
  /** With fallback and defaults. */
  readonly values: TopicValues
}

export interface TopicRegistryOptions {
  readonly store: MetadataStore
  /** Read whenever values are resolved: the current ones. */
  readonly broker: () => BrokerValues
  readonly random: Random
  readonly logger: Logger
  /** Nothing is repaired on disk; what is half done is shown as far as it got. */
  readonly readOnly?: boolean
}

/** Those of the moment share syncs of the data directory, and of the journal of its file system. */
const FOLDERS_AT_ONCE = 32

export class TopicRegistry {
  readonly #options: TopicRegistryOptions
  readonly #entries: Map<string, TopicEntry>
  readonly #topics = new Map<string, TopicInfo>()
  /** Topic id → name, of every topic in `#topics`. */
  readonly #names = new Map<string, string>()
  readonly #mutex = new Mutex()
  #folders: TopicFolders | null = null

  private constructor(options: TopicRegistryOptions, entries: Map<string, TopicEntry>) {
    this.#options = options
    this.#entries = entries
  }

  /** Reads the entries. `reconcile` must follow before anything else but `valuesAtOpen` is asked. */
  static async load(options: TopicRegistryOptions): Promise<TopicRegistry> {
    const entries = new Map<string, TopicEntry>()
    for (const { name, node } of await options.store.entries(TOPICS)) {
      const entry = decodeTopicEntry(node.value)
      if (entry === null) options.logger.error('the settings of a topic cannot be read and are lost; all its records will be kept', { topic: name })
      else entries.set(name, entry)
    }
    return new TopicRegistry(options, entries)
  }

  /** The values to open a log with, while it is not known yet whether its folder matches the entry: nothing expires. */
  valuesAtOpen(topic: string): TopicValues {
    return { ...this.#resolve(topic, this.#entries.get(topic)?.configs ?? adoptionConfigs(topic)), 'cleanup.policy': ['delete'], 'retention.ms': -1, 'retention.bytes': -1 }
  }

  /** The id the store knows a topic by, for folders that have lost theirs; null when it does not know. */
  knownId(topic: string): string | null { return this.#entries.get(topic)?.topicId ?? null }

  /** Brings store and folders together (topic-adoption.ts decides); must run before topics are asked for or changed. */
  async reconcile(folders: TopicFolders): Promise<void> {
    this.#folders = folders
    const found = new Map<string, FoundPartition[]>()
    for (const each of folders.found()) {
      const list = found.get(each.topic)
      if (list === undefined) found.set(each.topic, [each])
      else list.push(each)
    }
    const adopted: string[] = []
    for (const [name, partitions] of found) {
      const kept = await this.#reconcileTopic(name, partitions, adopted)
      if (kept !== null) this.#show(name, kept)
    }
    for (const [name, entry] of this.#entries) {
      if (found.has(name)) continue
      if (entry.state === 'ready') this.#options.logger.warn('the folders of a topic are gone: it is forgotten', { topic: name })
      await this.#remove(name)
    }
    // Who only reads can set nothing, and nothing expires meanwhile.
    const kept = adopted.filter((name) => !internalTopics.has(name))
    if (kept.length > 0 && this.#options.readOnly !== true) this.#tellAdopted(kept)
  }

  /** The entry to go on with; null when the topic is removed. */
  async #reconcileTopic(name: string, found: readonly FoundPartition[], adopted: string[]): Promise<TopicEntry | null> {
    const { logger, readOnly, random } = this.#options
    const verdict = judgeTopic(name, this.#entries.get(name), found, () => randomUuid(random))
    if (verdict.kind === 'remove') {
      logger.info(verdict.reason === 'deletion' ? 'finishing the deletion of a topic' : 'undoing the unfinished creation of a topic', { topic: name })
      if (readOnly !== true) await this.#folders!.delete(name)
      await this.#remove(name)
      return null
    }
    for (const warning of verdict.warnings) logger.warn(`topic ${name} ${warning}`)
    if (verdict.kind === 'ignore') return null
    if (verdict.isAdopted) adopted.push(name)
    if (readOnly === true) return verdict.entry
    await this.#createFolders(name, verdict.entry, verdict.missing)
    if (verdict.isChanged) await this.#write(name, verdict.entry)
    return verdict.entry
  }

  /** A few at a time: each waits for the disk. When one fails, those under way are waited for before it is raised. */
  async #createFolders(name: string, entry: TopicEntry, partitions: readonly number[]): Promise<void> {
    const values = this.#resolve(name, entry.configs)
    for (let at = 0; at < partitions.length; at += FOLDERS_AT_ONCE) {
      const some = partitions.slice(at, at + FOLDERS_AT_ONCE)
      const results = await Promise.allSettled(some.map((partition) => this.#folders!.create(name, partition, entry.topicId, values)))
      for (const result of results) if (result.status === 'rejected') throw result.reason
    }
  }

  #tellAdopted(names: readonly string[]): void {
    const some = names.slice(0, 20).join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '')
    this.#options.logger.warn(`topics without settings were found and keep all their records: ${some}. `
      + "Set what they should keep, for example admin.alterConfigs({ topic }, { 'retention.ms': 604800000 }), or null for the default")
  }

  get(name: string): TopicInfo | undefined { return this.#topics.get(name) }
  /** Sorted by name. */
  all(): TopicInfo[] { return [...this.#topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) }
  /** Null when no topic has that id. */
  nameOf(topicId: string): string | null { return this.#names.get(topicId) ?? null }
  partitionCount(name: string): number | null { return this.#topics.get(name)?.partitionCount ?? null }

  /** Raises INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS. `beside`: names that may be like it, for they are made by the same request. */
  checkName(name: string, beside?: ReadonlySet<string>): void {
    checkTopicName(name)
    if (this.#topics.has(name)) throw new OttlaError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`, { topic: name })
    for (const other of this.#topics.keys()) {
      if (collides(name, other) && beside?.has(other) !== true) {
        throw new OttlaError('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${other}`, { topic: name })
      }
    }
  }

  /** Raises INVALID_CONFIG. */
  checkSettings(configs: Readonly<Record<string, string>>): TopicValues {
    checkTopicChange(configs)
    return resolveTopic(configs, this.#options.broker())
  }

  /** Raises INVALID_PARTITIONS. */
  checkCount(name: string, partitions: number): void {
    if (Number.isSafeInteger(partitions) && partitions >= 1 && partitions <= MAX_PARTITIONS) return
    throw new OttlaError('INVALID_PARTITIONS', `topic ${name}: the number of partitions must be from 1 to ${MAX_PARTITIONS}, not ${partitions}`, { topic: name })
  }

  /** What the three checks raise, and disk errors: then nothing of the topic remains, or the next open removes it. */
  create(name: string, partitions: number, configs: Readonly<Record<string, string>>, beside?: ReadonlySet<string>): Promise<TopicInfo> {
    return this.#mutex.run(async () => {
      this.checkName(name, beside)
      this.checkSettings(configs)
      this.checkCount(name, partitions)
      const entry: TopicEntry = { topicId: randomUuid(this.#options.random), partitions, state: 'creating', configs }
      await this.#write(name, entry)
      try {
        await this.#createFolders(name, entry, range(0, partitions))
        await this.#write(name, { ...entry, state: 'ready' })
      } catch (error) {
        await this.#undoCreation(name)
        throw error
      }
      return this.#show(name, { ...entry, state: 'ready' })
    })
  }

  async #undoCreation(name: string): Promise<void> {
    try {
      await this.#folders!.delete(name)
      await this.#remove(name)
    } catch (error) {
      this.#options.logger.warn('an unfinished topic could not be removed; the next open will', { topic: name, error })
    }
  }

  /** Raises UNKNOWN_TOPIC_OR_PARTITION. Resolves when the deletion will survive a crash; the files go later. */
  delete(name: string): Promise<void> {
    return this.#mutex.run(async () => {
      await this.#write(name, { ...this.#mustHave(name), state: 'deleting' })
      this.#names.delete(this.#topics.get(name)!.topicId)
      this.#topics.delete(name)
      await this.#folders!.delete(name)
      await this.#remove(name)
    })
  }

  /** Raises UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS. */
  checkGrowth(name: string, total: number): void {
    const { partitions } = this.#mustHave(name)
    this.checkCount(name, total)
    if (total > partitions) return
    throw new OttlaError('INVALID_PARTITIONS', `topic ${name} has ${partitions} partitions: the number can only grow, not become ${total}`, { topic: name })
  }

  grow(name: string, total: number): Promise<void> {
    return this.#mutex.run(async () => {
      this.checkGrowth(name, total)
      const entry = this.#mustHave(name)
      await this.#write(name, { ...entry, growTo: total })
      const { topicId, state, configs } = entry
      await this.#createFolders(name, entry, range(entry.partitions, total))
      await this.#write(name, { topicId, partitions: total, state, configs })
      this.#show(name, { topicId, partitions: total, state, configs })
    })
  }

  /** Replaces all overrides. Raises UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG. */
  configure(name: string, change: (configs: Readonly<Record<string, string>>) => Readonly<Record<string, string>>): Promise<TopicInfo> {
    return this.#mutex.run(async () => {
      const entry = this.#mustHave(name)
      const configs = change(entry.configs)
      this.checkSettings(configs)
      await this.#write(name, { ...entry, configs })
      return this.#show(name, { ...entry, configs })
    })
  }

  /** Resolves every topic's values anew, after a change of broker settings. */
  refresh(): readonly TopicInfo[] {
    for (const name of this.#topics.keys()) this.#show(name, this.#entries.get(name)!)
    return this.all()
  }

  #mustHave(name: string): TopicEntry {
    const entry = this.#topics.has(name) ? this.#entries.get(name) : undefined
    if (entry === undefined) throw unknownTopic(name)
    return entry
  }

  #show(name: string, entry: TopicEntry): TopicInfo {
    const { topicId, partitions, configs } = entry
    const info: TopicInfo = { name, topicId, partitionCount: partitions, isInternal: internalTopics.has(name), configs, values: this.#resolve(name, configs) }
    this.#entries.set(name, entry)
    this.#topics.set(name, info)
    this.#names.set(topicId, name)
    return info
  }

  /**
   * Stored overrides that are not valid here (from a newer version, say) must not fall back to defaults that delete. Those that only do not go together with what
   * was set for the broker since stay in force, as in Kafka.
   */
  #resolve(name: string, configs: Readonly<Record<string, string>>): TopicValues {
    try {
      return topicInForce(configs, this.#options.broker())
    } catch (error) {
      this.#options.logger.error('the settings of a topic are not valid: all its records will be kept', { topic: name, error })
      return topicInForce(adoptionConfigs(name), this.#options.broker())
    }
  }

  async #write(name: string, entry: TopicEntry): Promise<void> {
    if (this.#options.readOnly === true) throw new OttlaError('READ_ONLY', 'the database was opened read only', { topic: name })
    await this.#options.store.set(topicPath(name), encodeTopicEntry(entry))
    this.#entries.set(name, entry)
  }

  async #remove(name: string): Promise<void> {
    if (this.#options.readOnly !== true) await this.#options.store.delete(topicPath(name))
    this.#entries.delete(name)
  }
}

function range(from: number, to: number): number[] { return Array.from({ length: to - from }, (_, i) => from + i) }

export function unknownTopic(name: string): OttlaError {
  return new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${JSON.stringify(String(name).slice(0, 80))}`, { topic: name })
}
