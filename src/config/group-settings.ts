/**
 * Group settings: what `kafka-configs --entity-type groups` changes. They bear on groups of the newer protocols (KIP-848, share groups, Streams groups), which are not
 * built, so they are kept and told, and change nothing.
 */
import type { Setting, SettingTable } from './setting.ts'

const inert = 'groups of this protocol are not built yet'
/** Kafka's bounds: the defaults of group.consumer.min.session.timeout.ms and its like. */
const session = (doc: string): Setting => ({ type: 'int', default: 45_000, min: 45_000, max: 60_000, inert, doc })
const heartbeat = (doc: string): Setting => ({ type: 'int', default: 5000, min: 5000, max: 15_000, inert, doc })

export const groupTable: SettingTable = {
  'consumer.heartbeat.interval.ms': heartbeat('How often members tell that they are alive.'),
  'consumer.session.timeout.ms': session('A member that is quiet so long is put out.'),
  'share.auto.offset.reset': { type: 'string', default: 'latest', inert, doc: 'Where a share group begins.' },
  'share.heartbeat.interval.ms': heartbeat('How often members of a share group tell that they are alive.'),
  'share.isolation.level': { type: 'string', default: 'read_uncommitted', values: ['read_uncommitted', 'read_committed'], inert, doc: 'Which records a share group sees.' },
  'share.record.lock.duration.ms': { type: 'int', default: 30_000, min: 15_000, max: 60_000, inert, doc: 'How long a member of a share group has a record to itself.' },
  'share.session.timeout.ms': session('A member of a share group that is quiet so long is put out.'),
  'streams.heartbeat.interval.ms': heartbeat('How often members of a Streams group tell that they are alive.'),
  'streams.num.standby.replicas': { type: 'int', default: 0, min: 0, max: 2, inert, doc: 'Standby copies of each task.' },
  'streams.session.timeout.ms': session('A member of a Streams group that is quiet so long is put out.'),
}
