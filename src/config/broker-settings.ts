/**
 * Broker settings: what `open(directory, settings)` takes and `describeConfigs({ broker })` shows. The broker synonyms of topic settings
 * are made from the topic table; without a value they leave the topic's default in force.
 */
import { MAX_PARTITIONS } from '../common/topic-partition.ts'
import { addressCounts } from './connection-overrides.ts'
import type { Setting, SettingTable } from './setting.ts'
import { topicTable } from './topic-settings.ts'

const oneReplica = 'an embedded database has one replica'
const oneThread = 'requests and files are the business of one event loop'

const own: SettingTable = {
  'auto.create.topics.enable': { type: 'boolean', default: true,
    doc: 'Create a topic when a client first names it.' },
  'background.threads': { type: 'int', default: 10, min: 1, inert: oneThread,
    doc: 'Threads for background tasks.' },
  'broker.rack': { type: 'string', default: null, fixed: true,
    doc: 'Rack of this broker, which clients are told.' },
  'connections.max.idle.ms': { type: 'long', default: 600_000, min: -1, except: 0, fixed: true,
    doc: 'A listener closes connections on which nothing was asked for so long; −1: never.' },
  'connections.max.reauth.ms': { type: 'long', default: 0, min: 0, fixed: true,
    doc: 'On listeners with SASL, a client has to log in again before so long is over; its connection is closed otherwise. 0: never.' },
  'default.replication.factor': { type: 'int', default: 1, min: 1, fixed: true, inert: oneReplica,
    doc: 'Replicas of a new topic.' },
  'delete.topic.enable': { type: 'boolean', default: true,
    doc: 'Whether topics can be deleted.' },
  'fetch.max.bytes': { type: 'int', default: 57_671_680, min: 1024,
    doc: 'Upper bound on the bytes of one fetch, whatever the consumer asks for.' },
  'follower.replication.throttled.rate': { type: 'long', default: 9007199254740991, min: 0, inert: oneReplica,
    doc: 'Bytes a second that throttled followers may fetch.' },
  'group.initial.rebalance.delay.ms': { type: 'int', default: 0, min: 0,
    doc: 'How long the first rebalance of an empty group waits for more members. (Kafka: 3000.)' },
  'group.max.session.timeout.ms': { type: 'int', default: 1_800_000, min: 1,
    doc: 'Largest `session.timeout.ms` a member may ask for.' },
  'group.max.size': { type: 'int', default: 2_147_483_647, min: 1,
    doc: 'Most members of one consumer group.' },
  'group.min.session.timeout.ms': { type: 'int', default: 6000, min: 0,
    doc: 'Smallest `session.timeout.ms` a member may ask for.' },
  'leader.replication.throttled.rate': { type: 'long', default: 9007199254740991, min: 0, inert: oneReplica,
    doc: 'Bytes a second that throttled leaders may serve to followers.' },
  'log.cleaner.backoff.ms': { type: 'long', default: 15_000, min: 0,
    doc: 'How often the cleaner looks for logs to compact.' },
  'log.cleaner.dedupe.buffer.size': { type: 'long', default: 134_217_728, min: 1_048_577,
    doc: 'Most memory for the keys that the cleaner has seen, 24 bytes each; what does not fit waits for the next round.' },
  'log.cleaner.enable': { type: 'boolean', default: true, fixed: true,
    doc: 'Compact topics whose `cleanup.policy` says so.' },
  'log.cleaner.io.buffer.load.factor': { type: 'double', default: 0.9,
    doc: 'How full the memory for keys may get.' },
  'log.cleaner.io.buffer.size': { type: 'int', default: 524_288, min: 0,
    doc: 'Bytes that the cleaner reads and writes at a time, 64 KiB at least.' },
  'log.cleaner.threads': { type: 'int', default: 1, min: 0, inert: 'one log is compacted at a time',
    doc: 'How many cleaners there are.' },
  'log.flush.offset.checkpoint.interval.ms': { type: 'int', default: 60_000, min: 1, fixed: true,
    doc: 'How often `recovery-point-offset-checkpoint` is written.' },
  'log.flush.scheduler.interval.ms': { type: 'long', default: 9007199254740991, min: 1, fixed: true,
    doc: 'How often logs are looked at for `flush.ms`; at most the smallest `flush.ms` in force.' },
  'log.flush.start.offset.checkpoint.interval.ms': { type: 'int', default: 60_000, min: 1, fixed: true, inert: 'it is written when a log start moves',
    doc: 'How often `log-start-offset-checkpoint` is written.' },
  'log.initial.task.delay.ms': { type: 'long', default: 30_000, min: 0, fixed: true,
    doc: 'Wait after opening before retention and the other background tasks first run.' },
  'log.retention.check.interval.ms': { type: 'long', default: 300_000, min: 1, fixed: true,
    doc: 'How often retention is applied.' },
  'max.connections': { type: 'int', default: 30_000, min: 1,
    doc: 'Most connections of one listener. (Kafka: 2147483647.)' },
  'max.connections.per.ip': { type: 'int', default: 2_147_483_647, min: 0,
    doc: 'Most connections of one listener from one address. 0 needs `max.connections.per.ip.overrides`.' },
  'max.connections.per.ip.overrides': { type: 'string', default: '', values: [], pattern: addressCounts,
    doc: 'The same for some addresses.' },
  'node.id': { type: 'int', default: 1, min: 0, fixed: true,
    doc: 'Id of this broker. A directory that has a `meta.properties` keeps the id written there.' },
  'num.io.threads': { type: 'int', default: 8, min: 1, inert: oneThread,
    doc: 'Threads that carry out requests.' },
  'num.network.threads': { type: 'int', default: 3, min: 1, inert: oneThread,
    doc: 'Threads that serve connections.' },
  'num.partitions': { type: 'int', default: 1, min: 1, max: MAX_PARTITIONS,
    doc: 'Partitions of a topic that is created without a number.' },
  'num.recovery.threads.per.data.dir': { type: 'int', default: 2, min: 1,
    doc: 'Partitions recovered side by side when opening; a change holds from the next opening on.' },
  'num.replica.fetchers': { type: 'int', default: 1, min: 1, inert: oneReplica,
    doc: 'Threads that fetch from leaders.' },
  'offset.metadata.max.bytes': { type: 'int', default: 4096, min: 0,
    doc: 'Longest metadata string of an offset commit, in characters.' },
  'offsets.commit.timeout.ms': { type: 'int', default: 5000, min: 1, inert: 'a commit waits for the disk, and for no replica',
    doc: 'How long an offset commit may wait for replicas.' },
  'offsets.load.buffer.size': { type: 'int', default: 5_242_880, min: 1, fixed: true,
    doc: 'Bytes read at a time while offsets are loaded.' },
  'offsets.retention.check.interval.ms': { type: 'long', default: 600_000, min: 1, fixed: true,
    doc: 'How often expired group offsets are looked for.' },
  'offsets.retention.minutes': { type: 'int', default: 10_080, min: 1,
    doc: 'Offsets of a group without members are dropped after so long.' },
  'offsets.topic.compression.codec': { type: 'int', default: 0, min: 0, max: 4, fixed: true, inert: 'group records are written uncompressed',
    doc: 'Codec of `__consumer_offsets`.' },
  'offsets.topic.num.partitions': { type: 'int', default: 1, min: 1, max: MAX_PARTITIONS, fixed: true,
    doc: 'Partitions of `__consumer_offsets` when it is created. (Kafka: 50.)' },
  'offsets.topic.replication.factor': { type: 'int', told: 'SHORT', default: 1, min: 1, max: 32_767, fixed: true, inert: oneReplica,
    doc: 'Replicas of `__consumer_offsets`.' },
  'offsets.topic.segment.bytes': { type: 'int', default: 104_857_600, min: 1, fixed: true,
    doc: '`segment.bytes` of `__consumer_offsets` when it is created.' },
  'producer.id.expiration.check.interval.ms': { type: 'int', default: 600_000, min: 1, fixed: true,
    doc: 'How often idle producers are looked for.' },
  'producer.id.expiration.ms': { type: 'int', default: 86_400_000, min: 1,
    doc: 'An idempotent producer that has been quiet so long is forgotten.' },
  'sasl.kerberos.min.time.before.relogin': { type: 'long', default: 60_000, min: 0, inert: 'there is no Kerberos',
    doc: 'Pause between renewals of a ticket.' },
  'socket.request.max.bytes': { type: 'int', default: 104_857_600, min: 1, fixed: true,
    doc: 'Largest request that a listener reads; a larger one closes the connection.' },
  'replica.alter.log.dirs.io.max.bytes.per.second': { type: 'long', default: 9007199254740991, min: 0, inert: 'there is one data directory',
    doc: 'Bytes a second at which replicas move between data directories.' },
  'replica.high.watermark.checkpoint.interval.ms': { type: 'long', default: 5000, min: 1, fixed: true,
    doc: 'How often `replication-offset-checkpoint` is written.' },
}

