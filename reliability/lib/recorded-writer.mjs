/**
 * A process whose FileSystem port is recorded. Usage: `recorded-writer.mjs DIST DIRECTORY`; says `armed`, waits for a line, goes through all that a database does on
 * its disk, and ends with one line of JSON: every changing operation that the port was asked for, as [kind, path].
 */
import { appendFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [dist, directory] = process.argv.slice(2)
const load = (file) => import(pathToFileURL(join(dist, file)).href)
// The files of the build one by one, not the flattened entries: the port has to be the one that `open` uses.
const [{ open }, { nodeFileSystem }] = await Promise.all([load('open.js'), load('io/node-file-system.js')])

const seen = []
const kinds = { write: 'write', writeSync: 'write', truncate: 'truncate', datasync: 'datasync', datasyncSync: 'datasync' }
/** The same object, its changing methods told. */
function recorded(target, names, note) {
  for (const [name, kind] of Object.entries(names)) {
    const method = target[name].bind(target)
    target[name] = (...args) => {
      note(kind, args)
      return method(...args)
    }
  }
  return target
}

recorded(nodeFileSystem, {
  makeDirectory: 'makeDirectory', rename: 'rename', unlink: 'unlink', unlinkAsync: 'unlink', removeDirectory: 'removeDirectory', setModifiedTime: 'setModifiedTime',
  syncDirectory: 'syncDirectory', syncDirectorySync: 'syncDirectory',
}, (kind, [path]) => seen.push([kind, path]))
const openFile = nodeFileSystem.open.bind(nodeFileSystem)
nodeFileSystem.open = (path, mode) => {
  if (mode.startsWith('create')) seen.push(['create', path])
  return recorded(openFile(path, mode), kinds, (kind) => seen.push([kind, path]))
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
async function life() {
  const ottla = await open(directory, { logger: quiet })
  const { admin } = ottla
  await admin.createTopic('t0', { partitions: 2, ifNotExists: true, config: { 'internal.segment.bytes': 1024, 'index.interval.bytes': 1, 'file.delete.delay.ms': 0 } })
  const producer = ottla.producer()
  for (let i = 0; i < 40; i++) await Promise.all([0, 1].map((partition) => producer.send({ topic: 't0', partition, value: 'x'.repeat(i * 9) })))
  await ottla.producer({ acks: 1 }).send({ topic: 't0', partition: 0, value: 'y' })
  const consumer = ottla.consumer({ 'group.id': 'g', 'enable.auto.commit': false })
  consumer.assign([{ topic: 't0', partition: 0, offset: 0 }])
  await consumer.poll()
  await consumer.commit()
  await consumer.close()
  await admin.deleteRecords('t0', [{ partition: 0, offset: 20 }])
  await admin.alterConfigs({ topic: 't0' }, { 'retention.ms': 3_600_000 })
  await admin.createTopic('t1', { partitions: 1 })
  await admin.createPartitions('t1', 3)
  await ottla.producer().send({ topic: 't1', partition: 0, value: 'z' })
  await admin.deleteTopic('t1')
  await ottla.close()
}

console.log('armed')
await new Promise((resolve) => { process.stdin.once('data', resolve) })
await life()
// By hand, not by the product: half a batch, a lost index and no sign of a clean end.
const folder = join(directory, 't0-1')
const logs = readdirSync(folder).filter((file) => file.endsWith('.log')).sort()
appendFileSync(join(folder, logs.at(-1)), Buffer.from([0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 200]))
rmSync(join(folder, logs[0].replace('.log', '.index')))
rmSync(join(directory, '.kafka_cleanshutdown'))
const byHand = [['create', join(folder, logs.at(-1))], ['write', join(folder, logs.at(-1))], ['unlink', join(folder, logs[0].replace('.log', '.index'))], ['unlink', join(directory, '.kafka_cleanshutdown')]]
await life()
console.log(JSON.stringify([...seen, ...byHand]))
process.exit(0)
