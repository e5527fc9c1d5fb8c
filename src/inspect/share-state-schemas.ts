/** Schemas of the records of `__share_group_state` as of Kafka 4.1, in the notation of `message-json.ts`. Ottla itself does not write them. */
import { schema, type Schema } from './message-json.ts'

/** The version of a key is the record's type, a value has a version of its own. */
export interface ShareRecordSchema { readonly key: Schema; readonly value: Schema }

const key = 'groupId str\ntopicId uuid\npartition i32'

/** `flexible` is 0 for values; keys never are. */
function record(type: number, keyName: string, valueName: string, fields: string): [number, ShareRecordSchema] {
  return [type, { key: schema(keyName, '0', Infinity, key), value: schema(valueName, '0', 0, fields) }]
}

/** By record type. */
export const shareStateRecords: ReadonlyMap<number, ShareRecordSchema> = new Map([
  record(0, 'ShareSnapshotKey', 'ShareSnapshotValue', `
    snapshotEpoch i32
    stateEpoch i32
    leaderEpoch i32
    startOffset i64
    createTimestamp i64
    writeTimestamp i64
    stateBatches {}[]
      firstOffset i64
      lastOffset i64
      deliveryState i8
      deliveryCount i16`),
  record(1, 'ShareUpdateKey', 'ShareUpdateValue', `
    snapshotEpoch i32
    leaderEpoch i32
    startOffset i64
    stateBatches {}[]
      firstOffset i64
      lastOffset i64
      deliveryState i8
      deliveryCount i16`),
])
