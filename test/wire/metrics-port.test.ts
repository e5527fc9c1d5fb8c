/** The port of `ottla serve` for /metrics and /health, on a database that says what the test wants it to say. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { MetricsSnapshot } from '../../src/index.ts'
import type { ServedDatabase } from '../../src/tools.ts'
import { openMetricsEndpoint } from '../../src/cli/metrics-endpoint.ts'

const snapshot: MetricsSnapshot = {
  produceRequests: 0, producedBatches: 0, producedRecords: 0, producedBytes: 0, failedBatches: 0, fetchRequests: 0, fetchedBytes: 0, failedFetches: 0, syncs: 0, uncleanable: 0, topics: 1,
  partitions: [0, 1, 2].map((partition) => ({ topic: 't', partition, logStartOffset: 0, highWatermark: 0, logEndOffset: 0, size: 0, segments: 1, isOffline: false })),
}
const groups = { listGroups: () => Promise.resolve([]) } as unknown as Awaited<ReturnType<ServedDatabase['admin']>>
let endpoint: Awaited<ReturnType<typeof openMetricsEndpoint>> | null = null
afterEach(() => { endpoint?.close() })

async function serve(metrics: () => MetricsSnapshot, admin: ServedDatabase['admin'] = () => Promise.resolve(groups), idleMs?: number): Promise<string> {
  endpoint = await openMetricsEndpoint('127.0.0.1', 0, { admin, metrics }, [{ connections: 2 }], idleMs)
  return `http://127.0.0.1:${endpoint.port}`
}

test('health is 503 as long as a log is offline, and names it', async () => {
  let offline = false
  const address = await serve(() => ({ ...snapshot, partitions: snapshot.partitions.map((log) => ({ ...log, isOffline: offline && log.partition > 0 })) }))
  const health = async (): Promise<unknown[]> => {
    const answer = await fetch(`${address}/health?full`)
    return [answer.status, await answer.text()]
  }
  expect(await health()).toEqual([200, 'ok\n'])
  offline = true
  expect(await health()).toEqual([503, 'offline: t-1, t-2\n'])
})

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is told what there is', async (method) => {
  const address = await serve(() => snapshot)
  for (const path of ['/metrics', '/health']) {
    const answer = await fetch(`${address}${path}`, { method })
    expect([answer.status, answer.headers.get('allow'), await answer.text()]).toEqual([405, 'GET, HEAD', `${path} takes GET and HEAD\n`])
  }
  expect((await fetch(`${address}/other`, { method })).status).toBe(404)
})

test('HEAD tells how long the page is, without it', async () => {
  const address = await serve(() => snapshot)
  const [head, page] = [await fetch(`${address}/health`, { method: 'HEAD' }), await fetch(`${address}/health`)]
  expect([head.status, head.headers.get('content-length'), await head.text(), await page.text()]).toEqual([200, '3', '', 'ok\n'])
})

test('many that ask at once share a page, which is made after they asked', async () => {
  let pages = 0
  const address = await serve(() => ({ ...snapshot, producedRecords: ++pages }))
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  // In one piece: all are read before the first is answered.
  socket.write(`${'GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(10)}GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) text += String(chunk)
  const counts = Array.from(text.matchAll(/^kafka_server_brokertopicmetrics_messagesin_total (\d+)$/gm), ([, count]) => Number(count))
  expect(counts).toEqual([1, ...Array.from({ length: 10 }, () => 2)])
  expect(await (await fetch(`${address}/metrics`)).text()).toContain('messagesin_total 3\n')
})

test('what stands in the way of a page is told, and tried again by the next', async () => {
  const answers = [() => Promise.reject(new Error('too many open files')), () => Promise.resolve(groups)]
  const address = await serve(() => snapshot, () => answers.shift()!())
  const failed = await fetch(`${address}/metrics`)
  expect([failed.status, await failed.text()]).toEqual([503, 'Error: too many open files\n'])
  expect((await fetch(`${address}/metrics`)).status).toBe(200)
})

test('who connects and asks nothing does not stay', async () => {
  const address = await serve(() => snapshot, undefined, 20)
  const socket = connect(Number(new URL(address).port), '127.0.0.1').resume()
  await once(socket, 'close')
  expect((await fetch(`${address}/health`)).status).toBe(200)
})
