/** One round of the embedded database: by `producer.send` and `for await … batches()`, the defaults but for the page cache; then both at a time. Prints records a second. */
import { openWindow, settled, withDatabase } from '../lib/workspace.mjs'

const { size, count } = JSON.parse(process.argv[2])

const figures = await settled(() => withDatabase({ config: { 'write.caching': true } }, async (ottla) => {
  const value = Buffer.alloc(size, 0x61)
  const producer = ottla.producer({ acks: 'all', 'batch.size': 65_536 })
  await openWindow(producer, 200_000, value)
  const produced = await openWindow(producer, count, value)
  await consumeFrom(ottla, 0, 200_000)
  const consumed = await consumeFrom(ottla, 200_000, count)
  const started = process.hrtime.bigint()
  await Promise.all([openWindow(producer, count, value), consumeFrom(ottla, 200_000 + count, count)])
  return { produced, consumed, both: count / (Number(process.hrtime.bigint() - started) / 1e9) }
}))
console.log(JSON.stringify(figures))

async function consumeFrom(ottla, offset, count) {
  const consumer = ottla.consumer({ 'max.poll.records': 1_000_000 })
  consumer.assign([{ topic: 't', partition: 0, offset }])
  let seen = 0
  const started = process.hrtime.bigint()
  for await (const batch of consumer.batches()) {
    const cursor = batch.cursor()
    while (cursor.next()) seen += cursor.value().length > 0 ? 1 : 0
    if (seen >= count) break
  }
  const rate = seen / (Number(process.hrtime.bigint() - started) / 1e9)
  await consumer.close()
  return rate
}
