/** Metrics in the text format of Prometheus (version 0.0.4), under the names that Kafka's own have there where Kafka has them. */
import type { MetricsSnapshot } from '../index.ts'

type Labels = Readonly<Record<string, string | number>>
interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly (readonly [labels: Labels, value: number])[]
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** A consumer group and what it has committed. */
export interface GroupSnapshot {
  readonly group: string
  readonly members: number
  readonly offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[]
}

export function metricsPage(metrics: MetricsSnapshot, connections: number, groups: readonly GroupSnapshot[]): string {
  return [...families(metrics, connections), ...offsetFamilies(metrics), ...groupFamilies(metrics, groups)].map(textOf).join('')
}

/** Under the names of kafka_exporter, whose dashboards and alerts are everywhere; so are those of groups. */
function offsetFamilies({ partitions }: MetricsSnapshot): Family[] {
  const counts = new Map<string, number>()
  for (const { topic } of partitions) counts.set(topic, (counts.get(topic) ?? 0) + 1)
  const each = (name: string, help: string, of: (log: MetricsSnapshot['partitions'][number]) => number): Family => (
    { name, type: 'gauge', help, samples: partitions.map((log) => [{ topic: log.topic, partition: log.partition }, of(log)]) })
  return [
    { name: 'kafka_brokers', type: 'gauge', help: 'Brokers', samples: [[{}, 1]] },
    { name: 'kafka_topic_partitions', type: 'gauge', help: 'Partitions of a topic', samples: Array.from(counts, ([topic, count]) => [{ topic }, count]) },
    each('kafka_topic_partition_current_offset', 'Offset up to which a partition can be read', (log) => log.highWatermark),
    each('kafka_topic_partition_oldest_offset', 'First offset of a partition', (log) => log.logStartOffset),
  ]
}

function groupFamilies({ partitions }: MetricsSnapshot, groups: readonly GroupSnapshot[]): Family[] {
  const ends = new Map(partitions.map((log) => [`${log.topic}-${log.partition}`, log.highWatermark]))
  const committed = groups.flatMap(({ group, offsets }) => (
    offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset, labels: { consumergroup: group, topic, partition } }))))
  const lags = committed.flatMap(({ topic, partition, offset, labels }): Family['samples'] => {
    const end = ends.get(`${topic}-${partition}`)
    return end === undefined ? [] : [[labels, Math.max(0, end - offset)]]
  })
  const gauge = (name: string, help: string, samples: Family['samples']): Family => ({ name, type: 'gauge', help, samples })
  return [
    gauge('kafka_consumergroup_members', 'Members of a consumer group', groups.map(({ group, members }) => [{ consumergroup: group }, members])),
    gauge('kafka_consumergroup_current_offset', 'Offset that a consumer group has committed', committed.map(({ labels, offset }) => [labels, offset])),
    gauge('kafka_consumergroup_lag', 'Records behind what a consumer group has committed', lags),
  ]
}

function families(metrics: MetricsSnapshot, connections: number): Family[] {
  const one = (type: Family['type'], name: string, help: string, value: number): Family => ({ name, type, help, samples: [[{}, value]] })
  const { partitions } = metrics
  const offline = partitions.filter((log) => log.isOffline).length
  const each = (name: string, help: string, value: (partition: MetricsSnapshot['partitions'][number]) => number): Family => (
    { name, type: 'gauge', help, samples: partitions.map((log) => [{ topic: log.topic, partition: log.partition }, value(log)]) })
  const memory = process.memoryUsage()
  const cpu = process.cpuUsage()
  return [
    one('counter', 'kafka_server_brokertopicmetrics_totalproducerequests_total', 'Produce requests', metrics.produceRequests),
    one('counter', 'kafka_server_brokertopicmetrics_failedproducerequests_total', 'Batches that were refused', metrics.failedBatches),
    one('counter', 'kafka_server_brokertopicmetrics_messagesin_total', 'Records appended', metrics.producedRecords),
    one('counter', 'kafka_server_brokertopicmetrics_bytesin_total', 'Bytes of record batches appended', metrics.producedBytes),
    one('counter', 'kafka_server_brokertopicmetrics_totalfetchrequests_total', 'Fetch requests', metrics.fetchRequests),
    one('counter', 'kafka_server_brokertopicmetrics_failedfetchrequests_total', 'Fetch requests with an error', metrics.failedFetches),
    one('counter', 'kafka_server_brokertopicmetrics_bytesout_total', 'Bytes of record batches fetched', metrics.fetchedBytes),
    one('counter', 'kafka_log_logflushstats_logflush_total', 'Syncs of logs to disk', metrics.syncs),
    // What every dashboard and alert for Kafka asks first, though one broker could hardly answer otherwise.
    one('gauge', 'kafka_controller_kafkacontroller_activecontrollercount', 'Controllers that are active', 1),
    one('gauge', 'kafka_controller_kafkacontroller_activebrokercount', 'Brokers that are active', 1),
    one('gauge', 'kafka_controller_kafkacontroller_globaltopiccount', 'Topics', metrics.topics),
    one('gauge', 'kafka_controller_kafkacontroller_globalpartitioncount', 'Partitions', partitions.length),
    one('gauge', 'kafka_controller_kafkacontroller_offlinepartitionscount', 'Partitions whose log is offline', offline),
    one('gauge', 'kafka_server_replicamanager_partitioncount', 'Partitions', partitions.length),
    one('gauge', 'kafka_server_replicamanager_leadercount', 'Partitions that this broker leads', partitions.length),
    one('gauge', 'kafka_server_replicamanager_underreplicatedpartitions', 'Partitions with too few replicas in sync', 0),
    one('gauge', 'kafka_server_replicamanager_underminisrpartitioncount', 'Partitions with fewer replicas in sync than min.insync.replicas', 0),
    one('gauge', 'kafka_log_logmanager_offlinelogdirectorycount', 'Data directories with a log that is offline', offline > 0 ? 1 : 0),
    one('gauge', 'kafka_log_logcleanermanager_uncleanable_partitions_count', 'Partitions that could not be compacted when it was tried last', metrics.uncleanable),
    one('gauge', 'kafka_server_socketservermetrics_connection_count', 'Connections open', connections),
    each('kafka_log_log_size', 'Bytes of a partition', (log) => log.size),
    each('kafka_log_log_logstartoffset', 'First offset of a partition', (log) => log.logStartOffset),
    each('kafka_log_log_logendoffset', 'Offset that the next record of a partition gets', (log) => log.logEndOffset),
    each('kafka_log_log_numlogsegments', 'Segments of a partition', (log) => log.segments),
    one('gauge', 'process_resident_memory_bytes', 'Resident memory', memory.rss),
    one('gauge', 'nodejs_heap_size_used_bytes', 'Heap in use', memory.heapUsed),
    one('counter', 'process_cpu_seconds_total', 'Processor time of user and system', (cpu.user + cpu.system) / 1_000_000),
  ]
}

function textOf({ name, type, help, samples }: Family): string {
  const lines = samples.map(([labels, value]) => `${name}${labelsOf(labels)} ${value}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function labelsOf(labels: Labels): string {
  const escape = (value: string): string => value.replaceAll(/[\\"\n]/g, (char) => char === '\n' ? '\\n' : `\\${char}`)
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escape(String(value))}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
