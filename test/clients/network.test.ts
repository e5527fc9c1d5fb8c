/** Connections that break, brokers that go away and come back: nothing is lost, doubled or reordered. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, open, silentLogger, type Kafka } from '../../src/index.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { Proxy } from './proxy.ts'
import { apacheKafka, fresh } from './targets.ts'

interface Rig {
  /** Through the proxy. */
  readonly kafka: Kafka
  readonly proxy: Proxy
  /** Kills the broker, or what can be killed of it, and brings it back. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** Fast: failures here are meant. */
const settings = { logger: silentLogger, 'reconnect.backoff.ms': 5, 'reconnect.backoff.max.ms': 50, 'retry.backoff.ms': 5, 'retry.backoff.max.ms': 100 } as const

async function ownRig(): Promise<Rig> {
  const database = await open('', { inMemory: true, logger: silentLogger })
  const proxy = await Proxy.open()
  const options = { port: 0, advertisedPort: proxy.port }
  let listener = await database.listen(options)
  proxy.target = listener.port
  const kafka = await connect(`127.0.0.1:${proxy.port}`, settings)
  return {
    kafka, proxy,
    async restart() {
      await listener.close({ timeoutMs: 0 })
      proxy.cut()
      listener = await database.listen({ ...options, port: listener.port })
    },
    async close() {
      await kafka.close()
      await database.close()
      await proxy.close()
    },
  }
}

async function kafkaRig(): Promise<Rig> {
  const proxy = await Proxy.open(apacheKafka!.proxy)
  proxy.target = apacheKafka!.proxied
  const kafka = await connect(`127.0.0.1:${proxy.port}`, settings)
  return {
    kafka, proxy,
    async restart() {
      const answer = await fetch(`http://127.0.0.1:${apacheKafka!.restarts}`, { method: 'POST' })
      if (!answer.ok) throw new Error(await answer.text())
    },
    async close() {
      await kafka.close()
      await proxy.close()
    },
  }
}

const rigs: [string, () => Promise<Rig>][] = [['another Ottla', ownRig], ...apacheKafka === null ? [] : [['Apache Kafka', kafkaRig] as [string, () => Promise<Rig>]]]
const PARTITIONS = 3

async function readAll(kafka: Kafka, topic: string, count: number): Promise<number[][]> {
  const consumer = kafka.consumer({ 'auto.offset.reset': 'earliest' })
  consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition })))
  const values: number[][] = Array.from({ length: PARTITIONS }, () => [])
  let seen = 0
  for await (const batch of consumer.batches()) {
    for (const record of batch) values[record.partition]!.push(Number(Buffer.from(record.value!).toString()))
    seen += batch.count
    if (seen >= count) break
  }
  await consumer.close()
  const ends = await kafka.admin.listOffsets(topic, 'latest')
  expect(ends.map((each) => each.offset)).toEqual(values.map((each) => each.length))
  return values
}

const expected = (count: number): number[][] => Array.from({ length: PARTITIONS }, (_, p) => Array.from({ length: Math.ceil((count - p) / PARTITIONS) }, (__, i) => i * PARTITIONS + p))

