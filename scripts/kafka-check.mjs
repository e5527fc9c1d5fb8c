/**
 * `npm run test:kafka`: holds the built package against Apache Kafka 4.1.0 itself, or the one whose jars OTTLA_KAFKA_JARS names.
 *
 * Files: a data directory is written, Kafka's `DumpLogSegments` reads every file of it without complaint, and prints what `ottla dump-log` prints,
 * line for line. Clients: the suites of test/clients run on a Kafka broker that is started for them (kafka-broker.mjs), TLS, SASL, cut connections
 * and a killed broker included; then the commands of `ottla` do on it what they do on a directory (test/cli-cluster.test.ts).
 * Needs Java 17, openssl and Maven, which fetches Kafka's jars once into node_modules/.cache. Not part of `npm test`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { open } from '../dist/index.js'
import { kafkaJars, serveRestarts, startKafka } from './kafka-broker.mjs'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

async function writeEverything(directory) {
  const ottla = await open(directory, { logger: quiet })
  const config = { 'internal.segment.bytes': 32_768, 'index.interval.bytes': 512 }
  await ottla.admin.createTopic('shapes', { partitions: 2, config })
  await ottla.admin.createTopic('stamped', { config: { ...config, 'message.timestamp.type': 'LogAppendTime' } })
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const producer = ottla.producer({ 'compression.type': codec })
    for (let round = 0; round < 20; round += 1) {
      await producer.sendBatch(Array.from({ length: 1 + round }, (_, i) => ({
        topic: i % 5 === 0 ? 'stamped' : 'shapes', key: i % 3 === 0 ? null : `key-${i}`, value: i % 7 === 0 ? null : `${codec}-${round}-${'ž'.repeat(i * 20)}`,
        headers: i % 2 === 0 ? { h: 'x', empty: '', none: null } : {},
      })))
    }
    await producer.close()
  }
  const consumer = ottla.consumer({ 'group.id': 'readers', 'auto.offset.reset': 'earliest' })
  consumer.subscribe(['shapes', 'stamped'])
  let seen = 0
  for await (const batch of consumer.batches()) {
    seen += batch.count
    await batch.commit()
    if (seen >= 1000) break
  }
  await consumer.close()
  await ottla.admin.deleteRecords('shapes', [{ partition: 0, offset: 5 }])
  await ottla.close()
}

const scratch = mkdtempSync(join(tmpdir(), 'ottla-kafka-'))
let passed = 0
let failed = 0
try {
  const jars = kafkaJars()
  const data = join(scratch, 'data')
  await writeEverything(data)
  const dumpLog = dumpLogOf(jars)
  for (const folder of readdirSync(data, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name)) {
    const files = readdirSync(join(data, folder)).filter((f) => /\.(log|index|timeindex|txnindex|snapshot)$/.test(f)).map((f) => join(folder, f))
    const args = ['--deep-iteration', '--print-data-log', ...(folder.startsWith('__consumer_offsets') ? ['--offsets-decoder'] : []), '--files', files.join(',')]
    const java = spawnSync('java', ['-Xmx512m', '-cp', `${jars}/*`, dumpLog, ...args], { cwd: data, encoding: 'utf8', maxBuffer: 1 << 28 })
    const ours = spawnSync(process.execPath, [resolve('dist/cli/main.js'), 'dump-log', ...args], { cwd: data, encoding: 'utf8', maxBuffer: 1 << 28 })
    const complaints = java.stdout.split('\n').filter((line) => /Mismatches|Found timestamp|out of order|invalid bytes|isvalid: false|Corrupt|Could not/.test(line))
    const same = java.stdout === ours.stdout
    if (java.status === 0 && complaints.length === 0 && same) passed += 1
    else {
      failed += 1
      console.error(`FAILED ${folder}: ${complaints[0] ?? (same ? java.stderr.slice(0, 500) : firstDifference(java.stdout, ours.stdout))}`)
    }
  }
  if (await runClients(join(scratch, 'broker'))) passed += 1
  else failed += 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)

/** The tool's class: it has moved since 4.1. */
function dumpLogOf(jars) {
  const names = ['kafka.tools.DumpLogSegments', 'org.apache.kafka.tools.DumpLogSegments']
  return names.find((name) => spawnSync('java', ['-cp', `${jars}/*`, name, '--version'], { stdio: 'ignore' }).status === 0) ?? names[0]
}

/** True when the suites of test/clients pass on Apache Kafka too. */
async function runClients(folder) {
  console.log('starting Apache Kafka for the clients …')
  const broker = await startKafka(folder)
  const restarts = await serveRestarts(broker)
  const { plain, ssl, sasl, saslSsl, proxied, proxy, certificate } = broker
  try {
    const env = { ...process.env, OTTLA_KAFKA: JSON.stringify({ plain, ssl, sasl, saslSsl, proxied, proxy, certificate, restarts: restarts.port }) }
    const vitest = spawn(process.execPath, [resolve('node_modules/vitest/vitest.mjs'), 'run', '--project', 'suite', 'test/clients', 'test/cli-cluster.test.ts', '--no-file-parallelism'], { stdio: 'inherit', env })
    return await new Promise((done) => { vitest.once('exit', (status) => done(status === 0)) })
  } finally {
    await restarts.close()
    await broker.stop()
  }
}

function firstDifference(theirs, ours) {
  const a = theirs.split('\n')
  const b = ours.split('\n')
  const at = a.findIndex((line, i) => line !== b[i])
  return `line ${at + 1} differs\n  kafka: ${a[at]}\n  ottla: ${b[at]}`
}
