/**
 * Schemas of the records of `__consumer_offsets`, `__transaction_state` and `__share_group_state`, and of the consumer protocol inside classic
 * groups, as of Kafka 4.1 (spec/storage-format 11). Facts of the format in the notation of `message-json.ts`, for printing; what the group
 * coordinator reads and writes is typed in `coordinator/`.
 */
import { schema, type Schema } from './message-json.ts'

/** Of one record type: the version of a key is its type, a value has a version of its own. */
export interface RecordSchema { readonly key: Schema; readonly value: Schema }

/** `flexible`: first flexible version of the value; keys never are. */
function record(type: number, keyName: string, keyFields: string, valueName: string, versions: string, flexible: number, valueFields: string): [number, RecordSchema] {
  return [type, { key: schema(keyName, '0', Infinity, keyFields), value: schema(valueName, versions, flexible, valueFields) }]
}

const group = 'groupId str'
const member = 'groupId str\nmemberId str'

/** `__consumer_offsets`. */
export const offsetsRecords: ReadonlyMap<number, RecordSchema> = new Map([
  record(0, 'LegacyOffsetCommitKey', 'group str\ntopic str\npartition i32', 'LegacyOffsetCommitValue', '0', Infinity, `
    offset i64
    metadata str
    commitTimestamp i64`),
  record(1, 'OffsetCommitKey', 'group str\ntopic str\npartition i32', 'OffsetCommitValue', '0-4', 4, `
    offset i64
    leaderEpoch i32 3
    metadata str
    commitTimestamp i64
    expireTimestamp i64 1-1
    topicId uuid 4 tag 0`),
  record(2, 'GroupMetadataKey', 'group str', 'GroupMetadataValue', '0-4', 4, `
    protocolType str
    generation i32
    protocol str?
    leader str?
    currentStateTimestamp i64 2
    members {}[]
      memberId str
      groupInstanceId str? 3
      clientId str
      clientHost str
      rebalanceTimeout i32 1
      sessionTimeout i32
      subscription bytes
      assignment bytes`),
  record(3, 'ConsumerGroupMetadataKey', group, 'ConsumerGroupMetadataValue', '0', 0, `
    epoch i32
    metadataHash i64 tag 0`),
  record(4, 'ConsumerGroupPartitionMetadataKey', group, 'ConsumerGroupPartitionMetadataValue', '0', 0, `
    topics {}[]
      topicId uuid
      topicName str
      numPartitions i32
      partitionMetadata {}[]
        partition i32
        racks str[]`),
  record(5, 'ConsumerGroupMemberMetadataKey', member, 'ConsumerGroupMemberMetadataValue', '0', 0, `
    instanceId str?
    rackId str?
    clientId str
    clientHost str
    subscribedTopicNames str[]
    subscribedTopicRegex str?
    rebalanceTimeoutMs i32
    serverAssignor str?
    classicMemberMetadata {}? tag 0 = null
      sessionTimeoutMs i32
      supportedProtocols {}[]
        name str
        metadata bytes`),
  record(6, 'ConsumerGroupTargetAssignmentMetadataKey', group, 'ConsumerGroupTargetAssignmentMetadataValue', '0', 0, 'assignmentEpoch i32'),
  record(7, 'ConsumerGroupTargetAssignmentMemberKey', member, 'ConsumerGroupTargetAssignmentMemberValue', '0', 0, `
    topicPartitions {}[]
      topicId uuid
      partitions i32[]`),
  record(8, 'ConsumerGroupCurrentMemberAssignmentKey', member, 'ConsumerGroupCurrentMemberAssignmentValue', '0', 0, `
    memberEpoch i32
    previousMemberEpoch i32
    state i8
    assignedPartitions {}[]
      topicId uuid
      partitions i32[]
    partitionsPendingRevocation {}[]
      topicId uuid
      partitions i32[]`),
  record(10, 'ShareGroupMemberMetadataKey', member, 'ShareGroupMemberMetadataValue', '0', 0, `
    rackId str?
    clientId str
    clientHost str
    subscribedTopicNames str[]`),
  record(11, 'ShareGroupMetadataKey', group, 'ShareGroupMetadataValue', '0', 0, `
    epoch i32
    metadataHash i64`),
  record(12, 'ShareGroupTargetAssignmentMetadataKey', group, 'ShareGroupTargetAssignmentMetadataValue', '0', 0, 'assignmentEpoch i32'),
  record(13, 'ShareGroupTargetAssignmentMemberKey', member, 'ShareGroupTargetAssignmentMemberValue', '0', 0, `
    topicPartitions {}[]
      topicId uuid
      partitions i32[]`),
  record(14, 'ShareGroupCurrentMemberAssignmentKey', member, 'ShareGroupCurrentMemberAssignmentValue', '0', 0, `
    memberEpoch i32
    previousMemberEpoch i32
    state i8
    assignedPartitions {}[]
      topicId uuid
      partitions i32[]`),
  record(15, 'ShareGroupStatePartitionMetadataKey', group, 'ShareGroupStatePartitionMetadataValue', '0', 0, `
    initializingTopics {}[]
      topicId uuid
      topicName str
      partitions i32[]
    initializedTopics {}[]
      topicId uuid
      topicName str
      partitions i32[]
    deletingTopics {}[]
      topicId uuid
      topicName str`),
  record(16, 'ConsumerGroupRegularExpressionKey', 'groupId str\nregularExpression str', 'ConsumerGroupRegularExpressionValue', '0', 0, `
    topics str[]
    version i64
    timestamp i64`),
  record(17, 'StreamsGroupMetadataKey', group, 'StreamsGroupMetadataValue', '0', 0, `
    epoch i32
    metadataHash i64`),
  record(19, 'StreamsGroupMemberMetadataKey', member, 'StreamsGroupMemberMetadataValue', '0', 0, `
    instanceId str?
    rackId str?
    clientId str
    clientHost str
    rebalanceTimeoutMs i32
    topologyEpoch i32
    processId str
    userEndpoint {}?
      host str
      port u16
    clientTags {}[]
      key str
      value str`),
  record(20, 'StreamsGroupTargetAssignmentMetadataKey', group, 'StreamsGroupTargetAssignmentMetadataValue', '0', 0, 'assignmentEpoch i32'),
  record(21, 'StreamsGroupTargetAssignmentMemberKey', member, 'StreamsGroupTargetAssignmentMemberValue', '0', 0, `
    activeTasks {}[]
      subtopologyId str
      partitions i32[]
    standbyTasks {}[]
      subtopologyId str
      partitions i32[]
    warmupTasks {}[]
      subtopologyId str
      partitions i32[]`),
  record(22, 'StreamsGroupCurrentMemberAssignmentKey', member, 'StreamsGroupCurrentMemberAssignmentValue', '0', 0, `
    memberEpoch i32
    previousMemberEpoch i32
    state i8
    activeTasks {}[]
      subtopologyId str
      partitions i32[]
    standbyTasks {}[]
      subtopologyId str
      partitions i32[]
    warmupTasks {}[]
      subtopologyId str
      partitions i32[]
    activeTasksPendingRevocation {}[]
      subtopologyId str
      partitions i32[]
    standbyTasksPendingRevocation {}[]
      subtopologyId str
      partitions i32[]
    warmupTasksPendingRevocation {}[]
      subtopologyId str
      partitions i32[]`),
  record(23, 'StreamsGroupTopologyKey', group, 'StreamsGroupTopologyValue', '0', 0, `
    epoch i32
    subtopologies {}[]
      subtopologyId str
      sourceTopics str[]
      sourceTopicRegex str[]
      stateChangelogTopics {}[]
        name str
        partitions i32
        replicationFactor i16
        topicConfigs {}[]
          key str
          value str
      repartitionSinkTopics str[]
      repartitionSourceTopics {}[]
        name str
        partitions i32
        replicationFactor i16
        topicConfigs {}[]
          key str
          value str
      copartitionGroups {}[]
        sourceTopics i16[]
        sourceTopicRegex i16[]
        repartitionSourceTopics i16[]`),
])

