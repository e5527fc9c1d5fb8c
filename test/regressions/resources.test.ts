/**
 * Resources: incidents D1–D5 of spec/reliability 2.6, and stalled syncs, named after what must not happen here. With real disks: rows 6 and 7 of `npm run rel:ci`.
 */
import { describe, expect, test } from 'vitest'
import { Database } from '../../src/database.ts'
import { createClients } from '../../src/client/clients.ts'
import type { OttlaError } from '../../src/common/errors.ts'
import { ByteReader } from '../../src/protocol/byte-reader.ts'
import { FaultFileSystem } from '../../src/testing/fault-file-system.ts'
import { ManualScheduler } from '../../src/testing/manual-scheduler.ts'
import { RecordingLogger } from '../../src/testing/recording-logger.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'
import { batchOf, openBroker } from '../support/broker-kit.ts'
import { openTestLog, type TestLog } from '../support/test-log.ts'

const tiny = { 'segment.bytes': 420, 'index.interval.bytes': 100, 'file.delete.delay.ms': 0 } as const

async function faulty(): Promise<{ t: TestLog; faults: FaultFileSystem }> {
  const disk = new SimulatedFileSystem()
  const faults = new FaultFileSystem(disk)
  return { t: await openTestLog({ disk, fileSystem: faults, config: tiny }), faults }
}

test('D1: a disk that fills up must not leave half a batch, stop reads, or need a restart once there is room', async () => {
  const { t } = await faulty()
  const acked: string[] = []
  for (let fill = 0; fill < 3; fill++) {
    t.disk.capacityBytes = t.disk.usedBytes + 1500
    for (let refused = 0; refused < 3;) {
      const value = `${fill}/${acked.length} ${'x'.repeat(40)}`
      await t.append([value]).then(() => acked.push(value), (error: OttlaError) => {
        expect(error).toMatchObject({ code: 'DISK_FULL', retriable: true })
        refused++
      })
      expect(await t.values()).toEqual(acked)
    }
    const killed = await t.crash(t.disk.survivors('lose-all'), { check: false, fileSystem: t.disk.survivors('lose-all') })
    expect(await killed.values()).toEqual(acked)
    t.disk.capacityBytes = Number.POSITIVE_INFINITY
    await t.append(['room'])
    acked.push('room')
  }
  await t.reopen()
  expect(await t.values()).toEqual(acked)
  expect(acked.length).toBeGreaterThan(6)
})

describe('D2 fsyncgate: an fdatasync that failed', () => {
  test('must not be tried again until it says yes: the log is offline, nothing more is acknowledged, and the next open has what was', async () => {
    const { t, faults } = await faulty()
    await t.append(['good'])
    faults.inject({ call: 'datasync', error: 'EIO', path: /\.log$/ })
    await expect(t.append(['lost'])).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    expect(faults.injected).toBe(1)
    // The kernel would say yes now: the pages are marked clean.
    for (let i = 0; i < 3; i++) await expect(t.append(['no'])).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    expect(await t.values()).toEqual(['good'])
    const after = await t.crash(t.disk.survivors('lose-all'), { fileSystem: t.disk.survivors('lose-all') })
    expect(await after.values()).toEqual(['good'])
    await after.append(['again'])
    expect(await after.values()).toEqual(['good', 'again'])
  })

  test('must not be kept from others of its group', async () => {
    const { t, faults } = await faulty()
    faults.inject({ call: 'datasync', error: 'EIO', path: /\.log$/ })
    const group = await t.drive(Promise.allSettled([t.send(['a']), t.send(['b'])]))
    expect(group.map((each) => each.status)).toEqual(['rejected', 'rejected'])
    t.skipCheck()
  })
})

