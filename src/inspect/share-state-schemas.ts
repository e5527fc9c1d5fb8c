/** Schemas of the records of `__share_group_state` as of Kafka 4.1, in the notation of `protocol/schema.ts`. Ottla itself does not write them. */
import type { FieldSpecs, MessageSchema } from '../protocol/schema.ts'

/** The version of a key is the record's type, a value has a version of its own. */
export interface ShareRecordSchema { readonly key: MessageSchema; readonly value: MessageSchema }

const key: FieldSpecs = { groupId: 'string', topicId: 'uuid', partition: 'int32' }

/** Values are flexible, keys never are. */
function record(type: number, keyName: string, valueName: string, fields: FieldSpecs): [number, ShareRecordSchema] {
  return [type, { key: { name: keyName, versions: '0', flexible: 'none', fields: key }, value: { name: valueName, versions: '0', flexible: '0+', fields } }]
}

/** By record type. */
export const shareStateRecords: ReadonlyMap<number, ShareRecordSchema> = new Map([
  record(0, 'ShareSnapshotKey', 'ShareSnapshotValue', {
    snapshotEpoch: 'int32',
    stateEpoch: 'int32',
    leaderEpoch: 'int32',
    startOffset: 'int64',
    createTimestamp: 'int64',
    writeTimestamp: 'int64',
    stateBatches: ['{}[]', { firstOffset: 'int64', lastOffset: 'int64', deliveryState: 'int8', deliveryCount: 'int16' }],
  }),
  record(1, 'ShareUpdateKey', 'ShareUpdateValue', {
    snapshotEpoch: 'int32',
    leaderEpoch: 'int32',
    startOffset: 'int64',
    stateBatches: ['{}[]', { firstOffset: 'int64', lastOffset: 'int64', deliveryState: 'int8', deliveryCount: 'int16' }],
  }),
])
