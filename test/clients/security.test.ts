/** TLS and SASL against Apache Kafka, and what listens on a port that is not Kafka's. */
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connect, open, silentLogger, type ClientSettings, type ConnectOptions, type Kafka, type ListenOptions, type OttlaError } from '../../src/index.ts'
import { apacheKafka, fresh, type KafkaPorts } from './targets.ts'

const quick = { logger: silentLogger, 'socket.connection.setup.timeout.ms': 5000 } as const
const outcome = async (bootstrap: string, settings: ClientSettings & ConnectOptions = {}): Promise<string> => {
  try {
    await (await connect(bootstrap, { ...quick, ...settings })).close()
    return 'connected'
  } catch (error) {
    return `${(error as OttlaError).code}: ${(error as Error).message}`
  }
}

async function roundTrip(kafka: Kafka): Promise<string> {
  const topic = fresh('secure')
  await kafka.admin.createTopic(topic)
  await using producer = kafka.producer()
  await producer.send({ topic, value: Buffer.from('secret') })
  const consumer = kafka.consumer({ 'group.id': fresh('group'), 'auto.offset.reset': 'earliest' })
  consumer.subscribe(topic)
  for await (const record of consumer) {
    await consumer.close()
    return Buffer.from(record.value!).toString()
  }
  return ''
}

const servers: Server[] = []
const sockets = new Set<Socket>()
afterEach(async () => {
  const closed = Promise.all(servers.splice(0).map((server) => new Promise((resolve) => { server.close(resolve) })))
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await closed
})
async function listening(server: Server): Promise<number> {
  servers.push(server)
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return (server.address() as AddressInfo).port
}

describe('a port that is not Kafka\'s', () => {
  test('where nobody listens is told', async () => {
    const port = await listening(createServer())
    await new Promise((resolve) => { servers.pop()!.close(resolve) })
    expect(await outcome(`127.0.0.1:${port}`)).toBe(`NETWORK_EXCEPTION: broker 127.0.0.1:${port}: nothing listens there (ECONNREFUSED)`)
  })
  test('of a web server is told', async () => {
    const port = await listening(createHttpServer((_, response) => { response.end('hello') }))
    expect(await outcome(`127.0.0.1:${port}`)).toBe(`INVALID_CONFIG: broker 127.0.0.1:${port}: a web server answers there`)
  })
  test('is told by its first bytes, though they come one by one', async () => {
    for (const [bytes, told] of [['HTTP/1.1 400 Bad Request', 'a web server'], ['SSH-2.0-x', 'an SSH server'], ['\x15\x03\x03\x00\x02', 'it speaks TLS']] as const) {
      const port = await listening(createServer((socket) => {
        socket.on('error', () => {}).setNoDelay().once('data', () => {
          let at = 0
          const next = (): void => { if (at < bytes.length && !socket.destroyed) socket.write(bytes[at++]!, 'latin1', () => setTimeout(next, 2)) }
          next()
        })
      }))
      expect(await outcome(`127.0.0.1:${port}`)).toContain(`INVALID_CONFIG: broker 127.0.0.1:${port}: ${told}`)
    }
  })
  test('that sends rubbish is told', async () => {
    const port = await listening(createServer((socket) => { socket.on('error', () => {}).write(Buffer.alloc(100, 'x')) }))
    expect(await outcome(`127.0.0.1:${port}`)).toMatch('INVALID_CONFIG')
  })
  test('that hangs up is told', async () => {
    const port = await listening(createServer((socket) => { socket.on('data', () => socket.destroy()) }))
    expect(await outcome(`127.0.0.1:${port}`)).toMatch(/NETWORK_EXCEPTION: .* it may want TLS or authentication/)
  })
  test('that answers nothing is told in time', async () => {
    const port = await listening(createServer((socket) => { socket.on('error', () => {}) }))
    const soon = { 'socket.connection.setup.timeout.ms': 100 }
    expect(await outcome(`127.0.0.1:${port}`, soon)).toMatch(/NETWORK_EXCEPTION: .* answers nothing: .* without TLS/)
    expect(await outcome(`127.0.0.1:${port}`, { ...soon, ssl: true })).toMatch(/NETWORK_EXCEPTION: .* answers nothing: .* with TLS/)
  })
  test('that answers another request ends the connection', async () => {
    const port = await listening(createServer((socket) => { socket.on('data', () => socket.write(Buffer.from([0, 0, 0, 6, 0, 0, 0, 99, 0, 0]))) }))
    expect(await outcome(`127.0.0.1:${port}`)).toMatch('INVALID_CONFIG')
  })
  test('does not stand in the way of one that is', async () => {
    await using database = await open('', { inMemory: true, logger: silentLogger })
    const listener = await database.listen({ port: 0 })
    const wrong = await listening(createHttpServer())
    const kafka = await connect([`127.0.0.1:${wrong}`, `127.0.0.1:${listener.port}`], quick)
    expect((await kafka.admin.describeCluster()).brokers.map((each) => each.port)).toEqual([listener.port])
    await kafka.close()
  })
  test('can be given up by a signal', async () => {
    const port = await listening(createServer((socket) => { socket.on('error', () => {}) }))
    const controller = new AbortController()
    const connecting = outcome(`127.0.0.1:${port}`, { signal: controller.signal })
    controller.abort()
    expect(await connecting).toMatch('ABORTED')
  })
})

