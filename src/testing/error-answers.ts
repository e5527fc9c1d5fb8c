/**
 * The answer to a request that fails as a whole with one error, by API, made of the request alone: every topic, partition, group or resource that was asked
 * about, with the error at each, and at the top where the answer has a place for it there. Handlers have no part in it, so nothing happens.
 */
import { errorTable } from '../common/errors.ts'
import { ZERO_UUID } from '../common/uuid.ts'
import type { Api, RequestOf, ResponseInput } from '../protocol/api.ts'
import { apis, type ApiName, type Apis } from '../protocol/api-registry.ts'
import type { PlainMessage } from '../protocol/schema.ts'

/** `nodeId`, `host`, `port`: the broker that answers, where an answer has to name it. */
export interface Failed { readonly errorCode: number; readonly errorMessage: string; readonly nodeId: number; readonly host: string; readonly port: number; readonly version: number }

/** What a request that fails gets: an answer, the end of its connection, or, where its answer has no place for an error, what it always gets. */
export type ErrorAnswer<M = PlainMessage> = M | 'hang up' | 'no place'
type Answers = { readonly [K in ApiName]?: (request: RequestOf<Apis[K]>, failed: Failed) => ErrorAnswer<ResponseInput<Apis[K]>> }

const throttleTimeMs = 0
const nothing = new Uint8Array(0)
const NO_OFFSET = -1
const NO_BROKER = { nodeId: -1, host: '', port: -1 }
/** Metadata has an error at its top from this version on, and may ask about nothing or everything. */
const METADATA_ERROR_SINCE = 13
const METADATA_WITHOUT_NAMES_SINCE = 12
/** So has ElectLeaders, which may ask for everything. */
const ELECTION_ERROR_SINCE = 1

