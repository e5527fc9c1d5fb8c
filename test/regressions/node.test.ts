/**
 * The process: N1–N8 of spec/reliability 2.8, what libuv and Node do behind one's back (1.12), and names that become paths (3.7). Real files and real processes
 * where the point is theirs; everything else on simulated ones. N3's fence of a leader that stood still concerns clusters: here its sessions are what counts.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemScheduler } from '../../src/common/scheduler.ts'
import { OttlaError } from '../../src/common/errors.ts'
import { FileCache } from '../../src/io/file-cache.ts'
import { nodeFileSystem } from '../../src/io/node-file-system.ts'
import { LogFile } from '../../src/log/log-file.ts'
import { open, silentLogger } from '../../src/index.ts'
import { readBatch } from '../../src/record/record-cursor.ts'
import { FaultFileSystem } from '../../src/testing/fault-file-system.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'
import { compilePackage, runModule } from '../support/child-process.ts'
import { harness, outcome } from '../support/client-harness.ts'
import { GroupHarness } from '../support/group-harness.ts'
import { findings, openTestLog } from '../support/test-log.ts'
import { openBroker } from '../support/broker-kit.ts'

const root = mkdtempSync(join(realpathSync(tmpdir()), 'ottla-node-'))
let entry: string
let made = 0
beforeAll(() => { entry = compilePackage(`node-regressions-${process.pid}`) }, 60_000)
afterAll(() => {
  rmSync(root, { recursive: true, force: true })
  rmSync(new URL('.', entry), { recursive: true, force: true })
})
const fresh = (): string => { const directory = join(root, `d${made++}`); mkdirSync(directory); return directory }

/** Values of topic `t`, partition 0, as the next process finds them. */
async function found(directory: string): Promise<string[]> {
  const ottla = await open(directory, { logger: silentLogger })
  try {
    const consumer = ottla.consumer<Uint8Array, string>({ 'value.deserializer': 'string' })
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    const values: string[] = []
    const end = (await ottla.admin.listOffsets('t', 'latest'))[0]!.offset
    while (values.length < end) for (const batch of await consumer.poll({ timeoutMs: 5000 })) for (const record of batch) values.push(record.value!)
    await consumer.close()
    return values
  } finally {
    await ottla.close()
  }
}

test('N1: a failure in background work must not vanish: it is told, the work goes on, and nobody\'s promise is left rejected', async () => {
  const disk = new SimulatedFileSystem()
  const faults = new FaultFileSystem(disk)
  // Of a segment that could not be renamed index files may be missing until the next open.
  const t = await openTestLog({ disk, fileSystem: faults, check: false, config: { 'segment.bytes': 150, 'retention.ms': 1000, 'file.delete.delay.ms': 0 } })
  for (let i = 0; i < 4; i++) await t.append([`v${i}`])
  faults.inject({ call: 'rename', error: 'EIO', sticky: true })
  await t.drive(t.scheduler.advance(400_000))
  expect(faults.injected).toBeGreaterThan(0)
  expect(t.logger.messages('warn').join('\n')).toMatch(/tried again/)
  faults.heal()
  await t.drive(t.scheduler.advance(700_000))
  expect(t.log.segmentCount).toBe(1)
  expect(await t.append(['after'])).toMatchObject({ baseOffset: 4 })
  await t.reopen()
  expect(await t.values()).toEqual(['after'])
  await t.close()
})

test('N2: close() after SIGTERM must not lose what was accepted, nor mind a second SIGTERM', async () => {
  const directory = fresh()
  const { lines, status } = await runModule(`
    import { open, silentLogger } from ${JSON.stringify(entry)}
    const ottla = await open(${JSON.stringify(directory)}, { logger: silentLogger })
    await ottla.admin.createTopic('t', { partitions: 1 })
    const producer = ottla.producer({ acks: 1 })
    let closing
    process.on('SIGTERM', () => { closing ??= ottla.close().then(() => { console.log('closed'); process.exit(0) }) })
    for (let i = 0; i < 500; i++) producer.post({ topic: 't', value: 'v' + i })
    process.kill(process.pid, 'SIGTERM')
    process.kill(process.pid, 'SIGTERM')
    setInterval(() => {}, 1000)`)
  expect([lines, status]).toEqual([['closed'], 0])
  expect(readdirSync(directory)).toContain('.kafka_cleanshutdown')
  expect(await found(directory)).toEqual(Array.from({ length: 500 }, (_, i) => `v${i}`))
})

