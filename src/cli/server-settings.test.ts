import { describe, expect, test } from 'vitest'
import { UsageError } from './command.ts'
import { planServer, type ServerFlags, type ServerPlan } from './server-settings.ts'

const noFlags: ServerFlags = { data: undefined, listeners: undefined, 'advertised-listeners': undefined, port: undefined }
const known = new Set(['num.partitions', 'node.id'])

function plan(file: Record<string, string>, flags: Partial<ServerFlags> = {}, overrides: Record<string, string> = {}): ServerPlan {
  return planServer(new Map(Object.entries(file)), overrides, { ...noFlags, ...flags }, (name) => known.has(name))
}

const plain = { tls: null, mechanisms: null }
const essence = ({ directory, listeners, settings, unused }: ServerPlan): Partial<ServerPlan> => ({ directory, listeners, settings, unused })

describe('a server.properties of Kafka', () => {
  test('gives directory, listeners and settings; what means nothing here is named', () => {
    expect(essence(plan({
      'process.roles': 'broker,controller', 'node.id': '7', 'listeners': 'PLAINTEXT://:9092,CONTROLLER://:9093', 'controller.listener.names': 'CONTROLLER',
      'advertised.listeners': 'PLAINTEXT://kafka.local:19092,CONTROLLER://kafka.local:19093', 'log.dirs': '/var/lib/kafka', 'num.partitions': '3', 'queued.max.requests': '3',
    }))).toEqual({
      directory: '/var/lib/kafka', listeners: [{ name: 'PLAINTEXT', host: '0.0.0.0', port: 9092, advertisedHost: 'kafka.local', advertisedPort: 19092, ...plain }],
      settings: { 'node.id': '7', 'num.partitions': '3' }, unused: ['process.roles', 'queued.max.requests'],
    })
  })

  test('names apart what a Kafka would keep somebody or something out by', () => {
    const heeded = { 'ssl.client.auth': 'required', 'sasl.enabled.mechanisms': 'PLAIN', 'num.partitions': '1' }
    const harmless = { 'listener.name.a.plain.sasl.jaas.config': 'x', 'queued.max.requests': '3', 'ssl.keystore.password': 'x', 'max.connections.of.ours': '1' }
    const guards = {
      'listener.name.a.ssl.client.auth': 'required', 'listener.name.a.max.connections': '5', 'max.connection.creation.rate': '5',
      'ssl.enabled.protocols': 'TLSv1.3', 'ssl.cipher.suites': 'x', 'create.topic.policy.class.name': 'P', 'alter.config.policy.class.name': 'P', 'principal.builder.class': 'B',
    }
    const elsewhere = { 'listener.name.controller.ssl.client.auth': 'required', 'controller.listener.names': 'CONTROLLER' }
    const planned = plan({ ...heeded, ...harmless, ...guards, ...elsewhere })
    expect([planned.unheeded, planned.unused]).toEqual([Object.keys(guards), [...Object.keys(harmless), ...Object.keys(guards), 'listener.name.controller.ssl.client.auth']])
  })

  test('is overruled by overrides, and those by flags', () => {
    const file = { 'listeners': 'PLAINTEXT://127.0.0.1:1', 'log.dirs': '/a', 'num.partitions': '1' }
    const overruled = plan(file, { data: '/c', port: 0 }, { 'listeners': 'PLAINTEXT://127.0.0.1:2', 'log.dirs': '/b', 'num.partitions': '2', 'num.partition': '3' })
    expect(essence(overruled)).toEqual({
      directory: '/c', listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 0, ...plain }], settings: { 'num.partitions': '2', 'num.partition': '3' }, unused: [],
    })
  })

  test('may name its listeners, and the broker the old way', () => {
    const named = plan({ 'listeners': 'INSIDE://[::1]:9092', 'listener.security.protocol.map': 'INSIDE:PLAINTEXT', 'broker.id': '4' })
    expect(named.listeners).toEqual([{ name: 'INSIDE', host: '::1', port: 9092, ...plain }])
    expect(named.settings).toEqual({ 'node.id': '4' })
  })

  test('has ACLs heeded when it names an authorizer of Kafka, and is refused when it names another', () => {
    const name = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'
    expect(plan({}).acls).toBeNull()
    expect(plan({ 'authorizer.class.name': '' }).acls).toBeNull()
    expect(plan({ 'super.users': 'User:admin' }).acls).toBeNull()
    expect(plan({ 'authorizer.class.name': name }).acls).toEqual({ superUsers: [], allowEveryoneIfNoAclFound: false })
    expect(plan({ 'authorizer.class.name': 'kafka.security.authorizer.AclAuthorizer', 'super.users': 'User:CN=a,O=b; User:admin;', 'allow.everyone.if.no.acl.found': 'true' }).acls)
      .toEqual({ superUsers: ['User:CN=a,O=b', 'User:admin'], allowEveryoneIfNoAclFound: true })
    expect(() => plan({ 'authorizer.class.name': 'com.example.Mine' })).toThrow(`authorizer.class.name: com.example.Mine is not known; there are ${name}`)
    expect(() => plan({ 'authorizer.class.name': name, 'super.users': 'admin' })).toThrow('write User:NAME')
    expect(() => plan({ 'authorizer.class.name': name, 'allow.everyone.if.no.acl.found': 'maybe' })).toThrow('allow.everyone.if.no.acl.found')
  })

  test('keeps the listener of its controller closed, in whatever letters it is named', () => {
    const { listeners } = plan({ 'listeners': 'PLAINTEXT://127.0.0.1:1,controller://127.0.0.1:2', 'controller.listener.names': 'controller' })
    expect(listeners.map(({ name }) => name)).toEqual(['PLAINTEXT'])
  })

  test('may leave the host that clients are told to them', () => {
    expect(plan({ 'advertised.listeners': 'PLAINTEXT://:19092' }).listeners).toEqual([{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, advertisedPort: 19092, ...plain }])
    expect(plan({ 'listeners': 'INSIDE://:1', 'listener.security.protocol.map': ' inside : plaintext ' }).listeners).toMatchObject([{ name: 'INSIDE', tls: null }])
  })

  test('may name listeners as operators of Kafka do, with dashes', () => {
    const file = {
      'listeners': 'PLAIN-9092://127.0.0.1:1,TLS_OUT://127.0.0.1:2', 'advertised.listeners': 'PLAIN-9092://a:3', 'ssl.keystore.location': '/k',
      'listener.security.protocol.map': 'PLAIN-9092:PLAINTEXT,TLS_OUT:SSL', 'listener.name.tls_out.ssl.client.auth': 'required', 'listener.name.plain-9092.max.connections': '5',
    }
    const { listeners, unheeded } = plan(file)
    expect(listeners).toMatchObject([{ name: 'PLAIN-9092', advertisedHost: 'a', advertisedPort: 3, tls: null }, { name: 'TLS_OUT', tls: {} }])
    expect(unheeded).toEqual(['listener.name.plain-9092.max.connections'])
  })

  test('is not needed', () => { expect(plan({}).listeners).toEqual([{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, ...plain }]) })
})

