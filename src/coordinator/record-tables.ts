/**
 * Layouts of the records of `__consumer_offsets` and `__transaction_state`, as Kafka 4.1 defines them (spec/storage-format 11.2, 11.3).
 * A key starts with an int16 record type, a value with an int16 version of its own; both are outside these tables. Keys are never flexible.
 */
import { ZERO_UUID } from '../common/uuid.ts'
import type { Field, FieldType, Schema } from './record-schema.ts'

export interface RecordLayout { readonly key: Schema; readonly value: Schema }

const NEVER = Infinity
const list = (array: FieldType): FieldType => ({ array })
const struct = (...fields: readonly Field[]): FieldType => ({ struct: fields })
const field = (name: string, type: FieldType): Field => ({ name, type })

function layout(name: string, key: readonly Field[], value: readonly Field[], latest: number = 0, flexibleSince: number = 0): RecordLayout {
  return {
    key: { name: `${name}Key`, fields: key, latest: 0, flexibleSince: NEVER },
    value: { name: `${name}Value`, fields: value, latest, flexibleSince },
  }
}

const offsetKey = [field('group', 'string'), field('topic', 'string'), field('partition', 'int32')]
const groupKey = [field('groupId', 'string')]
const memberKey = [field('groupId', 'string'), field('memberId', 'string')]
const topicPartitions = list(struct(field('topicId', 'uuid'), field('partitions', list('int32'))))
const namedPartitions = list(struct(field('topicId', 'uuid'), field('topicName', 'string'), field('partitions', list('int32'))))
const tasks = list(struct(field('subtopologyId', 'string'), field('partitions', list('int32'))))
const topicInfos = list(struct(
  field('name', 'string'), field('partitions', 'int32'), field('replicationFactor', 'int16'),
  field('topicConfigs', list(struct(field('key', 'string'), field('value', 'string')))),
))

const offsetCommitValue: readonly Field[] = [
  field('offset', 'int64'),
  { name: 'leaderEpoch', type: 'int32', since: 3 },
  field('metadata', 'string'),
  field('commitTimestamp', 'int64'),
  { name: 'expireTimestamp', type: 'int64', since: 1, until: 1 },
  { name: 'topicId', type: 'uuid', since: 4, tag: 0, byDefault: ZERO_UUID },
]

const groupMetadataValue: readonly Field[] = [
  field('protocolType', 'string'),
  field('generation', 'int32'),
  field('protocol', 'string?'),
  field('leader', 'string?'),
  { name: 'currentStateTimestamp', type: 'int64', since: 2 },
  field('members', list(struct(
    field('memberId', 'string'),
    { name: 'groupInstanceId', type: 'string?', since: 3 },
    field('clientId', 'string'),
    field('clientHost', 'string'),
    { name: 'rebalanceTimeout', type: 'int32', since: 1 },
    field('sessionTimeout', 'int32'),
    field('subscription', 'bytes'),
    field('assignment', 'bytes'),
  ))),
]

