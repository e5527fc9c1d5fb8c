/** lmdb-js: its own batching of writes; without overlapping syncs where a put must be on disk when it is answered, `noSync` where not. */
import { join } from 'node:path'
import { open as openStore } from 'lmdb'

export function open(directory, { durable }) {
  const db = openStore({ path: join(directory, 'lmdb'), encoding: 'binary', keyEncoding: 'uint32', ...(durable ? { overlappingSync: false } : { noSync: true }) })
  let next = 0
  return {
    send: (value) => db.put(next++, value),
    async bulk(count, value) {
      let last
      for (let i = 0; i < count; i += 1) {
        last = db.put(next++, value)
        if (i % 8192 === 8191) await last
      }
      await last
    },
    scan() {
      let seen = 0
      let bytes = 0
      for (const { value } of db.getRange({ snapshot: false })) { seen += 1; bytes += value.length }
      return { seen, bytes }
    },
    close: () => db.close(),
  }
}