describe('a secured listener', () => {
  test('is known by its protocol, with its certificate and mechanisms beside it', () => {
    const { listeners } = plan({
      'listeners': 'SASL_SSL://127.0.0.1:1,IN://127.0.0.1:2,SSL://127.0.0.1:3', 'listener.security.protocol.map': 'IN:SASL_PLAINTEXT', 'ssl.keystore.location': '/k.pem',
      'ssl.client.auth': 'required', 'ssl.truststore.location': '/ca.pem', 'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
    })
    const tls = { keystore: '/k.pem', truststore: '/ca.pem', clientAuth: 'required' }
    const mechanisms = ['PLAIN', 'SCRAM-SHA-512']
    expect(listeners).toMatchObject([{ tls, mechanisms }, { tls: null, mechanisms }, { tls, mechanisms: null }])
    expect(plan({ listeners: 'SASL_PLAINTEXT://127.0.0.1:1' }).listeners[0]!.mechanisms).toEqual(['SCRAM-SHA-256', 'SCRAM-SHA-512'])
  })

  test('has settings of its own, which win over those of all, each for itself', () => {
    const planned = plan({
      'listeners': 'Inside://127.0.0.1:1,OUT_SIDE://127.0.0.1:2,OPEN://127.0.0.1:3', 'listener.security.protocol.map': 'INSIDE:SSL,OUT_SIDE:SASL_SSL,OPEN:SASL_PLAINTEXT',
      'ssl.keystore.location': '/k.pem', 'ssl.key.password': 'p', 'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.inside.ssl.client.auth': 'required', 'listener.name.inside.ssl.truststore.location': '/ca.pem', 'listener.name.inside.ssl.principal.mapping.rules': 'DEFAULT',
      'listener.name.out_side.ssl.keystore.location': '/o.pem', 'listener.name.out_side.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    })
    expect(planned.listeners).toMatchObject([
      { name: 'INSIDE', tls: { keystore: '/k.pem', passphrase: 'p', truststore: '/ca.pem', clientAuth: 'required', principalMappingRules: 'DEFAULT' }, mechanisms: null },
      { name: 'OUT_SIDE', tls: { keystore: '/o.pem', passphrase: 'p', truststore: undefined, clientAuth: 'none' }, mechanisms: ['SCRAM-SHA-512'] },
      { name: 'OPEN', tls: null, mechanisms: ['PLAIN'] },
    ])
    expect([planned.unused, planned.unheeded, planned.settings]).toEqual([[], [], {}])
  })

  test.each([
    [{ 'ssl.keystore.type': 'JKS' }, 'read as PEM'], [{ 'ssl.client.auth': 'maybe' }, 'there are none, requested, required'], [{ 'sasl.enabled.mechanisms': 'GSSAPI' }, 'GSSAPI is not known'],
    [{ 'listeners': 'SSL://127.0.0.1:1', 'listener.name.ssl.ssl.keystore.type': 'JKS' }, 'read as PEM'],
    [{ 'listeners': 'SASL_PLAINTEXT://127.0.0.1:1', 'listener.name.sasl_plaintext.sasl.enabled.mechanisms': 'GSSAPI' }, 'GSSAPI is not known'],
  ])('cannot have %j', (file, problem) => { expect(() => plan(file)).toThrow(problem) })
})

describe('listeners that cannot be', () => {
  test.each([
    [{ listeners: '127.0.0.1:9092' }, 'is not of the form PLAINTEXT://127.0.0.1:9092'],
    [{ listeners: 'PLAINTEXT://127.0.0.1:99999' }, 'is not of the form'],
    [{ listeners: 'PLAINTXT://127.0.0.1:9092' }, 'did you mean PLAINTEXT?'],
    [{ listeners: 'INSIDE://127.0.0.1:9092' }, 'listener.security.protocol.map'],
    [{ 'listeners': 'PLAINTEXT://127.0.0.1:9092', 'advertised.listeners': 'OTHER://a:1' }, 'advertised.listeners names OTHER'],
    [{ 'log.dirs': '/a,/b' }, 'there is one data directory'],
    [{ listeners: 'SSL://127.0.0.1:1,SSL://127.0.0.1:2' }, 'listeners names SSL twice'],
    [{ 'advertised.listeners': 'PLAINTEXT://a:1,PLAINTEXT://b:1' }, 'advertised.listeners names PLAINTEXT twice'],
    [{ 'advertised.listeners': 'PLAINTEXT://0.0.0.0:9092' }, 'advertised.listeners: nobody can connect to 0.0.0.0: name the host that clients know'],
    [{ 'advertised.listeners': 'PLAINTEXT://[::]:9092' }, 'nobody can connect to ::'],
    [{ 'listener.security.protocol.map': 'PLAINTEXT' }, 'listener.security.protocol.map: "PLAINTEXT" is not of the form INSIDE:SASL_SSL'],
    [{ 'listener.security.protocol.map': 'PLAINTEXT:SSL:SSL' }, 'is not of the form INSIDE:SASL_SSL'],
    [{ 'listener.security.protocol.map': 'PLAINTEXT:' }, 'is not of the form INSIDE:SASL_SSL'],
  ])('%j', (file, problem) => {
    expect(() => plan(file)).toThrow(UsageError)
    expect(() => plan(file)).toThrow(problem)
  })
})
