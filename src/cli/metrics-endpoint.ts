/**
 * A small HTTP port of `ottla serve`: /metrics for Prometheus, /health for whoever asks whether the server works. It tells names and sizes, and takes no
 * order.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { OttlaError } from '../common/errors.ts'
import type { Listener } from '../index.ts'
import type { ServedDatabase } from '../tools.ts'
import { METRICS_TYPE, metricsPage, type GroupSnapshot } from './metrics-page.ts'

/** Who scrapes keeps one or two connections; a flood of them must not cost more. */
const MAX_CONNECTIONS = 100
/** Who sends nothing, or reads nothing, for so long makes room for others. */
const IDLE_MS = 30_000
const REQUEST_MS = 10_000
const OK = 200
const NOT_FOUND = 404
const NOT_ALLOWED = 405
const UNAVAILABLE = 503

/** The port that it listens on, and the way to end it. Raises INVALID_CONFIG when the port is taken. */
export async function openMetricsEndpoint(
  host: string, port: number, ottla: Pick<ServedDatabase, 'admin' | 'metrics'>, listeners: readonly Pick<Listener, 'connections'>[], idleMs: number = IDLE_MS,
): Promise<{ readonly port: number; close(): void }> {
  const page = shared(async () => {
    const groups = await snapshotOf(ottla)
    return Buffer.from(metricsPage(ottla.metrics(), listeners.reduce((sum, each) => sum + each.connections, 0), groups))
  })
  const server = createServer({ headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: REQUEST_MS / 2 }, (request, response) => {
    const failed = (error: unknown): Answer => [UNAVAILABLE, 'text/plain', `${String(error)}\n`]
    void answer(request, ottla, page).catch(failed).then(([status, type, text]) => {
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...(status === NOT_ALLOWED ? { allow: 'GET, HEAD' } : {}) })
      response.end(text)
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  server.timeout = idleMs
  await listen(server, host, port)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // Later ones, of connections that could not be accepted, are no failure of the server's.
    server.on('error', (cause) => reject(new OttlaError('INVALID_CONFIG', `cannot listen on ${host}:${port} for metrics: ${cause.message}`, { cause })))
    server.listen(port, host, () => resolve())
  })
}

type Answer = readonly [status: number, type: string, text: string | Buffer]

async function answer({ url = '', method }: IncomingMessage, ottla: Pick<ServedDatabase, 'metrics'>, page: () => Promise<Buffer>): Promise<Answer> {
  const [path] = url.split('?', 1)
  if (path !== '/metrics' && path !== '/health') return [NOT_FOUND, 'text/plain', 'there are /metrics and /health\n']
  if (method !== 'GET' && method !== 'HEAD') return [NOT_ALLOWED, 'text/plain', `${path} takes GET and HEAD\n`]
  if (path === '/metrics') return [OK, METRICS_TYPE, await page()]
  const offline = ottla.metrics().partitions.filter((log) => log.isOffline).map((log) => `${log.topic}-${log.partition}`)
  return offline.length === 0 ? [OK, 'text/plain', 'ok\n'] : [UNAVAILABLE, 'text/plain', `offline: ${offline.join(', ')}\n`]
}

/** One at a time: who asks while one is made waits for the next one, with all others who do. So nobody is given what was so before he asked. */
function shared(make: () => Promise<Buffer>): () => Promise<Buffer> {
  let running: Promise<Buffer> | null = null
  let next: Promise<Buffer> | null = null
  const start = (): Promise<Buffer> => running = make().finally(() => { running = null })
  return () => {
    if (running === null) return start()
    return next ??= running.then(() => {}, () => {}).then(() => {
      next = null
      return start()
    })
  }
}

/** A group that is deleted meanwhile is left out. */
async function snapshotOf(ottla: Pick<ServedDatabase, 'admin'>): Promise<GroupSnapshot[]> {
  const admin = await ottla.admin()
  const found = await Promise.all((await admin.listGroups()).map(async ({ groupId }): Promise<GroupSnapshot | null> => {
    try {
      const [{ members }, offsets] = await Promise.all([admin.describeGroup(groupId), admin.listGroupOffsets(groupId)])
      return { group: groupId, members: members.length, offsets }
    } catch (error) {
      if (OttlaError.is(error, 'GROUP_ID_NOT_FOUND')) return null
      throw error
    }
  }))
  return found.filter((each) => each !== null)
}
