/** better-sqlite3 in WAL mode: prepared statements, `synchronous` FULL where commits must be durable, else OFF; bulk by transactions of 1,000. */
import { join } from 'node:path'
import Database from 'better-sqlite3'

export function open(directory, { durable, senders }) {
  const db = new Database(join(directory, 'log.db'))
  db.pragma('journal_mode = WAL')
  db.pragma(`synchronous = ${durable ? 'FULL' : 'OFF'}`)
  db.exec('CREATE TABLE log (offset INTEGER PRIMARY KEY, value BLOB)')
  const insert = db.prepare('INSERT INTO log (value) VALUES (?)')
  const many = db.transaction((count, value) => { for (let i = 0; i < count; i += 1) insert.run(value) })
  return {
    send: (value) => insert.run(value),
    /** What a caller who has `senders` records at hand does: one transaction for them. */
    group: (value) => many(senders, value),
    bulk(count, value) { for (let left = count; left > 0; left -= 1000) many(Math.min(1000, left), value) },
    scan() {
      const page = db.prepare('SELECT offset, value FROM log WHERE offset > ? ORDER BY offset LIMIT 1000')
      let seen = 0
      let bytes = 0
      for (let rows = page.all(0); rows.length > 0; rows = page.all(rows.at(-1).offset)) for (const row of rows) { seen += 1; bytes += row.value.length }
      return { seen, bytes }
    },
    close: () => db.close(),
  }
}
