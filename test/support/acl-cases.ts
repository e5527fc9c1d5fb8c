/**
 * Requests of a user with some rights, and what of the answers bears on rights: names, ids, error codes, operations. The same cases run on Ottla and, to make
 * the fixture, on Apache Kafka with its StandardAuthorizer (test/data/README.md).
 */
import { aclOfCodes, codesOfAcl } from '../../src/protocol/acl-codes.ts'
import type { AclBinding, AclOperation, AclResourceType } from '../../src/common/acl.ts'
import { apis, type Apis } from '../../src/protocol/api-registry.ts'
import type { Api, RequestInput } from '../../src/protocol/api.ts'
import { buildBatch } from '../../src/record/record-batch-builder.ts'
import { RawClient } from './wire-kit.ts'

export interface World {
  /** May everything. */
  readonly root: RawClient
  /** Logged in as alice. */
  readonly alice: RawClient
  readonly topicIds: Map<string, string>
}
export interface AclCase { readonly name: string; readonly acls: readonly AclBinding[]; ask(world: World): Promise<unknown> }

/** Kafka says so while it fetches a block of producer ids. */
const COORDINATOR_LOAD_IN_PROGRESS = 14
const ZERO = 'AAAAAAAAAAAAAAAAAAAAAA'
export const existing: readonly string[] = ['orders', 'secrets', ...Array.from({ length: 8 }, (_, index) => `doomed${index}`)]
const group = 'readers'
const all = { patternType: 'LITERAL', host: '*', permission: 'ALLOW', principal: 'User:alice' } as const
const on = (resourceType: AclResourceType, resourceName: string) => (operation: AclOperation, more: Partial<AclBinding> = {}): AclBinding => (
  { ...all, resourceType, resourceName, operation, ...more })
const topic = on('TOPIC', 'orders')
const ofGroup = on('GROUP', group)
const cluster = on('CLUSTER', 'kafka-cluster')
const transaction = on('TRANSACTIONAL_ID', 'tx')
const deny: Partial<AclBinding> = { permission: 'DENY' }

/** Asks at one version, until the broker is ready to answer. */
function at<A extends Api>(api: A, version: number, body: RequestInput<A> | ((world: World) => RequestInput<A>)): AclCase['ask'] {
  return async (world) => {
    for (;;) {
      const answer = await world.alice.call(api, version, typeof body === 'function' ? body(world) : body)
      if ((answer as { errorCode?: unknown }).errorCode !== COORDINATOR_LOAD_IN_PROGRESS) return project(answer)
    }
  }
}

/** One question, asked with each of several sets of rights. */
function each(name: string, rights: Readonly<Record<string, readonly AclBinding[]>>, ask: AclCase['ask']): AclCase[] {
  return Object.entries(rights).map(([which, acls]) => ({ name: `${name} with ${which}`, acls, ask }))
}

const kept = new Set(['name', 'topic', 'groupId', 'key', 'resourceName', 'user', 'transactionalId', 'partitionIndex', 'partition', 'partitionId'])

/** What bears on rights. Lists are sorted, for Kafka gives them in any order. */
function project(value: unknown): unknown {
  if (Array.isArray(value)) {
    const list = value.map(project).filter((item) => item !== undefined)
    return list.length === 0 ? undefined : list.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined
  const result: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(value)) {
    if (/[eE]rrorCode$|Operations$/.test(key) || kept.has(key)) result[key] = field
    else if (key === 'topicId') result[key] = field === ZERO ? 'zero' : 'set'
    else if (key === 'configs') result[key] = Array.isArray(field) && field.length > 0 ? 'some' : 'none'
    else {
      const inner = project(field)
      if (inner !== undefined) result[key] = inner
    }
  }
  return Object.keys(result).length === 0 ? undefined : result
}

const batch = (isTransactional = false): Uint8Array => buildBatch(
  [{ key: null, value: 'x', timestamp: Date.now() }], isTransactional ? { producerId: 5, producerEpoch: 0, baseSequence: 0, isTransactional } : {})
const produceTo = (name: string, isTransactional = false): RequestInput<Apis['produce']>['topicData'][number] => (
  { name, partitionData: [{ index: 0, records: batch(isTransactional) }] })
