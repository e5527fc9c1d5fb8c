import '../test/support/loaded-parts.ts'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from './common/logger.ts'
import { systemPorts } from './common/ports.ts'
import type { BrokerApi } from './protocol/broker-api.ts'
import { coordinatorPartition } from './protocol/java-hash.ts'
import { Database, type DatabaseOptions, type OttlaEvent } from './database.ts'
import type { FileSystem } from './io/file-system.ts'
import { nodeFileSystem } from './io/node-file-system.ts'
import { loadAllCodecs } from './record/compression.ts'
import { FaultFileSystem } from './testing/fault-file-system.ts'
import { RecordingLogger } from './testing/recording-logger.ts'
import { batchOf } from '../test/support/broker-kit.ts'

const root = mkdtempSync(join(realpathSync(tmpdir()), 'ottla-database-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const fixtures = new URL('../fixtures/', import.meta.url).pathname
let directory: string
let logger: RecordingLogger
const opened: Database[] = []
beforeEach(() => { directory = mkdtempSync(join(root, 'd-')); logger = new RecordingLogger() })
afterEach(async () => { for (const database of opened.splice(0)) await database.close().catch(() => {}) })

async function open(more: Partial<DatabaseOptions> = {}): Promise<Database> {
  const database = await Database.open({
    directory, fileSystem: nodeFileSystem, ports: { ...systemPorts, logger }, settings: {}, readOnly: false, inMemory: false, allowNetworkFileSystem: false,
    emit: () => {}, ...more,
  })
  opened.push(database)
  return database
}

async function create(api: BrokerApi, name: string, partitions = 1, configs: Record<string, string> = {}): Promise<void> {
  const topic = { name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })) }
  const { error } = (await api.createTopics({ validateOnly: false, topics: [topic] })).topics[0]!
  if (error !== undefined) throw error
}

async function produce(api: BrokerApi, topic: string, values: string[], producerId = -1): Promise<number> {
  const sequence = producerId < 0 ? {} : { producerId, producerEpoch: 0, baseSequence: 0 }
  const [answer] = (await api.produce({ acks: -1, timeoutMs: 1, partitions: [{ topic, partition: 0, records: batchOf(values, { timestamp: systemPorts.clock.now(), ...sequence }) }] })).partitions
  if (answer!.error !== undefined) throw answer!.error
  return answer!.baseOffset
}