/** `__transaction_state`. */
export const transactionRecords: ReadonlyMap<number, RecordSchema> = new Map([
  record(0, 'TransactionLogKey', 'transactionalId str', 'TransactionLogValue', '0-1', 1, `
    producerId i64
    previousProducerId i64 1 tag 0 = -1
    nextProducerId i64 1 tag 1 = -1
    producerEpoch i16
    nextProducerEpoch i16 1 tag 3 = -1
    transactionTimeoutMs i32
    transactionStatus i8
    transactionPartitions {}[]?
      topic str
      partitionIds i32[]
    transactionLastUpdateTimestampMs i64
    transactionStartTimestampMs i64
    clientTransactionVersion i16 1 tag 2`),
])

/** `__share_group_state`. */
export const shareStateRecords: ReadonlyMap<number, RecordSchema> = new Map([
  record(0, 'ShareSnapshotKey', 'groupId str\ntopicId uuid\npartition i32', 'ShareSnapshotValue', '0', 0, `
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
  record(1, 'ShareUpdateKey', 'groupId str\ntopicId uuid\npartition i32', 'ShareUpdateValue', '0', 0, `
    snapshotEpoch i32
    leaderEpoch i32
    startOffset i64
    stateBatches {}[]
      firstOffset i64
      lastOffset i64
      deliveryState i8
      deliveryCount i16`),
])

export const consumerProtocolAssignment: Schema = schema('ConsumerProtocolAssignment', '0-3', Infinity, `
  assignedPartitions {}[]
    topic str
    partitions i32[]
  userData bytes?`)

export const consumerProtocolSubscription: Schema = schema('ConsumerProtocolSubscription', '0-3', Infinity, `
  topics str[]
  userData bytes?
  ownedPartitions {}[] 1
    topic str 1
    partitions i32[] 1
  generationId i32 2
  rackId str? 3`)