/** `__consumer_offsets`, by record type. */
export const groupRecords: ReadonlyMap<number, RecordLayout> = new Map([
  [0, layout('LegacyOffsetCommit', offsetKey, [field('offset', 'int64'), field('metadata', 'string'), field('commitTimestamp', 'int64')], 0, NEVER)],
  [1, layout('OffsetCommit', offsetKey, offsetCommitValue, 4, 4)],
  [2, layout('GroupMetadata', [field('group', 'string')], groupMetadataValue, 4, 4)],
  [3, layout('ConsumerGroupMetadata', groupKey, [field('epoch', 'int32'), { name: 'metadataHash', type: 'int64', tag: 0, byDefault: 0 }])],
  [4, layout('ConsumerGroupPartitionMetadata', groupKey, [field('topics', list(struct(
    field('topicId', 'uuid'), field('topicName', 'string'), field('numPartitions', 'int32'),
    field('partitionMetadata', list(struct(field('partition', 'int32'), field('racks', list('string'))))),
  )))])],
  [5, layout('ConsumerGroupMemberMetadata', memberKey, [
    field('instanceId', 'string?'), field('rackId', 'string?'), field('clientId', 'string'), field('clientHost', 'string'),
    field('subscribedTopicNames', list('string')), field('subscribedTopicRegex', 'string?'), field('rebalanceTimeoutMs', 'int32'),
    field('serverAssignor', 'string?'),
    {
      name: 'classicMemberMetadata',
      tag: 0,
      type: {
        nullable: true,
        struct: [field('sessionTimeoutMs', 'int32'), field('supportedProtocols', list(struct(field('name', 'string'), field('metadata', 'bytes'))))],
      },
    },
  ])],
  [6, layout('ConsumerGroupTargetAssignmentMetadata', groupKey, [field('assignmentEpoch', 'int32')])],
  [7, layout('ConsumerGroupTargetAssignmentMember', memberKey, [field('topicPartitions', topicPartitions)])],
  [8, layout('ConsumerGroupCurrentMemberAssignment', memberKey, [
    field('memberEpoch', 'int32'), field('previousMemberEpoch', 'int32'), field('state', 'int8'),
    field('assignedPartitions', topicPartitions), field('partitionsPendingRevocation', topicPartitions),
  ])],
  [10, layout('ShareGroupMemberMetadata', memberKey, [
    field('rackId', 'string?'), field('clientId', 'string'), field('clientHost', 'string'), field('subscribedTopicNames', list('string')),
  ])],
  [11, layout('ShareGroupMetadata', groupKey, [field('epoch', 'int32'), field('metadataHash', 'int64')])],
  [12, layout('ShareGroupTargetAssignmentMetadata', groupKey, [field('assignmentEpoch', 'int32')])],
  [13, layout('ShareGroupTargetAssignmentMember', memberKey, [field('topicPartitions', topicPartitions)])],
  [14, layout('ShareGroupCurrentMemberAssignment', memberKey, [
    field('memberEpoch', 'int32'), field('previousMemberEpoch', 'int32'), field('state', 'int8'), field('assignedPartitions', topicPartitions),
  ])],
  [15, layout('ShareGroupStatePartitionMetadata', groupKey, [
    field('initializingTopics', namedPartitions), field('initializedTopics', namedPartitions),
    field('deletingTopics', list(struct(field('topicId', 'uuid'), field('topicName', 'string')))),
  ])],
  [16, layout('ConsumerGroupRegularExpression', [...groupKey, field('regularExpression', 'string')], [
    field('topics', list('string')), field('version', 'int64'), field('timestamp', 'int64'),
  ])],
  [17, layout('StreamsGroupMetadata', groupKey, [field('epoch', 'int32'), field('metadataHash', 'int64')])],
  [19, layout('StreamsGroupMemberMetadata', memberKey, [
    field('instanceId', 'string?'), field('rackId', 'string?'), field('clientId', 'string'), field('clientHost', 'string'),
    field('rebalanceTimeoutMs', 'int32'), field('topologyEpoch', 'int32'), field('processId', 'string'),
    { name: 'userEndpoint', type: { nullable: true, struct: [field('host', 'string'), field('port', 'uint16')] } },
    field('clientTags', list(struct(field('key', 'string'), field('value', 'string')))),
  ])],
  [20, layout('StreamsGroupTargetAssignmentMetadata', groupKey, [field('assignmentEpoch', 'int32')])],
  [21, layout('StreamsGroupTargetAssignmentMember', memberKey, [field('activeTasks', tasks), field('standbyTasks', tasks), field('warmupTasks', tasks)])],
  [22, layout('StreamsGroupCurrentMemberAssignment', memberKey, [
    field('memberEpoch', 'int32'), field('previousMemberEpoch', 'int32'), field('state', 'int8'),
    field('activeTasks', tasks), field('standbyTasks', tasks), field('warmupTasks', tasks),
    field('activeTasksPendingRevocation', tasks), field('standbyTasksPendingRevocation', tasks), field('warmupTasksPendingRevocation', tasks),
  ])],
  [23, layout('StreamsGroupTopology', groupKey, [field('epoch', 'int32'), field('subtopologies', list(struct(
    field('subtopologyId', 'string'), field('sourceTopics', list('string')), field('sourceTopicRegex', list('string')),
    field('stateChangelogTopics', topicInfos),
    field('repartitionSinkTopics', list('string')), field('repartitionSourceTopics', topicInfos),
    field('copartitionGroups', list(struct(
      field('sourceTopics', list('int16')), field('sourceTopicRegex', list('int16')), field('repartitionSourceTopics', list('int16')),
    ))),
  )))])],
])

/** `__transaction_state`, by record type. */
export const transactionRecords: ReadonlyMap<number, RecordLayout> = new Map([
  [0, layout('TransactionLog', [field('transactionalId', 'string')], [
    field('producerId', 'int64'),
    { name: 'previousProducerId', type: 'int64', since: 1, tag: 0, byDefault: -1 },
    { name: 'nextProducerId', type: 'int64', since: 1, tag: 1, byDefault: -1 },
    field('producerEpoch', 'int16'),
    { name: 'nextProducerEpoch', type: 'int16', since: 1, tag: 3, byDefault: -1 },
    field('transactionTimeoutMs', 'int32'),
    field('transactionStatus', 'int8'),
    { name: 'transactionPartitions', type: { nullable: true, array: struct(field('topic', 'string'), field('partitionIds', list('int32'))) } },
    field('transactionLastUpdateTimestampMs', 'int64'),
    field('transactionStartTimestampMs', 'int64'),
    { name: 'clientTransactionVersion', type: 'int16', since: 1, tag: 2, byDefault: 0 },
  ], 1, 1)],
])

/** Subscription and assignment inside GroupMetadataValue, for printing (bytes: i16 version, then these fields). */
const assignedTopics = list(struct(field('topic', 'string'), field('partitions', list('int32'))))
export const consumerSubscription: Schema = {
  name: 'ConsumerProtocolSubscription',
  latest: 3,
  flexibleSince: NEVER,
  fields: [
    field('topics', list('string')),
    field('userData', 'bytes?'),
    { name: 'ownedPartitions', type: assignedTopics, since: 1 },
    { name: 'generationId', type: 'int32', since: 2 },
    { name: 'rackId', type: 'string?', since: 3 },
  ],
}
export const consumerAssignment: Schema = {
  name: 'ConsumerProtocolAssignment', latest: 3, flexibleSince: NEVER, fields: [field('assignedPartitions', assignedTopics), field('userData', 'bytes?')],
}
