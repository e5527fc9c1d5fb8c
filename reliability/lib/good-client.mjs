/**
 * A well-behaved client of Kafka (kafkajs, unchanged) in a process of its own, beside which others attack the broker. One operation is a record that is sent with
 * acks=all and has come back through a consumer group. Told by messages of its parent:
 *
 *   { do: 'measure', ms }  → { count, medianMs, p99Ms, worstMs }: operations one after another for so long
 *   { do: 'end' }          → { sent, acked, seen, lost, doubled, crashes, joins, disconnects }, after reading the topic anew from its beginning
 */
import process from 'node:process'
import { Kafka, logLevel } from 'kafkajs'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const [broker, topic] = process.argv.slice(2)
const kafka = new Kafka({ brokers: [broker], clientId: 'good', logLevel: logLevel.NOTHING, retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 500 }, requestTimeout: 30_000 })
const producer = kafka.producer({ allowAutoTopicCreation: false })
const consumer = kafka.consumer({ groupId: 'good', sessionTimeout: 10_000, heartbeatInterval: 500, maxWaitTimeInMs: 200 })
const problems = { crashes: 0, joins: 0, disconnects: 0 }
const arrived = new Map()
const acked = []
const payload = 'x'.repeat(100)
let next = 0
let ending = false

consumer.on(consumer.events.CRASH, () => { problems.crashes += 1 })
consumer.on(consumer.events.GROUP_JOIN, () => { problems.joins += 1 })
for (const client of [producer, consumer]) client.on(client.events.DISCONNECT, () => { if (!ending) problems.disconnects += 1 })

await producer.connect()
await consumer.connect()
await consumer.subscribe({ topics: [topic], fromBeginning: true })
await consumer.run({
  autoCommitInterval: 1000,
  eachMessage: async ({ message }) => {
    const number = Number(message.value.toString().split(' ')[0])
    arrived.get(number)?.()
    arrived.delete(number)
  },
})

async function operation() {
  const number = next++
  const seen = new Promise((resolve) => { arrived.set(number, resolve) })
  await producer.send({ topic, acks: -1, messages: [{ value: `${number} ${payload}` }] })
  acked.push(number)
  await seen
}

async function measure(ms) {
  const times = []
  const end = performance.now() + ms
  while (performance.now() < end) {
    const began = performance.now()
    await operation()
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  return { count: times.length, medianMs: times[times.length >> 1], p99Ms: times[Math.floor(times.length * 0.99)], worstMs: times.at(-1) }
}

/** Reads the topic anew: what is acknowledged is there, once. */
async function verify() {
  ending = true
  await consumer.disconnect()
  const admin = kafka.admin()
  await admin.connect()
  const [{ high }] = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const reader = kafka.consumer({ groupId: 'judge', maxWaitTimeInMs: 100 })
  const counts = new Map()
  await reader.connect()
  await reader.subscribe({ topics: [topic], fromBeginning: true })
  await new Promise((resolve) => {
    if (Number(high) === 0) return resolve()
    void reader.run({ autoCommit: false, eachMessage: async ({ message }) => {
      const number = Number(message.value.toString().split(' ')[0])
      counts.set(number, (counts.get(number) ?? 0) + 1)
      if (Number(message.offset) === Number(high) - 1) resolve()
    } })
  })
  await reader.disconnect()
  await producer.disconnect()
  return { sent: next, acked: acked.length, lost: acked.filter((number) => !counts.has(number)).length, doubled: [...counts.values()].filter((count) => count > 1).length, ...problems }
}

process.on('message', async (message) => {
  process.send(message.do === 'measure' ? await measure(message.ms) : await verify())
  if (message.do === 'end') process.disconnect()
})
process.on('disconnect', () => process.exit())
await operation()
process.send('ready')
