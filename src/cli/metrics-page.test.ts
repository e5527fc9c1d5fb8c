import { expect, test } from 'vitest'
import type { MetricsSnapshot } from '../index.ts'
import { metricsPage } from './metrics-page.ts'

const snapshot: MetricsSnapshot = {
  produceRequests: 3, producedBatches: 2, producedRecords: 7, producedBytes: 400, failedBatches: 1, fetchRequests: 5, fetchedBytes: 600, failedFetches: 0, syncs: 2, topics: 1,
  partitions: [{ topic: 'a', partition: 0, logStartOffset: 1, highWatermark: 9, logEndOffset: 9, size: 1234, segments: 2, isOffline: true }],
}

test('every line of the page is what Prometheus reads, and the numbers are those of the snapshot', () => {
  const offsets = [{ topic: 'a', partition: 0, offset: 4 }, { topic: 'gone', partition: 0, offset: 1 }]
  const page = metricsPage(snapshot, 4, [{ group: 'say "g"', members: 2, offsets }])
  const samples = new Map<string, number>()
  for (const line of page.trimEnd().split('\n')) {
    const match = /^(?:# (?:HELP|TYPE) [a-z_]+ .+|([a-z_]+(?:\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)+\})?) (-?[\d.e+]+))$/.exec(line)
    expect(match, line).not.toBeNull()
    if (match![1] !== undefined) samples.set(match![1], Number(match![2]))
  }
  expect(samples.get('kafka_server_brokertopicmetrics_bytesin_total')).toBe(400)
  expect(samples.get('kafka_server_brokertopicmetrics_messagesin_total')).toBe(7)
  expect(samples.get('kafka_server_brokertopicmetrics_bytesout_total')).toBe(600)
  expect(samples.get('kafka_server_socketservermetrics_connection_count')).toBe(4)
  expect(samples.get('kafka_log_logmanager_offlinelogdirectorycount')).toBe(1)
  expect(samples.get('kafka_log_log_size{topic="a",partition="0"}')).toBe(1234)
  expect(samples.get('kafka_log_log_logendoffset{topic="a",partition="0"}')).toBe(9)
  const labels = 'consumergroup="say \\"g\\"",topic="a",partition="0"'
  expect([samples.get(`kafka_consumergroup_lag{${labels}}`), samples.get(`kafka_consumergroup_current_offset{${labels}}`)]).toEqual([5, 4])
  expect(samples.get('kafka_consumergroup_members{consumergroup="say \\"g\\""}')).toBe(2)
  expect([...samples.keys()].filter((name) => name.includes('lag') && name.includes('gone'))).toEqual([])
})
