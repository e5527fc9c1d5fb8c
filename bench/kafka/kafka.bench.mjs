/**
 * Beside Apache Kafka 4.1 (its jars from Maven Central) on the same machine, driven by Kafka's own ProducerPerformance and ConsumerPerformance: `ottla serve`
 * under the same tools, and the embedded database without a network. Needs Java 17 and Maven.
 */
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { kafkaJars, startKafka } from '../../scripts/kafka-broker.mjs'
import { interleave, row } from '../lib/measure.mjs'
import { openWindow, withDatabase, withScratch } from '../lib/workspace.mjs'

const TICKS = 100
const cpuSeconds = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}
const residentMegabytes = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

const tool = (name, args) => execFileSync('java', ['-Xmx400m', '-cp', `${kafkaJars()}/*`, `org.apache.kafka.tools.${name}`, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

/** Records a second by Kafka's own producer. */
function produce(port, topic, { size, count, acks }) {
  const out = tool('ProducerPerformance', ['--topic', topic, '--num-records', String(count), '--record-size', String(size), '--throughput', '-1', '--producer-props',
    `bootstrap.servers=127.0.0.1:${port}`, `acks=${acks}`, 'batch.size=65536', 'linger.ms=5'])
  return Number(/records sent, ([\d.]+) records\/sec/.exec(out.trim().split('\n').at(-1))[1])
}

/** Records a second by Kafka's own consumer, without the time that joining the group takes. */
function consume(port, topic, count) {
  const out = tool('ConsumerPerformance', ['--bootstrap-server', `127.0.0.1:${port}`, '--topic', topic, '--messages', String(count), '--timeout', '60000'])
  return Number(out.trim().split('\n').at(-1).split(',').at(-1))
}

async function startServe(folder) {
  const main = resolve(import.meta.dirname, '../../dist/cli/main.js')
  const started = process.hrtime.bigint()
  const child = spawn(process.execPath, [main, 'serve', '--data', join(folder, 'data'), '--listeners', 'PLAINTEXT://127.0.0.1:0', '--override', 'write.caching=true'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise((done, fail) => {
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
      const ready = /listening on [^\n]*:(\d+)\n/.exec(text)
      if (ready !== null) done(Number(ready[1]))
    })
    child.once('exit', (code) => { fail(new Error(`serve ended with ${code}`)) })
  })
  const readyMs = Number(process.hrtime.bigint() - started) / 1e6
  return { pid: child.pid, port, readyMs, stop: () => new Promise((done) => { child.once('exit', done); child.kill('SIGTERM') }) }
}

const createTopic = (port, topic) => execFileSync('java', ['-cp', `${kafkaJars()}/*`, 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', `127.0.0.1:${port}`, '--create', '--topic', topic,
  '--partitions', '1', '--config', 'retention.bytes=2000000000', '--if-not-exists'], { stdio: 'ignore' })

let topics = 0
/** One round: produces into a fresh topic and consumes it; all the figures of both. */
function round(broker, { size, count, acks }) {
  const topic = `t${topics += 1}`
  createTopic(broker.port, topic)
  const before = cpuSeconds(broker.pid)
  const produced = produce(broker.port, topic, { size, count, acks })
  const between = cpuSeconds(broker.pid)
  const consumed = consume(broker.port, topic, count)
  return { produced, consumed, produceCpu: (between - before) / count * 1e6, consumeCpu: (cpuSeconds(broker.pid) - between) / count * 1e6 }
}

const embedded = ({ size, count, acks }) => withDatabase({ config: { 'write.caching': true } }, async (ottla) => {
  const value = Buffer.alloc(size, 0x61)
  const producer = ottla.producer({ acks, 'batch.size': 65_536 })
  await openWindow(producer, 100_000, value)
  const produced = await openWindow(producer, count, value)
  const consumer = ottla.consumer({ 'max.poll.records': 1_000_000 })
  consumer.assign([{ topic: 't', partition: 0, offset: 100_000 }])
  let seen = 0
  const started = process.hrtime.bigint()
  for await (const batch of consumer.batches()) {
    const cursor = batch.cursor()
    while (cursor.next()) seen += cursor.value().length > 0 ? 1 : 0
    if (seen >= count) break
  }
  return { produced, consumed: seen / (Number(process.hrtime.bigint() - started) / 1e9) }
})

export const run = ({ rounds }) => withScratch(async (scratch) => {
  const kafka = await startKafka(join(scratch, 'kafka'))
  const served = await startServe(join(scratch, 'ottla'))
  const theirs = { pid: kafka.pid, port: kafka.plain }
  try {
    const rows = [
      row({ name: 'resident memory of the idle server', unit: 'MB', figures: [residentMegabytes(served.pid)], yardsticks: [residentMegabytes(kafka.pid)], yardstickName: 'Kafka', better: 'less' }),
      row({ name: 'start of the process to the ready line', unit: 'ms', figures: [served.readyMs], better: 'less', must: 100 }),
    ]
    for (const [label, size, count] of [['100 B', 100, 2_000_000], ['1 KB', 1000, 400_000]]) {
      for (const acks of ['1', 'all']) {
        const job = { size, count, acks }
        const figures = await interleave({ ours: () => round(served, job), kafka: () => round(theirs, job), embedded: () => embedded({ ...job, acks: acks === '1' ? 1 : 'all' }) }, rounds)
        const pick = (name, field) => figures[name].map((figure) => figure[field])
        const against = (name, ours, field, more) => rows.push(row({ name: `${name} ${label}, acks ${acks}`, figures: pick(ours, field), yardsticks: pick('kafka', field), yardstickName: 'Kafka', ...more }))
        against('wire produce', 'ours', 'produced', { unit: 'rec/s', must: 1 })
        against('wire consume', 'ours', 'consumed', { unit: 'rec/s', must: 1 })
        against('broker CPU, produce', 'ours', 'produceCpu', { unit: 'us/record', must: 0.5, better: 'less' })
        against('broker CPU, consume', 'ours', 'consumeCpu', { unit: 'us/record', must: 0.5, better: 'less' })
        against('embedded produce', 'embedded', 'produced', { unit: 'rec/s', must: 5 })
        against('embedded consume', 'embedded', 'consumed', { unit: 'rec/s', must: 5 })
      }
    }
    return rows
  } finally {
    await served.stop()
    await kafka.stop()
  }
})
