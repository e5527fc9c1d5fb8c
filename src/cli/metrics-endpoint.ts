/**
 * A small HTTP port of `ottla serve`: /metrics for Prometheus, /health for whoever asks whether the server works. It tells names and sizes, and takes no
 * order.
 */
import { createServer, type Server } from 'node:http'
import { OttlaError } from '../common/errors.ts'
import type { Listener } from '../index.ts'
import type { ServedDatabase } from '../tools.ts'
import { METRICS_TYPE, metricsPage, type GroupSnapshot } from './metrics-page.ts'

/** Who scrapes keeps one or two connections; a flood of them must not cost more. */
const MAX_CONNECTIONS = 100
const OK = 200
const NOT_FOUND = 404
const UNAVAILABLE = 503

/** The port that it listens on, and the way to end it. Raises INVALID_CONFIG when the port is taken. */
export async function openMetricsEndpoint(
  host: string, port: number, ottla: ServedDatabase, listeners: readonly Listener[],
): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((request, response) => {
    const failed = (error: unknown): Answer => [UNAVAILABLE, 'text/plain', `${String(error)}\n`]
    void answer(request.url ?? '', ottla, listeners).catch(failed).then(([status, type, text]) => {
      response.writeHead(status, { 'content-type': type })
      response.end(text)
    })
  })
  server.maxConnections = MAX_CONNECTIONS
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
    server.once('error', (cause) => reject(new OttlaError('INVALID_CONFIG', `cannot listen on ${host}:${port} for metrics: ${cause.message}`, { cause })))
    server.listen(port, host, () => resolve())
  })
}

type Answer = readonly [status: number, type: string, text: string]

async function answer(url: string, ottla: ServedDatabase, listeners: readonly Listener[]): Promise<Answer> {
  const [path] = url.split('?', 1)
  if (path === '/metrics') {
    const groups = await snapshotOf(ottla)
    return [OK, METRICS_TYPE, metricsPage(ottla.metrics(), listeners.reduce((sum, each) => sum + each.connections, 0), groups)]
  }
  if (path !== '/health') return [NOT_FOUND, 'text/plain', 'there are /metrics and /health\n']
  const offline = ottla.metrics().partitions.filter((log) => log.isOffline).map((log) => `${log.topic}-${log.partition}`)
  return offline.length === 0 ? [OK, 'text/plain', 'ok\n'] : [UNAVAILABLE, 'text/plain', `offline: ${offline.join(', ')}\n`]
}

/** A group that is deleted meanwhile is left out. */
async function snapshotOf(ottla: ServedDatabase): Promise<GroupSnapshot[]> {
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
