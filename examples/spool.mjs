/**
 * An offline-first spool: events are kept on disk while there is no network and uploaded in batches, in order, when there is. With the
 * knobs such queues want: a cap on bytes (the oldest go first), a time to live, a batch size, and backoff.
 *
 *   node examples/spool.mjs ./data
 */
import { setTimeout as pause } from 'node:timers/promises'
import { open } from 'ottla'

const TOPIC = 'spool'

export async function openSpool(directory, { maxBytes = 64 * 1024 * 1024, timeToLiveMs = 7 * 24 * 3600 * 1000, batchSize = 100, upload }) {
  const ottla = await open(directory)
  await ottla.admin.createTopic(TOPIC, { ifNotExists: true })
  await ottla.admin.alterConfigs({ topic: TOPIC }, { 'retention.bytes': maxBytes, 'retention.ms': timeToLiveMs })
  const producer = ottla.producer({ 'value.serializer': 'json' })
  const consumer = ottla.consumer({
    'group.id': 'uploader', 'auto.offset.reset': 'earliest', 'enable.auto.commit': false, 'max.poll.records': batchSize, 'value.deserializer': 'json',
  })
  consumer.subscribe(TOPIC)
  const state = { isOpen: true }

  async function drain() {
    for (let waitMs = 10; state.isOpen;) {
      for (const batch of await consumer.poll({ timeoutMs: 100 })) {
        const events = [...batch].map((record) => record.value)
        // The same batch until it is through: order is kept, and nothing is committed that was not uploaded.
        while (state.isOpen) {
          try {
            await upload(events)
            await batch.commit()
            waitMs = 10
            break
          } catch {
            await pause(waitMs)
            waitMs = Math.min(waitMs * 2, 30_000)
          }
        }
      }
    }
  }

  const draining = drain()
  return {
    /** Resolves once the event is on disk: it will be uploaded, today or after a restart. */
    put: (event) => producer.send({ topic: TOPIC, value: event }),
    async close() {
      state.isOpen = false
      await draining
      await ottla.close()
    },
  }
}

// The network is down at first; nothing is lost and the order is kept.
const uploaded = []
let isOnline = false
const spool = await openSpool(process.argv[2] ?? './data', {
  batchSize: 50,
  upload: async (events) => {
    if (!isOnline) throw new Error('offline')
    uploaded.push(...events)
  },
})
for (let i = 0; i < 200; i++) await spool.put({ number: i })
console.log(`offline: ${uploaded.length} of 200 events uploaded`)
isOnline = true
while (uploaded.length < 200) await pause(10)
await spool.close()
console.log(`online:  ${uploaded.length} of 200 events uploaded, ${uploaded.every((event, i) => event.number === i) ? 'in order' : 'OUT OF ORDER'}`)
