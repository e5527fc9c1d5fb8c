/** hypercore: appends of 1,000 blocks; signed Merkle trees, not synced to disk. */
import { join } from 'node:path'
import Hypercore from 'hypercore'

export async function open(directory) {
  const core = new Hypercore(join(directory, 'core'))
  await core.ready()
  return {
    send: (value) => core.append(value),
    async bulk(count, value) { for (let at = 0; at < count; at += 1000) await core.append(Array.from({ length: Math.min(1000, count - at) }, () => value)) },
    async scan(count) {
      let seen = 0
      let bytes = 0
      for await (const value of core.createReadStream({ start: 0, end: count })) { seen += 1; bytes += value.length }
      return { seen, bytes }
    },
    close: () => core.close(),
  }
}
