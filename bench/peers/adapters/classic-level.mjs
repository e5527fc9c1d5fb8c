/** classic-level: batches of 1,000, `sync` where they must be durable. */
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'

const keyOf = (i) => {
  const key = Buffer.allocUnsafe(8)
  key.writeUInt32BE(0, 0)
  key.writeUInt32BE(i, 4)
  return key
}

export async function open(directory, { durable }) {
  const db = new ClassicLevel(join(directory, 'level'), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await db.open()
  let next = 0
  return {
    send: (value) => db.put(keyOf(next++), value, { sync: durable }),
    async bulk(count, value) {
      for (let at = 0; at < count; at += 1000) {
        await db.batch(Array.from({ length: Math.min(1000, count - at) }, () => ({ type: 'put', key: keyOf(next++), value })), { sync: durable })
      }
    },
    async scan() {
      let seen = 0
      let bytes = 0
      const iterator = db.iterator()
      for (let entries = await iterator.nextv(1000); entries.length > 0; entries = await iterator.nextv(1000)) for (const [, value] of entries) { seen += 1; bytes += value.length }
      await iterator.close()
      return { seen, bytes }
    },
    close: () => db.close(),
  }
}
