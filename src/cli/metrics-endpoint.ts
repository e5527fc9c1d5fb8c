/** A small HTTP port of `ottla serve`: /metrics for Prometheus, /health for whoever asks whether the server works. Loopback only. */
import { createServer, type Server } from 'node:http'
import { OttlaError } from '../common/errors.ts'
import type { Listener, Ottla } from '../index.ts'
import { METRICS_TYPE, metricsPage } from './metrics-page.ts'

const HOST = '127.0.0.1'
const OK = 200
const NOT_FOUND = 404
const UNAVAILABLE = 503

/** The port that it listens on, and the way to end it. Raises INVALID_CONFIG when the port is taken. */
export async function openMetricsEndpoint(port: number, ottla: Ottla, listeners: readonly Listener[]): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((request, response) => {
    const [status, type, text] = answer(request.url ?? '', ottla, listeners)
    response.writeHead(status, { 'content-type': type })
    response.end(text)
  })
  await listen(server, port)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new OttlaError('INVALID_CONFIG', `cannot listen on ${HOST}:${port} for metrics: ${cause.message}`, { cause })))
    server.listen(port, HOST, () => resolve())
  })
}

function answer(url: string, ottla: Ottla, listeners: readonly Listener[]): [status: number, type: string, text: string] {
  const [path] = url.split('?', 1)
  if (path === '/metrics') return [OK, METRICS_TYPE, metricsPage(ottla.metrics(), listeners.reduce((sum, each) => sum + each.connections, 0))]
  if (path !== '/health') return [NOT_FOUND, 'text/plain', 'there are /metrics and /health\n']
  const offline = ottla.metrics().partitions.filter((log) => log.isOffline).map((log) => `${log.topic}-${log.partition}`)
  return offline.length === 0 ? [OK, 'text/plain', 'ok\n'] : [UNAVAILABLE, 'text/plain', `offline: ${offline.join(', ')}\n`]
}
