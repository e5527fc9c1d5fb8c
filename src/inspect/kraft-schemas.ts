/**
 * Schemas of the records that a KRaft broker keeps for itself: the cluster metadata log, its control records and `__share_group_state`, as of
 * Kafka 4.1. Facts of the format in the notation of `message-json.ts`; Ottla itself neither writes nor obeys these records.
 */
import { schema, type Schema } from './message-json.ts'

export interface MetadataRecordType { readonly label: string; readonly schema: Schema }

function metadata(name: string, versions: string, text: string): MetadataRecordType {
  return { label: name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(), schema: schema(name, versions, 0, text) }
}

/** By the type id that stands before the version in a record's value. */
export const metadataRecords: ReadonlyMap<number, MetadataRecordType> = new Map([
  [0, metadata('RegisterBrokerRecord', '0-3', `
    brokerId i32
    isMigratingZkBroker bool 2
    incarnationId uuid
    brokerEpoch i64
    endPoints {}[]
      name str
      host str
      port u16
      securityProtocol i16
    features {}[]
      name str
      minSupportedVersion i16
      maxSupportedVersion i16
    rack str?
    fenced bool
    inControlledShutdown bool 1
    logDirs uuid[] 3 tag 0`)],
  [1, metadata('UnregisterBrokerRecord', '0', `
    brokerId i32
    brokerEpoch i64`)],
  [2, metadata('TopicRecord', '0', `
    name str
    topicId uuid`)],
  [3, metadata('PartitionRecord', '0-2', `
    partitionId i32
    topicId uuid
    replicas i32[]
    isr i32[]
    removingReplicas i32[]
    addingReplicas i32[]
    leader i32
    leaderRecoveryState i8 tag 0
    leaderEpoch i32
    partitionEpoch i32
    directories uuid[] 1
    eligibleLeaderReplicas i32[]? 2 tag 1 = null
    lastKnownElr i32[]? 2 tag 2 = null`)],
  [4, metadata('ConfigRecord', '0', `
    resourceType i8
    resourceName str
    name str
    value str?`)],
  [5, metadata('PartitionChangeRecord', '0-2', `
    partitionId i32
    topicId uuid
    isr i32[]? tag 0 = null
    leader i32 tag 1 = -2
    replicas i32[]? tag 2 = null
    removingReplicas i32[]? tag 3 = null
    addingReplicas i32[]? tag 4 = null
    leaderRecoveryState i8 tag 5 = -1
    directories uuid[]? 1 tag 8 = null
    eligibleLeaderReplicas i32[]? 2 tag 6 = null
    lastKnownElr i32[]? 2 tag 7 = null`)],
  [7, metadata('FenceBrokerRecord', '0', `
    id i32
    epoch i64`)],
  [8, metadata('UnfenceBrokerRecord', '0', `
    id i32
    epoch i64`)],
  [9, metadata('RemoveTopicRecord', '0', `
    topicId uuid`)],
  [10, metadata('DelegationTokenRecord', '0', `
    owner str
    requester str
    renewers str[]
    issueTimestamp i64
    maxTimestamp i64
    expirationTimestamp i64
    tokenId str`)],
  [11, metadata('UserScramCredentialRecord', '0', `
    name str
    mechanism i8
    salt bytes
    storedKey bytes
    serverKey bytes
    iterations i32`)],
  [12, metadata('FeatureLevelRecord', '0', `
    name str
    featureLevel i16`)],
  [14, metadata('ClientQuotaRecord', '0', `
    entity {}[]
      entityType str
      entityName str?
    key str
    value f64
    remove bool`)],
  [15, metadata('ProducerIdsRecord', '0', `
    brokerId i32
    brokerEpoch i64
    nextProducerId i64`)],
  [17, metadata('BrokerRegistrationChangeRecord', '0-2', `
    brokerId i32
    brokerEpoch i64
    fenced i8 tag 0
    inControlledShutdown i8 1 tag 1
    logDirs uuid[] 2 tag 2`)],
  [18, metadata('AccessControlEntryRecord', '0', `
    id uuid
    resourceType i8
    resourceName str
    patternType i8
    principal str
    host str
    operation i8
    permissionType i8`)],
  [19, metadata('RemoveAccessControlEntryRecord', '0', `
    id uuid`)],
  [20, metadata('NoOpRecord', '0', '')],
  [21, metadata('ZkMigrationStateRecord', '0', `
    zkMigrationState i8`)],
  [22, metadata('RemoveUserScramCredentialRecord', '0', `
    name str
    mechanism i8`)],
  [23, metadata('BeginTransactionRecord', '0', `
    name str? tag 0 = null`)],
  [24, metadata('EndTransactionRecord', '0', '')],
  [25, metadata('AbortTransactionRecord', '0', `
    reason str? tag 0 = null`)],
  [26, metadata('RemoveDelegationTokenRecord', '0', `
    tokenId str`)],
  [27, metadata('RegisterControllerRecord', '0', `
    controllerId i32
    incarnationId uuid
    zkMigrationReady bool
    endPoints {}[]
      name str
      host str
      port u16
      securityProtocol i16
    features {}[]
      name str
      minSupportedVersion i16
      maxSupportedVersion i16`)],
  [28, metadata('ClearElrRecord', '0', `
    topicName str`)],
])

/** By control type; `label` as the tool prints it. */
export const controlSchemas: ReadonlyMap<number, MetadataRecordType> = new Map([
  [2, { label: 'LeaderChange:', schema: schema('LeaderChangeMessage', '0-1', 0, `
    version i16
    leaderId i32
    voters {}[]
      voterId i32
      voterDirectoryId uuid 1
    grantingVoters {}[]
      voterId i32
      voterDirectoryId uuid 1`) }],
  [3, { label: 'SnapshotHeader', schema: schema('SnapshotHeaderRecord', '0', 0, `
    version i16
    lastContainedLogTimestamp i64`) }],
  [4, { label: 'SnapshotFooter', schema: schema('SnapshotFooterRecord', '0', 0, `
    version i16`) }],
  [5, { label: 'KRaftVersion', schema: schema('KRaftVersionRecord', '0', 0, `
    version i16
    kRaftVersion i16`) }],
  [6, { label: 'KRaftVoters', schema: schema('VotersRecord', '0', 0, `
    version i16
    voters {}[]
      voterId i32
      voterDirectoryId uuid
      endpoints {}[]
        name str
        host str
        port u16
      kRaftVersionFeature {}
        minSupportedVersion i16
        maxSupportedVersion i16`) }],
])