test('D3 EMFILE: a roll, a fetch and a sync without file descriptors must fail cleanly and work again once there are some', async () => {
  const { t, faults } = await faulty()
  const acked: string[] = []
  let told = 0
  for (let round = 0; round < 30; round++) {
    const starved = round % 2 === 1
    if (starved) faults.inject({ call: 'open', error: 'EMFILE', sticky: true })
    else faults.heal()
    const value = `value ${round} ${'x'.repeat(30)}`
    await t.append([value]).then(() => acked.push(value), (error: OttlaError) => {
      expect(starved, error.message).toBe(true)
      expect(error.code).toBe('TOO_MANY_OPEN_FILES')
      told++
    })
    if (starved) await t.read(0).catch((error: OttlaError) => { expect(error.code).toBe('TOO_MANY_OPEN_FILES') })
    else expect(await t.values()).toEqual(acked)
  }
  expect(told).toBeGreaterThan(2)
  faults.heal()
  await t.reopen()
  expect(await t.values()).toEqual(acked)
})

/** A database with clients on a disk whose syncs can be held, with time in the test's hands. */
async function slowDisk() {
  const scheduler = new ManualScheduler()
  const disk = new SimulatedFileSystem({ clock: scheduler.clock })
  const faults = new FaultFileSystem(disk)
  const ports = { clock: scheduler.clock, scheduler, random: new SeededRandom(3), logger: new RecordingLogger() }
  const settle = async <T>(promise: Promise<T>, ms = 0): Promise<T> => {
    let isDone = false
    promise.then(() => { isDone = true }, () => { isDone = true })
    for (let turn = 0; !isDone && turn < 2000; turn++) await (ms > 0 ? scheduler.advance(ms / 100) : scheduler.runUntilIdle())
    return promise
  }
  const database = await settle(Database.open({
    directory: '/', fileSystem: faults, ports, settings: {}, readOnly: false, inMemory: true, allowNetworkFileSystem: false, emit: () => {},
  }))
  const broker = database.newBroker()
  const clients = createClients(broker, ports, { embedded: true, nodeId: 1 })
  await settle(broker.createTopics({ validateOnly: false, topics: ['a', 'b'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })) }))
  return { scheduler, disk, faults, database, broker, clients, settle }
}

describe('D4: a disk whose syncs take seconds', () => {
  test('must not cost a member its group, hold up readers or other partitions, nor make a send that timed out a false acknowledgement', async () => {
    const { faults, broker, clients, settle, scheduler, database } = await slowDisk()
    const producer = clients.producer({ 'delivery.timeout.ms': 5000, 'request.timeout.ms': 4000, 'linger.ms': 0 })
    await settle(producer.send({ topic: 'a', value: 'before' }))
    const join = await settle(broker.joinGroup({
      groupId: 'g', memberId: '', groupInstanceId: null, sessionTimeoutMs: 6000, rebalanceTimeoutMs: 60_000, protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: new Uint8Array([0, 0]) }], clientId: 'c', clientHost: '/h', requireKnownMemberId: false,
    }), 10_000)
    await settle(broker.syncGroup({ groupId: 'g', memberId: join.memberId, groupInstanceId: null, generationId: join.generationId, protocolType: 'consumer', protocolName: 'range',
      assignments: [{ memberId: join.memberId, assignment: new Uint8Array(0) }] }))

    const held = faults.holdSyncs(/a-0/)
    const stalled = producer.send({ topic: 'a', value: 'stalled' }).then(() => 'acknowledged', (error: OttlaError) => error.code)
    for (let second = 0; second < 20; second++) {
      await scheduler.advance(1000)
      const beat = await settle(broker.heartbeat({ groupId: 'g', memberId: join.memberId, groupInstanceId: null, generationId: join.generationId }))
      expect(beat.errorCode).toBe(0)
      expect(await settle(producer.send({ topic: 'b', value: `b${second}` }))).toMatchObject({ offset: second })
      const fetched = await settle(broker.fetch({ maxWaitMs: 0, minBytes: 1, maxBytes: 1e6, isolationLevel: 0, partitions: [{ topic: 'a', partition: 0, fetchOffset: 0, partitionMaxBytes: 1e6 }] }))
      expect(fetched.partitions[0]!.records.length).toBeGreaterThan(0)
      expect(fetched.partitions[0]!.highWatermark).toBe(1)
    }
    expect(held.waiting).toBeGreaterThan(0)
    expect(await stalled).toBe('REQUEST_TIMED_OUT')
    held.release()
    await settle(producer.close(), 10_000)
    // Indeterminate: there once, or not at all.
    expect(database.logs.get('a', 0)!.logEndOffset).toBeLessThanOrEqual(2)
    await settle(database.close())
  })

  test('must not let an acknowledgement through that is not due: with four stalled syncs, which is all that libuv runs, readers and acks=1 go on, and acks=all waits', async () => {
    const { faults, broker, settle, scheduler, database } = await slowDisk()
    await settle(broker.createTopics({ validateOnly: false, topics: [{ name: 'four', numPartitions: 4, replicationFactor: 1, assignments: [], configs: [] }] }))
    const send = async (acks: 1 | -1, topic: string, partition: number): Promise<number> => {
      const answer = await broker.produce({ acks, timeoutMs: 1, partitions: [{ topic, partition, records: batchOf(['x']) }] })
      return answer.partitions[0]!.errorCode
    }
    await settle(send(-1, 'a', 0))
    const held = faults.holdSyncs(/four-\d/)
    const answered: number[] = []
    const sends = [0, 1, 2, 3].map((partition) => send(-1, 'four', partition).finally(() => answered.push(partition)))
    await scheduler.advance(10_000)
    expect(await settle(send(1, 'b', 0))).toBe(0)
    const fetched = await settle(broker.fetch({
      maxWaitMs: 0, minBytes: 1, maxBytes: 1e6, isolationLevel: 0, partitions: [{ topic: 'a', partition: 0, fetchOffset: 0, partitionMaxBytes: 1e6 }],
    }))
    expect(fetched.partitions[0]!.records.length).toBeGreaterThan(0)
    const another = send(-1, 'a', 0)
    await scheduler.advance(10_000)
    expect(answered).toEqual([])
    held.release()
    expect(await settle(Promise.all([...sends, another]))).toEqual([0, 0, 0, 0, 0])
    await settle(database.close())
  })
})

