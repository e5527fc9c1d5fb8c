/** Consumer groups: the same on every kind of cluster. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Consumer, ConsumerSettings, Kafka } from '../../src/index.ts'
import { fresh, targets, type Target } from './targets.ts'

const PARTITIONS = 6

/** A member that polls for ever; `seen` counts values. */
class Member {
  readonly consumer: Consumer
  readonly seen: string[] = []
  readonly ended: Promise<void>

  constructor(kafka: Kafka, topic: string, settings: ConsumerSettings) {
    this.consumer = kafka.consumer({ 'auto.offset.reset': 'earliest', 'heartbeat.interval.ms': 200, ...settings })
    this.consumer.subscribe(topic)
    this.ended = this.#read()
  }

  async #read(): Promise<void> { for await (const record of this.consumer) this.seen.push(Buffer.from(record.value!).toString()) }

  get partitions(): number[] { return this.consumer.assignment().map((each) => each.partition).sort() }

  async leave(): Promise<void> {
    await this.consumer.close()
    await this.ended
  }
}

async function until(holds: () => boolean | Promise<boolean>, what: () => string = () => ''): Promise<void> {
  const end = Date.now() + 30_000
  while (!await holds()) {
    if (Date.now() > end) throw new Error(`it does not come true: ${what()}`)
    await new Promise((resolve) => { setImmediate(resolve) })
  }
}

const all = Array.from({ length: PARTITIONS }, (_, i) => i)

describe.each(targets)('groups of %s', (_, start) => {
  let target: Target
  beforeAll(async () => { target = await start() })
  afterAll(() => target.close())

  const newTopic = async (): Promise<string> => {
    const topic = fresh('grouped')
    await target.kafka.admin.createTopic(topic, { partitions: PARTITIONS })
    await target.kafka.admin.listOffsets(topic, 'latest')
    return topic
  }
  const send = async (topic: string, from: number, to: number): Promise<void> => {
    await using producer = target.kafka.producer()
    await producer.sendBatch(Array.from({ length: to - from }, (__, i) => ({ topic, partition: (from + i) % PARTITIONS, value: Buffer.from(String(from + i)) })))
  }

  test.each(['range', 'roundrobin', 'sticky', 'cooperative-sticky'] as const)('share partitions by %s as members come and go', async (assignor) => {
    const topic = await newTopic()
    const settings: ConsumerSettings = { 'group.id': fresh('group'), 'partition.assignment.strategy': [assignor] }
    const [one, other] = [await target.another(), await target.another()]
    const first = new Member(one, topic, settings)
    await until(() => first.partitions.length === PARTITIONS)
    await send(topic, 0, 60)
    await until(() => first.seen.length === 60)

    const second = new Member(other, topic, settings)
    await until(() => first.partitions.length === 3 && second.partitions.length === 3, () => `${first.partitions} / ${second.partitions}`)
    expect([...first.partitions, ...second.partitions].sort()).toEqual(all)
    await send(topic, 60, 120)
    await until(() => first.seen.length + second.seen.length >= 120)
    expect(second.seen.length).toBeGreaterThanOrEqual(30)

    await first.leave()
    await until(() => second.partitions.length === PARTITIONS)
    await send(topic, 120, 180)
    await until(() => second.seen.includes('179') && first.seen.length + second.seen.length >= 180)
    await second.leave()
    expect([...new Set([...first.seen, ...second.seen])].map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 180 }, (__, i) => i))
  })

  test('go on where they committed, and tell how far behind they are', async () => {
    const topic = await newTopic()
    const settings: ConsumerSettings = { 'group.id': fresh('group') }
    await send(topic, 0, 60)
    const first = new Member(target.kafka, topic, settings)
    await until(() => first.seen.length === 60)
    await first.leave()
    await send(topic, 60, 66)
    expect((await target.kafka.admin.listGroupOffsets(settings['group.id']!)).map((each) => each.offset)).toEqual(all.map(() => 10))
    const second = new Member(await target.another(), topic, settings)
    await until(() => second.seen.length === 6)
    expect(second.seen.map(Number).sort((a, b) => a - b)).toEqual([60, 61, 62, 63, 64, 65])
    expect((await second.consumer.committed()).map((each) => each.offset)).toEqual(all.map(() => 10))
    await second.consumer.commit()
    expect((await second.consumer.lag()).map(({ committed, lag }) => [committed, lag])).toEqual(all.map(() => [11, 0]))
    await second.leave()
  })

  test('are described with their members', async () => {
    const topic = await newTopic()
    const group = fresh('group')
    const member = new Member(target.kafka, topic, { 'group.id': group, 'client.id': 'dashboard', 'group.instance.id': 'one' })
    await until(() => member.partitions.length === PARTITIONS)
    expect(await target.kafka.admin.describeGroup(group)).toMatchObject({
      groupId: group, state: 'Stable', protocolType: 'consumer', protocol: 'range',
      members: [{ clientId: 'dashboard', groupInstanceId: 'one', assignment: all.map((partition) => ({ topic, partition })) }],
    })
    await expect(target.kafka.admin.deleteGroup(group)).rejects.toMatchObject({ code: 'NON_EMPTY_GROUP' })
    await expect(target.kafka.admin.alterGroupOffsets(group, [{ topic, partition: 0, offset: 0 }])).rejects.toMatchObject({ code: 'NON_EMPTY_GROUP' })
    await member.leave()
  })

  test('let a static member come back to what it had, and fence the one before', async () => {
    const topic = await newTopic()
    const settings: ConsumerSettings = { 'group.id': fresh('group'), 'group.instance.id': 'fixed' }
    const before = new Member(target.kafka, topic, settings)
    await until(() => before.partitions.length === PARTITIONS)
    const after = new Member(await target.another(), topic, settings)
    await expect(before.ended).rejects.toMatchObject({ code: 'FENCED_INSTANCE_ID' })
    await until(() => after.partitions.length === PARTITIONS)
    await before.consumer.close()
    await after.leave()
  })

  test('find topics by pattern, those made later too', async () => {
    const prefix = fresh('pattern')
    await target.kafka.admin.createTopic(`${prefix}-a`)
    const consumer = target.kafka.consumer({ 'group.id': fresh('group'), 'auto.offset.reset': 'earliest', 'metadata.max.age.ms': 300 })
    consumer.subscribe(new RegExp(`^${prefix}-`))
    const seen: string[] = []
    const ended = (async () => { for await (const record of consumer) seen.push(record.topic) })()
    await until(() => consumer.assignment().length === 1)
    await target.kafka.admin.createTopic(`${prefix}-b`)
    await using producer = target.kafka.producer()
    await producer.send({ topic: `${prefix}-b`, value: Buffer.from('x') })
    await until(() => seen.includes(`${prefix}-b`))
    await consumer.close()
    await ended
  })
})
