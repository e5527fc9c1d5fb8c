/**
 * ACLs on the port: every API with the rights that Kafka asks for and without, held against what Apache Kafka 4.1.0 answered
 * (`test/data/acl-answers.json`; OTTLA_ACL_ORACLE, JSON of ports, has them recorded anew).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, logLevel, ResourcePatternTypes } from 'kafkajs'
import { expect, test } from 'vitest'
import { connect, silentLogger } from '../../src/index.ts'
import { apis } from '../../src/protocol/api-registry.ts'
import { servedList } from '../../src/server/served-apis.ts'
import { aclCases, arrange, world, type World } from '../support/acl-cases.ts'
import { listening, RawClient } from '../support/wire-kit.ts'

const file = join(import.meta.dirname, '../data/acl-answers.json')
const oracle = process.env['OTTLA_ACL_ORACLE']

async function answersOf(place: World): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {}
  for (const { name, acls, ask } of aclCases) {
    await arrange(place, acls)
    answers[name] = await ask(place).catch((error: unknown) => ({ thrown: (error as Error).message })) ?? null
  }
  return answers
}

test('every case has a name of its own, and every API a case', () => {
  expect(new Set(aclCases.map(({ name }) => name)).size).toBe(aclCases.length)
  const withoutRights = new Set(['SaslHandshake', 'SaslAuthenticate', 'ApiVersions'])
  const names = servedList.map(({ api }) => api.name).filter((name) => !withoutRights.has(name))
  expect(names.filter((name) => !aclCases.some((each) => each.name.startsWith(`${name} `)))).toEqual([])
})

test('each API answers as Kafka does, with and without the rights that it needs', async () => {
  const kit = await listening({ 'offsets.topic.num.partitions': 3 }, { sasl: { mechanisms: ['PLAIN'] }, acls: {} })
  await kit.ottla.users.set('alice', 'alice-secret', { iterations: 4096 })
  const trusted = await kit.ottla.listen({ port: 0, acls: { superUsers: ['User:ANONYMOUS'] } })
  const place = await world(trusted.port, kit.port)
  try {
    expect(await answersOf(place)).toEqual(JSON.parse(readFileSync(file, 'utf8')))
  } finally {
    place.root.end()
    place.alice.end()
    await kit.ottla.close()
  }
})

test('kafkajs makes, finds and deletes ACLs, and is held to them', async () => {
  const kit = await listening({}, { sasl: { mechanisms: ['SCRAM-SHA-256'] }, acls: { superUsers: ['User:admin'] } })
  try {
    for (const user of ['admin', 'alice']) await kit.ottla.users.set(user, `${user}-secret`, { iterations: 4096 })
    await kit.ottla.admin.createTopic('orders')
    const as = (username: string): Kafka => new Kafka({
      brokers: [kit.broker], logLevel: logLevel.NOTHING, retry: { retries: 0 }, sasl: { mechanism: 'scram-sha-256', username, password: `${username}-secret` },
    })
    const admin = as('admin').admin()
    const producer = as('alice').producer()
    await admin.connect()
    await producer.connect()
    const send = (): Promise<unknown> => producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
    await expect(send()).rejects.toThrow('Not authorized to access topics: [Topic authorization failed]')
    const acl = { resourceType: AclResourceTypes.TOPIC, resourceName: 'ord', resourcePatternType: ResourcePatternTypes.PREFIXED, principal: 'User:alice', host: '*',
      operation: AclOperationTypes.WRITE, permissionType: AclPermissionTypes.ALLOW }
    expect(await admin.createAcls({ acl: [acl] })).toBe(true)
    await send()
    expect(kit.ottla.log('orders', 0).logEndOffset).toBe(1)
    const found = await admin.describeAcls({ ...acl, resourceName: 'orders', resourcePatternType: ResourcePatternTypes.MATCH })
    expect(found.resources.map(({ resourceName, resourcePatternType, acls }) => [resourceName, resourcePatternType, acls.length])).toEqual([['ord', ResourcePatternTypes.PREFIXED, 1]])
    const { filterResponses } = await admin.deleteAcls({ filters: [acl] })
    expect(filterResponses[0]!.matchingAcls).toHaveLength(1)
    await expect(send()).rejects.toThrow('Topic authorization failed')
    await producer.disconnect()
    await admin.disconnect()
  } finally {
    await kit.ottla.close()
  }
})

test('our own clients see ACLs over the wire as embedded, and are told what they may not do', async () => {
  const kit = await listening({}, { acls: { superUsers: [] } })
  const trusted = await kit.ottla.listen({ port: 0, acls: { superUsers: ['User:ANONYMOUS'] } })
  const [stranger, friend] = [await connect(kit.broker, { logger: silentLogger }), await connect(`127.0.0.1:${trusted.port}`, { logger: silentLogger })]
  try {
    await kit.ottla.admin.createTopic('orders')
    await expect(stranger.admin.listAcls()).rejects.toMatchObject({ code: 'CLUSTER_AUTHORIZATION_FAILED' })
    await expect(stranger.admin.createTopic('mine')).rejects.toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
    expect(await stranger.admin.listTopics()).toEqual([])
    await friend.admin.createAcls([{ principal: 'User:ANONYMOUS', operation: 'READ', resourceType: 'TOPIC', resourceName: '*' }])
    expect(await friend.admin.listAcls()).toEqual(await kit.ottla.admin.listAcls())
    expect(await stranger.admin.listTopics()).toEqual(['orders'])
    expect(await friend.admin.deleteAcls({ resourceType: 'TOPIC' })).toHaveLength(1)
    expect(await stranger.admin.listTopics()).toEqual([])
    await friend.admin.alterQuotas({ user: 'alice', clientId: null }, { producer_byte_rate: 1000 })
    expect(await friend.admin.listQuotas()).toEqual([{ entity: { user: 'alice', clientId: null }, quotas: { producer_byte_rate: 1000 } }])
    await friend.admin.createTopic('theirs')
  } finally {
    await Promise.all([stranger.close(), friend.close()])
    await kit.ottla.close()
  }
})

test('a listener without ACLs has none to tell of, and the denied are named in the log', async () => {
  const kit = await listening()
  const open = await RawClient.open(kit.port)
  const all = { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 }
  expect((await open.call(apis.describeAcls, 2, all)).errorCode).toBe(54)
  const guarded = await RawClient.open((await kit.ottla.listen({ port: 0, acls: {} })).port)
  expect((await guarded.call(apis.metadata, 1, { topics: [{ name: 'orders' }] })).topics[0]!.errorCode).toBe(29)
  expect(kit.logger.messages('warn')).toContain('User:ANONYMOUS from 127.0.0.1 may not DESCRIBE TOPIC "orders"')
  open.end()
  guarded.end()
  await kit.ottla.close()
})

test('who shows a certificate that somebody vouches for is who it names, and who shows another is nobody', async () => {
  const pem = (name: string): string => readFileSync(join(import.meta.dirname, `../data/tls/${name}.pem`), 'utf8')
  const [first, second] = ['first', 'second'].map((name) => ({ cert: pem(`${name}.cert`), key: pem(`${name}.key`) })) as [{ cert: string; key: string }, { cert: string; key: string }]
  const kit = await listening()
  await kit.ottla.admin.createTopic('orders')
  const listener = await kit.ottla.listen({ port: 0, tls: { ...first, ca: second.cert, clientAuth: 'requested' }, acls: { superUsers: ['User:CN=second.test'] } })
  const topicsFor = async (certificate: object): Promise<readonly string[]> => {
    const admin = new Kafka({ brokers: [`127.0.0.1:${listener.port}`], logLevel: logLevel.NOTHING, retry: { retries: 0 }, ssl: { ca: [first.cert], ...certificate } }).admin()
    await admin.connect()
    const names = await admin.listTopics()
    await admin.disconnect()
    return names
  }
  expect(await topicsFor(second)).toEqual(['orders'])
  expect(await topicsFor(first)).toEqual([])
  expect(await topicsFor({})).toEqual([])
  await kit.ottla.close()
})

test('who a certificate names is told by rules, and whom no rule names is turned away', async () => {
  const pem = (name: string): string => readFileSync(join(import.meta.dirname, `../data/tls/${name}.pem`), 'utf8')
  const [server, client] = ['first', 'second'].map((name) => ({ cert: pem(`${name}.cert`), key: pem(`${name}.key`) })) as [{ cert: string; key: string }, { cert: string; key: string }]
  const kit = await listening()
  await kit.ottla.admin.createTopic('orders')
  const topicsBy = async (principalMappingRules: string): Promise<readonly string[]> => {
    const tls = { ...server, ca: client.cert, clientAuth: 'required', principalMappingRules } as const
    const { port } = await kit.ottla.listen({ port: 0, tls, acls: { superUsers: ['User:SECOND'] } })
    const admin = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry: { retries: 0 }, ssl: { ca: [server.cert], ...client } }).admin()
    return admin.connect().then(() => admin.listTopics()).finally(() => admin.disconnect())
  }
  expect(await topicsBy('RULE:CN=(\\w+)\\.test/$1/U')).toEqual(['orders'])
  expect(await topicsBy('RULE:CN=(\\w+)\\.test/$1/L, DEFAULT')).toEqual([])
  await expect(topicsBy('RULE:O=.*/x/')).rejects.toThrow()
  expect(kit.logger.messages('warn').join()).toContain('no rule of ssl.principal.mapping.rules is for its certificate, CN=second.test')
  await expect(topicsBy('RULE:(')).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  await kit.ottla.close()
})

