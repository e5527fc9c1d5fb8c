import { beforeEach, describe, expect, test } from 'vitest'
import { silentLogger, type Logger } from '../common/logger.ts'
import { systemRandom } from '../common/random.ts'
import { resolveBroker } from '../config/resolve.ts'
import type { MetadataStore } from './metadata-store.ts'
import { MemoryMetadataStore } from './memory-metadata-store.ts'
import type { FoundPartition } from './topic-adoption.ts'
import { decodeTopicEntry, topicPath } from './topic-entry.ts'
import { TopicRegistry, type TopicFolders } from './topic-registry.ts'

const broker = resolveBroker()

/** Counts every step that changes something, and fails at a chosen one and after it: the process has died there. */
class Mortality {
  steps = 0
  deathAt = Number.POSITIVE_INFINITY
  /** False: the step happened but nobody heard of it. */
  diesBefore = true

  step(change: () => void): void {
    const at = this.steps
    this.steps += 1
    if (at > this.deathAt || (at === this.deathAt && this.diesBefore)) throw new Error('dead')
    change()
    if (at === this.deathAt) throw new Error('dead')
  }
}

class FakeFolders implements TopicFolders {
  readonly folders: Map<string, FoundPartition>
  readonly #mortality: Mortality
  constructor(folders: Map<string, FoundPartition>, mortality: Mortality) { this.folders = folders; this.#mortality = mortality }
  found(): FoundPartition[] { return [...this.folders.values()] }
  async create(topic: string, partition: number, topicId: string): Promise<void> {
    this.#mortality.step(() => { this.folders.set(`${topic}-${partition}`, { topic, partition, topicId, hasRecords: false }) })
  }
  /** Renames folder by folder, as the disk does. */
  async delete(topic: string): Promise<void> {
    for (const [key, each] of this.folders) if (each.topic === topic) this.#mortality.step(() => { this.folders.delete(key) })
  }
}

function mortal(store: MetadataStore, mortality: Mortality): MetadataStore {
  const run = async <T>(change: () => Promise<T>): Promise<T> => {
    let result: Promise<T> | undefined
    mortality.step(() => { result = change() })
    return result!
  }
  return {
    get: (path) => store.get(path), children: (path) => store.children(path), entries: (path) => store.entries(path), close: async () => {},
    create: (path, value) => run(() => store.create(path, value)),
    set: (path, value, version) => run(() => store.set(path, value, version)),
    delete: (path, version) => run(() => store.delete(path, version)),
  }
}

/** What survives a death: the store and the folders. */
class World {
  readonly store = new MemoryMetadataStore()
  readonly folders = new Map<string, FoundPartition>()
  readonly lines: string[] = []
  mortality = new Mortality()

