/**
 * The clients of row 19 behind one face: each writes records with keys, nulls and headers in the codecs that it has, and reads them in a group. All but our own are
 * used as they come; kafkajs, which leaves codecs to plugins, is given those of decoders.mjs to read with.
 *
 *   { name, codecs, cannotRead? (writer, codec) → boolean, produce(topic, codec, records), consume(topics, group, count) → { topic, key, value, header }[], end() }
 *
 * A record is { key: string | null, value: string | null }; all of one call carry the header `from` with the name of the client.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import zlib from 'node:zlib'
import { codecNames, decoders } from './decoders.mjs'

const root = resolve(import.meta.dirname, '../..')
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const text = (bytes) => bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString()

function program(command, args, input = '') {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    let out = ''
    let error = ''
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    child.stdout.setEncoding('utf8').on('data', (chunk) => { out += chunk })
    child.stderr.on('data', (chunk) => { error += chunk })
    child.on('error', fail)
    child.on('close', (code) => {
      clearTimeout(timer)
      if (code === 0) done(out)
      else fail(new Error(`${command} ended with ${code}: ${error.slice(-500)}`))
    })
    child.stdin.end(input)
  })
}

/** `old`: a broker version that librdkafka is to take for granted, and with it versions of requests from before ApiVersions. */
function kcat(broker, old = null) {
  const name = old === null ? 'kcat' : `kcat as of ${old}`
  const settings = old === null ? [] : ['-X', 'api.version.request=false', '-X', `broker.version.fallback=${old}`]
  return {
    name, codecs: old === null ? codecNames : codecNames.slice(0, 4),
    async produce(topic, codec, records) {
      const lines = records.map(({ key, value }) => `${key ?? ''}\t${value ?? ''}\n`).join('')
      await program('kcat', ['-b', broker, '-P', '-t', topic, '-z', codec, '-K', '\t', '-Z', '-H', `from=${name}`, '-X', 'linger.ms=5', ...settings], lines)
    },
    async consume(topics, group, count) {
      const out = await program('kcat', ['-b', broker, '-q', '-J', '-c', String(count), '-X', 'auto.offset.reset=earliest', '-X', 'session.timeout.ms=6000', ...settings, '-G', group, ...topics])
      return out.trim().split('\n').map((line) => JSON.parse(line)).map(({ topic, key, payload, headers }) => ({ topic, key, value: payload, header: headers?.[1] ?? null }))
    },
    end() {},
  }
}

async function inKafkajs(name, client, codecs, settings) {
  const producer = client.producer(settings.producer)
  await producer.connect()
  return {
    name, codecs,
    produce: (topic, codec, records) => settings.send(producer, topic, codec, records.map((record) => ({ ...record, headers: { from: name } }))),
    async consume(topics, group, count) {
      const consumer = client.consumer(settings.consumer(group))
      const taken = []
      await consumer.connect()
      await consumer.subscribe({ topics, ...settings.subscription })
      await new Promise((done) => {
        void consumer.run({ eachMessage: async ({ topic, message }) => {
          taken.push({ topic, key: text(message.key), value: text(message.value), header: text(message.headers?.from) })
          if (taken.length === count) done()
        } })
      })
      await consumer.disconnect()
      return taken
    },
    end: () => producer.disconnect(),
  }
}

async function kafkajs(broker) {
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
  const { default: kafka } = await import('kafkajs')
  const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = kafka
  for (const codec of ['Snappy', 'LZ4', 'ZSTD']) {
    const decode = decoders[codecNames.indexOf(codec.toLowerCase())]
    CompressionCodecs[CompressionTypes[codec]] = () => ({ decompress: async (bytes) => decode(bytes), compress() { throw new Error('only for reading') } })
  }
  const types = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP }
  return inKafkajs('kafkajs', new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }), ['none', 'gzip'], {
    producer: { allowAutoTopicCreation: false }, subscription: { fromBeginning: true },
    consumer: (groupId) => ({ groupId, sessionTimeout: 6000, heartbeatInterval: 500, maxWaitTimeInMs: 100 }),
    send: (producer, topic, codec, messages) => producer.send({ topic, messages, compression: types[codec] }),
  })
}

/** Null where it has not been compiled. */
async function confluent(broker) {
  const { confluentClient } = await import('../../scripts/confluent-client.mjs')
  if (confluentClient === null) return null
  const { Kafka } = createRequire(import.meta.url)(confluentClient).KafkaJS
  const client = new Kafka({ kafkaJS: { brokers: [broker], logLevel: 0 } })
  return inKafkajs('confluent', client, codecNames, {
    consumer: (groupId) => ({ kafkaJS: { groupId, fromBeginning: true }, 'session.timeout.ms': 6000 }),
    async send(_, topic, codec, messages) {
      const producer = client.producer({ 'compression.type': codec })
      await producer.connect()
      await producer.send({ topic, messages })
      await producer.disconnect()
    },
  })
}

