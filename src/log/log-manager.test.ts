import { describe, expect, test } from 'vitest'
import { drive, openTestLog, testConfig, TOPIC_ID } from '../../test/support/test-log.ts'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { silentLogger } from '../common/logger.ts'
import type { Ports } from '../common/ports.ts'
import { isUuid, ZERO_UUID } from '../common/uuid.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { checkLog } from './log-check.ts'
import { scanDataDirectory } from './log-directory.ts'
import { LogManager, type LogManagerOptions } from './log-manager.ts'
import { buildBatch } from '../record/record-batch-builder.ts'

class Directory {
  readonly scheduler = new ManualScheduler()
  readonly logger = new RecordingLogger()
  readonly disk = new SimulatedFileSystem({ clock: this.scheduler.clock })
  readonly #random = new SeededRandom(11)

  get ports(): Ports { return { clock: this.scheduler.clock, scheduler: this.scheduler, random: this.#random, logger: this.logger } }
  open(options: Partial<LogManagerOptions> = {}): Promise<LogManager> {
    return this.drive(
      LogManager.open({ directory: '/data', fileSystem: this.disk, ports: this.ports, settings: {}, topicConfig: () => testConfig(), ...options }),
    )
  }
  drive<T>(promise: Promise<T>): Promise<T> { return drive(this.scheduler, promise) }
  names(path = '/data'): string[] { return this.disk.readDirectory(path).map((entry) => entry.name) }
  text(name: string): string { return Buffer.from(this.disk.readFile(`/data/${name}`)).toString() }
  put(name: string, text: string): void { writeWhole(this.disk, `/data/${name}`, Buffer.from(text)) }
}

async function append(directory: Directory, manager: LogManager, topic: string, partition: number, value: string): Promise<void> {
  const bytes = Buffer.from(buildBatch([{ value, timestamp: directory.scheduler.clock.now() }]))
  await directory.drive(manager.get(topic, partition)!.append(bytes, { origin: 'in-process', durable: true }))
}

describe('checkpoints', () => {
  const TOPIC_ID = 'ASNFZ4mrze_-3LqYdlQyEA'
  const names = ['recovery-point-offset-checkpoint', 'log-start-offset-checkpoint', 'replication-offset-checkpoint']

  test('say on demand, and durably, how far every log is', async () => {
    const d = new Directory()
    const manager = await d.open()
    await d.drive(manager.create('t', 0, TOPIC_ID, testConfig()))
    for (const value of ['a', 'b', 'c']) await append(d, manager, 't', 0, value)
    await d.drive(manager.get('t', 0)!.deleteRecordsBefore(2))
    await d.drive(manager.checkpoint())
    const left = d.disk.survivors('lose-all')
    expect(names.map((name) => Buffer.from(left.readFile(`/data/${name}`)).toString())).toEqual(['0\n1\nt 0 3\n', '0\n1\nt 0 2\n', '0\n1\nt 0 3\n'])
    await d.drive(manager.close())
    await expect(manager.checkpoint()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('and the end of idle producers, come as often as the settings say, each by its own', async () => {
    const d = new Directory()
    const manager = await d.open({ settings: {
      'log.flush.offset.checkpoint.interval.ms': 70_000, 'replica.high.watermark.checkpoint.interval.ms': 9000,
      'producer.id.expiration.check.interval.ms': 40_000, 'producer.id.expiration.ms': 1,
    } })
    await d.drive(manager.create('t', 0, TOPIC_ID, testConfig()))
    const log = manager.get('t', 0)!
    const bytes = buildBatch([{ value: 'a', timestamp: d.scheduler.clock.now() }], { producerId: 7, producerEpoch: 0, baseSequence: 0 })
    await d.drive(log.append(Buffer.from(bytes), { origin: 'in-process', durable: false }))
    const [recoveryPoint, , highWatermark] = names
    for (const name of names) if (d.names().includes(name)) d.disk.unlink(`/data/${name}`)
    const seen: Record<string, number> = {}
    for (let second = 1; second <= 80; second++) {
      await d.scheduler.advance(1000)
      if (d.names().includes(recoveryPoint!)) seen['recovery point'] ??= second
      if (d.names().includes(highWatermark!)) seen['high watermark'] ??= second
      if (log.activeProducers().length === 0) seen['producers'] ??= second
    }
    expect(seen).toEqual({ 'high watermark': 9, 'producers': 40, 'recovery point': 70 })
    await d.drive(manager.close())
  })

  test('are written by an open after a crash, which then knows more, and by no other', async () => {
    const t = await openTestLog()
    await t.append(['a'])
    const left = t.disk.survivors('keep-all')
    const textOf = (name: string): string => Buffer.from(left.readFile(`/data/${name}`)).toString()
    for (const name of names) writeWhole(left, `/data/${name}`, Buffer.from('0\n0\n'))
    const after = await t.crash(left)
    expect([after.manager.wasClean, ...names.map(textOf)]).toEqual([false, '0\n1\nt 0 1\n', '0\n0\n', '0\n1\nt 0 1\n'])
    await after.close()
    left.settle()
    await after.open()
    expect(after.manager.wasClean).toBe(true)
    expect(left.operations.filter((each) => each.path.includes('offset-checkpoint'))).toEqual([])
  })

  test("of a Kafka's cleaner are taken back where logs, or what it had compacted of them, are gone, and are let be otherwise", async () => {
    const d = new Directory()
    const manager = await d.open()
    for (const topic of ['cut', 'gone', 'kept']) await d.drive(manager.create(topic, 0, TOPIC_ID, testConfig()))
    for (const topic of ['cut', 'gone', 'kept']) await append(d, manager, topic, 0, 'a')
    const file = 'cleaner-offset-checkpoint'
    expect(d.names()).not.toContain(file)
    await d.drive(manager.close())
    expect(d.names()).not.toContain(file)

    d.put(file, '0\n3\nkept 0 1\ngone 0 1\ncut 0 1\n')
    const second = await d.open()
    await d.drive(second.checkpoint())
    expect(d.text(file)).toBe('0\n3\nkept 0 1\ngone 0 1\ncut 0 1\n')
    await d.drive(second.get('cut', 0)!.truncateTo(0))
    expect(d.text(file)).toBe('0\n2\nkept 0 1\ngone 0 1\n')
    await append(d, second, 'cut', 0, 'b')
    await d.drive(second.delete('gone'))
    // Before a topic of that name can come again, and for good.
    expect(Buffer.from(d.disk.survivors('lose-all').readFile(`/data/${file}`)).toString()).toBe('0\n1\nkept 0 1\n')
    await d.drive(second.close())
    expect(d.text(file)).toBe('0\n1\nkept 0 1\n')

    d.put(file, '0\n7\nkept 0 1\n')
    const third = await d.open()
    await d.drive(third.close())
    expect(d.text(file)).toBe('0\n0\n')
  })
})

test('a topic whose flush.ms becomes shorter is flushed that often from then on', async () => {
  const d = new Directory()
  const manager = await d.open()
  const log = await d.drive(manager.create('t', 0, 'ASNFZ4mrze_-3LqYdlQyEA', testConfig()))
  await d.drive(log.append(Buffer.from(buildBatch([{ value: 'a', timestamp: 1 }])), { origin: 'in-process', durable: false }))
  await d.drive(d.scheduler.advance(5000))
  expect(log.recoveryPoint).toBe(0)
  manager.updateConfigs(new Map([['other', testConfig({ 'flush.ms': 1000 })]]))
  manager.updateConfigs(new Map([['t', testConfig({ 'flush.ms': 1000 })]]))
  await d.drive(d.scheduler.advance(3000))
  expect(log.recoveryPoint).toBe(1)
  await d.drive(manager.close())
})

test('retention comes log.initial.task.delay.ms after the open, and every log.retention.check.interval.ms from then on', async () => {
  const d = new Directory()
  const manager = await d.open({ settings: { 'log.initial.task.delay.ms': 20_000, 'log.retention.check.interval.ms': 50_000 } })
  const log = await d.drive(manager.create('t', 0, 'ASNFZ4mrze_-3LqYdlQyEA', testConfig({ 'retention.ms': 1, 'segment.ms': 1 })))
  const gone: number[] = []
  await append(d, manager, 't', 0, 'a')
  for (let second = 1; second <= 130; second++) {
    await d.scheduler.advance(1000)
    if (log.logStartOffset < log.logEndOffset) continue
    gone.push(second)
    await append(d, manager, 't', 0, 'b')
  }
  expect(gone).toEqual([20, 70, 120])
  await d.drive(manager.close())
})

test('logs are looked at for flush.ms every log.flush.scheduler.interval.ms', async () => {
  const d = new Directory()
  const manager = await d.open({ settings: { 'log.flush.scheduler.interval.ms': 300 } })
  const log = await d.drive(manager.create('t', 0, 'ASNFZ4mrze_-3LqYdlQyEA', testConfig({ 'flush.ms': 1000 })))
  await d.drive(log.append(Buffer.from(buildBatch([{ value: 'a', timestamp: 1 }])), { origin: 'in-process', durable: false }))
  // Seen with something to flush after 300, and for so long that another look may be too late after 1200.
  await d.scheduler.advance(1199)
  expect(log.recoveryPoint).toBe(0)
  await d.scheduler.advance(1)
  await d.drive(Promise.resolve())
  expect(log.recoveryPoint).toBe(1)
  await d.drive(manager.close())
})

test('the logs come by topic and partition, as numbers do, whatever order they were made in', async () => {
  const d = new Directory()
  const manager = await d.open()
  for (const [topic, partition] of [['b', 2], ['c', 0], ['a', 10], ['b', 10], ['a', 9], ['b', 1]] as const) {
    await d.drive(manager.create(topic, partition, 'ASNFZ4mrze_-3LqYdlQyEA', testConfig()))
  }
  const names = (): string[] => manager.logs().map((log) => `${log.topic}-${log.partition}`)
  expect(names()).toEqual(['a-9', 'a-10', 'b-1', 'b-2', 'b-10', 'c-0'])
  await d.drive(manager.close())
})

describe('opening a directory', () => {
  test('makes the way to it durable', async () => {
    const d = new Directory()
    const manager = await d.open({ directory: '/a/b/data' })
    expect(d.disk.survivors('lose-all').stat('/a/b/data')?.kind).toBe('directory')
    await d.drive(manager.close())
  })

  test('only to read it needs one', async () => {
    const d = new Directory()
    await expect(d.open({ readOnly: true })).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE', file: '/data' })
    d.disk.makeDirectory('/data')
    d.put('file', 'x')
    await expect(d.open({ directory: '/data/file', readOnly: true })).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE', file: '/data/file' })
    expect(d.disk.survivors('keep-all').stat('/data/meta.properties')).toBeNull()
  })

  test('only to read it gives a folder without a topic id none', async () => {
    const d = new Directory()
    const first = await d.open()
    await d.drive(first.create('t', 0, TOPIC_ID, testConfig()))
    await d.drive(first.close())
    d.disk.unlink('/data/t-0/partition.metadata')
    const reader = await d.open({ readOnly: true })
    expect(reader.get('t', 0)!.topicId).toBe(ZERO_UUID)
    expect(d.names('/data/t-0')).not.toContain('partition.metadata')
    await d.drive(reader.close())
  })

  test('finds partitions by topic and number, however their folders are sorted', async () => {
    const d = new Directory()
    for (const name of ['a-0-0', 'a-10', 'a-2', 'b-0']) d.disk.makeDirectory(`/data/${name}`)
    expect(scanDataDirectory(d.disk, '/data').partitions.map(({ topic, partition }) => `${topic} ${partition}`)).toEqual(['a 2', 'a 10', 'a-0 0', 'b 0'])
  })

  test('creates it, gives it an identity in Kafka\'s own file, and keeps that', async () => {
    const d = new Directory()
    const first = await d.open({ settings: { 'node.id': 5 } })
    expect(first.wasClean).toBe(false)
    expect(first.identity.nodeId).toBe(5)
    expect(isUuid(first.identity.clusterId) && isUuid(first.identity.directoryId)).toBe(true)
    expect(d.text('meta.properties')).toContain(`cluster.id=${first.identity.clusterId}`)
    await d.drive(first.close())
    const second = await d.open({ settings: { 'node.id': 9 } })
    expect(second.identity).toEqual(first.identity)
    expect(second.wasClean).toBe(true)
    await d.drive(second.close())
  })

  test('keeps the identity a broker left, adds a directory id that is missing, and leaves version 0 as it is', async () => {
    const d = new Directory()
    d.disk.makeDirectory('/data')
    d.put('meta.properties', '#\n#Thu\nnode.id=3\nversion=1\ncluster.id=ASNFZ4mrze_-3LqYdlQyEA\n')
    const manager = await d.open()
    expect(manager.identity).toMatchObject({ clusterId: TOPIC_ID, nodeId: 3 })
    expect(d.text('meta.properties')).toContain(`directory.id=${manager.identity.directoryId}`)
    await d.drive(manager.close())
    const old = new Directory()
    old.disk.makeDirectory('/data')
    old.put('meta.properties', 'version=0\nbroker.id=2\n')
    const before = old.text('meta.properties')
    const adopted = await old.open()
    expect(adopted.identity.nodeId).toBe(2)
    expect(old.text('meta.properties')).toBe(before)
    await old.drive(adopted.close())
  })

  test('sets a meta.properties aside that cannot be understood', async () => {
    const d = new Directory()
    d.disk.makeDirectory('/data')
    d.put('meta.properties', '\0\0\0')
    const manager = await d.open()
    expect(d.names()).toEqual(expect.arrayContaining(['meta.properties', 'meta.properties.damaged']))
    await d.drive(manager.close())
  })

  test('leaves folders alone that are no partitions, and says so', async () => {
    const d = new Directory()
    for (const name of [
      'lost+found', 't-0.0123456789abcdef0123456789abcdef-stray', 't-1.0123456789abcdef0123456789abcdef-future', 't-00', 'remote-log-index-cache',
      '__cluster_metadata-0',
    ]) {
      d.disk.makeDirectory(`/data/${name}`)
      writeWhole(d.disk, `/data/${name}/00000000000000000000.log`, Buffer.from('mine'))
    }
    d.put('notes.txt', 'hello')
    const manager = await d.open()
    expect(manager.logs()).toEqual([])
    expect(d.logger.messages('warn')).toHaveLength(4)
    await d.drive(manager.close())
    for (const name of ['lost+found', 't-00', 'remote-log-index-cache', '__cluster_metadata-0']) expect(
      d.names(`/data/${name}`),
    ).toEqual(['00000000000000000000.log'])
    expect(d.text('notes.txt')).toBe('hello')
  })

  test('removes folders of deleted partitions after a while', async () => {
    const d = new Directory()
    const folder = '/data/t-0.0123456789abcdef0123456789abcdef-delete'
    d.disk.makeDirectory(folder)
    writeWhole(d.disk, `${folder}/00000000000000000000.log`, Buffer.from('gone'))
    const manager = await d.open()
    await d.drive(d.scheduler.advance(59_000))
    expect(d.disk.stat(folder)).not.toBeNull()
    await d.drive(d.scheduler.advance(2_000))
    expect(d.disk.stat(folder)).toBeNull()
    await d.drive(manager.close())
  })

  test('gives a folder without topic id the id of its siblings, or the one it is known by', async () => {
    const d = new Directory()
    const manager = await d.open()
    for (const partition of [0, 1]) await d.drive(manager.create('t', partition, TOPIC_ID, testConfig()))
    await d.drive(manager.create('u', 0, TOPIC_ID, testConfig()))
    await d.drive(manager.close())
    d.disk.unlink('/data/t-1/partition.metadata')
    d.put('u-0/partition.metadata', 'nonsense')
    const again = await d.open({ topicId: (topic) => (topic === 'u' ? 'AAAAAAAAAAEAAAAAAAAAAg' : null) })
    expect(again.get('t', 1)!.topicId).toBe(TOPIC_ID)
    expect(again.get('u', 0)!.topicId).toBe('AAAAAAAAAAEAAAAAAAAAAg')
    expect(d.text('t-1/partition.metadata')).toContain(TOPIC_ID)
    await d.drive(again.close())
  })

  test('removes the clean mark first, durably, and writes it last', async () => {
    const t = await openTestLog()
    await t.append(['a'])
    await t.close()
    t.disk.settle()
    await t.open()
    expect(t.disk.operations[0]).toMatchObject({ kind: 'unlink', path: '/data/.kafka_cleanshutdown' })
    expect(t.disk.operations[1]).toMatchObject({ kind: 'syncDirectory', path: '/data' })
    t.disk.settle()
    await t.close()
    const renames = t.disk.operations.filter((operation) => operation.kind === 'rename')
    expect(renames[renames.length - 1]).toMatchObject({ to: '/data/.kafka_cleanshutdown' })
    expect(t.disk.pendingUnits()).toEqual([])
  })

  test.each(
    ['recovery-point-offset-checkpoint', 'log-start-offset-checkpoint', 'replication-offset-checkpoint', 't-0/leader-epoch-checkpoint'],
  )('loses time only when %s is damaged', async (name) => {
    for (const damage of ['', '\0\0\0\0', '0\n7\nt 0 3\n', '0\n1\nt 0 x\n', '1\n0\n']) {
      const t = await openTestLog({ config: { 'segment.bytes': 200 } })
      for (let i = 0; i < 6; i++) await t.append([`v${i}`])
      await t.close()
      const disk = t.disk.survivors('keep-all')
      writeWhole(disk, `/data/${name}`, Buffer.from(damage))
      disk.unlink('/data/.kafka_cleanshutdown')
      const after = await t.crash(disk)
      expect(await after.values()).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5'])
      expect(after.log).toMatchObject({ logStartOffset: 0, leaderEpoch: 0 })
    }
  })

  test('can be given up', async () => {
    const d = new Directory()
    const manager = await d.open()
    await d.drive(manager.create('t', 0, TOPIC_ID, testConfig()))
    await d.drive(manager.close())
    await expect(d.open({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    const again = await d.open()
    expect(again.get('t', 0)).toBeDefined()
    await d.drive(again.close())
  })

  test.each([['{"version":0,"brokerEpoch":17}', 17], [null, -1]] as const)('leaves the broker epoch of the last clean stop (%s) as it was', async (marker, epoch) => {
    const d = new Directory()
    d.disk.makeDirectory('/data')
    if (marker !== null) d.put('.kafka_cleanshutdown', marker)
    const manager = await d.open()
    await d.drive(manager.close())
    expect(d.text('.kafka_cleanshutdown')).toBe(`{"version":0,"brokerEpoch":${epoch}}`)
  })

  test('takes a thousand partitions', async () => {
    const d = new Directory()
    const manager = await d.open({ ports: { ...d.ports, logger: silentLogger } })
    for (let i = 0; i < 1000; i++) await d.drive(manager.create('t', i, TOPIC_ID, testConfig()))
    await d.drive(manager.close())
    const again = await d.open()
    expect(again.logs().map((log) => log.partition)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
    await d.drive(again.close())
  }, 60_000)
})

describe('beside an owner who goes on', () => {
  /** A disk on which `vanish` happens at the first listing of `folder`. */
  const vanishing = (disk: SimulatedFileSystem, folder: string, vanish: () => void): SimulatedFileSystem => {
    const list = disk.readDirectory.bind(disk)
    disk.readDirectory = (path) => {
      const listed = list(path)
      if (path === folder) {
        disk.readDirectory = list
        vanish()
      }
      return listed
    }
    return disk
  }
  const two = async (): Promise<{ d: Directory; disk: SimulatedFileSystem }> => {
    const d = new Directory()
    const manager = await d.open()
    for (const topic of ['t', 'u']) {
      await d.drive(manager.create(topic, 0, TOPIC_ID, testConfig({ 'segment.bytes': 100 })))
      for (const value of ['a', 'b', 'c']) await append(d, manager, topic, 0, value)
    }
    return { d, disk: d.disk.survivors('keep-all') }
  }
  const severe = async (fs: SimulatedFileSystem): Promise<string[]> => {
    const found: string[] = []
    for await (const { severity, code, file } of checkLog(fs, '/data')) if (severity === 'error') found.push(`${code} ${file}`)
    return found
  }

  test('a reader and a check pass by a topic that is deleted meanwhile', async () => {
    for (const what of ['read', 'check'] as const) {
      const { d, disk } = await two()
      const fs = vanishing(disk, '/data', () => { disk.rename('/data/t-0', '/data/t-0.0123456789abcdef0123456789abcdef-delete') })
      if (what === 'check') {
        expect(await severe(fs)).toEqual([])
        continue
      }
      const reader = await d.open({ fileSystem: fs, readOnly: true })
      expect(reader.logs().map(({ topic }) => topic)).toEqual(['u'])
      await d.drive(reader.close())
    }
  })

  test('a reader and a check pass by segments and snapshots that go meanwhile', async () => {
    for (const what of ['read', 'check'] as const) {
      const { d, disk } = await two()
      const fs = vanishing(disk, '/data/t-0', () => {
        for (const { name } of disk.readDirectory('/data/t-0')) if (/^0+\.|snapshot/.test(name)) disk.rename(`/data/t-0/${name}`, `/data/t-0/${name}.deleted`)
      })
      if (what === 'check') {
        expect(await severe(fs)).toEqual([])
        continue
      }
      const reader = await d.open({ fileSystem: fs, readOnly: true })
      expect([reader.get('t', 0)!.logStartOffset, reader.get('t', 0)!.logEndOffset, reader.get('u', 0)!.logEndOffset]).toEqual([1, 3, 3])
      await d.drive(reader.close())
    }
  })

  test('an owner does not pass by anything', async () => {
    const { d, disk } = await two()
    const fs = vanishing(disk, '/data', () => { disk.rename('/data/t-0', '/data/t-0.0123456789abcdef0123456789abcdef-delete') })
    await expect(d.open({ fileSystem: fs })).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
  })
})

describe('creating and deleting partitions', () => {
  test('is refused for one that is there, read only, or after close', async () => {
    const d = new Directory()
    const manager = await d.open()
    await d.drive(manager.create('t', 0, TOPIC_ID, testConfig()))
    await expect(manager.create('t', 0, TOPIC_ID, testConfig())).rejects.toMatchObject({ code: 'TOPIC_ALREADY_EXISTS' })
    d.disk.makeDirectory('/data/u-0')
    await expect(manager.create('u', 0, TOPIC_ID, testConfig())).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
    await d.drive(manager.close())
    await expect(manager.create('v', 0, TOPIC_ID, testConfig())).rejects.toMatchObject({ code: 'CLOSED' })
    const reader = await d.open({ readOnly: true })
    await expect(reader.create('v', 0, TOPIC_ID, testConfig())).rejects.toMatchObject({ code: 'READ_ONLY' })
    await expect(reader.delete('t')).rejects.toMatchObject({ code: 'READ_ONLY' })
    await expect(reader.get('t', 0)!.append(new Uint8Array(1), { origin: 'client', durable: true })).rejects.toMatchObject({ code: 'READ_ONLY' })
    await d.drive(reader.close())
  })

  test.each([
    ['EIO', 'KAFKA_STORAGE_ERROR'], ['ENOSPC', null],
  ] as const)('can be undone where no checkpoint can be written (%s), and the deletion tells of it unless it is for want of room', async (error, code) => {
    const d = new Directory()
    const faults = new FaultFileSystem(d.disk)
    const manager = await d.open({ fileSystem: faults })
    await d.drive(manager.create('t', 0, TOPIC_ID, testConfig()))
    await append(d, manager, 't', 0, 'a')
    await d.drive(manager.checkpoint())
    faults.inject({ call: 'open', error, path: /checkpoint/, sticky: true })
    expect(await d.drive(manager.delete('t')).then(() => null, (failure: { code: string }) => failure.code)).toBe(code)
    expect(faults.injected).toBeGreaterThan(0)
    faults.heal()
    expect(d.logger.messages('warn')).toEqual(code === null ? ['the disk is full: checkpoints were not written'] : [])
    expect(manager.get('t', 0)).toBeUndefined()
    await d.drive(manager.close())
  })

  test.each(['syncDirectory', 'open', 'readDirectory', 'rename'] as const)('that fails at any %s leaves nothing in the way of the next try, nor for the next open', async (call) => {
    let isOver = false
    for (let nth = 1; !isOver; nth++) {
      const d = new Directory()
      const faults = new FaultFileSystem(d.disk)
      const manager = await d.open({ fileSystem: faults })
      faults.inject({ call, nth, error: 'EMFILE' })
      const failed = await d.drive(manager.create('t', 0, TOPIC_ID, testConfig())).then(() => false, () => true)
      isOver = faults.injected === 0
      faults.heal()
      expect(failed).toBe(!isOver)
      if (failed) {
        expect(d.names().filter((name) => name.startsWith('t-')), `${call} ${nth}`).toEqual([])
        await d.drive(manager.create('t', 0, TOPIC_ID, testConfig()))
      }
      await append(d, manager, 't', 0, 'a')
      await d.drive(manager.close())
      const again = await d.open()
      expect(again.get('t', 0)!.logEndOffset).toBe(1)
      await d.drive(again.close())
    }
  })

  test('leaves whole partitions or none, whenever the power is cut', async () => {
    const d = new Directory()
    const manager = await d.open()
    d.disk.settle()
    await d.drive(manager.create('t', 0, TOPIC_ID, testConfig()))
    d.disk.mark('created')
    await append(d, manager, 't', 0, 'a')
    await d.drive(manager.delete('t'))
    d.disk.mark('deleted')
    for (const state of d.disk.crashStates({ maxExhaustive: 64, maxSubsets: 10 })) {
      const after = new Directory()
      const opened = await drive(after.scheduler, LogManager.open({
        directory: '/data', fileSystem: state.restore(), ports: { ...after.ports, logger: silentLogger }, settings: {}, topicConfig: () => testConfig(),
      }))
      const log = opened.get('t', 0)
      if (state.marks.includes('created') && !state.marks.includes('deleted') && log !== undefined) expect(log.topicId).toBe(TOPIC_ID)
      if (state.marks.includes('deleted')) expect(log).toBeUndefined()
      if (log !== undefined) expect(log).toMatchObject({ topicId: TOPIC_ID, leaderEpoch: 0, logStartOffset: 0 })
      await after.drive(opened.close())
    }
  })

  test('writes what a broker needs to take the partition over', async () => {
    const d = new Directory()
    const manager = await d.open()
    await d.drive(manager.create('t', 3, TOPIC_ID, testConfig()))
    expect(d.names('/data/t-3')).toEqual(['00000000000000000000.log', 'leader-epoch-checkpoint', 'partition.metadata'])
    expect(d.text('t-3/partition.metadata')).toBe(`version: 0\ntopic_id: ${TOPIC_ID}`)
    expect(d.text('t-3/leader-epoch-checkpoint')).toBe('0\n1\n0 0\n')
    await append(d, manager, 't', 3, 'a')
    await d.drive(manager.close())
    expect(
      d.names('/data/t-3'),
    ).toEqual(expect.arrayContaining(['00000000000000000000.index', '00000000000000000000.timeindex', '00000000000000000001.snapshot']))
    expect(d.text('recovery-point-offset-checkpoint')).toBe('0\n1\nt 3 1\n')
    expect(d.text('replication-offset-checkpoint')).toBe('0\n1\nt 3 1\n')
  })

  test('renames the folder at once, fails what comes later, and lets the name be used again', async () => {
    const d = new Directory()
    const manager = await d.open()
    const log = await d.drive(manager.create('t', 0, TOPIC_ID, testConfig()))
    await append(d, manager, 't', 0, 'a')
    await d.drive(manager.delete('t'))
    expect(manager.get('t', 0)).toBeUndefined()
    expect(d.names().filter((name) => /^t-0\.[0-9a-f]{32}-delete$/.test(name))).toHaveLength(1)
    await expect(log.append(new Uint8Array(1), { origin: 'client', durable: true })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await expect(log.read(0, { maxBytes: 1, isolation: 'logEnd' })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect(await d.drive(manager.create('t', 0, TOPIC_ID, testConfig()))).toMatchObject({ logEndOffset: 0 })
    await append(d, manager, 't', 0, 'b')
    await d.drive(manager.close())
  })
})

describe('background work', () => {
  test('writes checkpoints every minute, so that recovery after a kill is short', async () => {
    const t = await openTestLog({ config: { 'segment.bytes': 200 } })
    for (let i = 0; i < 6; i++) await t.append([`v${i}`])
    await t.drive(t.scheduler.advance(61_000))
    const after = await t.crash()
    expect(after.manager.recoveryReports.flatMap((report) => report.dropped)).toEqual([])
    expect(Buffer.from(t.disk.readFile('/data/recovery-point-offset-checkpoint')).toString()).toBe('0\n1\nt 0 6\n')
    expect(Buffer.from(t.disk.readFile('/data/replication-offset-checkpoint')).toString()).toBe('0\n1\nt 0 6\n')
  })

  test('goes on when the disk fails it', async () => {
    const t = await openTestLog({ config: { 'retention.ms': 1000, 'segment.bytes': 200 } })
    await t.append(['a'])
    t.disk.capacityBytes = 0
    await t.drive(t.scheduler.advance(400_000))
    t.disk.capacityBytes = Number.POSITIVE_INFINITY
    await t.drive(t.scheduler.advance(400_000))
    expect(t.log).toMatchObject({ logStartOffset: 1, logEndOffset: 1 })
  })

  test('does not believe a wall clock that leaps ten years ahead', async () => {
    const t = await openTestLog({ config: { 'retention.ms': 3_600_000 } })
    await t.append(['young'])
    t.clock.setWall(t.clock.now() + 10 * 365 * 86_400_000)
    await t.drive(t.scheduler.advance(1_000_000))
    expect(await t.values()).toEqual(['young'])
    expect(t.logger.messages('warn').some((message) => message.includes('leapt'))).toBe(true)
  })
})

test('as many partitions are loaded side by side as num.recovery.threads.per.data.dir says, and no more than there are', async () => {
  const d = new Directory()
  const first = await d.open()
  for (const partition of [0, 1, 2, 3, 4]) await d.drive(first.create('t', partition, TOPIC_ID, testConfig()))
  await d.drive(first.close())
  for (const [threads, sideBySide] of [[1, 1], [4, 4], [Number.MAX_SAFE_INTEGER, 5]] as const) {
    let begun = 0
    let atOnce = 0
    const manager = await d.open({ settings: { 'num.recovery.threads.per.data.dir': threads }, topicConfig: () => {
      begun += 1
      if (begun === 1) queueMicrotask(() => { atOnce = begun })
      return testConfig()
    } })
    expect([manager.logs().length, atOnce]).toEqual([5, sideBySide])
    await d.drive(manager.close())
  }
})