  async open(readOnly = false): Promise<TopicRegistry> {
    this.mortality = new Mortality()
    const note = (line: string): void => { this.lines.push(line) }
    const logger: Logger = { ...silentLogger, info: note, warn: note, error: note }
    const registry = await TopicRegistry.load({ store: mortal(this.store, this.mortality), broker: () => broker, random: systemRandom, logger, readOnly })
    await registry.reconcile(new FakeFolders(this.folders, this.mortality))
    return registry
  }
}

describe('the topic registry', () => {
  let world: World
  let registry: TopicRegistry
  beforeEach(async () => { world = new World(); registry = await world.open() })

  test('gives a created topic back after reopening, with id, partitions and settings', async () => {
    const created = await registry.create('a', 3, { 'retention.ms': '5' })
    expect([...world.folders.keys()]).toEqual(['a-0', 'a-1', 'a-2'])
    const again = (await world.open()).get('a')
    expect(again).toEqual(created)
    expect(again?.values['retention.ms']).toBe(5)
    expect(world.lines).toEqual([])
  })

  test('refuses names, counts and settings that are wrong, and changes nothing', async () => {
    await registry.create('a.b', 1, {})
    await expect(registry.create('a.b', 1, {})).rejects.toMatchObject({ code: 'TOPIC_ALREADY_EXISTS', topic: 'a.b' })
    await expect(registry.create('a_b', 1, {})).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' })
    await expect(registry.create('a/b', 1, {})).rejects.toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' })
    for (const count of [0, -1, 1.5, 10_001, Number.NaN]) await expect(registry.create('c', count, {})).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' })
    await expect(registry.create('c', 1, { 'retention.sm': '5' })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    expect([...world.folders.keys()]).toEqual(['a.b-0'])
    expect(await world.store.children('/topics')).toEqual(['a.b'])
  })

  test('makes one topic when two are asked for at once', async () => {
    const results = await Promise.allSettled([registry.create('a', 1, {}), registry.create('a', 2, {})])
    expect(results.map((each) => each.status)).toEqual(['fulfilled', 'rejected'])
    expect(registry.partitionCount('a')).toBe(1)
  })

  test('forgets a deleted topic at once and for good', async () => {
    await registry.create('a', 2, {})
    await registry.delete('a')
    await expect(registry.delete('a')).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect([registry.get('a'), world.folders.size, (await world.open()).all()]).toEqual([undefined, 0, []])
  })

  test('gives a topic of the same name another id', async () => {
    const first = await registry.create('a', 1, {})
    await registry.delete('a')
    expect((await registry.create('a', 1, {})).topicId).not.toBe(first.topicId)
  })

  test('grows topics, never shrinks them', async () => {
    await registry.create('a', 2, {})
    await registry.grow('a', 4)
    expect(registry.partitionCount('a')).toBe(4)
    for (const total of [4, 3, 0]) await expect(registry.grow('a', total)).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' })
    await expect(registry.grow('b', 3)).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect((await world.open()).get('a')?.partitionCount).toBe(4)
  })

  test('changes settings as a whole, and not at all when one is wrong', async () => {
    await registry.create('a', 1, { 'retention.ms': '5' })
    await registry.configure('a', (configs) => ({ ...configs, 'segment.ms': '7' }))
    await expect(registry.configure('a', () => ({ 'segment.ms': '0' }))).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    const { configs, values } = (await world.open()).get('a')!
    expect([configs, values['segment.ms']]).toEqual([{ 'retention.ms': '5', 'segment.ms': '7' }, 7])
  })

  test('lets nothing expire while a directory is being opened', async () => {
    await registry.create('a', 1, { 'retention.ms': '5', 'segment.ms': '9' })
    await registry.create('c', 1, { 'cleanup.policy': 'compact' })
    const fresh = await TopicRegistry.load({ store: world.store, broker: () => broker, random: systemRandom, logger: silentLogger })
    const kept = { 'cleanup.policy': ['delete'], 'retention.ms': -1, 'retention.bytes': -1 }
    expect(fresh.valuesAtOpen('a')).toMatchObject({ ...kept, 'segment.ms': 9 })
    for (const topic of ['c', 'unknown', '__consumer_offsets']) expect(fresh.valuesAtOpen(topic)).toMatchObject(kept)
  })

  test('adopts folders it does not know, keeps everything in them and says how to change that', async () => {
    world.folders.set('x-0', { topic: 'x', partition: 0, topicId: 'ASNFZ4mrze_-3LqYdlQyEA', hasRecords: true })
    world.folders.set('__consumer_offsets-0', { topic: '__consumer_offsets', partition: 0, topicId: 'BSNFZ4mrze_-3LqYdlQyEA', hasRecords: true })
    const adopted = (await world.open()).get('x')
    expect(adopted).toMatchObject({ topicId: 'ASNFZ4mrze_-3LqYdlQyEA', partitionCount: 1, configs: { 'retention.ms': '-1', 'retention.bytes': '-1' } })
    expect(world.lines.join()).toMatch(/topics without settings were found and keep all their records: x\. .*alterConfigs/)
    world.lines.length = 0
    expect((await world.open()).get('x')).toEqual(adopted)
    expect(world.lines).toEqual([])
  })

  test('forgets a topic whose folders are gone, and says so', async () => {
    await registry.create('a', 1, {})
    world.folders.clear()
    expect((await world.open()).all()).toEqual([])
    expect(world.lines).toEqual(['the folders of a topic are gone: it is forgotten'])
    expect(await world.store.children('/topics')).toEqual([])
  })

  test('keeps everything of a topic whose stored settings are not valid', async () => {
    await registry.create('a', 1, { 'retention.ms': '5' })
    const entry = decodeTopicEntry((await world.store.get(topicPath('a')))!.value)!
    await world.store.set(topicPath('a'), Buffer.from(JSON.stringify({ version: 1, ...entry, configs: { 'retention.ms': 'soon', 'retention.bytes': '1' } })))
    expect((await world.open()).get('a')?.values).toMatchObject({ 'retention.ms': -1, 'retention.bytes': -1 })
    await world.store.set(topicPath('a'), Buffer.from('{"version":1,"topicId":"x"'))
    expect((await world.open()).get('a')?.values).toMatchObject({ 'retention.ms': -1, 'retention.bytes': -1 })
  })

  test('changes nothing when read only', async () => {
    await registry.create('a', 1, {})
    world.folders.set('x-1', { topic: 'x', partition: 1, topicId: 'ASNFZ4mrze_-3LqYdlQyEA', hasRecords: true })
    const before = await world.store.entries('/topics')
    const reader = await world.open(true)
    expect(reader.all().map((each) => [each.name, each.partitionCount])).toEqual([['a', 1], ['x', 2]])
    await expect(reader.create('b', 1, {})).rejects.toMatchObject({ code: 'READ_ONLY' })
    await expect(reader.delete('a')).rejects.toMatchObject({ code: 'READ_ONLY' })
    expect(await world.store.entries('/topics')).toEqual(before)
    expect([...world.folders.keys()]).toEqual(['a-0', 'x-1'])
  })
})

describe('a process that dies in the middle', () => {
  /** Runs `change` dying at every step in turn, on both sides of it, and hands each world that is left to `check`. */
  type Step = (registry: TopicRegistry) => Promise<unknown>
  async function dieEverywhere(prepare: Step, change: Step, check: (registry: TopicRegistry, world: World, acked: boolean) => void): Promise<number> {
    for (let at = 0; ; at += 1) {
      for (const diesBefore of [true, false]) {
        const world = new World()
        await prepare(await world.open())
        const registry = await world.open()
        world.mortality.deathAt = at
        world.mortality.diesBefore = diesBefore
        const acked = await change(registry).then(() => true, () => false)
        world.lines.length = 0
        check(await world.open(), world, acked)
        check(await world.open(), world, acked)
        if (world.mortality.steps === 0 && acked) return at
      }
    }
  }

  test('of a creation leaves the whole topic or nothing', async () => {
    const steps = await dieEverywhere(async () => {}, (registry) => registry.create('a', 3, { 'segment.ms': '7' }), (registry, world, acked) => {
      const topic = registry.get('a')
      if (acked) expect(topic).toBeDefined()
      if (topic !== undefined) expect([topic.partitionCount, topic.configs]).toEqual([3, { 'segment.ms': '7' }])
      expect([...world.folders.keys()].sort()).toEqual(topic === undefined ? [] : ['a-0', 'a-1', 'a-2'])
      expect(world.lines.filter((line) => line !== 'undoing the unfinished creation of a topic')).toEqual([])
    })
    expect(steps).toBe(5)
  })

  test('of a deletion leaves the whole topic or nothing', async () => {
    const steps = await dieEverywhere((registry) => registry.create('a', 3, {}), (registry) => registry.delete('a'), (registry, world, acked) => {
      const topic = registry.get('a')
      if (acked) expect(topic).toBeUndefined()
      expect([...world.folders.keys()]).toEqual(topic === undefined ? [] : ['a-0', 'a-1', 'a-2'])
      expect(world.lines.filter((line) => line !== 'finishing the deletion of a topic')).toEqual([])
    })
    expect(steps).toBe(5)
  })

  test('of a growth leaves the old count or the new one', async () => {
    const steps = await dieEverywhere((registry) => registry.create('a', 2, {}), (registry) => registry.grow('a', 4), (registry, world, acked) => {
      const count = registry.partitionCount('a')
      expect(acked ? [4] : [2, 4]).toContain(count)
      expect(world.folders.size).toBe(count)
      expect(world.lines).toEqual([])
    })
    expect(steps).toBe(4)
  })
})
