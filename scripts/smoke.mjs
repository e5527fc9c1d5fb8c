/** A walk over the whole public surface, on the installed package: run by scripts/pack-smoke.mjs in an empty project. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as library from 'ottla'
import * as testing from 'ottla/testing'

const directory = mkdtempSync(join(tmpdir(), 'ottla-smoke-'))
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const { OttlaError, open, serializers } = library
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

async function takeAll(consumer, count) {
  const seen = []
  for await (const record of consumer) {
    seen.push(record)
    if (seen.length === count) break
  }
  return seen
}

try {
  let ottla = await open(directory, { logger: quiet })
  await ottla.admin.createTopic('trucks', { partitions: 3, config: { 'retention.ms': 604_800_000 } })
  assert.deepEqual(await ottla.admin.listTopics(), ['trucks'])
  let sent = 0
  for (const codec of codecs) {
    const producer = ottla.producer({ 'compression.type': codec, 'value.serializer': 'json' })
    const results = await producer.sendBatch(Array.from({ length: 20 }, (_, i) => ({ topic: 'trucks', key: `truck_${i}`, value: { codec, i }, headers: { h: 'x' } })))
    sent += results.length
    assert.ok(results.every((r) => r.offset >= 0))
    await producer.close()
  }
  await assert.rejects(ottla.admin.createTopic('no/good'), (e) => OttlaError.is(e, 'INVALID_TOPIC_EXCEPTION'))
  await assert.rejects(open(directory, { retentionMs: 5 }), (e) => OttlaError.is(e, 'INVALID_CONFIG'))

  const consumer = ottla.consumer({ 'group.id': 'dashboard', 'auto.offset.reset': 'earliest', 'value.deserializer': serializers.json() })
  consumer.subscribe('trucks')
  const seen = await takeAll(consumer, sent)
  assert.equal(new Set(seen.map((r) => `${r.partition}-${r.offset}`)).size, sent)
  assert.deepEqual(new Set(seen.map((r) => r.value.codec)), new Set(codecs))
  assert.equal(Buffer.from(seen[0].headers[0].value).toString(), 'x')
  await consumer.commit()
  await consumer.close()
  await ottla.close()

  ottla = await open(directory, { logger: quiet })
  const committed = await ottla.admin.listGroupOffsets('dashboard')
  assert.equal(committed.reduce((sum, c) => sum + c.offset, 0), sent)
  const findings = []
  for await (const finding of ottla.verify()) if (finding.severity === 'error') findings.push(finding)
  assert.deepEqual(findings, [])
  await ottla.close()

  // What an open needs at once is in four files (the entry, what every command needs, the log, the clients): each costs half a millisecond of every start.
  const dist = join(process.cwd(), 'node_modules', 'ottla', 'dist')
  const files = new Set([join(dist, 'index.js')])
  for (const file of files) for (const [, target] of readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b[^;'"]*["'](\.[^"']+)["']/gm)) files.add(join(dirname(file), target))
  assert.ok(files.size <= 4, `the entry loads ${[...files].join(', ')}`)

  const bin = join(process.cwd(), 'node_modules', 'ottla', 'dist', 'cli', 'main.js')
  const out = execFileSync(process.execPath, [bin, 'consume', '--data', directory, '--topic', 'trucks', '--from-beginning', '--max-messages', '3', '--json'], { encoding: 'utf8' })
  assert.equal(out.trim().split('\n').length, 3)
  // The next command finds its code compiled, and runs the same.
  assert.notDeepEqual(readdirSync(join(process.cwd(), 'node_modules', '.cache', 'ottla')), [])
  assert.equal(execFileSync(process.execPath, [bin, 'consume', '--data', directory, '--topic', 'trucks', '--from-beginning', '--max-messages', '3', '--json'], { encoding: 'utf8' }), out)

  assert.deepEqual(Object.keys(library).sort(), ['OttlaError', 'connect', 'errorTable', 'open', 'serializers', 'silentLogger', 'stderrLogger'])
  assert.deepEqual(Object.keys(testing).sort(), [
    'FaultFileSystem', 'LogManager', 'ManualClock', 'ManualScheduler', 'OttlaError', 'RecordingLogger', 'SeededRandom', 'SimulatedFileSystem', 'buildBatch', 'buildEndTransactionMarker', 'checkLog',
    'damageOfMetadataFile', 'defaultLogTopicValues', 'fileSystemContract', 'loadAllCodecs', 'logConfigOf', 'nodeFileSystem', 'readBatch', 'readMetadataFile', 'repairLogs', 'schedulerContract', 'silentLogger',
    'startBroker',
  ])

  // What is loaded on demand is all there, and whole, as ES modules and, for the command line, by `require`.
  const require = createRequire(bin)
  for (const [folder, load] of [['chunks', (file) => import(pathToFileURL(file).href)], ['cli/chunks', require]]) {
    for (const name of readdirSync(join(dist, folder))) {
      for (const [key, value] of Object.entries(await load(join(dist, folder, name)))) assert.notEqual(value, undefined, `${key} of ${folder}/${name}`)
    }
  }

  // Node 21 and 22.0 to 22.2 are told what they lack, whatever is loaded.
  for (const args of [['-e', "import('ottla')"], ['-e', "import('ottla/testing')"], [bin, '--help']]) {
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'data:text/javascript,delete process.getBuiltinModule', ...args], { encoding: 'utf8' })
    assert.equal(status, 1)
    assert.match(stderr, /OttlaError.*: Ottla needs Node 20\.19 or later, but for 21 and 22\.0 to 22\.2/)
  }
  console.log(`smoke: ${sent} records through ${codecs.length} codecs on Node ${process.version}`)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
