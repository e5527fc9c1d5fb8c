/** The APIs that a listener serves. What is not in this list is not offered to clients (spec/wire-protocol 1). */
import { describeAcls, createAcls, deleteAcls } from './apis/acls.ts'
import { alterConfigs } from './apis/alter-configs.ts'
import { alterReplicaLogDirs } from './apis/alter-replica-log-dirs.ts'
import { apiVersionsFor } from './apis/api-versions.ts'
import { alterClientQuotas, describeClientQuotas } from './apis/client-quotas.ts'
import { unregisterBroker, updateFeatures } from './apis/cluster-changes.ts'
import { createPartitions } from './apis/create-partitions.ts'
import { createTopics } from './apis/create-topics.ts'
import { createDelegationToken, describeDelegationToken, expireDelegationToken, renewDelegationToken } from './apis/delegation-tokens.ts'
import { deleteGroups } from './apis/delete-groups.ts'
import { deleteRecords } from './apis/delete-records.ts'
import { deleteTopics } from './apis/delete-topics.ts'
import { describeCluster } from './apis/describe-cluster.ts'
import { describeConfigs } from './apis/describe-configs.ts'
import { describeGroups } from './apis/describe-groups.ts'
import { describeLogDirs } from './apis/describe-log-dirs.ts'
import { describeProducers } from './apis/describe-producers.ts'
import { describeQuorum } from './apis/describe-quorum.ts'
import { describeTopicPartitions } from './apis/describe-topic-partitions.ts'
import { electLeaders } from './apis/elect-leaders.ts'
import { fetch } from './apis/fetch.ts'
import { findCoordinator } from './apis/find-coordinator.ts'
import { heartbeat } from './apis/heartbeat.ts'
import { incrementalAlterConfigs } from './apis/incremental-alter-configs.ts'
import { initProducerId } from './apis/init-producer-id.ts'
import { joinGroup } from './apis/join-group.ts'
import { leaveGroup } from './apis/leave-group.ts'
import { listConfigResources } from './apis/list-config-resources.ts'
import { listGroups } from './apis/list-groups.ts'
import { listOffsets } from './apis/list-offsets.ts'
import { metadata } from './apis/metadata.ts'
import { offsetCommit } from './apis/offset-commit.ts'
import { offsetDelete } from './apis/offset-delete.ts'
import { offsetFetch } from './apis/offset-fetch.ts'
import { offsetForLeaderEpoch } from './apis/offset-for-leader-epoch.ts'
import { alterPartitionReassignments, listPartitionReassignments } from './apis/partition-reassignments.ts'
import { produce } from './apis/produce.ts'
import { saslHandshake, saslAuthenticate } from './apis/sasl.ts'
import { syncGroup } from './apis/sync-group.ts'
import { describeTransactions, listTransactions } from './apis/transactions.ts'
import { alterUserScramCredentials, describeUserScramCredentials } from './apis/user-scram-credentials.ts'
import type { WireApi } from './wire-api.ts'

const handlers: readonly WireApi[] = [
  produce, fetch, listOffsets, metadata, offsetCommit, offsetFetch, findCoordinator, joinGroup, heartbeat, leaveGroup, syncGroup, describeGroups,
  listGroups, saslHandshake, createTopics, deleteTopics, deleteRecords, initProducerId, offsetForLeaderEpoch, describeAcls, createAcls, deleteAcls,
  describeConfigs, alterConfigs, describeLogDirs, saslAuthenticate, createPartitions, deleteGroups, incrementalAlterConfigs, offsetDelete,
  describeClientQuotas, alterClientQuotas, describeUserScramCredentials, alterUserScramCredentials, describeCluster, describeProducers,
  electLeaders, alterPartitionReassignments, listPartitionReassignments, describeTransactions, listTransactions, listConfigResources, describeTopicPartitions,
  alterReplicaLogDirs, describeQuorum, updateFeatures, unregisterBroker,
  createDelegationToken, renewDelegationToken, expireDelegationToken, describeDelegationToken,
]

/** In the order of their keys. */
export const servedList: readonly WireApi[] = [...handlers, apiVersionsFor(handlers)].sort((a, b) => a.api.key - b.api.key)

/** By key. */
export const servedApis: readonly (WireApi | undefined)[] = servedList.reduce<(WireApi | undefined)[]>((table, served) => {
  table[served.api.key] = served
  return table
}, [])