const answers: Answers = {
  produce: ({ acks, topicData }, { errorCode, errorMessage }) => acks === 0 ? 'hang up' : {
    throttleTimeMs, responses: topicData.map(({ name, topicId, partitionData }) => (
      { name, topicId, partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, errorMessage, baseOffset: NO_OFFSET })) })),
  },
  fetch: ({ topics }, { errorCode }) => ({
    throttleTimeMs, responses: topics.map(({ topic, topicId, partitions }) => (
      { topic, topicId, partitions: partitions.map(({ partition }) => ({ partitionIndex: partition, errorCode, highWatermark: NO_OFFSET, records: nothing })) })),
  }),
  listOffsets: ({ topics }, { errorCode }) => ({ throttleTimeMs, topics: partitionsOf(topics, ({ partitionIndex }) => ({ partitionIndex, errorCode })) }),
  metadata: ({ topics }, { errorCode, nodeId, host, port, version }) => version < METADATA_ERROR_SINCE && (topics === null || topics.length === 0) ? 'no place' : {
    throttleTimeMs, errorCode, brokers: [{ nodeId, host, port }], controllerId: nodeId,
    topics: (topics ?? []).map(({ name, topicId }) => ({ errorCode, name: name ?? (version < METADATA_WITHOUT_NAMES_SINCE ? '' : null), topicId, partitions: [] })),
  },
  offsetCommit: ({ topics }, { errorCode }) => ({ throttleTimeMs, topics: partitionsOf(topics, ({ partitionIndex }) => ({ partitionIndex, errorCode })) }),
  offsetFetch: ({ topics, groups }, { errorCode }) => ({
    throttleTimeMs, errorCode, topics: unread(topics, errorCode),
    groups: groups.map((group) => ({ groupId: group.groupId, errorCode, topics: unread(group.topics, errorCode) })),
  }),
  findCoordinator: ({ coordinatorKeys }, { errorCode, errorMessage }) => (
    { throttleTimeMs, errorCode, errorMessage, ...NO_BROKER, coordinators: coordinatorKeys.map((key) => ({ key, ...NO_BROKER, errorCode, errorMessage })) }),
  joinGroup: ({ memberId }, { errorCode }) => ({ throttleTimeMs, errorCode, protocolName: '', leader: '', memberId, members: [] }),
  heartbeat: (_, { errorCode }) => ({ throttleTimeMs, errorCode }),
  leaveGroup: (_, { errorCode }) => ({ throttleTimeMs, errorCode, members: [] }),
  syncGroup: (_, { errorCode }) => ({ throttleTimeMs, errorCode, assignment: nothing }),
  describeGroups: ({ groups }, { errorCode, errorMessage }) => (
    { throttleTimeMs, groups: groups.map((groupId) => ({ errorCode, errorMessage, groupId, groupState: '', protocolType: '', protocolData: '', members: [] })) }),
  listGroups: (_, { errorCode }) => ({ throttleTimeMs, errorCode, groups: [] }),
  saslHandshake: (_, { errorCode }) => ({ errorCode, mechanisms: [] }),
  apiVersions: (_, { errorCode }) => ({ errorCode, apiKeys: [], throttleTimeMs }),
  createTopics: ({ topics }, { errorCode, errorMessage }) => ({ throttleTimeMs, topics: topics.map(({ name }) => ({ name, errorCode, errorMessage, configs: [] })) }),
  deleteTopics: ({ topics, topicNames }, { errorCode, errorMessage }) => ({
    throttleTimeMs, responses: [...topics, ...topicNames.map((name) => ({ name, topicId: undefined }))].map(({ name, topicId }) => ({ name, topicId, errorCode, errorMessage })),
  }),
  deleteRecords: ({ topics }, { errorCode }) => (
    { throttleTimeMs, topics: partitionsOf(topics, ({ partitionIndex }) => ({ partitionIndex, lowWatermark: NO_OFFSET, errorCode })) }),
  initProducerId: (_, { errorCode }) => ({ throttleTimeMs, errorCode, producerEpoch: -1 }),
  offsetForLeaderEpoch: ({ topics }, { errorCode }) => (
    { throttleTimeMs, topics: topics.map(({ topic, partitions }) => ({ topic, partitions: partitions.map(({ partition }) => ({ errorCode, partition })) })) }),
  describeAcls: (_, { errorCode, errorMessage }) => ({ throttleTimeMs, errorCode, errorMessage, resources: [] }),
  createAcls: ({ creations }, { errorCode, errorMessage }) => ({ throttleTimeMs, results: creations.map(() => ({ errorCode, errorMessage })) }),
  deleteAcls: ({ filters }, { errorCode, errorMessage }) => ({ throttleTimeMs, filterResults: filters.map(() => ({ errorCode, errorMessage, matchingAcls: [] })) }),
  describeConfigs: ({ resources }, failed) => ({ throttleTimeMs, results: resources.map((resource) => ({ ...resourceOf(resource, failed), configs: [] })) }),
  alterConfigs: ({ resources }, failed) => ({ throttleTimeMs, responses: resources.map((resource) => resourceOf(resource, failed)) }),
  alterReplicaLogDirs: ({ dirs }, { errorCode }) => ({
    throttleTimeMs, results: dirs.flatMap(({ topics }) => topics.map(({ name, partitions }) => (
      { topicName: name, partitions: partitions.map((partitionIndex) => ({ partitionIndex, errorCode })) }))),
  }),
  describeLogDirs: (_, { errorCode }) => ({ throttleTimeMs, errorCode, results: [{ errorCode, logDir: '', topics: [] }] }),
  saslAuthenticate: (_, { errorCode, errorMessage }) => ({ errorCode, errorMessage, authBytes: nothing }),
  createPartitions: ({ topics }, { errorCode, errorMessage }) => ({ throttleTimeMs, results: topics.map(({ name }) => ({ name, errorCode, errorMessage })) }),
  createDelegationToken: (_, { errorCode }) => ({
    throttleTimeMs, errorCode, principalType: '', principalName: '', issueTimestampMs: -1, expiryTimestampMs: -1, maxTimestampMs: -1, tokenId: '', hmac: nothing,
  }),
  renewDelegationToken: (_, { errorCode }) => ({ throttleTimeMs, errorCode, expiryTimestampMs: -1 }),
  expireDelegationToken: (_, { errorCode }) => ({ throttleTimeMs, errorCode, expiryTimestampMs: -1 }),
  describeDelegationToken: (_, { errorCode }) => ({ throttleTimeMs, errorCode, tokens: [] }),
  deleteGroups: ({ groupsNames }, { errorCode }) => ({ throttleTimeMs, results: groupsNames.map((groupId) => ({ groupId, errorCode })) }),
  incrementalAlterConfigs: ({ resources }, failed) => ({ throttleTimeMs, responses: resources.map((resource) => resourceOf(resource, failed)) }),
  offsetDelete: (_, { errorCode }) => ({ errorCode, throttleTimeMs, topics: [] }),
  describeClientQuotas: (_, { errorCode, errorMessage }) => ({ throttleTimeMs, errorCode, errorMessage, entries: null }),
  alterClientQuotas: ({ entries }, { errorCode, errorMessage }) => ({ throttleTimeMs, entries: entries.map(({ entity }) => ({ errorCode, errorMessage, entity })) }),
  describeUserScramCredentials: (_, { errorCode, errorMessage }) => ({ throttleTimeMs, errorCode, errorMessage, results: [] }),
  alterUserScramCredentials: ({ deletions, upsertions }, { errorCode, errorMessage }) => ({
    throttleTimeMs, results: [...new Set([...deletions, ...upsertions].map(({ name }) => name))].map((user) => ({ user, errorCode, errorMessage })),
  }),
  updateFeatures: (_, { errorCode, errorMessage }) => ({ throttleTimeMs, errorCode, errorMessage, results: [] }),
  unregisterBroker: (_, { errorCode, errorMessage }) => ({ throttleTimeMs, errorCode, errorMessage }),
  describeQuorum: (_, { errorCode, errorMessage }) => ({ errorCode, errorMessage, topics: [] }),
  describeCluster: (_, { errorCode, errorMessage }) => ({ throttleTimeMs, errorCode, errorMessage, clusterId: '', brokers: [] }),
  electLeaders: ({ topicPartitions }, { errorCode, errorMessage, version }) => topicPartitions === null && version < ELECTION_ERROR_SINCE ? 'no place' : {
    throttleTimeMs, errorCode, replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => (
      { topic, partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage })) })),
  },
  alterPartitionReassignments: (_, { errorCode, errorMessage }) => ({ throttleTimeMs, errorCode, errorMessage, responses: [] }),
  listPartitionReassignments: (_, { errorCode, errorMessage }) => ({ throttleTimeMs, errorCode, errorMessage, topics: [] }),
  describeTransactions: ({ transactionalIds }, { errorCode }) => ({
    throttleTimeMs, transactionStates: transactionalIds.map((transactionalId) => ({
      errorCode, transactionalId, transactionState: '', transactionTimeoutMs: 0, transactionStartTimeMs: -1, producerId: -1, producerEpoch: -1, topics: [],
    })),
  }),
  listTransactions: (_, { errorCode }) => ({ throttleTimeMs, errorCode, unknownStateFilters: [], transactionStates: [] }),
  listConfigResources: (_, { errorCode }) => ({ throttleTimeMs, errorCode, configResources: [] }),
  describeTopicPartitions: ({ topics }, { errorCode }) => (
    { throttleTimeMs, topics: topics.map(({ name }) => ({ errorCode, name, topicId: ZERO_UUID, isInternal: false, partitions: [] })) }),
  describeProducers: ({ topics }, { errorCode, errorMessage }) => ({
    throttleTimeMs, topics: topics.map(({ name, partitionIndexes }) => (
      { name, partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode, errorMessage, activeProducers: [] })) })),
  }),
}