describe('D5: a consumer that asks for a thousand times 50 MiB', () => {
  test('must not get them: fetch.max.bytes bounds the answer and what is allocated for it', async () => {
    const { broker, settle, database } = await openBroker()
    await settle(broker.createTopics({ validateOnly: false, topics: [{ name: 't', numPartitions: 100, replicationFactor: 1, assignments: [], configs: [] }] }))
    const records = batchOf(['x'.repeat(100_000)])
    for (let partition = 0; partition < 100; partition++) await settle(broker.produce({ acks: 1, timeoutMs: 1, partitions: [{ topic: 't', partition, records: records.slice() }] }))
    let allocated = 0
    const partitions = Array.from({ length: 1000 }, (_, i) => ({ topic: 't', partition: i % 100, fetchOffset: 0, partitionMaxBytes: 50 * 1024 * 1024 }))
    const answer = await settle(broker.fetch({
      maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, isolationLevel: 0, partitions, allocate: (bytes) => { allocated += bytes; return Buffer.alloc(bytes) },
    }))
    const size = answer.partitions.reduce((sum, each) => sum + each.records.length, 0)
    expect(size).toBeGreaterThan(900_000)
    expect(size).toBeLessThanOrEqual(1_000_000)
    expect(allocated).toBeLessThan(4_000_000)
    await settle(database.close())
  })

  test('must not be had by a number alone: a count that the bytes cannot hold is refused before anything is allocated', () => {
    for (const [bytes, read] of [
      [[0x7f, 0xff, 0xff, 0xff, 1, 2], (reader: ByteReader): number => reader.array()],
      [[0x00, 0x10, 0x00, 0x00, 1, 2], (reader: ByteReader): number => reader.nullableArray(4)],
      [[0xff, 0xff, 0xff, 0xff, 0x0f, 1], (reader: ByteReader): number => reader.compactArray()],
      [[0xff, 0xff, 0xff, 0xff, 0x0f, 1], (reader: ByteReader): number => reader.tagCount()],
    ] as const) {
      const before = process.memoryUsage().heapUsed
      expect(() => read(new ByteReader(Uint8Array.from(bytes)))).toThrow(/do not fit/)
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000)
    }
  })
})
