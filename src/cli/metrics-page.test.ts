import { expect, test } from 'vitest'
import { readPrometheusText } from '../../test/support/prometheus-text.ts'
import type { MetricsSnapshot } from '../index.ts'
import { metricsPage } from './metrics-page.ts'

const snapshot: MetricsSnapshot = {
  produceRequests: 3, producedBatches: 2, producedRecords: 7, producedBytes: 400, failedBatches: 1, fetchRequests: 5, fetchedBytes: 1e21, failedFetches: 0, syncs: 2, uncleanable: 2, topics: 2,
  partitions: [
    { topic: 'a', partition: 0, logStartOffset: 1, highWatermark: 8, logEndOffset: 9, size: 1234, segments: 2, isOffline: true },
    { topic: 'a', partition: 1, logStartOffset: 0, highWatermark: 0, logEndOffset: 0, size: 0, segments: 1, isOffline: false },
    { topic: 'b', partition: 0, logStartOffset: 0, highWatermark: 5, logEndOffset: 5, size: 10, segments: 1, isOffline: false },
  ],
}
const ODD = 'say "g"\\\n{x="1"}, ž 💾'
const offsets = [{ topic: 'a', partition: 0, offset: 4 }, { topic: 'gone', partition: 0, offset: 1 }]
const page = metricsPage(snapshot, 4, [{ group: ODD, members: 2, offsets }, { group: '', members: 0, offsets: [] }])
const families = readPrometheusText(page)

/** Value of the series with these labels and no others; undefined when there is none. */
function value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const wanted = JSON.stringify(Object.entries(labels).sort())
  return families.get(name)!.samples.find((each) => JSON.stringify([...each.labels].sort()) === wanted)?.value
}

test('a strict reader of the format takes the page, with no topics, too, and names come back that would break out of their quotes', () => {
  expect(value('kafka_consumergroup_members', { consumergroup: ODD })).toBe(2)
  expect(value('kafka_consumergroup_members', { consumergroup: '' })).toBe(0)
  expect(readPrometheusText(metricsPage({ ...snapshot, topics: 0, partitions: [] }, 0, [])).size).toBe(families.size)
})

test('the numbers are those of the snapshot, under the names that the JMX exporter gives to those of Kafka', () => {
  const single = [...families.values()].filter(({ name, samples }) => name.startsWith('kafka_') && samples[0]?.labels.size === 0)
  expect(Object.fromEntries(single.map(({ name, samples }) => [name, samples[0]!.value]))).toEqual({
    kafka_server_brokertopicmetrics_totalproducerequests_total: 3, kafka_server_brokertopicmetrics_failedproducerequests_total: 1, kafka_server_brokertopicmetrics_messagesin_total: 7,
    kafka_server_brokertopicmetrics_bytesin_total: 400, kafka_server_brokertopicmetrics_totalfetchrequests_total: 5, kafka_server_brokertopicmetrics_failedfetchrequests_total: 0,
    kafka_server_brokertopicmetrics_bytesout_total: 1e21, kafka_log_logflushstats_logflush_total: 2,
    kafka_controller_kafkacontroller_activecontrollercount: 1, kafka_controller_kafkacontroller_activebrokercount: 1, kafka_controller_kafkacontroller_globaltopiccount: 2,
    kafka_controller_kafkacontroller_globalpartitioncount: 3, kafka_controller_kafkacontroller_offlinepartitionscount: 1,
    kafka_server_replicamanager_partitioncount: 3, kafka_server_replicamanager_leadercount: 3, kafka_server_replicamanager_underreplicatedpartitions: 0,
    kafka_server_replicamanager_underminisrpartitioncount: 0, kafka_log_logmanager_offlinelogdirectorycount: 1, kafka_log_logcleanermanager_uncleanable_partitions_count: 2,
    kafka_server_socketservermetrics_connection_count: 4,
    kafka_brokers: 1,
  })
  const first = { topic: 'a', partition: '0' }
  expect(['size', 'logstartoffset', 'logendoffset', 'numlogsegments'].map((name) => value(name === 'size' ? 'kafka_log_log_size' : `kafka_log_log_${name}`, first))).toEqual([1234, 1, 9, 2])
})

test('offsets and lag are told under the names of kafka_exporter', () => {
  const first = { topic: 'a', partition: '0' }
  expect([value('kafka_topic_partitions', { topic: 'a' }), value('kafka_topic_partitions', { topic: 'b' })]).toEqual([2, 1])
  expect([value('kafka_topic_partition_current_offset', first), value('kafka_topic_partition_oldest_offset', first)]).toEqual([8, 1])
  expect([value('kafka_consumergroup_current_offset', { consumergroup: ODD, ...first }), value('kafka_consumergroup_lag', { consumergroup: ODD, ...first })]).toEqual([4, 4])
  expect(value('kafka_consumergroup_lag', { consumergroup: ODD, topic: 'gone', partition: '0' })).toBeUndefined()
})
