/**
 * NATS JetStream by its own client: a file stream with one replica, 1,000 publishes in flight (100 to 10,000 make no difference beyond the noise), fetched
 * in batches of 1,000. `sync_interval: always` (2.10 and later) where an acknowledgement must mean that it is on disk: one sync a message, whoever else
 * waits. Else the default of two minutes: an acknowledgement means that it is with the operating system.
 */
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { AckPolicy, connect, DeliverPolicy, StorageType } from 'nats'
import { startServer } from '../servers/server.mjs'

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => { resolve(port) })
    })
  })
}

export async function open(directory, { durable }) {
  const port = await freePort()
  const config = join(directory, 'nats.conf')
  writeFileSync(config, `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${JSON.stringify(directory)}${durable ? ', sync_interval: always' : ''} }\n`)
  const { client, stop } = await startServer('nats', ['-c', config, '-l', join(directory, 'nats.log')], () => connect({ servers: `127.0.0.1:${port}`, reconnect: false }))
  const manager = await client.jetstreamManager()
  await manager.streams.add({ name: 'LOG', subjects: ['log'], storage: StorageType.File, num_replicas: 1 })
  const stream = client.jetstream()
  return {
    send: (value) => stream.publish('log', value),
    async bulk(count, value) {
      let left = count
      const loop = async () => { while (left > 0) { left -= 1; await stream.publish('log', value) } }
      await Promise.all(Array.from({ length: 1000 }, loop))
    },
    async scan(count) {
      const { name } = await manager.consumers.add('LOG', { ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All, mem_storage: true })
      const consumer = await stream.consumers.get('LOG', name)
      let seen = 0
      let bytes = 0
      const messages = await consumer.consume({ max_messages: 1000 })
      for await (const message of messages) {
        seen += 1
        bytes += message.data.length
        if (seen >= count) break
      }
      return { seen, bytes }
    },
    async close() { await client.close(); await stop() },
  }
}