const fetchOf = (topics: RequestInput<Apis['fetch']>['topics'], more: Partial<RequestInput<Apis['fetch']>> = {}): RequestInput<Apis['fetch']> => (
  { maxWaitMs: 0, minBytes: 1, maxBytes: 100_000, isolationLevel: 0, forgottenTopicsData: [], topics, ...more })
const fetched = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100_000 }]
const metadataOf = (names: readonly string[] | null, more: Partial<RequestInput<Apis['metadata']>> = {}): RequestInput<Apis['metadata']> => (
  { topics: names?.map((name) => ({ name, topicId: ZERO })) ?? null, allowAutoTopicCreation: false, ...more })
const commit = (names: readonly string[]): RequestInput<Apis['offsetCommit']> => ({
  groupId: group, memberId: '', generationIdOrMemberEpoch: -1,
  topics: names.map((name) => ({ name, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] })),
})
const none = { nothing: [] }
const creation = (name: string): RequestInput<Apis['createTopics']> => (
  { timeoutMs: 10_000, validateOnly: false, topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }] })
const deletion = (...names: readonly string[]): RequestInput<Apis['deleteTopics']> => ({ timeoutMs: 10_000, topics: names.map((name) => ({ name, topicId: ZERO })) })
const deletionById = (name: string) => ({ topicIds }: World): RequestInput<Apis['deleteTopics']> => ({ timeoutMs: 10_000, topics: [{ name: null, topicId: topicIds.get(name)! }] })
const anyAcl = { resourceTypeFilter: 2, resourceNameFilter: 'secrets', patternTypeFilter: 3, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 }

const records: readonly AclCase[] = [
  ...each('Produce to orders and secrets', { ...none, READ: [topic('READ')], WRITE: [topic('WRITE')], 'WRITE of both': [topic('WRITE', { resourceName: '*' })],
    'all but WRITE': [topic('ALL'), topic('WRITE', deny)], 'a beginning': [topic('WRITE', { resourceName: 'o', patternType: 'PREFIXED' })],
    'WRITE for everybody': [topic('WRITE', { principal: 'User:*' })], 'WRITE from elsewhere': [topic('WRITE', { host: '10.1.2.3' })] },
  at(apis.produce, 12, { acks: -1, timeoutMs: 10_000, topicData: [produceTo('orders'), produceTo('secrets')] })),
  ...each('Produce by id', { ...none, WRITE: [topic('WRITE')] }, at(apis.produce, 13, ({ topicIds }) => (
    { acks: 1, timeoutMs: 10_000, topicData: [{ ...produceTo('orders'), topicId: topicIds.get('orders')! }] }))),
  ...each('Produce to nowhere', { ...none, WRITE: [topic('WRITE', { resourceName: 'nowhere' })] }, at(apis.produce, 9, { acks: 1, timeoutMs: 10_000, topicData: [produceTo('nowhere')] })),
  ...each('Produce in a transaction that the request does not name', { WRITE: [topic('WRITE'), transaction('WRITE')] },
    at(apis.produce, 9, { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData: [produceTo('orders', true)] })),
  ...each('Produce in a transaction', { WRITE: [topic('WRITE')], 'WRITE and DESCRIBE of the id': [topic('WRITE'), transaction('DESCRIBE')] },
    at(apis.produce, 9, { transactionalId: 'tx', acks: -1, timeoutMs: 10_000, topicData: [produceTo('orders', true)] })),
  ...each('Fetch of orders and secrets', { ...none, DESCRIBE: [topic('DESCRIBE')], READ: [topic('READ')] },
    at(apis.fetch, 12, fetchOf([{ topic: 'orders', partitions: fetched }, { topic: 'secrets', partitions: fetched }]))),
  ...each('Fetch by id', { ...none, READ: [topic('READ')] }, at(apis.fetch, 13, ({ topicIds }) => fetchOf([{ topicId: topicIds.get('orders')!, partitions: fetched }]))),
  ...each('Fetch as a replica', { READ: [topic('READ')] }, at(apis.fetch, 12, fetchOf([{ topic: 'orders', partitions: fetched }], { replicaId: 1 }))),
  ...each('ListOffsets', { ...none, DESCRIBE: [topic('DESCRIBE')], 'READ, which includes it': [topic('READ')], CREATE: [topic('CREATE')] },
    at(apis.listOffsets, 7, { replicaId: -1, isolationLevel: 0, topics: ['orders', 'secrets'].map((name) => ({ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] })) })),
  ...each('DeleteRecords', { ...none, WRITE: [topic('WRITE')], DELETE: [topic('DELETE')] },
    at(apis.deleteRecords, 2, { timeoutMs: 10_000, topics: ['orders', 'secrets'].map((name) => ({ name, partitions: [{ partitionIndex: 0, offset: 0 }] })) })),
  ...each('OffsetForLeaderEpoch', { ...none, DESCRIBE: [topic('DESCRIBE')], CLUSTER_ACTION: [cluster('CLUSTER_ACTION')] },
    at(apis.offsetForLeaderEpoch, 4, { replicaId: -2, topics: [{ topic: 'orders', partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] }] })),
  ...each('DescribeProducers', { ...none, WRITE: [topic('WRITE')], READ: [topic('READ')] }, at(apis.describeProducers, 0, { topics: [{ name: 'orders', partitionIndexes: [0] }] })),
  ...each('InitProducerId', { ...none, IDEMPOTENT_WRITE: [cluster('IDEMPOTENT_WRITE')], 'WRITE of some topic': [topic('WRITE', { resourceName: 'some' })], READ: [topic('READ')],
    'WRITE of a topic that is denied again': [topic('WRITE'), topic('WRITE', deny)] },
  at(apis.initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000, producerId: -1, producerEpoch: -1 })),
  ...each('InitProducerId for a transaction', { ...none, DESCRIBE: [transaction('DESCRIBE')] },
    at(apis.initProducerId, 4, { transactionalId: 'tx', transactionTimeoutMs: 1000, producerId: -1, producerEpoch: -1 })),
]

