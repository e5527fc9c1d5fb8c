/**
 * At most once: the offset is committed before the work is done. A crash loses what was in hand and repeats nothing: for work that must
 * not happen twice and may be skipped, such as a notification.
 *
 *   node examples/at-most-once.mjs ./data jobs
 */
import { open } from 'ottla'

const [directory = './data', topic = 'jobs'] = process.argv.slice(2)
const ottla = await open(directory)
await ottla.admin.createTopic(topic, { ifNotExists: true })

const consumer = ottla.consumer({
  'group.id': 'at-most-once', 'auto.offset.reset': 'earliest', 'enable.auto.commit': false, 'value.deserializer': 'string',
})
consumer.subscribe(topic)
process.once('SIGTERM', () => ottla.close())

for await (const batch of consumer.batches()) {
  await batch.commit()                                      // first: from here on nobody gets these records again
  for (const record of batch) console.log(`done ${record.value}`)
}
