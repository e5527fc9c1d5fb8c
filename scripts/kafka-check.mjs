/**
 * `npm run test:kafka`: writes a data directory with the built package and holds it against Apache Kafka's own classes: `kafka.tools.DumpLogSegments`
 * of Kafka 4.1.0 reads every file without complaint, and prints what `ottla dump-log` prints, line for line.
 * Needs Java 17 and Maven, which fetches Kafka's jars once into node_modules/.cache. Not part of `npm test`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { open } from '../dist/index.js'

const KAFKA = '4.1.0'
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

function kafkaJars() {
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
  for (const folder of readdirSync(data, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name)) {
    const files = readdirSync(join(data, folder)).filter((f) => /\.(log|index|timeindex|txnindex|snapshot)$/.test(f)).map((f) => join(folder, f))
    const args = ['--deep-iteration', '--print-data-log', ...(folder.startsWith('__consumer_offsets') ? ['--offsets-decoder'] : []), '--files', files.join(',')]
    const java = spawnSync('java', ['-Xmx512m', '-cp', `${jars}/*`, 'kafka.tools.DumpLogSegments', ...args], { cwd: data, encoding: 'utf8', maxBuffer: 1 << 28 })
    const ours = spawnSync(process.execPath, [resolve('dist/cli/main.js'), 'dump-log', ...args], { cwd: data, encoding: 'utf8', maxBuffer: 1 << 28 })
    const complaints = java.stdout.split('\n').filter((line) => /Mismatches|Found timestamp|out of order|invalid bytes|isvalid: false|Corrupt|Could not/.test(line))
    const same = java.stdout === ours.stdout
    if (java.status === 0 && complaints.length === 0 && same) passed += 1
    else {
      failed += 1
      console.error(`FAILED ${folder}: ${complaints[0] ?? (same ? java.stderr.slice(0, 500) : firstDifference(java.stdout, ours.stdout))}`)
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)

function firstDifference(theirs, ours) {
  const a = theirs.split('\n')
  const b = ours.split('\n')
  const at = a.findIndex((line, i) => line !== b[i])
  return `line ${at + 1} differs\n  kafka: ${a[at]}\n  ottla: ${b[at]}`
}
