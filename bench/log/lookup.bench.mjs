/** Random offsets of a hot log of 16 KiB batches, against a 16 KiB `readSync` of the same file (target 20). */
import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { interleave, row } from '../lib/measure.mjs'
import { postAll, withDatabase } from '../lib/workspace.mjs'

export async function run({ rounds }) {
  return withDatabase({}, async (ottla) => {
    const count = 400_000
    const producer = ottla.producer({ acks: 1, 'batch.size': 16_384 })
    await postAll(producer, count, Buffer.alloc(100, 0x61))
    await producer.close()
    const folder = join(ottla.directory, 't-0')
    const path = join(folder, readdirSync(folder).find((f) => f.endsWith('.log')))
    const size = statSync(path).size
    const log = ottla.log('t', 0)
    const lookups = 20_000
    // As the yardstick: into memory that is there already.
    const own = Buffer.allocUnsafe(65_536)
    const ours = (checkCrc, memory = {}) => async () => {
      const started = process.hrtime.bigint()
      for (let i = 0; i < lookups; i += 1) {
        const { records } = await log.read(Math.floor(Math.random() * count), { maxBytes: 16_384, isolation: 'highWatermark', checkCrc, ...memory })
        if (records.length === 0) throw new Error('nothing found')
      }
      return lookups / (Number(process.hrtime.bigint() - started) / 1e9)
    }
    const figures = await interleave({
      ours: ours(false, { allocate: () => own }),
      checked: ours(true, { allocate: () => own }),
      fresh: ours(true),
      raw: () => {
        const fd = openSync(path, 'r')
        const buffer = Buffer.allocUnsafe(16_384)
        const started = process.hrtime.bigint()
        for (let i = 0; i < lookups; i += 1) readSync(fd, buffer, 0, 16_384, Math.floor(Math.random() * (size - 16_384)))
        const rate = lookups / (Number(process.hrtime.bigint() - started) / 1e9)
        closeSync(fd)
        return rate
      },
    }, rounds)
    const common = { unit: 'reads/s', yardsticks: figures.raw, yardstickName: 'readSync 16 KiB' }
    return [
      row({ name: 'random lookup, hot, 16 KiB batches', figures: figures.ours, ...common, must: 0.6, stretch: 0.85 }),
      row({ name: 'the same, checksum of the whole batch checked', figures: figures.checked, ...common }),
      row({ name: 'the same, into fresh memory', figures: figures.fresh, ...common }),
    ]
  })
}