const seen = ['orders', 'secrets', 'nowhere']
const topics: readonly AclCase[] = [
  ...each('Metadata', { ...none, DESCRIBE: [topic('DESCRIBE')], READ: [topic('READ')], 'DESCRIBE of all': [topic('DESCRIBE', { resourceName: '*' })] },
    at(apis.metadata, 12, metadataOf(seen, { includeTopicAuthorizedOperations: true }))),
  ...each('Metadata of all', { ...none, DESCRIBE: [topic('DESCRIBE')], 'all but one': [topic('ALL', { resourceName: '*' }), topic('DESCRIBE', deny)] },
    at(apis.metadata, 9, metadataOf(null, { includeTopicAuthorizedOperations: true }))),
  ...each('Metadata of version 0', { ...none, DESCRIBE: [topic('DESCRIBE')] }, at(apis.metadata, 0, metadataOf([]))),
  ...each('Metadata by id', { ...none, DESCRIBE: [topic('DESCRIBE')] }, at(apis.metadata, 12, ({ topicIds }) => (
    { topics: [...['orders', 'secrets'].map((name) => ({ name: null, topicId: topicIds.get(name)! })), { name: null, topicId: 'bm90IGEgdG9waWMncyBpZA' }], allowAutoTopicCreation: false }))),
  ...each('Metadata that asks for the cluster', { ...none, DESCRIBE: [cluster('DESCRIBE')], ALTER: [cluster('ALTER')], ALL: [cluster('ALL'), cluster('CREATE', deny)] },
    at(apis.metadata, 8, metadataOf([], { includeClusterAuthorizedOperations: true }))),
  ...each('Metadata that may make a topic', { ...none, DESCRIBE: [topic('DESCRIBE', { resourceName: 'fresh1' })],
    CREATE: [topic('CREATE', { resourceName: 'fresh1' })] }, at(apis.metadata, 12, metadataOf(['fresh1'], { allowAutoTopicCreation: true }))),
  ...each('DescribeTopicPartitions', { ...none, DESCRIBE: [topic('DESCRIBE')], 'DESCRIBE of all': [topic('DESCRIBE', { resourceName: '*' })] },
    at(apis.describeTopicPartitions, 0, { topics: seen.map((name) => ({ name })), responsePartitionLimit: 100, cursor: null })),
  ...each('DescribeTopicPartitions of all', { ...none, DESCRIBE: [topic('DESCRIBE')] }, at(apis.describeTopicPartitions, 0, { topics: [], responsePartitionLimit: 100, cursor: null })),
  ...each('CreateTopics', none, at(apis.createTopics, 7, creation('made0'))),
  ...each('CreateTopics', { CREATE: [topic('CREATE', { resourceName: 'made1' })] }, at(apis.createTopics, 7, creation('made1'))),
  ...each('CreateTopics', { 'CREATE and DESCRIBE_CONFIGS': [topic('CREATE', { resourceName: 'made2' }), topic('DESCRIBE_CONFIGS', { resourceName: 'made2' })] },
    at(apis.createTopics, 7, creation('made2'))),
  ...each('CreateTopics', { 'CREATE of the cluster': [cluster('CREATE')] }, at(apis.createTopics, 7, creation('made3'))),
  ...each('CreateTopics of one that is there', { ...none, CREATE: [topic('CREATE')] }, at(apis.createTopics, 5, creation('orders'))),
  ...each('DeleteTopics', { ...none, DESCRIBE: [topic('DESCRIBE', { resourceName: '*' })] }, at(apis.deleteTopics, 6, deletion('orders', 'nowhere'))),
  ...each('DeleteTopics', { DELETE: [topic('DELETE', { resourceName: 'doomed1' })] }, at(apis.deleteTopics, 6, deletion('doomed1', 'doomed0'))),
  ...each('DeleteTopics', { 'DELETE of the cluster': [cluster('DELETE')] }, at(apis.deleteTopics, 5, { timeoutMs: 10_000, topicNames: ['doomed2', 'nowhere'] })),
  ...each('DeleteTopics by id', { ...none, DESCRIBE: [topic('DESCRIBE', { resourceName: 'doomed3' })], DELETE: [topic('DELETE', { resourceName: 'doomed3' })] },
    at(apis.deleteTopics, 6, deletionById('doomed3'))),
  ...each('CreatePartitions', { ...none, CREATE: [topic('CREATE', { resourceName: 'doomed4' })], ALTER: [topic('ALTER', { resourceName: 'doomed4' })] },
    at(apis.createPartitions, 3, { timeoutMs: 10_000, validateOnly: true, topics: [{ name: 'doomed4', count: 2, assignments: null }] })),
]