type SecurePorts = Pick<KafkaPorts, 'plain' | 'ssl' | 'sasl' | 'saslSsl' | 'certificate'>

/** A database behind four ports. */
async function ownPorts(): Promise<{ ports: SecurePorts; close(): Promise<void> }> {
  const pem = (name: string): string => readFileSync(join(import.meta.dirname, `../data/tls/${name}.pem`), 'utf8')
  const tls = { cert: pem('first.cert'), key: pem('first.key') }
  const sasl = { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] } as const
  const database = await open('', { inMemory: true, logger: silentLogger })
  await database.users.set('alice', 'alice-secret', { iterations: 4096 })
  const port = async (options: ListenOptions): Promise<number> => (await database.listen({ port: 0, ...options })).port
  const host = { advertisedHost: 'localhost' }
  return {
    ports: { plain: await port({}), ssl: await port({ tls, ...host }), sasl: await port({ sasl }), saslSsl: await port({ tls, sasl, ...host }), certificate: tls.cert },
    close: () => database.close(),
  }
}

const secured: [string, () => Promise<{ ports: SecurePorts; close(): Promise<void> }>][] = [
  ['another Ottla', ownPorts], ...apacheKafka === null ? [] : [['Apache Kafka', () => Promise.resolve({ ports: apacheKafka!, close: () => Promise.resolve() })] as [string, typeof ownPorts]],
]

describe.each(secured)('%s', (_, start) => {
  let ports: SecurePorts
  let close: () => Promise<void>
  beforeAll(async () => { ({ ports, close } = await start()) })
  afterAll(() => close())
  const alice = { 'sasl.username': 'alice', 'sasl.password': 'alice-secret' }

  test('is reached by TLS with its authority named', async () => {
    const kafka = await connect(`localhost:${ports.ssl}`, { ...quick, 'security.protocol': 'SSL', 'ssl.truststore.certificates': ports.certificate })
    expect(await roundTrip(kafka)).toBe('secret')
    await kafka.close()
  })
  test('is reached by TLS with the options of Node', async () => {
    expect(await outcome(`localhost:${ports.ssl}`, { ssl: { ca: ports.certificate } })).toBe('connected')
    expect(await outcome(`localhost:${ports.ssl}`, { ssl: { rejectUnauthorized: false } })).toBe('connected')
  })
  test('with a certificate nobody vouches for is refused', async () => {
    expect(await outcome(`localhost:${ports.ssl}`, { ssl: true })).toMatch(/INVALID_CONFIG: .* its certificate is not accepted/)
  })
  test('under another name is refused, unless any will do', async () => {
    const settings = { ssl: { ca: ports.certificate, servername: 'elsewhere' } }
    expect(await outcome(`localhost:${ports.ssl}`, settings)).toMatch(/INVALID_CONFIG: .* its certificate is not accepted/)
    expect(await outcome(`localhost:${ports.ssl}`, { ...settings, 'ssl.endpoint.identification.algorithm': '' })).toBe('connected')
  })
  test('tells TLS from none', async () => {
    expect(await outcome(`127.0.0.1:${ports.ssl}`)).toMatch(/it speaks TLS|it may want TLS/)
    const answer = await outcome(`127.0.0.1:${ports.plain}`, { ssl: true, 'socket.connection.setup.timeout.ms': 1000 })
    expect(answer).toMatch(/does not speak TLS|the connection was cut|answers nothing|cannot be reached|closed/)
  })

  test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('takes a password by %s', async (mechanism) => {
    const kafka = await connect(`127.0.0.1:${ports.sasl}`, { ...quick, ...alice, 'sasl.mechanism': mechanism })
    expect(await roundTrip(kafka)).toBe('secret')
    await kafka.close()
  })
  test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('refuses a wrong password by %s', async (mechanism) => {
    const wrong = { 'sasl.mechanism': mechanism, 'sasl.username': 'alice', 'sasl.password': 'wrong' } as const
    expect(await outcome(`127.0.0.1:${ports.sasl}`, wrong)).toMatch(/^SASL_AUTHENTICATION_FAILED: .*user alice/)
    expect(await outcome(`127.0.0.1:${ports.sasl}`, { ...wrong, 'sasl.username': 'nobody' })).toMatch(/^SASL_AUTHENTICATION_FAILED: .*user nobody/)
  })
  test('takes both, and what properties files call a login module', async () => {
    const jaas = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="alice-secret";'
    const kafka = await connect(`localhost:${ports.saslSsl}`, {
      ...quick, 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.jaas.config': jaas, 'ssl.truststore.certificates': ports.certificate,
    })
    expect(await roundTrip(kafka)).toBe('secret')
    await kafka.close()
  })
  test('says that it wants to know who comes', async () => {
    expect(await outcome(`127.0.0.1:${ports.sasl}`)).toMatch(/authentication/)
  })
})
