/**
 * Apache Kafka for tests: its jars, by Maven into node_modules/.cache once, and a single KRaft node on free loopback ports with plain, TLS and SASL
 * listeners. Needs Java 17, Maven, keytool and openssl.
 */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const KAFKA = '4.1.0'
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qk'

/** The folder of Kafka's jars. `OTTLA_KAFKA_JARS` names one that is there already. */
export function kafkaJars() {
  if (process.env['OTTLA_KAFKA_JARS'] !== undefined) return process.env['OTTLA_KAFKA_JARS']
  const cache = resolve('node_modules/.cache', `kafka-${KAFKA}`)
  const jars = join(cache, 'libs')
  if (existsSync(join(cache, 'complete'))) return jars
  mkdirSync(cache, { recursive: true })
  const dependency = (group, artifact, version) => `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  writeFileSync(join(cache, 'pom.xml'), `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>ottla</groupId><artifactId>check</artifactId><version>1</version>
<packaging>pom</packaging><dependencies>${dependency('org.apache.kafka', 'kafka_2.13', KAFKA)}${dependency('org.apache.kafka', 'kafka-tools', KAFKA)}</dependencies></project>\n`)
  console.log(`fetching Apache Kafka ${KAFKA} with Maven …`)
  execFileSync('mvn', ['-q', '-f', join(cache, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`], { stdio: 'inherit' })
  writeFileSync(join(cache, 'complete'), '')
  return jars
}

async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((done, fail) => {
    const server = createServer().once('error', fail).listen(0, '127.0.0.1', () => done(server))
  })))
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((done) => { server.close(done) })))
  return ports
}

/** A key pair for localhost in PEM files: { certificate, key }. */
export function makeCertificate(folder) {
  const certificate = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
}

/**
 * Gives { plain, ssl, sasl, saslSsl } (ports), `proxied`, a port that tells clients to come by the port `proxy` instead, where nobody listens yet,
 * `certificate`, `stop()` (as by TERM), `kill()`, `start()` (again, on the same data and ports).
 * The user of SASL is alice with the password alice-secret, by PLAIN and both SCRAM mechanisms. `overrides` go into server.properties.
 */
export async function startKafka(folder, overrides = {}) {
  const jars = kafkaJars()
  mkdirSync(folder, { recursive: true })
  const [plain, controller, ssl, sasl, saslSsl, proxied, proxy] = await freePorts(7)
  const { certificate, key } = makeCertificate(folder)
  const store = join(folder, 'store.pem')
  const pkcs8 = execFileSync('openssl', ['pkcs8', '-topk8', '-nocrypt'], { input: key, encoding: 'utf8' })
  writeFileSync(store, `${pkcs8}${certificate}`)
  const jaas = {
    PLAIN: 'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret";',
    'SCRAM-SHA-256': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'SCRAM-SHA-512': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  }
  const properties = {
    'process.roles': 'broker,controller', 'node.id': 1, 'controller.quorum.voters': `1@127.0.0.1:${controller}`, 'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},SSL://127.0.0.1:${ssl},SASL://127.0.0.1:${sasl},SASLSSL://127.0.0.1:${saslSsl},PROXIED://127.0.0.1:${proxied}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain},SSL://localhost:${ssl},SASL://127.0.0.1:${sasl},SASLSSL://localhost:${saslSsl},PROXIED://127.0.0.1:${proxy}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL:SASL_PLAINTEXT,SASLSSL:SASL_SSL,PROXIED:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT', 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': store,
    'sasl.enabled.mechanisms': Object.keys(jaas).join(','),
    ...Object.fromEntries(['sasl', 'saslssl'].flatMap((name) => Object.entries(jaas).map(([mechanism, line]) => [`listener.name.${name}.${mechanism.toLowerCase()}.sasl.jaas.config`, line]))),
    'log.dirs': join(folder, 'data'), 'offsets.topic.replication.factor': 1, 'offsets.topic.num.partitions': 3, 'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1, 'group.initial.rebalance.delay.ms': 0, 'num.partitions': 1, 'log.cleaner.dedupe.buffer.size': 20_000_000, ...overrides,
  }
  const file = join(folder, 'server.properties')
  writeFileSync(file, Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join(''))
  writeFileSync(join(folder, 'log4j2.yaml'), 'Configuration:\n  status: "off"\n  Loggers:\n    Root:\n      level: WARN\n      AppenderRef:\n        ref: STDOUT\n'
    + '  Appenders:\n    Console:\n      name: STDOUT\n      PatternLayout:\n        pattern: "[%d] %p %m (%c)%n"\n')
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=alice,password=alice-secret]`])
  execFileSync('java', ['-Xmx200m', '-cp', `${jars}/*`, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', file, ...scram], { stdio: 'pipe' })
  let child = null
  const broker = {
    plain, ssl, sasl, saslSsl, proxied, proxy, certificate, jars, log: join(folder, 'server.log'),
    get pid() { return child?.pid ?? null },
    async start() {
      const log = openSync(broker.log, 'a')
      child = spawn('java', ['-Xmx400m', '-XX:+UseSerialGC', `-Dlog4j2.configurationFile=${join(folder, 'log4j2.yaml')}`, '-cp', `${jars}/*`, 'kafka.Kafka', file], { stdio: ['ignore', log, log] })
      closeSync(log)
      const mine = child
      mine.ended = new Promise((done) => { mine.once('exit', done) })
      for (let tries = 0; ; tries += 1) {
        if (mine.exitCode !== null) throw new Error(`Kafka ended with ${mine.exitCode}:\n${readFileSync(broker.log, 'utf8').slice(-2000)}`)
        if (await isOpen(plain)) break
        if (tries > 600) throw new Error('Kafka does not come up')
        await sleep(100)
      }
    },
    async stop() {
      child?.kill('SIGTERM')
      await child?.ended
      child = null
    },
    async kill() {
      child?.kill('SIGKILL')
      await child?.ended
      child = null
    },
  }
  await broker.start()
  return broker
}

/** A port by which another process has the broker killed and started again: one POST, answered when it is back. Gives { port, close() }. */
export async function serveRestarts(broker) {
  const server = createHttpServer((request, response) => {
    broker.kill().then(() => broker.start()).then(() => response.end(), (error) => {
      response.statusCode = 500
      response.end(String(error))
    })
  })
  await new Promise((done) => { server.listen(0, '127.0.0.1', done) })
  return { port: server.address().port, close: () => new Promise((done) => { server.close(done) }) }
}

async function isOpen(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); done(true) }).once('error', () => done(false))
  })
}
