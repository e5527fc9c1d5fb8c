/**
 * Schemas of the records that a KRaft broker keeps for itself: the cluster metadata log, its control records and `__share_group_state`, as of
 * Kafka 4.1. Facts of the format in the notation of `protocol/schema.ts`; Ottla itself neither writes nor obeys these records.
 */
import type { FieldSpecs, MessageSchema } from '../protocol/schema.ts'

export interface MetadataRecordType { readonly label: string; readonly schema: MessageSchema }

function schema(name: string, versions: string, fields: FieldSpecs): MessageSchema { return { name, versions, flexible: '0+', fields } }

function metadata(name: string, versions: string, fields: FieldSpecs): MetadataRecordType {
  return { label: name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(), schema: schema(name, versions, fields) }
}

/** By the type id that stands before the version in a record's value. */
export const metadataRecords: ReadonlyMap<number, MetadataRecordType> = new Map([
  [0, metadata('RegisterBrokerRecord', '0-3', {
    brokerId: 'int32',
    isMigratingZkBroker: 'boolean 2+',
    incarnationId: 'uuid',
    brokerEpoch: 'int64',
    endPoints: ['{}[]', { name: 'string', host: 'string', port: 'uint16', securityProtocol: 'int16' }],
    features: ['{}[]', { name: 'string', minSupportedVersion: 'int16', maxSupportedVersion: 'int16' }],
    rack: 'string?',
    fenced: 'boolean',
    inControlledShutdown: 'boolean 1+',
    logDirs: 'uuid[] 3+ tag 0',
  })],
  [1, metadata('UnregisterBrokerRecord', '0', { brokerId: 'int32', brokerEpoch: 'int64' })],
  [2, metadata('TopicRecord', '0', { name: 'string', topicId: 'uuid' })],
  [3, metadata('PartitionRecord', '0-2', {
    partitionId: 'int32',
    topicId: 'uuid',
    replicas: 'int32[]',
    isr: 'int32[]',
    removingReplicas: 'int32[]',
    addingReplicas: 'int32[]',
    leader: 'int32',
    leaderRecoveryState: 'int8 tag 0',
    leaderEpoch: 'int32',
    partitionEpoch: 'int32',
    directories: 'uuid[] 1+',
    eligibleLeaderReplicas: 'int32[]? 2+ tag 1',
    lastKnownElr: 'int32[]? 2+ tag 2',
  })],
  [4, metadata('ConfigRecord', '0', { resourceType: 'int8', resourceName: 'string', name: 'string', value: 'string?' })],
  [5, metadata('PartitionChangeRecord', '0-2', {
    partitionId: 'int32',
    topicId: 'uuid',
    isr: 'int32[]? tag 0',
    leader: 'int32 tag 1 = -2',
    replicas: 'int32[]? tag 2',
    removingReplicas: 'int32[]? tag 3',
    addingReplicas: 'int32[]? tag 4',
    leaderRecoveryState: 'int8 tag 5 = -1',
    directories: 'uuid[]? 1+ tag 8',
    eligibleLeaderReplicas: 'int32[]? 2+ tag 6',
    lastKnownElr: 'int32[]? 2+ tag 7',
  })],
  [7, metadata('FenceBrokerRecord', '0', { id: 'int32', epoch: 'int64' })],
  [8, metadata('UnfenceBrokerRecord', '0', { id: 'int32', epoch: 'int64' })],
  [9, metadata('RemoveTopicRecord', '0', { topicId: 'uuid' })],
  [10, metadata('DelegationTokenRecord', '0', {
    owner: 'string',
    requester: 'string',
    renewers: 'string[]',
    issueTimestamp: 'int64',
    maxTimestamp: 'int64',
    expirationTimestamp: 'int64',
    tokenId: 'string',
  })],
  [11, metadata('UserScramCredentialRecord', '0', { name: 'string', mechanism: 'int8', salt: 'bytes', storedKey: 'bytes', serverKey: 'bytes', iterations: 'int32' })],
  [12, metadata('FeatureLevelRecord', '0', { name: 'string', featureLevel: 'int16' })],
  [14, metadata('ClientQuotaRecord', '0', { entity: ['{}[]', { entityType: 'string', entityName: 'string?' }], key: 'string', value: 'float64', remove: 'boolean' })],
  [15, metadata('ProducerIdsRecord', '0', { brokerId: 'int32', brokerEpoch: 'int64', nextProducerId: 'int64' })],
  [17, metadata('BrokerRegistrationChangeRecord', '0-2', {
    brokerId: 'int32',
    brokerEpoch: 'int64',
    fenced: 'int8 tag 0',
    inControlledShutdown: 'int8 1+ tag 1',
    logDirs: 'uuid[] 2+ tag 2',
  })],
  [18, metadata('AccessControlEntryRecord', '0', {
    id: 'uuid',
    resourceType: 'int8',
    resourceName: 'string',
    patternType: 'int8',
    principal: 'string',
    host: 'string',
    operation: 'int8',
    permissionType: 'int8',
  })],
  [19, metadata('RemoveAccessControlEntryRecord', '0', { id: 'uuid' })],
  [20, metadata('NoOpRecord', '0', {})],
  [21, metadata('ZkMigrationStateRecord', '0', { zkMigrationState: 'int8' })],
  [22, metadata('RemoveUserScramCredentialRecord', '0', { name: 'string', mechanism: 'int8' })],
  [23, metadata('BeginTransactionRecord', '0', { name: 'string? tag 0' })],
  [24, metadata('EndTransactionRecord', '0', {})],
  [25, metadata('AbortTransactionRecord', '0', { reason: 'string? tag 0' })],
  [26, metadata('RemoveDelegationTokenRecord', '0', { tokenId: 'string' })],
  [27, metadata('RegisterControllerRecord', '0', {
    controllerId: 'int32',
    incarnationId: 'uuid',
    zkMigrationReady: 'boolean',
    endPoints: ['{}[]', { name: 'string', host: 'string', port: 'uint16', securityProtocol: 'int16' }],
    features: ['{}[]', { name: 'string', minSupportedVersion: 'int16', maxSupportedVersion: 'int16' }],
  })],
  [28, metadata('ClearElrRecord', '0', { topicName: 'string' })],
])

/** By control type; `label` as the tool prints it. */
export const controlSchemas: ReadonlyMap<number, MetadataRecordType> = new Map([
  [2, { label: 'LeaderChange:', schema: schema('LeaderChangeMessage', '0-1', {
    version: 'int16',
    leaderId: 'int32',
    voters: ['{}[]', { voterId: 'int32', voterDirectoryId: 'uuid 1+' }],
    grantingVoters: ['{}[]', { voterId: 'int32', voterDirectoryId: 'uuid 1+' }],
  }) }],
  [3, { label: 'SnapshotHeader', schema: schema('SnapshotHeaderRecord', '0', { version: 'int16', lastContainedLogTimestamp: 'int64' }) }],
  [4, { label: 'SnapshotFooter', schema: schema('SnapshotFooterRecord', '0', { version: 'int16' }) }],
  [5, { label: 'KRaftVersion', schema: schema('KRaftVersionRecord', '0', { version: 'int16', kRaftVersion: 'int16' }) }],
  [6, { label: 'KRaftVoters', schema: schema('VotersRecord', '0', {
    version: 'int16',
    voters: ['{}[]', {
      voterId: 'int32',
      voterDirectoryId: 'uuid',
      endpoints: ['{}[]', { name: 'string', host: 'string', port: 'uint16' }],
      kRaftVersionFeature: ['{}', { minSupportedVersion: 'int16', maxSupportedVersion: 'int16' }],
    }],
  }) }],
])