/** Kafka's names of the APIs that can be made to fail. */
export const failableApis: readonly string[] = (Object.keys(answers) as ApiName[]).map((key) => apis[key].name)

type AnyAnswer = (request: never, failed: Failed) => ErrorAnswer

const byKey: readonly (AnyAnswer | undefined)[] = Object.entries(answers).reduce<AnyAnswer[]>((table, [key, answer]) => {
  table[apis[key as ApiName].key] = answer
  return table
}, [])

export function errorAnswer({ key }: Api, request: PlainMessage, failed: Failed): ErrorAnswer { return byKey[key]?.(request as never, failed) ?? 'no place' }

/**
 * A Fetch of a session names only the partitions whose wishes have changed: it is asked to come again without session, with all of them, before it can be told
 * an error of each. Null for every other request.
 */
export function sessionRefusal({ key }: Api, { sessionId, sessionEpoch }: PlainMessage): PlainMessage | null {
  if (key !== apis.fetch.key || Number(sessionId) === 0 || Number(sessionEpoch) <= 0) return null
  return { throttleTimeMs, errorCode: errorTable.FETCH_SESSION_ID_NOT_FOUND.errorCode, responses: [] }
}

function partitionsOf<P, O>(topics: readonly { readonly name: string; readonly partitions: readonly P[] }[], make: (partition: P) => O): { name: string; partitions: O[] }[] {
  return topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(make) }))
}

interface AskedOffsets { readonly name: string; readonly partitionIndexes: readonly number[] }
interface UnreadOffset { partitionIndex: number; committedOffset: number; errorCode: number }

function unread(topics: readonly AskedOffsets[] | null, errorCode: number): { name: string; partitions: UnreadOffset[] }[] {
  return (topics ?? []).map(({ name, partitionIndexes }) => (
    { name, partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, committedOffset: NO_OFFSET, errorCode })) }))
}

function resourceOf({ resourceType, resourceName }: { readonly resourceType: number; readonly resourceName: string }, { errorCode, errorMessage }: Failed): {
  errorCode: number; errorMessage: string; resourceType: number; resourceName: string
} {
  return { errorCode, errorMessage, resourceType, resourceName }
}
