/**
 * Group settings: what `kafka-configs --entity-type groups` changes. They bear on groups of the newer protocols (KIP-848, share groups, Streams groups), which are not
 * built, so they are kept and told, and change nothing.
 */
import type { Setting, SettingTable } from './setting.ts'

const inert = 'groups of this protocol are not built yet'
const timeout = (byDefault: number, doc: string): Setting => ({ type: 'int', default: byDefault, min: 1, inert, doc })

export const groupTable: SettingTable = {
  'consumer.heartbeat.interval.ms': timeout(5000, 'How often members tell that they are alive.'),
  'consumer.session.timeout.ms': timeout(45_000, 'A member that is quiet so long is put out.'),
  'share.auto.offset.reset': { type: 'string', default: 'latest', inert, doc: 'Where a share group begins.' },
  'share.heartbeat.interval.ms': timeout(5000, 'How often members of a share group tell that they are alive.'),
  'share.isolation.level': { type: 'string', default: 'read_uncommitted', values: ['read_uncommitted', 'read_committed'], inert, doc: 'Which records a share group sees.' },
  'share.record.lock.duration.ms': timeout(30_000, 'How long a member of a share group has a record to itself.'),
  'share.session.timeout.ms': timeout(45_000, 'A member of a share group that is quiet so long is put out.'),
  'streams.heartbeat.interval.ms': timeout(5000, 'How often members of a Streams group tell that they are alive.'),
  'streams.num.standby.replicas': { type: 'int', default: 0, min: 0, inert, doc: 'Standby copies of each task.' },
  'streams.session.timeout.ms': timeout(45_000, 'A member of a Streams group that is quiet so long is put out.'),
}
