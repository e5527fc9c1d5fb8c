/**
 * At least once: an offset is committed only after the work on its record is done. A crash repeats what was done since the last commit and
 * skips nothing, so the work should bear being done twice.
 *
 *   node examples/at-least-once.mjs ./data jobs
 *
 * Asking for the next record says that this one is done; auto commit then commits it within auto.commit.interval.ms, and on close.
 */
import { open } from 'ottla'

const [directory = './data', topic = 'jobs'] = process.argv.slice(2)
const ottla = await open(directory)
await ottla.admin.createTopic(topic, { ifNotExists: true })

const consumer = ottla.consumer({
  'group.id': 'at-least-once', 'auto.offset.reset': 'earliest', 'auto.commit.interval.ms': 100, 'value.deserializer': 'string',
})
consumer.subscribe(topic)
process.once('SIGTERM', () => ottla.close())

for await (const record of consumer) {
  console.log(`done ${record.value}`)                       // the work
}
