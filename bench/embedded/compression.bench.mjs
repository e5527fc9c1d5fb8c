/** Appends of compressed batches of 64 KB through the whole product, against the codec alone on the same bytes (target 22). */
import { compress, loadCodec } from '../../dist/record/compression.js'
import { interleave, row } from '../lib/measure.mjs'
import { postAll, withDatabase } from '../lib/workspace.mjs'

const BATCH = 64 << 10
const position = (i) => ({ truck: `truck-${i % 20}`, lat: 48 + (i * 7919 % 10_007) / 10_007, lon: 11 + (i * 104_729 % 10_009) / 10_009, speed: i % 90, at: 1_700_000_000_000 + i * 250 })
/** About 1 KB of telemetry each, no two alike. */
const values = Array.from({ length: 1024 }, (_, i) => Buffer.from(JSON.stringify(Array.from({ length: 9 }, (_, j) => position(i * 9 + j)))))
const bytes = values.reduce((sum, value) => sum + value.length, 0)
const wall = Buffer.concat(values)

function codecAlone(type, level) {
  const blocks = Math.floor(wall.length / BATCH)
  const started = process.hrtime.bigint()
  for (let turn = 0; turn < 20; turn += 1) for (let i = 0; i < blocks; i += 1) compress(type, wall.subarray(i * BATCH, (i + 1) * BATCH), level)
  return 20 * blocks * BATCH / (Number(process.hrtime.bigint() - started) / 1e9)
}

const append = (type, level, count) => () => withDatabase({}, async (ottla) => {
  const settings = { acks: 1, 'compression.type': type, 'batch.size': BATCH, 'linger.ms': 5, ...(level === undefined ? {} : { [`compression.${type}.level`]: level }) }
  const producer = ottla.producer(settings)
  await postAll(producer, 20_000, values)
  return (await postAll(producer, count, values)) * bytes / values.length
})

export async function run({ rounds }) {
  const kinds = [['zstd', 1, 100_000], ['lz4', undefined, 100_000], ['snappy', undefined, 100_000], ['gzip', 1, 60_000]]
  await Promise.all(kinds.map(([type]) => loadCodec(type)))
  const jobs = {}
  for (const [type, level, count] of kinds) {
    jobs[`codec ${type}`] = () => codecAlone(type, level)
    jobs[`append ${type}`] = append(type, level, count)
  }
  const figures = await interleave(jobs, rounds)
  return kinds.map(([type, level]) => row({
    name: `append ${type}${level === undefined ? '' : ` level ${level}`}, 64 KB batches`, unit: 'B/s', figures: figures[`append ${type}`],
    yardsticks: figures[`codec ${type}`], yardstickName: 'the codec alone', ...(type === 'zstd' ? { must: 0.55, stretch: 1 } : {}),
  }))
}
