/** Topics under kill -9 and on a full disk, with real LMDB and real folders: what was acknowledged is there, whole; what was not is whole or gone. */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { open, silentLogger } from '../src/index.ts'
import { SeededRandom } from '../src/testing/seeded-random.ts'
import { compilePackage, runModule } from './support/child-process.ts'

const CYCLES = Number(process.env['OTTLA_TOPIC_KILL_CYCLES'] ?? 12)
const SEED = Number(process.env['OTTLA_SEED'] ?? 20261121)
const root = mkdtempSync(join(realpathSync(tmpdir()), 'ottla-topics-'))
let entry: string
beforeAll(() => { entry = compilePackage('topic-crash-dist') }, 60_000)
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Name → partitions of the topics there are. */
async function topicsIn(directory: string): Promise<Map<string, number>> {
  const ottla = await open(directory, { logger: silentLogger })
  try {
    const names = await ottla.admin.listTopics()
    const found = new Map<string, number>()
    for (const name of names) found.set(name, (await ottla.admin.describeTopic(name)).partitions.length)
    const folders = readdirSync(directory).filter((each) => /^t\d+-\d+$/.test(each))
    expect(folders.length).toBe([...found.values()].reduce((sum, each) => sum + each, 0))
    return found
  } finally {
    await ottla.close()
  }
}

test(`a process killed ${CYCLES} times while it makes, grows and deletes topics leaves each whole or gone (seed ${SEED})`, async () => {
  const directory = join(root, 'kill')
  const random = new SeededRandom(SEED)
  const known = new Map<string, number>()
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const killAfter = 1 + random.int(25)
    let seen = 0
    const { lines } = await runModule(`
      import { open, silentLogger } from ${JSON.stringify(entry)}
      const { admin } = await open(${JSON.stringify(directory)}, { logger: silentLogger })
      for (let i = ${cycle} * 1000; ; i += 1) {
        const name = 't' + i
        console.log('try create', name); await admin.createTopic(name, { partitions: 2, config: { 'retention.ms': i } }); console.log('ok create', name)
        if (i % 3 === 1) { console.log('try grow', name); await admin.createPartitions(name, 4); console.log('ok grow', name) }
        if (i % 3 === 2) { console.log('try delete', name); await admin.deleteTopic(name); console.log('ok delete', name) }
      }`, { onLine: (_, kill) => { if ((seen += 1) > killAfter) kill() } })
    const uncertain = new Map<string, Set<number>>()
    for (const line of lines) {
      const [stage, what, name] = line.split(' ') as [string, string, string]
      const after = what === 'create' ? 2 : what === 'grow' ? 4 : 0
      if (stage === 'try') uncertain.set(name, new Set([known.get(name) ?? 0, after]))
      else { known.set(name, after); uncertain.delete(name) }
    }
    const found = await topicsIn(directory)
    for (const [name, counts] of uncertain) {
      expect([...counts]).toContain(found.get(name) ?? 0)
      known.set(name, found.get(name) ?? 0)
    }
    expect(found).toEqual(new Map([...known].filter(([, count]) => count > 0).sort(([a], [b]) => (a < b ? -1 : 1))))
  }
}, 120_000)

test('a metadata file that cannot grow fails creations, and nothing else', async () => {
  const directory = join(root, 'full')
  mkdirSync(directory)
  // Below the clients: the admin client would try again and again, hoping for room.
  const { lines } = await runModule(`
    const load = (file) => import(new URL(file, ${JSON.stringify(entry)}).href)
    const [{ Database }, { systemPorts }, { nodeFileSystem }, { buildBatch }] = await Promise.all(
      ['database.js', 'common/ports.js', 'io/node-file-system.js', 'record/record-batch-builder.js'].map(load))
    const quiet = { debug() {}, info() {}, warn() {}, error() {} }
    const database = await Database.open({
      directory: ${JSON.stringify(directory)}, fileSystem: nodeFileSystem, ports: { ...systemPorts, logger: quiet }, settings: {}, readOnly: false,
      inMemory: false, allowNetworkFileSystem: false, emit() {},
    })
    const broker = database.newBroker()
    const create = async (name) => (await broker.createTopics({ validateOnly: false, topics: [
      { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }] })).topics[0]
    const name = (i) => 't' + i + '.' + 'x'.repeat(200)
    let made = 0
    let answer = await create(name(0))
    while (answer.errorCode === 0) { made += 1; answer = await create(name(made)) }
    console.log(answer.error.code, answer.error.retriable)
    const records = buildBatch([{ timestamp: systemPorts.clock.now(), value: Buffer.from('still works') }])
    console.log((await broker.produce({ acks: -1, timeoutMs: 1, partitions: [{ topic: name(0), partition: 0, records }] })).partitions[0].baseOffset)
    console.log((await broker.deleteTopics({ names: [name(1), name(2)] })).topics.map((each) => each.errorCode).join())
    console.log((await create('again')).errorCode, database.topics.all().length === made - 1)
    await database.close()
    console.log(made)`, { fileKilobytes: 64 })
  expect(lines.slice(0, 4)).toEqual(['DISK_FULL true', '0', '0,0', '0 true'])
  const ottla = await open(directory, { logger: silentLogger })
  expect((await ottla.admin.listTopics()).length).toBe(Number(lines[4]) - 1)
  await ottla.close()
}, 60_000)
