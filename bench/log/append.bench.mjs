/**
 * Appends to the page cache (`acks=1`) through the whole product, against 1 MiB `writeSync` of the same machine and minute
 * (targets 5 and 6). Not settled: a second pass of the raw loop is over before the host takes its memory back, one of the product is not, and the two would not be compared alike.
 */
import { interleave, row } from '../lib/measure.mjs'
import { openWindow, postAll, rawWriteRate, withDatabase } from '../lib/workspace.mjs'

export async function run({ rounds }) {
  const small = Buffer.alloc(100, 0x61)
  const large = Buffer.alloc(1000, 0x61)
  const fresh = (way, count, value) => () => withDatabase({}, async (ottla) => {
    const producer = ottla.producer({ acks: 1 })
    await openWindow(producer, 200_000, small)
    return (await way(producer, count, value)) * value.length
  })
  const figures = await interleave({
    raw: () => withDatabase({}, (_, scratch) => rawWriteRate(scratch)),
    small: fresh(openWindow, 2_000_000, small),
    smallPost: fresh(postAll, 2_000_000, small),
    large: fresh(openWindow, 500_000, large),
  }, rounds)
  const common = { unit: 'B/s', yardsticks: figures.raw, yardstickName: 'writeSync 1 MiB' }
  return [
    row({ name: 'append 1 KB, promise each', figures: figures.large, ...common, must: 0.3, stretch: 0.45 }),
    row({ name: 'append 100 B, promise each', figures: figures.small, ...common, must: 0.08, stretch: 0.12 }),
    row({ name: 'append 100 B, fire and forget', figures: figures.smallPost, ...common, must: 0.15, stretch: 0.22 }),
  ]
}