/** The rows that stand in for topic settings: same type and limits, no default of their own. */
function synonymRows(): Record<string, Setting> {
  const rows: Record<string, Setting> = {}
  for (const [topicName, topic] of Object.entries(topicTable)) {
    for (const [i, { name, factor = 1, except }] of (topic.synonyms ?? []).entries()) {
      if (name in own) continue
      const unit = name.endsWith('.hours') ? ' in hours' : name.endsWith('.minutes') ? ' in minutes' : ''
      rows[name] = {
        type: factor === 1 ? topic.type : 'int',
        default: null,
        // Of several it is the last that Kafka gives a default: log.retention.hours, not log.retention.ms.
        ...(i === topic.synonyms!.length - 1 ? { inherited: typeof topic.default === 'number' ? topic.default / factor : topic.default } : {}),
        ...limitsOf(topic, factor),
        ...(except === undefined ? {} : { except }),
        ...(topic.values === undefined ? {} : { values: topic.values }),
        ...(topic.mayBeEmpty === undefined ? {} : { mayBeEmpty: topic.mayBeEmpty }),
        ...(topic.inert === undefined ? {} : { inert: topic.inert }),
        doc: `Topics without an override of \`${topicName}\` take it from here${unit}.`,
      }
    }
  }
  return rows
}

function limitsOf(topic: Setting, factor: number): { min?: number; max?: number } {
  if (factor !== 1) return { min: topic.min === undefined || topic.min < 0 ? -1 : topic.min > 0 ? 1 : 0 }
  const { min, max, except } = topic
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }), ...(except === undefined ? {} : { except }) }
}

export const brokerTable: SettingTable = Object.fromEntries(Object.entries({ ...own, ...synonymRows() }).sort(([a], [b]) => (a < b ? -1 : 1)))