/** Path → content of every file below. */
function contents(where: string): Map<string, string> {
  const files = readdirSync(where, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
  return new Map(files.map((each) => [join(each.parentPath, each.name), `${statSync(join(each.parentPath, each.name)).mtimeMs} ${readFileSync(join(each.parentPath, each.name), 'latin1')}`]))
}

describe('a database', () => {
  test('tells of a full and of a failed disk by the name of the partition, and hands out nothing else of the log', async () => {
    const faults = new FaultFileSystem(nodeFileSystem)
    const events: OttlaEvent[] = []
    const database = await open({ fileSystem: faults, emit: (...event) => { events.push(event) } })
    const api = database.newBroker()
    await create(api, 't')
    const log = { topic: 't', partition: 0 }
    const path = /t-0.*\.log$/
    faults.inject({ call: 'write', path, error: 'ENOSPC' })
    await expect(produce(api, 't', ['a'])).rejects.toMatchObject({ code: 'DISK_FULL', ...log })
    await produce(api, 't', ['b'])
    faults.inject({ call: 'datasync', path, error: 'EIO' })
    await expect(produce(api, 't', ['c'])).rejects.toMatchObject({ code: 'LOG_OFFLINE', ...log })
    expect(events).toEqual([['diskFull', log, expect.objectContaining({ code: 'DISK_FULL' })], ['diskResumed', log], ['logOffline', log, expect.objectContaining({ code: 'LOG_OFFLINE' })]])
  })
  test('keeps the node id that its directory was made with, and says so to who gives another', async () => {
    await (await open({})).close()
    const again = await open({ settings: { 'node.id': 7 } })
    expect([again.nodeId, logger.messages('warn').filter((line) => line.startsWith('node.id 7 is not used')).length]).toEqual([1, 1])
    await again.close()
    await (await open({ settings: { 'node.id': 1 } })).close()
    expect(logger.messages('warn').filter((line) => line.startsWith('node.id'))).toHaveLength(1)
  })

  test('keeps topics, ids, settings, offsets and broker settings over a clean reopening', async () => {
    const first = await open({ settings: { 'num.partitions': 2 } })
    const api = first.newBroker()
    await create(api, 'a', 3, { 'retention.ms': '5' })
    await produce(api, 'a', ['x', 'y'])
    await api.incrementalAlterConfigs({ validateOnly: false, resources: [{ resourceType: 4, resourceName: '', configs: [{ name: 'num.partitions', configOperation: 0, value: '4' }] }] })
    const before = await api.metadata({ topics: null, allowAutoTopicCreation: false })
    await first.close()
    expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(true)

    const second = await open({ settings: { 'num.partitions': 2 } })
    const again = second.newBroker()
    expect(second.logs.wasClean).toBe(true)
    const after = await again.metadata({ topics: null, allowAutoTopicCreation: false })
    expect(after.topics.map((each) => [each.name, each.topicId, each.partitions.length])).toEqual(before.topics.map((each) => [each.name, each.topicId, each.partitions.length]))
    expect([after.clusterId, second.topics.get('a')!.configs]).toEqual([before.clusterId, { 'retention.ms': '5' }])
    expect(second.logs.get('a', 0)!.config.retentionMs).toBe(5)
    expect(await produce(again, 'a', ['z'])).toBe(2)
    expect((await again.metadata({ topics: ['auto'], allowAutoTopicCreation: true })).topics[0]!.partitions).toHaveLength(4)
    expect(logger.messages('warn')).toEqual([])
    expect(logger.messages('error')).toEqual([])
  })

  test('says in one line which durability is in force', async () => {
    await open()
    const promise = 'acks=all is synced to disk before it is acknowledged (one fdatasync per group of sends), acks=1 survives a killed process'
    expect(logger.messages('info')).toEqual([expect.stringContaining(`opened ${directory}: ${promise}; `)])
  })

  test('is locked against a second owner, and free again after close or a failed open', async () => {
    const first = await open()
    await expect(open()).rejects.toMatchObject({ code: 'DIRECTORY_LOCKED' })
    await first.close()
    await expect(open({ settings: { 'num.partition': 1 } })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    await expect(open({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    await (await open()).close()
  })

  test('is refused on a network file system unless allowed, and warned about on a virtual one', async () => {
    const on = (kind: 'network' | 'virtual', name: string): FileSystem => new Proxy(nodeFileSystem, {
      get: (target, key: keyof FileSystem) => (key === 'info' ? () => ({ kind, name, freeBytes: 1e9 }) : (target[key] as (...args: unknown[]) => unknown).bind(target)),
    })
    await expect(open({ fileSystem: on('network', 'nfs') })).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE', message: expect.stringContaining('allowNetworkFileSystem') as string })
    expect(readdirSync(directory)).toEqual([])
    await (await open({ fileSystem: on('network', 'nfs'), allowNetworkFileSystem: true })).close()
    await open({ fileSystem: on('virtual', '9p') })
    expect(logger.messages('warn')).toEqual(['the data directory is on 9p, whose syncs may not reach a disk'])
  })

  test('gives producer ids above all that its logs remember', async () => {
    const first = await open()
    await create(first.newBroker(), 'a')
    await produce(first.newBroker(), 'a', ['x'], 4711)
    await first.close()
    const api = (await open()).newBroker()
    expect((await api.initProducerId({ transactionalId: null, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 })).producerId).toBe(4712)
  })

  test('that lost its metadata file keeps topics and records, loses settings loudly, and deletes nothing', async () => {
    const first = await open()
    await create(first.newBroker(), 'a', 2, { 'retention.ms': '1' })
    await produce(first.newBroker(), 'a', ['x'])
    const { topicId } = first.topics.get('a')!
    await first.close()
    rmSync(join(directory, 'ottla-metadata.mdb'))
    const second = await open()
    expect(second.topics.get('a')).toMatchObject({ topicId, partitionCount: 2, configs: { 'retention.ms': '-1', 'retention.bytes': '-1' } })
    expect(second.logs.get('a', 0)?.logEndOffset).toBe(1)
    expect(logger.messages('warn').join()).toContain('topics without settings were found and keep all their records: a')
  })

  test('with a damaged metadata file opens, keeps a copy of it, and works on', async () => {
    const first = await open()
    await create(first.newBroker(), 'a', 1, { 'retention.ms': '5' })
    await first.close()
    const path = join(directory, 'ottla-metadata.mdb')
    writeFileSync(path, readFileSync(path).subarray(0, 9000))
    const second = await open()
    expect(second.topics.get('a')).toMatchObject({ partitionCount: 1 })
    expect(logger.messages('error')).toEqual([expect.stringContaining('the metadata file was damaged')])
    expect(existsSync(`${path}.damaged-0`)).toBe(true)
    expect(readdirSync(directory).filter((each) => each.includes('.tmp'))).toEqual([])
    await create(second.newBroker(), 'b')
    await second.close()
    expect((await open()).topics.all().map((each) => each.name)).toEqual(['a', 'b'])
  })

  test('undoes a topic creation that was cut short, and finishes a deletion', async () => {
    const first = await open()
    for (const name of ['creating', 'deleting', 'kept']) await create(first.newBroker(), name)
    await first.close()
    const { openLmdbStore } = await import('./metadata/lmdb-metadata-store.ts')
    const { metadataFileIn } = await import('./broker/metadata-file.ts')
    const store = await openLmdbStore({ file: metadataFileIn(nodeFileSystem, directory), logger: silentLogger })
    for (const state of ['creating', 'deleting']) {
      const entry = JSON.parse(Buffer.from((await store.get(`/topics/${state}`))!.value).toString()) as object
      await store.set(`/topics/${state}`, Buffer.from(JSON.stringify({ ...entry, state })))
    }
    await store.close()
    const second = await open()
    expect(second.topics.all().map((each) => each.name)).toEqual(['kept'])
    await second.close()
    expect(readdirSync(directory).filter((each) => /^(creating|deleting)-0$/.test(each))).toEqual([])
    expect((await open()).topics.all().map((each) => each.name)).toEqual(['kept'])
  })

  test('read only changes no byte, refuses changes, and can look while the owner writes', async () => {
    const owner = await open()
    const writer = owner.newBroker()
    await create(writer, 'a', 1, { 'retention.ms': '5000000' })
    await produce(writer, 'a', ['x', 'y'])
    const before = contents(directory)
    const reader = await open({ readOnly: true })
    const api = reader.newBroker()
    expect(reader.topics.get('a')).toMatchObject({ partitionCount: 1, configs: { 'retention.ms': '5000000' } })
    expect((await api.listOffsets({ isolationLevel: 0, partitions: [{ topic: 'a', partition: 0, timestamp: -1 }] })).partitions[0]!.offset).toBe(2)
    await expect(create(api, 'b')).rejects.toMatchObject({ code: 'READ_ONLY' })
    await expect(produce(api, 'a', ['z'])).rejects.toMatchObject({ code: 'READ_ONLY' })
    expect((await api.deleteTopics({ names: ['a'] })).topics[0]!.error).toMatchObject({ code: 'READ_ONLY' })
    expect((await api.deleteRecords({ partitions: [{ topic: 'a', partition: 0, offset: 1 }] })).partitions[0]!.error).toMatchObject({ code: 'READ_ONLY' })
    await reader.close()
    expect(contents(directory)).toEqual(before)
    expect(await produce(writer, 'a', ['z'])).toBe(2)
  })
})

interface Truth {
  readonly topicId: string
  readonly earliest: { offset: number }; readonly latest: { offset: number }; readonly latestReadCommitted: { offset: number }
  readonly byTime: { query: number; offset?: number }[]
}

describe('a directory that a real broker left', () => {
  const names = readdirSync(fixtures).filter((each) => existsSync(join(fixtures, each, 'truth', 'offsets.json')))
  beforeEach(() => loadAllCodecs())

  function copy(name: string): Record<string, Truth> {
    cpSync(join(fixtures, name, 'data'), directory, { recursive: true })
    // A checkout loses modification times and empty folders.
    for (const { file, mtimeMs } of JSON.parse(readFileSync(join(fixtures, name, 'files.json'), 'utf8')) as { file: string; mtimeMs?: number }[]) {
      const path = join(directory, file)
      if (file.endsWith('/')) mkdirSync(path, { recursive: true })
      else if (mtimeMs !== undefined) utimesSync(path, mtimeMs / 1000, mtimeMs / 1000)
    }
    return JSON.parse(readFileSync(join(fixtures, name, 'truth', 'offsets.json'), 'utf8')) as Record<string, Truth>
  }

  async function check(database: Database, truth: Record<string, Truth>): Promise<void> {
    const api = database.newBroker()
    const ask = async (topic: string, partition: number, timestamp: number, isolationLevel: 0 | 1 = 0): Promise<{ offset: number; timestamp: number }> => {
      const [found] = (await api.listOffsets({ isolationLevel, partitions: [{ topic, partition, timestamp }] })).partitions
      if (found!.error !== undefined) throw found!.error
      return { offset: found!.offset, timestamp: found!.timestamp }
    }
    for (const [folder, expected] of Object.entries(truth)) {
      const at = folder.lastIndexOf('-')
      const [topic, partition] = [folder.slice(0, at), Number(folder.slice(at + 1))]
      expect([folder, database.topics.get(topic)?.topicId]).toEqual([folder, expected.topicId])
      expect([folder, (await ask(topic, partition, -2)).offset]).toEqual([folder, expected.earliest.offset])
      expect([folder, (await ask(topic, partition, -1)).offset]).toEqual([folder, expected.latest.offset])
      expect([folder, (await ask(topic, partition, -1, 1)).offset]).toEqual([folder, expected.latestReadCommitted.offset])
      for (const { query, offset } of expected.byTime) {
        // Of message format 0 the broker refuses to say.
        if (offset !== undefined) expect([folder, query, (await ask(topic, partition, query)).offset]).toEqual([folder, query, offset])
      }
    }
  }

  test.each(names)('%s is adopted with the offsets and ids that its broker gave, keeps everything, and reopens the same', async (name) => {
    const truth = copy(name)
    const first = await open()
    await check(first, truth)
    for (const topic of first.topics.all()) expect(topic.configs).toMatchObject({ 'retention.ms': '-1', 'retention.bytes': '-1' })
    expect(logger.messages('error')).toEqual([])
    await first.close()
    await check(await open(), truth)
  })

  test.each(names)('%s read only is served the same, and not a byte changes', async (name) => {
    const truth = copy(name)
    const before = contents(directory)
    const database = await open({ readOnly: true })
    await check(database, truth)
    await database.close()
    expect(contents(directory)).toEqual(before)
    // Not that its topics have no settings: nobody could give them any.
    expect(logger.messages('warn')).toEqual([])
  })

  test('read only without one partition of __consumer_offsets has the groups of the others', async () => {
    copy('11-broker')
    const groupsOf = async (): Promise<string[]> => {
      const database = await open({ readOnly: true })
      return (await database.newBroker().listGroups({ statesFilter: [] })).groups.map((each) => each.groupId).sort()
    }
    const groups = await groupsOf()
    expect(groups).toEqual(['audit', 'billing'])
    const home = coordinatorPartition('audit', 3)
    expect(coordinatorPartition('billing', 3)).toBe(home)
    rmSync(join(directory, `__consumer_offsets-${home === 0 ? 1 : 0}`), { recursive: true })
    expect(await groupsOf()).toEqual(groups)
  })

  test.each([false, true])('has its committed group offsets (read only: %s)', async (readOnly) => {
    copy('06-groups')
    const truth = JSON.parse(readFileSync(join(fixtures, '06-groups', 'truth', 'groups.json'), 'utf8')) as Record<string, { committed: { topic: string; partition: number; offset: number }[] }>
    const api = (await open({ readOnly })).newBroker()
    for (const [groupId, { committed }] of Object.entries(truth)) {
      const { partitions } = await api.offsetFetch({ groupId, requireStable: false, partitions: null })
      const row = (each: { topic: string; partition: number }, offset: number): string => `${each.topic}-${each.partition} ${offset}`
      expect([groupId, partitions.map((each) => row(each, each.committedOffset)).sort()]).toEqual([groupId, committed.map((each) => row(each, each.offset)).sort()])
    }
  })
})