if (oracle !== undefined) {
  test('Apache Kafka is asked anew', async () => {
    const { plain, sasl } = JSON.parse(oracle) as { plain: number; sasl: number }
    const place = await world(plain, sasl)
    const answers = await answersOf(place)
    writeFileSync(file, `{\n${Object.entries(answers).map(([name, answer]) => `  ${JSON.stringify(name)}: ${JSON.stringify(answer)}`).join(',\n')}\n}\n`)
    place.root.end()
    place.alice.end()
  }, 600_000)
}

test('who may make topics, but not look at them, makes them; who may not ask is told', async () => {
  const kit = await listening({}, { sasl: { mechanisms: ['SCRAM-SHA-256'] }, acls: {} })
  try {
    await kit.ottla.users.set('alice', 'alice-secret', { iterations: 4096 })
    await kit.ottla.admin.createAcls([{ principal: 'User:alice', operation: 'CREATE', resourceType: 'CLUSTER', resourceName: 'kafka-cluster' }])
    const kafka = await connect(kit.broker, { 'sasl.mechanism': 'SCRAM-SHA-256', 'sasl.username': 'alice', 'sasl.password': 'alice-secret', logger: silentLogger })
    expect(await kafka.admin.createTopic('made')).toMatchObject({ name: 'made' })
    expect(await kit.ottla.admin.listTopics()).toEqual(['made'])
    await expect(kafka.admin.describeLogDirs()).rejects.toMatchObject({ code: 'CLUSTER_AUTHORIZATION_FAILED' })
    await kafka.close()
  } finally {
    await kit.ottla.close()
  }
})
