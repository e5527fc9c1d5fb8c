/**
 * Redis streams by ioredis over a Unix socket (faster than TCP): XADD, pipelines of 1,000, automatic pipelining of concurrent callers; `appendfsync always`
 * where an answer must mean that it is on disk, else `everysec`. No snapshots beside the append-only file.
 */
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { startServer } from '../servers/server.mjs'

export async function open(directory, { durable }) {
  const path = join(directory, 'redis.sock')
  const args = ['--port', '0', '--unixsocket', path, '--dir', directory, '--appendonly', 'yes', '--appendfsync', durable ? 'always' : 'everysec', '--save', '', '--loglevel', 'warning']
  const { client, stop } = await startServer('redis', args, async () => {
    const redis = new Redis({ path, lazyConnect: true, enableAutoPipelining: true, retryStrategy: () => null })
    redis.on('error', () => {})
    await redis.connect()
    return redis
  })
  return {
    send: (value) => client.xadd('log', '*', 'v', value),
    async bulk(count, value) {
      for (let at = 0; at < count; at += 1000) {
        const pipeline = client.pipeline()
        for (let i = Math.min(1000, count - at); i > 0; i -= 1) pipeline.xadd('log', '*', 'v', value)
        for (const [error] of await pipeline.exec()) if (error !== null) throw error
      }
    },
    async scan(count) {
      let seen = 0
      let bytes = 0
      for (let from = '-'; seen < count;) {
        const entries = await client.xrangeBuffer('log', from, '+', 'COUNT', 1000)
        if (entries.length === 0) break
        for (const [, [, value]] of entries) { seen += 1; bytes += value.length }
        from = `(${entries.at(-1)[0].toString()}`
      }
      return { seen, bytes }
    },
    async close() { client.disconnect(); await stop() },
  }
}
