/**
 * One consumer in a process of its own, for the real part of row 12: `node churn-member.mjs <ottla|kafkajs> PORT GROUP INSTANCE DIST FILE`. Tells its parent what it is
 * given (`assigned`) and what it gives up (`revoked`), and from when on the broker must have heard of it (`alive`), with the monotonic time of the machine, and writes down in a file what it has processed and is about to
 * commit. A message of the parent ends it in order.
 */
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [library, port, group, instance, dist, file] = process.argv.slice(2)
const topic = 'churned'
const journal = openSync(file, 'a')
/** At once, before anything else happens: what a killed process had done is known. */
const processed = (partition, from, to) => { writeSync(journal, `${partition} ${from} ${to}\n`) }
const now = () => Number(process.hrtime.bigint()) / 1e6
const tell = (message) => { if (process.connected) process.send({ at: now(), ...message }) }

const settings = {
  'group.id': group, 'auto.offset.reset': 'earliest', 'enable.auto.commit': false, 'session.timeout.ms': 2000, 'heartbeat.interval.ms': 300, 'max.poll.interval.ms': 4000,
  'partition.assignment.strategy': 'cooperative-sticky', ...(instance === '' ? {} : { 'group.instance.id': instance }),
}

async function ottla() {
  const { connect } = await import(pathToFileURL(join(dist, 'index.js')).href)
  const kafka = await connect(`127.0.0.1:${port}`, { logger: { debug() {}, info() {}, warn() {}, error() {} } })
  const consumer = kafka.consumer(settings)
  for (const event of ['assigned', 'revoked', 'lost']) {
    consumer.on(event, (partitions) => tell({ what: event === 'assigned' ? event : 'revoked', partitions: partitions.map(({ partition }) => partition) }))
  }
  consumer.subscribe(topic)
  process.on('message', async () => {
    await consumer.close()
    await kafka.close()
    process.disconnect()
  })
  for (;;) {
    try {
      const batches = await consumer.poll({ timeoutMs: 500 })
      for (const { partition, baseOffset, lastOffset } of batches) processed(partition, baseOffset, lastOffset)
      const at = now()
      await consumer.commit()
      if (batches.length > 0) tell({ what: 'alive', at })
    } catch (error) {
      if (error.code === 'CLOSED') return
      if (error.code === 'FENCED_INSTANCE_ID') process.exit(0)
    }
  }
}

async function kafkajs() {
  const { Kafka, logLevel } = await import('kafkajs')
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry: { retries: 50, initialRetryTime: 50, maxRetryTime: 300 } })
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: 2000, rebalanceTimeout: 4000, heartbeatInterval: 300, maxWaitTimeInMs: 200 })
  let mine = []
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    mine = payload.memberAssignment[topic] ?? []
    tell({ what: 'assigned', partitions: mine })
  })
  consumer.on(consumer.events.HEARTBEAT, ({ payload }) => tell({ what: 'alive', at: now() - payload.duration }))
  consumer.on(consumer.events.REBALANCING, () => tell({ what: 'revoked', partitions: mine }))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  process.on('message', async () => {
    await consumer.disconnect()
    process.disconnect()
  })
  await consumer.run({
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat, isStale, isRunning }) => {
      for (const { offset } of batch.messages) {
        if (isStale() || !isRunning()) return
        processed(batch.partition, offset, offset)
        resolveOffset(offset)
      }
      await heartbeat()
    },
  })
}

await { ottla, kafkajs }[library]()
