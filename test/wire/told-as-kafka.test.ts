/** What of an answer no error code tells: which text stands beside a success, in which order things are named, which of two errors is told. As Kafka 4.1.0 was seen to answer. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apis } from '../../src/protocol/api-registry.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

let kit: WireKit
let client: RawClient
beforeAll(async () => {
  kit = await listening({}, { acls: { superUsers: ['User:ANONYMOUS'] } })
  client = await RawClient.open(kit.port)
  await kit.ottla.admin.createTopic('t')
})
afterAll(async () => {
  client.end()
  await kit.ottla.close()
})

const acl = { resourceType: 2, resourceName: 't', resourcePatternType: 3, principal: 'User:x', host: '*', operation: 3, permissionType: 3 }
const everyAcl = { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 }

test('beside a success stands empty text, null or NONE, each where Kafka has it', async () => {
  const resources = [{ resourceType: 2, resourceName: 't', configurationKeys: null }]
  const topics = [{ name: 'u', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
  const messages = {
    createAcls: (await client.call(apis.createAcls, 3, { creations: [acl] })).results[0]!.errorMessage,
    describeAcls: (await client.call(apis.describeAcls, 3, everyAcl)).errorMessage,
    deleteAcls: (await client.call(apis.deleteAcls, 3, { filters: [everyAcl] })).filterResults[0]!.errorMessage,
    describeConfigs: (await client.call(apis.describeConfigs, 4, { resources, includeSynonyms: false, includeDocumentation: false })).results[0]!.errorMessage,
    describeClientQuotas: (await client.call(apis.describeClientQuotas, 1, { components: [], strict: false })).errorMessage,
    describeUsers: (await client.call(apis.describeUserScramCredentials, 0, { users: null })).errorMessage,
    describeQuorum: (await client.call(apis.describeQuorum, 2, { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] })).errorMessage,
    createTopics: (await client.call(apis.createTopics, 7, { topics, timeoutMs: 1000, validateOnly: false })).topics[0]!.errorMessage,
    findCoordinator3: (await client.call(apis.findCoordinator, 3, { key: 'g', keyType: 0 })).errorMessage,
    findCoordinator4: (await client.call(apis.findCoordinator, 4, { coordinatorKeys: ['g'], keyType: 0 })).coordinators[0]!.errorMessage,
  }
  expect(messages).toEqual({
    createAcls: '', describeAcls: '', deleteAcls: null, describeConfigs: '', describeClientQuotas: '', describeUsers: '', describeQuorum: '', createTopics: null,
    findCoordinator3: 'NONE', findCoordinator4: '',
  })
})

test('a topic that cannot be made is told why in the words of Kafka, which tests of clients look for', async () => {
  const names = ['t', 'T_1', '[!@#]', '..', '', 'a'.repeat(250)]
  await kit.ottla.admin.createTopic('T.1')
  const topics = names.map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }))
  const answer = await client.call(apis.createTopics, 7, { topics, timeoutMs: 1000, validateOnly: false })
  expect(answer.topics.map(({ errorMessage }) => errorMessage)).toEqual([
    "Topic 't' already exists.", "Topic 'T_1' collides with existing topic: T.1",
    "Topic name is invalid: '[!@#]' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", "Topic name is invalid: '..' is not allowed",
    'Topic name is invalid: the empty string is not allowed', expect.stringMatching(/^Topic name is invalid: the length of 'a+' is longer than the max allowed length 249$/),
  ])
})

test('the settings of a topic begin with compression.type', async () => {
  const resources = [{ resourceType: 2, resourceName: 't', configurationKeys: null }]
  const { results } = await client.call(apis.describeConfigs, 4, { resources, includeSynonyms: false, includeDocumentation: false })
  const names = results[0]!.configs.map(({ name }) => name)
  expect([names[0], names.length]).toEqual(['compression.type', new Set(names).size])
})

test('quotas are told in the order of Kafka, whatever the one in which they were set', async () => {
  const entity = [{ entityType: 'user', entityName: 'alice' }, { entityType: 'client-id', entityName: null }]
  const turned = entity.toReversed()
  const ops = ['producer_byte_rate', 'request_percentage', 'consumer_byte_rate'].map((key) => ({ key, value: 5, remove: false }))
  const altered = await client.call(apis.alterClientQuotas, 1, { validateOnly: false, entries: [{ entity, ops }] })
  expect(altered.entries).toEqual([{ errorCode: 0, errorMessage: null, entity: turned }])
  const values = ['consumer_byte_rate', 'request_percentage', 'producer_byte_rate'].map((key) => ({ key, value: 5 }))
  expect((await client.call(apis.describeClientQuotas, 1, { components: [], strict: false })).entries).toEqual([{ entity: turned, values }])
})

test('a commit to a partition that is not there is told so, however long its metadata', async () => {
  const partitions = [0, 9].map((partitionIndex) => ({ partitionIndex, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: 'x'.repeat(5000) }))
  const { topics } = await client.call(apis.offsetCommit, 9, { groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, topics: [{ name: 't', partitions }] })
  expect(topics[0]!.partitions).toEqual([{ partitionIndex: 0, errorCode: 12 }, { partitionIndex: 9, errorCode: 3 }])
})

test('a user without a name is no credential that can be accepted', async () => {
  const upsertion = { mechanism: 1, iterations: 4096, salt: Buffer.alloc(8), saltedPassword: Buffer.alloc(32) }
  const made = await client.call(apis.alterUserScramCredentials, 0, { deletions: [], upsertions: [{ ...upsertion, name: '' }] })
  expect(made.results).toEqual([{ user: '', errorCode: 93, errorMessage: 'Username must not be empty' }])
  expect((await client.call(apis.alterUserScramCredentials, 0, { deletions: [{ name: '', mechanism: 1 }], upsertions: [] })).results[0]!.errorCode).toBe(93)
})