describe.each(rigs)('a connection to %s that breaks', (name, start) => {
  let rig: Rig
  beforeAll(async () => { rig = await start() })
  afterAll(() => rig.close())

  const newTopic = async (): Promise<string> => {
    const topic = fresh('cut')
    await rig.kafka.admin.createTopic(topic, { partitions: PARTITIONS })
    await rig.kafka.admin.listOffsets(topic, 'latest')
    return topic
  }

  test.each([1, 2, 3])('doubles, loses and reorders nothing that is sent (%i)', async (seed) => {
    const random = new SeededRandom(seed)
    const topic = await newTopic()
    const producer = rig.kafka.producer({ 'batch.size': 500, 'linger.ms': 0 })
    const count = 3000
    const sends: Promise<unknown>[] = []
    const before = rig.proxy.connections
    for (let i = 0; i < count; i += 1) {
      sends.push(producer.send({ topic, partition: i % PARTITIONS, value: Buffer.from(String(i)) }))
      if (i % 200 !== 0) continue
      // A request cut short, an answer cut short or off, or all at once.
      const way = random.int(3)
      if (way === 0) rig.proxy.upstreamBytes = random.int(3000)
      else if (way === 1) rig.proxy.downstreamBytes = random.int(300)
      else rig.proxy.cut()
      // The next cut meets what goes on, not what has not begun again.
      await sends[i - 100]
    }
    await Promise.all(sends)
    expect(rig.proxy.connections - before).toBeGreaterThan(5)
    rig.proxy.upstreamBytes = Infinity
    rig.proxy.downstreamBytes = Infinity
    await producer.close()
    expect(await readAll(rig.kafka, topic, count)).toEqual(expected(count))
  })

  test('hides nothing that is read', async () => {
    const random = new SeededRandom(4)
    const topic = await newTopic()
    const producer = rig.kafka.producer()
    const count = 2000
    await producer.sendBatch(Array.from({ length: count }, (_, i) => ({ topic, partition: i % PARTITIONS, value: Buffer.from(String(i)) })))
    const consumer = rig.kafka.consumer({ 'auto.offset.reset': 'earliest', 'max.partition.fetch.bytes': 300, 'max.poll.records': 20 })
    consumer.assign(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition })))
    const values: number[][] = Array.from({ length: PARTITIONS }, () => [])
    for (let seen = 0; seen < count;) {
      for (const batch of await consumer.poll({ timeoutMs: 10_000 })) {
        for (const record of batch) values[record.partition]!.push(Number(Buffer.from(record.value!).toString()))
        seen += batch.count
      }
      if (random.int(5) === 0) rig.proxy.downstreamBytes = random.int(1000)
    }
    rig.proxy.downstreamBytes = Infinity
    expect(values).toEqual(expected(count))
    await Promise.all([consumer.close(), producer.close()])
  })

  test('goes on in the middle of producing and consuming when the broker is back', async () => {
    const topic = await newTopic()
    const group = fresh('group')
    const producer = rig.kafka.producer()
    const consumer = rig.kafka.consumer({ 'group.id': group, 'auto.offset.reset': 'earliest', 'heartbeat.interval.ms': 200 })
    consumer.subscribe(topic)
    const seen = new Set<number>()
    let noticed = (): void => {}
    const reading = (async () => {
      for await (const record of consumer) {
        seen.add(Number(Buffer.from(record.value!).toString()))
        noticed()
      }
    })()
    let sent = 0
    let stopped = false
    const sending = (async () => {
      while (!stopped || sent < 300) {
        await producer.send({ topic, partition: sent % PARTITIONS, value: Buffer.from(String(sent)) })
        sent += 1
      }
    })()
    const until = (holds: () => boolean): Promise<void> => new Promise((resolve) => {
      noticed = () => { if (holds()) resolve() }
      noticed()
    })
    await until(() => seen.size >= 100)
    await rig.restart()
    const before = seen.size
    await until(() => seen.size >= before + 100)
    stopped = true
    await sending
    await until(() => seen.size === sent)
    await consumer.close()
    await reading
    await producer.close()
    expect((await readAll(rig.kafka, topic, sent)).flat().sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, i) => i))
    expect(name).not.toBe('')
  })

  test('leaves no connection behind when it is closed, whatever is under way', async () => {
    const topic = await newTopic()
    const kafka = await connect(`127.0.0.1:${rig.proxy.port}`, settings)
    const producer = kafka.producer({ 'linger.ms': 1000 })
    const consumer = kafka.consumer({ 'group.id': fresh('group'), 'fetch.max.wait.ms': 20_000 })
    consumer.subscribe(topic)
    const reading = (async () => { for await (const record of consumer) if (record.offset < 0) throw new Error('no offset is negative') })()
    const sent = producer.send({ topic, value: Buffer.from('late') })
    const before = rig.proxy.open
    expect(before).toBeGreaterThan(0)
    await kafka.close()
    await reading
    await sent
    await expect(producer.send({ topic, value: Buffer.from('x') })).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(kafka.admin.listTopics()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
