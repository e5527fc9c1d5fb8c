/** Ottla itself, by its public API and default settings: a promise for every record, or, in bulk, `post` and one `flush`, as the others do their transactions. */
import { open as openDatabase } from '../../../dist/index.js'
import { postAll, quiet } from '../../lib/workspace.mjs'

export async function open(directory, { durable }) {
  const ottla = await openDatabase(directory, { logger: quiet })
  await ottla.admin.createTopic('t', { partitions: 1 })
  const producer = ottla.producer({ acks: durable ? 'all' : 1 })
  return {
    send: (value) => producer.send({ topic: 't', partition: 0, value }),
    bulk: (count, value) => postAll(producer, count, value),
    async scan(count) {
      const consumer = ottla.consumer({ 'max.poll.records': 1_000_000 })
      consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
      let seen = 0
      let bytes = 0
      for await (const batch of consumer.batches()) {
        const cursor = batch.cursor()
        while (cursor.next()) { seen += 1; bytes += cursor.value().length }
        if (seen >= count) break
      }
      await consumer.close()
      return { seen, bytes }
    },
    close: () => ottla.close(),
  }
}