const configsOf = [{ resourceType: 2, resourceName: 'orders' }, { resourceType: 4, resourceName: '1' }]
const setting = [{ name: 'retention.ms', value: '1000000' }]
const settings: readonly AclCase[] = [
  ...each('DescribeConfigs', { ...none, 'DESCRIBE_CONFIGS of the topic': [topic('DESCRIBE_CONFIGS')], 'DESCRIBE_CONFIGS of the cluster': [cluster('DESCRIBE_CONFIGS')],
    'ALTER_CONFIGS, which includes it': [topic('ALTER_CONFIGS')], DESCRIBE: [topic('DESCRIBE')] },
  at(apis.describeConfigs, 4, { resources: configsOf.map((each) => ({ ...each, configurationKeys: null })), includeSynonyms: false, includeDocumentation: false })),
  ...each('IncrementalAlterConfigs', { ...none, 'ALTER_CONFIGS of the topic': [topic('ALTER_CONFIGS')], 'ALTER_CONFIGS of the cluster': [cluster('ALTER_CONFIGS')], ALTER: [topic('ALTER')] },
    at(apis.incrementalAlterConfigs, 1, {
      validateOnly: true,
      resources: [
        { resourceType: 2, resourceName: 'orders', configs: setting.map((each) => ({ ...each, configOperation: 0 })) },
        { resourceType: 4, resourceName: '1', configs: [{ name: 'log.retention.ms', value: '1000000', configOperation: 0 }] },
      ],
    })),
  ...each('AlterConfigs', { ...none, ALTER_CONFIGS: [topic('ALTER_CONFIGS')], 'ALTER_CONFIGS, but not DESCRIBE_CONFIGS': [topic('ALTER_CONFIGS'), topic('DESCRIBE_CONFIGS', deny)] },
    at(apis.alterConfigs, 2, { validateOnly: true, resources: [{ resourceType: 2, resourceName: 'orders', configs: setting }] })),
  ...each('ListConfigResources', { ...none, DESCRIBE: [cluster('DESCRIBE')] }, at(apis.listConfigResources, 1, { resourceTypes: [2] })),
]