test('N3: an event loop that was blocked for five seconds must not throw its own members out, nor lose or double a record', async () => {
  const h = await GroupHarness.create({ 'group.min.session.timeout.ms': 1000 })
  const [member] = await h.stable('g', 1, [{ inProcess: true, sessionTimeoutMs: 3000 }])
  for (let stall = 0; stall < 3; stall++) {
    await h.advance(500)
    // Time passes and no timer runs: that is what a blocked loop is.
    h.scheduler.clock.advance(5000)
    await h.settle()
    expect(await h.heartbeat('g', member!)).toBe(0)
  }
  await h.advance(4000)
  expect(await h.heartbeat('g', member!)).not.toBe(0)

  const { clients, broker, ports, run } = harness()
  const [partition] = broker.createTopic('t', 1)
  broker.faults = (api) => (api === 'produce' ? { delayMs: 100 } : undefined)
  const producer = clients.producer({ 'delivery.timeout.ms': 120_000 })
  const sends = Array.from({ length: 50 }, (_, i) => outcome(producer.send({ topic: 't', value: `v${i}` })))
  await run(50)
  ;(ports.clock as unknown as { advance(ms: number): void }).advance(5000)
  await run(10_000)
  expect((await Promise.all(sends)).map((each) => (each as { offset: number }).offset)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  expect(partition!.values()).toEqual(Array.from({ length: 50 }, (_, i) => `v${i}`))
})

test('N3, for real: five seconds of a blocked loop between a send and its answer', async () => {
  const directory = fresh()
  const { lines } = await runModule(`
    import { open, silentLogger } from ${JSON.stringify(entry)}
    const ottla = await open(${JSON.stringify(directory)}, { logger: silentLogger, 'group.min.session.timeout.ms': 1000 })
    await ottla.admin.createTopic('t', { partitions: 1 })
    const producer = ottla.producer()
    await producer.send({ topic: 't', value: 'v0' })
    const consumer = ottla.consumer({ 'group.id': 'g', 'session.timeout.ms': 2000, 'heartbeat.interval.ms': 500, 'auto.offset.reset': 'earliest' })
    let lost = 0
    consumer.subscribe(['t'], { onLost() { lost++ } })
    let seen = 0
    while (seen < 1) for (const batch of await consumer.poll({ timeoutMs: 1000 })) seen += batch.count
    const pending = producer.send({ topic: 't', value: 'v1' })
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000)
    console.log('offset', (await pending).offset)
    while (seen < 2) for (const batch of await consumer.poll({ timeoutMs: 1000 })) seen += batch.count
    await consumer.commit()
    console.log('seen', seen, 'lost', lost)
    await consumer.close()
    await ottla.close()`)
  expect(lines).toEqual(['offset 1', 'seen 2 lost 0'])
  expect(await found(directory)).toEqual(['v0', 'v1'])
}, 60_000)

test('N4: a worker thread that owned the directory and was ended must not keep it locked, nor take along what it had acknowledged', async () => {
  const directory = fresh()
  const worker = new Worker(`
    const { parentPort } = require('node:worker_threads')
    import(${JSON.stringify(entry)}).then(async ({ open, silentLogger }) => {
      const ottla = await open(${JSON.stringify(directory)}, { logger: silentLogger })
      await ottla.admin.createTopic('t', { partitions: 1 })
      const producer = ottla.producer()
      for (let i = 0; ; i++) { await producer.send({ topic: 't', value: 'v' + i }); parentPort.postMessage(i) }
    })`, { eval: true })
  let acked = -1
  await new Promise<void>((resolve) => { worker.on('message', (i: number) => { acked = i; if (i === 20) resolve() }) })
  await worker.terminate()
  const values = await found(directory)
  expect(values.length).toBeGreaterThan(acked)
  expect(values).toEqual(values.map((_, i) => `v${i}`))
}, 60_000)

describe('N5: a write that falls short', () => {
  test('must not be acknowledged: a file that may not grow refuses the send, and keeps what it has', async () => {
    const directory = fresh()
    const { lines } = await runModule(`
      import { open, silentLogger } from ${JSON.stringify(entry)}
      process.on('SIGXFSZ', () => {})
      const ottla = await open(${JSON.stringify(directory)}, { logger: silentLogger })
      await ottla.admin.createTopic('t', { partitions: 1, config: { 'internal.segment.bytes': 10_000_000 } })
      const producer = ottla.producer({ 'linger.ms': 0, 'delivery.timeout.ms': 2000, 'request.timeout.ms': 1000, retries: 0 })
      for (let i = 0; i < 40; i++) {
        const value = 'v' + i + 'x'.repeat(5000)
        await producer.send({ topic: 't', value }).then(({ offset }) => console.log('acked', offset, value), (error) => console.log('refused', error.code))
      }
      console.log('end')
      process.exit(0)`, { fileKilobytes: 100 })
    const acked = lines.filter((line) => line.startsWith('acked ')).map((line) => line.split(' ')[2]!)
    expect(acked.length).toBeGreaterThan(5)
    expect(lines).toContain('refused DISK_FULL')
    expect(lines.at(-1)).toBe('end')
    expect(await found(directory)).toEqual(acked)
  }, 60_000)

  test.each([10, 400_000])('must not be acknowledged while it runs, either: %s bytes whose write fails are refused', async (length) => {
    const disk = new SimulatedFileSystem()
    const faults = new FaultFileSystem(disk)
    const t = await openTestLog({ disk, fileSystem: faults, config: { 'max.message.bytes': 1_048_576 } })
    await t.append(['kept'])
    faults.inject({ call: 'write', error: 'ENOSPC', written: length >> 1, path: /\.log$/ })
    await expect(t.append(['x'.repeat(length)], {}, { durable: false })).rejects.toMatchObject({ code: 'DISK_FULL' })
    await t.append(['next'])
    expect(await t.values()).toEqual(['kept', 'next'])
  })
})

test('N6: a descriptor must not be closed under a write: its number is the next file\'s', async () => {
  const directory = fresh()
  const handle = nodeFileSystem.open(join(directory, 'f'), 'create')
  const writing = handle.write(Buffer.alloc(1_000_000, 1), 0, 1_000_000, 0)
  expect(() => handle.close()).toThrow(/under way/)
  await writing
  handle.close()

  const cache = new FileCache(nodeFileSystem, 4)
  const file = new LogFile(nodeFileSystem, cache, join(directory, 'log'), 0)
  file.create()
  const first = file.write(Buffer.alloc(1_000_000, 7), 0, 1_000_000)
  file.close()
  // Would get the number if it were free.
  const other = nodeFileSystem.open(join(directory, 'other'), 'create')
  await first
  file.commit(1_000_000)
  await file.datasync()
  expect(readFileSync(join(directory, 'log')).every((byte) => byte === 7)).toBe(true)
  expect(readFileSync(join(directory, 'other'))).toHaveLength(0)
  other.close()
  file.close()
  cache.close()
})

test('N7: a send given up by its timeout must not end half in the log: it is there once, with its index, or not at all', async () => {
  const disk = new SimulatedFileSystem()
  const faults = new FaultFileSystem(disk)
  const t = await openTestLog({ disk, fileSystem: faults, config: { 'index.interval.bytes': 1 } })
  for (let i = 0; i < 5; i++) {
    const held = faults.holdSyncs()
    const sent = t.send([`v${i}`], { producerId: 4, producerEpoch: 0, baseSequence: i })
    await t.scheduler.advance(60_000)
    expect(t.log.logEndOffset).toBe(i)
    expect(await t.read(i)).toEqual([])
    held.release()
    await t.drive(sent)
    expect(t.log.logEndOffset).toBe(i + 1)
  }
  await t.reopen()
  expect(await t.values()).toEqual(['v0', 'v1', 'v2', 'v3', 'v4'])
  await t.close()
  expect(await findings(disk, '/data')).toEqual([])
})

describe('N8: a buffer that the caller changes after send() has returned', () => {
  test('must not change the record', async () => {
    const { clients, broker, settle } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ 'linger.ms': 50 })
    const [key, value, header] = [Buffer.from('key'), Buffer.from('value'), Buffer.from('header')]
    const sent = producer.send({ topic: 't', key, value, headers: { h: header } })
    for (const each of [key, value, header]) each.fill(0)
    await settle(sent)
    const [record] = partition!.records()
    expect([record!.key, record!.value, record!.headers[0]!.value].map((each) => Buffer.from(each!).toString())).toEqual(['key', 'value', 'header'])
  })

  test('CVE-2026-35554: nor must a pooled buffer be used again while the broker may still read it, after a timeout', async () => {
    const { clients, broker, run } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'batch.size': 1000, 'delivery.timeout.ms': 5000, 'request.timeout.ms': 4000, 'enable.idempotence': false, retries: 0 })
    const held: { records: Uint8Array; copy: Buffer }[] = []
    broker.faults = (api, request) => {
      if (api !== 'produce') return undefined
      const { records } = (request as { partitions: { records: Uint8Array }[] }).partitions[0]!
      held.push({ records, copy: Buffer.from(records) })
      return { silent: true }
    }
    const codes: unknown[] = []
    for (let round = 0; round < 8; round++) {
      const sends = Array.from({ length: 6 }, (_, i) => outcome(producer.send({ topic: 't', value: `${round}/${i} ${'x'.repeat(300)}` })))
      await run(6000)
      codes.push(...await Promise.all(sends))
    }
    expect(codes).toContain('REQUEST_TIMED_OUT')
    expect(held.length).toBeGreaterThan(3)
    for (const { records, copy } of held) {
      expect(Buffer.compare(records, copy)).toBe(0)
      expect(readBatch(records, 0, records.length).records.length).toBeGreaterThan(0)
    }
  })
})

