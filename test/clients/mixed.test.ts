/** Groups whose members are of several kinds: ours over TCP, ours in the process of the broker, kafkajs's. And transactions that kafkajs wrote. */
import kafkajs, { type Assigner, type Cluster } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, open, silentLogger, type Consumer, type Kafka } from '../../src/index.ts'
import { apacheKafka, fresh } from './targets.ts'

const { AssignerProtocol, Kafka: KafkaJs, logLevel } = kafkajs

/** kafkajs brings one assignor, under a name of its own. This is Kafka's range for one topic. */
const range = ({ cluster }: { cluster: Cluster }): Assigner => ({
  name: 'range', version: 0,
  protocol: ({ topics }) => ({ name: 'range', metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }) }),
  assign({ members, topics }) {
    const ids = members.map((each) => each.memberId).sort()
    const topic = topics[0]!
    const partitions = cluster.findTopicPartitionMetadata(topic).map((each) => each.partitionId).sort()
    const share = Math.floor(partitions.length / ids.length)
    const extra = partitions.length % ids.length
    return Promise.resolve(ids.map((memberId, i) => {
      const from = i * share + Math.min(i, extra)
      const assignment = { [topic]: partitions.slice(from, from + share + (i < extra ? 1 : 0)) }
      return { memberId, memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) }) }
    }))
  },
})

interface Rig { readonly port: number; readonly kafka: Kafka; close(): Promise<void> }

async function ownRig(): Promise<Rig> {
  const database = await open('', { inMemory: true, logger: silentLogger })
  const { port } = await database.listen({ port: 0 })
  const kafka = await connect(`127.0.0.1:${port}`, { logger: silentLogger })
  return { port, kafka, async close() { await kafka.close(); await database.close() } }
}

async function kafkaRig(): Promise<Rig> {
  const { plain: port } = apacheKafka!
  const kafka = await connect(`127.0.0.1:${port}`, { logger: silentLogger })
  return { port, kafka, close: () => kafka.close() }
}

const rigs: [string, () => Promise<Rig>][] = [['another Ottla', ownRig], ...apacheKafka === null ? [] : [['Apache Kafka', kafkaRig] as [string, () => Promise<Rig>]]]

describe.each(rigs)('a group of mixed members on %s', (_, start) => {
  let rig: Rig
  beforeAll(async () => { rig = await start() })
  afterAll(() => rig.close())

  test.each(['ours', 'theirs'])('shares partitions when %s came first', async (first) => {
    const topic = fresh('mixed')
    const groupId = fresh('group')
    await rig.kafka.admin.createTopic(topic, { partitions: 4 })
    await rig.kafka.admin.listOffsets(topic, 'latest')
    const ours = rig.kafka.consumer({ 'group.id': groupId, 'auto.offset.reset': 'earliest', 'partition.assignment.strategy': 'range', 'heartbeat.interval.ms': 200 })
    const client = new KafkaJs({ brokers: [`127.0.0.1:${rig.port}`], logLevel: logLevel.NOTHING })
    const theirs = client.consumer({ groupId, partitionAssigners: [range], heartbeatInterval: 200 })
    let their: number[] = []
    theirs.on(theirs.events.GROUP_JOIN, ({ payload }) => { their = payload.memberAssignment[topic] ?? [] })
    const seen: string[] = []
    let reading = Promise.resolve()
    const joinOurs = (): void => {
      ours.subscribe(topic)
      reading = (async () => { for await (const record of ours) seen.push(Buffer.from(record.value!).toString()) })()
    }
    const joinTheirs = async (): Promise<void> => {
      await theirs.connect()
      await theirs.subscribe({ topic, fromBeginning: true })
      await theirs.run({ eachMessage: ({ message }) => { seen.push(message.value!.toString()); return Promise.resolve() } })
    }
    const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await new Promise((resolve) => { setImmediate(resolve) }) }

    if (first === 'ours') {
      joinOurs()
      await until(() => ours.assignment().length === 4)
      await joinTheirs()
    } else {
      await joinTheirs()
      await until(() => their.length === 4)
      joinOurs()
    }
    await until(() => ours.assignment().length === 2 && their.length === 2)
    expect([...ours.assignment().map((each) => each.partition), ...their].sort()).toEqual([0, 1, 2, 3])
    await using producer = rig.kafka.producer()
    await producer.sendBatch(Array.from({ length: 40 }, (__, i) => ({ topic, partition: i % 4, value: Buffer.from(String(i)) })))
    await until(() => seen.length === 40)
    expect(seen.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (__, i) => i))
    await theirs.disconnect()
    await until(() => ours.assignment().length === 4)
    await ours.close()
    await reading
  })
})

