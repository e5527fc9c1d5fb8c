/** @platformatic/kafka 1.35 against the port: the newest versions of the protocol, topic ids and fetch sessions. */
import { Admin, Consumer, MessagesStreamModes, ProduceAcks, Producer, stringDeserializers, stringSerializers, type CompressionAlgorithmValue } from '@platformatic/kafka'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listening, type WireKit } from '../support/wire-kit.ts'

let kit: WireKit
const opened: { close(): unknown }[] = []
const options = (): { clientId: string; bootstrapBrokers: string[] } => ({ clientId: 'plt', bootstrapBrokers: [kit.broker] })

beforeAll(async () => { kit = await listening() })
afterAll(async () => {
  for (const each of opened) await each.close()
  await kit.ottla.close()
})

function keep<C extends { close(): unknown }>(client: C): C {
  opened.push(client)
  return client
}

test('records of every codec come back in a group, and the group goes on where it was', async () => {
  const admin = keep(new Admin(options()))
  const [created] = await admin.createTopics({ topics: ['codecs'], partitions: 1, replicas: 1 })
  expect([created!.name, created!.partitions, created!.replicas, created!.configuration['retention.ms']]).toEqual(['codecs', 1, 1, '604800000'])
  const producer = keep(new Producer({ ...options(), serializers: stringSerializers }))
  const codecs = ['none', 'gzip', 'snappy', 'lz4'] satisfies CompressionAlgorithmValue[]
  for (const [index, compression] of codecs.entries()) {
    const { offsets } = await producer.send({ compression, messages: [{ topic: 'codecs', key: 'k', value: compression.repeat(100), headers: { codec: compression } }] })
    expect(offsets).toEqual([{ topic: 'codecs', partition: 0, offset: BigInt(index) }])
  }
  const idempotent = keep(new Producer({ ...options(), serializers: stringSerializers, idempotent: true }))
  await idempotent.send({ acks: ProduceAcks.ALL, messages: [{ topic: 'codecs', key: 'k', value: 'idempotent', headers: {} }] })

  const read = async (count: number): Promise<string[]> => {
    const consumer = new Consumer({ ...options(), groupId: 'plt', deserializers: stringDeserializers, sessionTimeout: 6000, heartbeatInterval: 500 })
    const stream = await consumer.consume({ topics: ['codecs'], mode: MessagesStreamModes.COMMITTED, fallbackMode: 'earliest', autocommit: false, maxWaitTime: 100 })
    const values: string[] = []
    for await (const message of stream) {
      values.push(message.value)
      await message.commit()
      if (values.length === count) break
    }
    await consumer.close(true)
    return values
  }
  expect(await read(5)).toEqual([...codecs.map((codec) => codec.repeat(100)), 'idempotent'])
  await producer.send({ messages: [{ topic: 'codecs', key: 'k', value: 'later', headers: {} }] })
  expect(await read(1)).toEqual(['later'])

  const groups = await admin.listGroups()
  expect(groups.get('plt')).toMatchObject({ id: 'plt', state: 'EMPTY', groupType: 'classic', protocolType: 'consumer' })
  await admin.deleteGroups({ groups: ['plt'] })
  await admin.deleteTopics({ topics: ['codecs'] })
  expect(await kit.ottla.admin.listTopics()).toEqual([])
})

test('transactions, which are not there, are refused at once', async () => {
  const producer = keep(new Producer({ ...options(), serializers: stringSerializers, idempotent: true, transactionalId: 'tx' }))
  await expect(producer.beginTransaction()).rejects.toMatchObject({ errors: [expect.objectContaining({ apiId: 'UNSUPPORTED_VERSION' })] })
})

test('a topic made anew under its name is another topic: who reads the old one by its id is told', async () => {
  const admin = keep(new Admin(options()))
  const [first] = await admin.createTopics({ topics: ['again'], partitions: 1, replicas: 1 })
  await admin.deleteTopics({ topics: ['again'] })
  const [second] = await admin.createTopics({ topics: ['again'], partitions: 2, replicas: 1 })
  expect(second!.id).not.toBe(first!.id)
  expect((await admin.metadata({ topics: ['again'] })).topics.get('again')).toMatchObject({ id: second!.id, partitionsCount: 2 })
})
