/** async-append-only-log: appends into blocks, `onDrain` when they are written; it has no durable form. */
import { join } from 'node:path'
import createLog from 'async-append-only-log'

export async function open(directory) {
  const log = createLog(join(directory, 'log'), { blockSize: 64 * 1024 })
  const drained = () => new Promise((resolve) => { log.onDrain(resolve) })
  const append = (value) => new Promise((resolve, reject) => { log.append(value, (error) => { if (error) reject(error); else resolve() }) })
  await drained()
  return {
    send: async (value) => { await append(value); await drained() },
    async bulk(count, value) {
      for (let at = 0; at < count; at += 1000) {
        const values = Array.from({ length: Math.min(1000, count - at) }, () => value)
        await new Promise((resolve, reject) => { log.append(values, (error) => { if (error) reject(error); else resolve() }) })
      }
      await drained()
    },
    scan: () => new Promise((resolve, reject) => {
      let seen = 0
      let bytes = 0
      log.stream({ offsets: false, values: true }).pipe({
        paused: false,
        write(value) { seen += 1; bytes += value.length },
        end(error) { if (error && error !== true) reject(error); else resolve({ seen, bytes }) },
      })
    }),
    close: () => new Promise((resolve) => { log.close(resolve) }),
  }
}