async function platformatic(broker) {
  const { Consumer, MessagesStreamModes, Producer, stringDeserializers, stringSerializers } = await import('@platformatic/kafka')
  const options = { clientId: 'interop', bootstrapBrokers: [broker] }
  const producer = new Producer({ ...options, serializers: stringSerializers })
  return {
    name: 'platformatic', codecs: codecNames.slice(0, 4),
    // It leaves zstd to Node, which has it from 22.15 on, and does not know the frames that Java puts around snappy (and this package, after it).
    cannotRead: (writer, codec) => (codec === 'zstd' && zlib.zstdDecompressSync === undefined) || (codec === 'snappy' && (writer === 'java' || writer === 'ottla')),
    produce: (topic, compression, records) => producer.send({
      compression, messages: records.map(({ key, value }) => ({ topic, ...(key === null ? {} : { key }), ...(value === null ? {} : { value }), headers: { from: 'platformatic' } })),
    }),
    async consume(topics, groupId, count) {
      const consumer = new Consumer({ ...options, groupId, deserializers: stringDeserializers, sessionTimeout: 6000, heartbeatInterval: 500 })
      const stream = await consumer.consume({ topics, mode: MessagesStreamModes.COMMITTED, fallbackMode: 'earliest', autocommit: false, maxWaitTime: 100 })
      const taken = []
      for await (const message of stream) {
        taken.push({ topic: message.topic, key: message.key ?? null, value: message.value ?? null, header: message.headers.get('from') ?? null })
        await message.commit()
        if (taken.length === count) break
      }
      await consumer.close(true)
      return taken
    },
    end: () => producer.close(),
  }
}

async function ottla(broker, dist) {
  const { connect } = await import(pathToFileURL(join(dist, 'index.js')).href)
  const kafka = await connect(broker, { logger: quiet })
  return {
    name: 'ottla', codecs: codecNames,
    async produce(topic, codec, records) {
      const producer = kafka.producer({ 'compression.type': codec })
      await producer.sendBatch(records.map(({ key, value }) => ({ topic, key: key === null ? null : Buffer.from(key), value: value === null ? null : Buffer.from(value), headers: { from: 'ottla' } })))
      await producer.close()
    },
    async consume(topics, group, count) {
      const consumer = kafka.consumer({ 'group.id': group, 'auto.offset.reset': 'earliest' })
      consumer.subscribe(topics)
      const taken = []
      for await (const { topic, key, value, headers } of consumer) {
        taken.push({ topic, key: text(key), value: text(value), header: text(headers[0]?.[1] ?? headers[0]?.value) })
        if (taken.length === count) break
      }
      await consumer.close()
      return taken
    },
    end: () => kafka.close(),
  }
}

/** Kafka's own tools, of the jars that `npm run test:kafka` fetched. Null without them. */
function java(broker) {
  const jars = join(root, 'node_modules/.cache/kafka-4.1.0/libs')
  if (!existsSync(jars) || spawnSync('java', ['-version']).status !== 0) return null
  const tool = (name, args, input) => program('java', ['-Xmx256m', '-cp', `${jars}/*`, `org.apache.kafka.tools.${name}`, '--bootstrap-server', broker, ...args], input)
  const NULL = 'NULL'
  return {
    name: 'java', codecs: codecNames,
    async produce(topic, codec, records) {
      const lines = records.map(({ key, value }) => `from:java\t${key ?? NULL}\t${value ?? NULL}\n`).join('')
      await tool('ConsoleProducer', ['--topic', topic, '--compression-codec', codec, '--property', 'parse.headers=true', '--property', 'parse.key=true', '--property', `null.marker=${NULL}`], lines)
    },
    async consume(topics, group, count) {
      const out = await tool('consumer.ConsoleConsumer', ['--include', topics.join('|'), '--group', group, '--from-beginning', '--max-messages', String(count),
        ...['print.headers', 'print.key'].flatMap((name) => ['--property', `${name}=true`]), '--property', `null.literal=${NULL}`])
      return out.trim().split('\n').map((line) => line.split('\t')).map(([headers, key, value]) => {
        const orNull = (given) => given === NULL ? null : given
        return { key: orNull(key), value: orNull(value), header: headers.replace('from:', '') }
      })
    },
    end() {},
  }
}

/** Those that are on this machine; `missing` names the others. */
export async function interopClients(broker, dist, { isLong }) {
  const hasKcat = spawnSync('kcat', ['-V']).status === 0
  const wanted = {
    kcat: hasKcat ? kcat(broker) : null, 'kcat as of 0.11.0': hasKcat ? kcat(broker, '0.11.0.3') : null, kafkajs: await kafkajs(broker), platformatic: await platformatic(broker),
    ottla: await ottla(broker, dist), confluent: await confluent(broker), ...(isLong ? { java: java(broker) } : {}),
  }
  return { clients: Object.values(wanted).filter((client) => client !== null), missing: Object.keys(wanted).filter((name) => wanted[name] === null) }
}