test.each(['range', 'cooperative-sticky'] as const)('members in the process of the broker and over its port share a group (%s)', async (assignor) => {
  const database = await open('', { inMemory: true, logger: silentLogger })
  const { port } = await database.listen({ port: 0 })
  const kafka = await connect(`127.0.0.1:${port}`, { logger: silentLogger })
  await database.admin.createTopic('shared', { partitions: 4 })
  const seen: number[] = []
  const join = (from: Kafka): { consumer: Consumer; reading: Promise<void> } => {
    const consumer = from.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest', 'partition.assignment.strategy': [assignor], 'heartbeat.interval.ms': 100 })
    consumer.subscribe('shared')
    return { consumer, reading: (async () => { for await (const record of consumer) seen.push(Number(Buffer.from(record.value!).toString())) })() }
  }
  const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await new Promise((resolve) => { setImmediate(resolve) }) }
  const inside = join(database)
  await until(() => inside.consumer.assignment().length === 4)
  const outside = join(kafka)
  await until(() => inside.consumer.assignment().length === 2 && outside.consumer.assignment().length === 2)
  const values = Array.from({ length: 40 }, (_, i) => i)
  await kafka.producer().sendBatch(values.map((i) => ({ topic: 'shared', partition: i % 4, value: Buffer.from(String(i)) })))
  await until(() => seen.length === 40)
  expect([...seen].sort((a, b) => a - b)).toEqual(values)
  await inside.consumer.close()
  await until(() => outside.consumer.assignment().length === 4)
  await kafka.close()
  await Promise.all([inside.reading, outside.reading])
  expect((await database.admin.listGroupOffsets('g')).map((each) => each.offset)).toEqual([10, 10, 10, 10])
  await database.close()
})

describe.each(apacheKafka === null ? [] : [['Apache Kafka', kafkaRig]] as const)('transactions on %s', (_, start) => {
  let rig: Rig
  beforeAll(async () => { rig = await start() })
  afterAll(() => rig.close())

  test('are read when they are committed, and left out when they are aborted', async () => {
    const topic = fresh('transacted')
    await rig.kafka.admin.createTopic(topic)
    await rig.kafka.admin.listOffsets(topic, 'latest')
    const client = new KafkaJs({ brokers: [`127.0.0.1:${rig.port}`], logLevel: logLevel.NOTHING })
    const theirs = client.producer({ transactionalId: fresh('tx'), idempotent: true, maxInFlightRequests: 1 })
    await theirs.connect()
    for (const [value, ends] of [['a', 'commit'], ['b', 'abort'], ['c', 'commit']] as const) {
      const transaction = await theirs.transaction()
      await transaction.send({ topic, messages: [{ value }, { value: `${value}${value}` }] })
      await transaction[ends]()
    }
    await theirs.disconnect()
    await using ours = rig.kafka.producer()
    await ours.send({ topic, value: Buffer.from('end') })
    const read = async (isolation: 'read_committed' | 'read_uncommitted'): Promise<string[]> => {
      const consumer = rig.kafka.consumer({ 'isolation.level': isolation, 'auto.offset.reset': 'earliest' })
      consumer.assign([{ topic, partition: 0 }])
      const values: string[] = []
      for await (const record of consumer) {
        values.push(Buffer.from(record.value!).toString())
        if (values.at(-1) === 'end') break
      }
      await consumer.close()
      return values
    }
    expect(await read('read_committed')).toEqual(['a', 'aa', 'c', 'cc', 'end'])
    expect(await read('read_uncommitted')).toEqual(['a', 'aa', 'b', 'bb', 'c', 'cc', 'end'])
  })
})