const groups: readonly AclCase[] = [
  ...each('FindCoordinator', { ...none, DESCRIBE: [ofGroup('DESCRIBE')] }, at(apis.findCoordinator, 4, { keyType: 0, coordinatorKeys: [group, 'other'] })),
  ...each('FindCoordinator of version 3', { ...none, READ: [ofGroup('READ')] }, at(apis.findCoordinator, 3, { keyType: 0, key: group })),
  ...each('FindCoordinator of a transaction', { ...none, 'DESCRIBE of the group': [ofGroup('DESCRIBE')] }, at(apis.findCoordinator, 4, { keyType: 1, coordinatorKeys: ['tx'] })),
  ...each('JoinGroup', { ...none, DESCRIBE: [ofGroup('DESCRIBE')], READ: [ofGroup('READ')] }, at(apis.joinGroup, 5, {
    groupId: group, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.alloc(0) }] })),
  ...each('SyncGroup', { ...none, READ: [ofGroup('READ')] }, at(apis.syncGroup, 4, { groupId: group, generationId: 1, memberId: 'm', assignments: [] })),
  ...each('Heartbeat', { ...none, READ: [ofGroup('READ')] }, at(apis.heartbeat, 4, { groupId: group, generationId: 1, memberId: 'm' })),
  ...each('LeaveGroup', { ...none, READ: [ofGroup('READ')] }, at(apis.leaveGroup, 5, { groupId: group, members: [{ memberId: 'm', groupInstanceId: null, reason: null }] })),
  ...each('LeaveGroup of version 2', none, at(apis.leaveGroup, 2, { groupId: group, memberId: 'm' })),
  ...each('OffsetCommit', { ...none, 'READ of the topic': [topic('READ')], 'READ of the group': [ofGroup('READ')], 'READ of both': [topic('READ'), ofGroup('READ')] },
    at(apis.offsetCommit, 8, commit(['orders', 'secrets']))),
  ...each('OffsetFetch', { ...none, 'DESCRIBE of the group': [ofGroup('DESCRIBE')], 'DESCRIBE of both': [topic('DESCRIBE'), ofGroup('DESCRIBE')] },
    at(apis.offsetFetch, 8, {
      requireStable: false, groups: [{ groupId: group, topics: ['orders', 'secrets'].map((name) => ({ name, partitionIndexes: [0] })) }, { groupId: 'other', topics: null }],
    })),
  ...each('OffsetFetch of everything', { ...none, 'DESCRIBE of the group': [ofGroup('DESCRIBE')], 'DESCRIBE of both': [topic('DESCRIBE'), ofGroup('DESCRIBE')] },
    at(apis.offsetFetch, 7, { groupId: group, topics: null, requireStable: false })),
  ...each('OffsetFetch of version 1', none, at(apis.offsetFetch, 1, { groupId: group, topics: [{ name: 'orders', partitionIndexes: [0] }] })),
  ...each('OffsetDelete', { ...none, 'READ of the group': [ofGroup('READ')], 'DELETE of the group': [ofGroup('DELETE')] },
    at(apis.offsetDelete, 0, { groupId: group, topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }] })),
  ...each('DescribeGroups', { ...none, DESCRIBE: [ofGroup('DESCRIBE')], 'READ, which includes it': [ofGroup('READ')], ALL: [ofGroup('ALL')] },
    at(apis.describeGroups, 5, { groups: [group, 'other'], includeAuthorizedOperations: true })),
  ...each('ListGroups', { ...none, 'DESCRIBE of the group': [ofGroup('DESCRIBE')], 'DESCRIBE of another': [ofGroup('DESCRIBE', { resourceName: 'other' })],
    'DESCRIBE of the cluster': [cluster('DESCRIBE')] },
  at(apis.listGroups, 4, { statesFilter: [] })),
  ...each('DeleteGroups', { ...none, READ: [ofGroup('READ')], 'DELETE of another': [ofGroup('DELETE', { resourceName: 'other' })] }, at(apis.deleteGroups, 2, { groupsNames: [group, 'other'] })),
]