test('libuv fires a timer of 2^31 ms after one: a delay of weeks must not', async () => {
  const fired: string[] = []
  const timers = [2 ** 31, 30 * 86_400_000, Number.MAX_SAFE_INTEGER].map((delay) => systemScheduler.after(delay, () => fired.push(String(delay))))
  const period = systemScheduler.every(2 ** 31, () => fired.push('period'))
  await new Promise<void>((resolve) => { systemScheduler.after(20, resolve, { keepAlive: true }) })
  for (const timer of [...timers, period]) timer.cancel()
  expect(fired).toEqual([])
})

test('a topic must not be named so that its folder lies elsewhere', async () => {
  const { broker, settle, disk, database } = await openBroker()
  const before = disk.readDirectory('/').map((each) => each.name).sort()
  for (const name of ['../x', '..', '.', '', 'a/b', 'a\\b', 'a\0b', '%2e%2e', 'a b', 'ä', 'x'.repeat(250), '__proto__/x', 'a\n']) {
    const answer = await settle(broker.createTopics({ validateOnly: false, topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }] }))
    expect(answer.topics[0]!.error, name).toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION' })
  }
  expect(disk.readDirectory('/').map((each) => each.name).sort()).toEqual(before)
  const legal = await settle(broker.createTopics({ validateOnly: false, topics: [{ name: 'x'.repeat(249), numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }] }))
  expect(legal.topics[0]!.errorCode).toBe(0)
  expect(OttlaError.is(legal.topics[0]!.error)).toBe(false)
  await settle(database.close())
})
