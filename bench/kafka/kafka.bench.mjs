/**
 * Beside Apache Kafka 4.1 (its jars from Maven Central) on the same machine, driven by Kafka's own ProducerPerformance and ConsumerPerformance: `ottla serve`
 * under the same tools, and the embedded database without a network. Needs Java 17 and Maven.
 *
 * The same promise on all sides: acks=all, which on one Kafka broker means the page cache, so Ottla runs with `write.caching=true`. The same batch size
 * (64 KiB), one partition, and the same value in every record on all sides: from a payload file, because Kafka's tool would otherwise spend most of its
 * time on drawing random letters. Kafka's consumer is timed without the time that joining its group takes, by the tool's own last column.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { connect } from '../../dist/index.js'
import { kafkaJars, startKafka } from '../../scripts/kafka-broker.mjs'
import { inOwnProcess } from '../lib/child.mjs'
import { interleave, row } from '../lib/measure.mjs'
import { quiet, withScratch } from '../lib/workspace.mjs'

const TICKS = 100
const cpuSeconds = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}
const residentMegabytes = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

// Their heap is touched before they begin: else who collects less garbage for them, as answers of whole batches do, pays for memory that the host has to give first.
const tool = (name, args) => execFileSync('java', ['-Xms400m', '-Xmx400m', '-XX:+AlwaysPreTouch', '-cp', `${kafkaJars()}/*`, `org.apache.kafka.tools.${name}`, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

/** Records a second by Kafka's own producer. */
function produce(port, topic, { count, payload }) {
  const out = tool('ProducerPerformance', ['--topic', topic, '--num-records', String(count), '--payload-file', payload, '--throughput', '-1', '--producer-props',
    `bootstrap.servers=127.0.0.1:${port}`, 'acks=all', 'batch.size=65536', 'linger.ms=5'])
  return Number(/records sent, ([\d.]+) records\/sec/.exec(out.trim().split('\n').at(-1))[1])
}

/** Records a second by Kafka's own consumer, without the time that joining the group takes. */
function consume(port, topic, count) {
  const out = tool('ConsumerPerformance', ['--bootstrap-server', `127.0.0.1:${port}`, '--topic', topic, '--messages', String(count), '--timeout', '60000'])
  return Number(out.trim().split('\n').at(-1).split(',').at(-1))
}

// Node 20 reads and parses every certificate of NODE_EXTRA_CA_CERTS before it runs anything, 45 to 50 ms of any program where that names the system's.
const environment = { ...process.env }
delete environment.NODE_EXTRA_CA_CERTS
const millisecondsSince = (started) => Number(process.hrtime.bigint() - started) / 1e6

async function startServe(folder) {
  const main = resolve(import.meta.dirname, '../../dist/cli/main.js')
  const started = process.hrtime.bigint()
  const child = spawn(process.execPath, [main, 'serve', '--data', join(folder, 'data'), '--listeners', 'PLAINTEXT://127.0.0.1:0', '--override', 'write.caching=true'],
    { stdio: ['ignore', 'pipe', 'inherit'], env: environment })
  const port = await new Promise((done, fail) => {
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
      const ready = /listening on [^\n]*:(\d+)\n/.exec(text)
      if (ready !== null) done(Number(ready[1]))
    })
    child.once('exit', (code) => { fail(new Error(`serve ended with ${code}`)) })
  })
  return { pid: child.pid, port, started, readyMs: millisecondsSince(started), stop: () => new Promise((done) => { child.once('exit', done); child.kill('SIGTERM') }) }
}

/** A server on a new directory: to its ready line, and to the first acknowledgement of a client that waited for it and whose topic is made by that. */
async function startOnce(folder) {
  const served = await startServe(folder)
  const kafka = await connect(`127.0.0.1:${served.port}`, { logger: quiet })
  const producer = kafka.producer()
  await producer.send({ topic: 'first', value: 'x' })
  const ackMs = millisecondsSince(served.started)
  await kafka.close()
  await served.stop()
  return { readyMs: served.readyMs, ackMs }
}

function startEmptyProgram() {
  const started = process.hrtime.bigint()
  spawnSync(process.execPath, ['--input-type=module', '--eval', ''], { env: environment })
  return millisecondsSince(started)
}