const secret = { ...codesOfAcl({ ...topic('READ'), resourceName: 'secrets' }) }
const clusterCases: readonly AclCase[] = [
  ...each('DescribeCluster', { ...none, DESCRIBE: [cluster('DESCRIBE')], ALTER_CONFIGS: [cluster('ALTER_CONFIGS')] },
    at(apis.describeCluster, 1, { includeClusterAuthorizedOperations: true })),
  ...each('DescribeLogDirs', { ...none, ALTER: [cluster('ALTER')], CREATE: [cluster('CREATE')] }, at(apis.describeLogDirs, 4, { topics: [{ topic: 'nowhere', partitions: [0] }] })),
  ...each('DescribeAcls', { ...none, DESCRIBE: [cluster('DESCRIBE')] }, at(apis.describeAcls, 3, anyAcl)),
  ...each('CreateAcls', { ...none, DESCRIBE: [cluster('DESCRIBE')], ALTER: [cluster('ALTER')] }, at(apis.createAcls, 3, {
    creations: [{ ...secret, resourcePatternType: 3 }, { ...secret, resourcePatternType: 3, resourceName: '' }, { ...secret, resourcePatternType: 3, resourceType: 4 }],
  })),
  ...each('DeleteAcls', { ...none, ALTER: [cluster('ALTER')] }, at(apis.deleteAcls, 3, { filters: [{ ...anyAcl, principalFilter: 'User:alice' }, { ...anyAcl, resourceNameFilter: 'nowhere' }] })),
  ...each('DescribeUserScramCredentials', { ...none, DESCRIBE: [cluster('DESCRIBE')] }, at(apis.describeUserScramCredentials, 0, { users: [{ name: 'nobody' }] })),
  ...each('AlterUserScramCredentials', { ...none, ALTER: [cluster('ALTER')] },
    at(apis.alterUserScramCredentials, 0, { deletions: [{ name: 'nobody', mechanism: 1 }], upsertions: [] })),
  ...each('ElectLeaders', { ...none, ALTER: [cluster('ALTER')] }, at(apis.electLeaders, 2, { electionType: 0, topicPartitions: [{ topic: 'orders', partitions: [0] }], timeoutMs: 10_000 })),
  ...each('AlterPartitionReassignments', { ...none, ALTER: [cluster('ALTER')] },
    at(apis.alterPartitionReassignments, 0, { timeoutMs: 10_000, topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, replicas: [1] }] }] })),
  ...each('AlterReplicaLogDirs', none, at(apis.alterReplicaLogDirs, 2, { dirs: [{ path: '/nowhere', topics: [{ name: 'orders', partitions: [0] }] }] })),
  ...each('DescribeQuorum', none, at(apis.describeQuorum, 1, { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] })),
  ...each('UpdateFeatures', { ...none, ALTER: [cluster('ALTER')] },
    at(apis.updateFeatures, 2, { featureUpdates: [{ feature: 'nonsense', maxVersionLevel: 2, upgradeType: 1 }], validateOnly: true })),
  ...each('UpdateFeatures by feature', { ...none, ALTER: [cluster('ALTER')] },
    at(apis.updateFeatures, 1, { featureUpdates: [{ feature: 'nonsense', maxVersionLevel: 2, upgradeType: 1 }], validateOnly: true })),
  ...each('UnregisterBroker', { ...none, ALTER: [cluster('ALTER')] }, at(apis.unregisterBroker, 0, { brokerId: 99 })),
  ...each('ListPartitionReassignments', { ...none, DESCRIBE: [cluster('DESCRIBE')] }, at(apis.listPartitionReassignments, 0, { timeoutMs: 10_000, topics: null })),
  ...each('DescribeTransactions', none, at(apis.describeTransactions, 0, { transactionalIds: ['tx'] })),
  ...each('ListTransactions', none, at(apis.listTransactions, 1, { stateFilters: [], producerIdFilters: [] })),
  ...each('CreateDelegationToken for carol', { ...none, CREATE_TOKENS: [{ ...all, resourceType: 'USER', resourceName: 'User:carol', operation: 'CREATE_TOKENS' }] },
    at(apis.createDelegationToken, 3, { ownerPrincipalType: 'User', ownerPrincipalName: 'carol', renewers: [], maxLifetimeMs: -1 })),
  ...each('RenewDelegationToken', none, at(apis.renewDelegationToken, 2, { hmac: new Uint8Array(4), renewPeriodMs: -1 })),
  ...each('ExpireDelegationToken', none, at(apis.expireDelegationToken, 2, { hmac: new Uint8Array(4), expiryTimePeriodMs: -1 })),
  ...each('DescribeDelegationToken', none, at(apis.describeDelegationToken, 3, { owners: null })),
  ...each('DescribeClientQuotas', { ...none, DESCRIBE: [cluster('DESCRIBE')], DESCRIBE_CONFIGS: [cluster('DESCRIBE_CONFIGS')] },
    at(apis.describeClientQuotas, 1, { components: [{ entityType: 'user', matchType: 0, match: 'nobody' }], strict: true })),
  ...each('AlterClientQuotas', { ...none, ALTER: [cluster('ALTER')], ALTER_CONFIGS: [cluster('ALTER_CONFIGS')] },
    at(apis.alterClientQuotas, 1, { entries: [{ entity: [{ entityType: 'user', entityName: 'nobody' }], ops: [{ key: 'producer_byte_rate', value: 1000, remove: false }] }], validateOnly: true })),
]

export const aclCases: readonly AclCase[] = [...records, ...topics, ...settings, ...groups, ...clusterCases]

/** The only ACLs of alice then are those of the case, and the server knows it. */
export async function arrange({ root }: World, acls: readonly AclBinding[]): Promise<void> {
  const mine = { ...anyAcl, resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1 }
  await root.call(apis.deleteAcls, 3, { filters: [mine] })
  if (acls.length > 0) {
    await root.call(apis.createAcls, 3, { creations: acls.map((acl) => { const { patternType, ...codes } = codesOfAcl(acl); return { ...codes, resourcePatternType: patternType } }) })
  }
  const wanted = acls.map((acl) => JSON.stringify(acl)).sort().join()
  for (let tries = 0; tries < 500; tries += 1) {
    const { resources } = await root.call(apis.describeAcls, 3, mine)
    const there = resources.flatMap(({ acls: entries, ...resource }) => entries.map((entry) => aclOfCodes({ ...resource, ...entry })!))
    const ordered = there.map(({ patternType, host, permission, principal, resourceType, resourceName, operation }) => (
      JSON.stringify({ patternType, host, permission, principal, resourceType, resourceName, operation })))
    if (ordered.sort().join() === wanted) return
  }
  throw new Error('the ACLs of the case do not come into force')
}

/** Topics, a record in each of two, a group with an offset; alice logged in. */
export async function world(plainPort: number, saslPort: number): Promise<World> {
  const root = await RawClient.open(plainPort)
  await root.call(apis.createTopics, 5, { timeoutMs: 30_000, validateOnly: false,
    topics: existing.map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })) })
  const topicIds = new Map<string, string>()
  for (let tries = 0; topicIds.size < existing.length && tries < 500; tries += 1) {
    const { topics: there } = await root.call(apis.metadata, 12, metadataOf(existing))
    for (const { errorCode, name, topicId } of there) if (errorCode === 0) topicIds.set(name!, topicId)
  }
  for (let tries = 0; tries < 500; tries += 1) {
    const { topics: [first] } = await root.call(apis.offsetCommit, 8, commit(['orders', 'secrets']))
    if (first?.partitions[0]?.errorCode === 0) break
    await root.call(apis.findCoordinator, 4, { keyType: 0, coordinatorKeys: [group] })
  }
  await root.call(apis.produce, 12, { acks: -1, timeoutMs: 10_000, topicData: [produceTo('orders'), produceTo('secrets')] })
  const alice = await RawClient.open(saslPort)
  await alice.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
  const { errorCode } = await alice.call(apis.saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0alice-secret') })
  if (errorCode !== 0) throw new Error('alice does not get in')
  return { root, alice, topicIds }
}