async function startRows(scratch, rounds) {
  let count = 0
  const figures = await interleave({ server: () => startOnce(join(scratch, `start-${count += 1}`)), empty: startEmptyProgram }, 3 * rounds)
  const settings = { unit: 'ms', better: 'less' }
  return [
    row({ name: 'start of the process to the ready line', figures: figures.server.map(({ readyMs }) => readyMs), must: 100, ...settings }),
    row({ name: "start of the process to a client's first acknowledgement", figures: figures.server.map(({ ackMs }) => ackMs), must: 100, ...settings }),
    row({ name: 'start to end of an empty program', figures: figures.empty, ...settings }),
  ]
}

const createTopic = (port, topic) => execFileSync('java', ['-cp', `${kafkaJars()}/*`, 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', `127.0.0.1:${port}`, '--create', '--topic', topic,
  '--partitions', '1', '--config', 'retention.bytes=2000000000', '--if-not-exists'], { stdio: 'ignore' })

let topics = 0
/**
 * One round: produces into a fresh topic and consumes it; all the figures of both. What the system still has to write of earlier rounds, which it begins with
 * after half a minute and for whomever it hits, is written before each part.
 */
function round(broker, { count, ...job }) {
  const topic = `t${topics += 1}`
  createTopic(broker.port, topic)
  execFileSync('sync')
  const before = cpuSeconds(broker.pid)
  const produced = produce(broker.port, topic, { count, ...job })
  execFileSync('sync')
  const between = cpuSeconds(broker.pid)
  const consumed = consume(broker.port, topic, count)
  return { produced, consumed, produceCpu: (between - before) / count * 1e6, consumeCpu: (cpuSeconds(broker.pid) - between) / count * 1e6 }
}

/** In a process of its own: in this one, after all that it did for the rows above, the same sends went at 1.2 instead of 1.9 million a second. */
const embedded = ({ size, count }) => inOwnProcess(join(import.meta.dirname, 'embedded-point.mjs'), { size, count })

export const run = ({ rounds, long }) => withScratch(async (scratch) => {
  const kafka = await startKafka(join(scratch, 'kafka'))
  const served = await startServe(join(scratch, 'ottla'))
  const theirs = { pid: kafka.pid, port: kafka.plain }
  try {
    const rows = [
      row({ name: 'resident memory of the idle server', unit: 'MB', figures: [residentMegabytes(served.pid)], yardsticks: [residentMegabytes(kafka.pid)], yardstickName: 'Kafka', better: 'less', must: 0.2 }),
      ...await startRows(scratch, rounds),
    ]
    for (const [label, size, count] of [['100 B', 100, long ? 5_000_000 : 1_000_000], ['1 KB', 1000, long ? 1_000_000 : 250_000]]) {
      const payload = join(scratch, `payload-${size}`)
      writeFileSync(payload, 'a'.repeat(size))
      const job = { size, count, payload }
      // Compilers and page cache of both servers are warm after one round; the tools and the embedded side warm up for themselves.
      const figures = await interleave({ ours: () => round(served, job), kafka: () => round(theirs, job), embedded: () => embedded(job) }, rounds)
      const pick = (name, field) => figures[name].map((figure) => figure[field])
      const against = (name, ours, field, more) => rows.push(row({ name: `${name} ${label}`, figures: pick(ours, field), yardsticks: pick('kafka', field), yardstickName: 'Kafka', ...more }))
      against('wire produce', 'ours', 'produced', { unit: 'rec/s', must: 1 })
      against('wire consume', 'ours', 'consumed', { unit: 'rec/s', must: 1 })
      against('broker CPU, produce', 'ours', 'produceCpu', { unit: 'us/record', must: 0.5, better: 'less' })
      against('broker CPU, consume', 'ours', 'consumeCpu', { unit: 'us/record', must: 0.5, better: 'less' })
      against('embedded produce', 'embedded', 'produced', { unit: 'rec/s', must: 5 })
      against('embedded consume', 'embedded', 'consumed', { unit: 'rec/s', must: 5 })
      // Kafka's tools one after the other have two cores each; ours has its one thread for both at a time.
      rows.push(row({ name: `embedded, produce and consume at a time ${label}`, unit: 'rec/s', figures: pick('embedded', 'both'), yardsticks: figures.kafka.map(({ produced, consumed }) => 1 / (1 / produced + 1 / consumed)),
        yardstickName: "Kafka's tools one after the other", must: 5 }))
    }
    return rows
  } finally {
    await served.stop()
    await kafka.stop()
  }
})
