/**
 * The main job in ten seconds: twenty trucks send their positions, two groups read them, the process is killed with SIGKILL in the middle,
 * and the directory is opened again: nothing that was acknowledged is missing, and both groups go on where they were.
 *
 *   npm run quickstart
 */
import { fork } from 'node:child_process'
import { mkdtempSync, readdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from 'ottla'

const TRUCKS = 20
const PARTITIONS = 3
const KILL_AFTER_MS = 2500
const SPEED_LIMIT = 90
const groups = ['dashboard', 'notifications']

const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined
const bold = (text) => colour ? `\x1b[1m${text}\x1b[0m` : text
const dim = (text) => colour ? `\x1b[2m${text}\x1b[0m` : text
const green = (text) => colour ? `\x1b[32m${text}\x1b[0m` : text
const red = (text) => colour ? `\x1b[31m${text}\x1b[0m` : text
const count = (n) => n.toLocaleString('en-US')
const say = (text = '') => console.log(text === '' ? '' : `  ${text}`)
const title = (number, text) => console.log(`\n${bold(`${number}  ${text}`)}`)

const quiet = { debug() {}, info() {}, warn: console.error, error: console.error }

// ---- the process that will be killed: writes and reads until it is no more ------------------------------------------------------

/** A truck drives on and reports: one send at a time, each acknowledged (fsynced) before the next. */
async function drive(producer, truck, acknowledged) {
  let [lat, lon, heading] = [50.08 + Math.random(), 14.42 + Math.random(), Math.random() * 7]
  for (let seq = 0; ; seq++) {
    heading += Math.random() - 0.5
    lat += Math.sin(heading) * 0.001
    lon += Math.cos(heading) * 0.001
    const speed = Math.round(60 + Math.random() * 32)
    const { partition, offset } = await producer.send({ topic: 'truck_gps', key: truck, value: { seq, lat: +lat.toFixed(5), lon: +lon.toFixed(5), speed } })
    acknowledged.push([partition, offset, truck, seq])
  }
}

/** Reads as one of the groups. Asking for the next record says that this one is done; what is done is committed twice a second. */
async function follow(ottla, group, progress) {
  const consumer = ottla.consumer({ 'group.id': group, 'auto.offset.reset': 'earliest', 'auto.commit.interval.ms': 500, 'value.deserializer': 'json' })
  consumer.subscribe('truck_gps')
  for await (const record of consumer) {
    progress.read++
    if (group === 'notifications' && record.value.speed > SPEED_LIMIT) progress.alerts++
  }
}

async function writer(directory) {
  const ottla = await open(directory, { logger: quiet })
  await ottla.admin.createTopic('truck_gps', { partitions: PARTITIONS })
  const producer = ottla.producer({ 'value.serializer': 'json' })
  const progress = Object.fromEntries(groups.map((group) => [group, { read: 0, alerts: 0 }]))
  let acknowledged = []
  setInterval(() => {
    process.send({ acknowledged, progress })
    acknowledged = []
  }, 50)
  const sink = { push: (entry) => acknowledged.push(entry) }
  for (let i = 1; i <= TRUCKS; i++) void drive(producer, `truck_${String(i).padStart(2, '0')}`, sink)
  for (const group of groups) void follow(ottla, group, progress[group])
}

// ---- the process that watches, kills, and opens again ------------------------------------------------------------------------

function runAndKill(directory) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['writer', directory])
    const acknowledged = []
    let progress
    let timer
    child.on('message', (message) => {
      acknowledged.push(...message.acknowledged)
      // However long the process took to start: the time runs from its first position on.
      if (acknowledged.length > 0) timer ??= setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
      progress = message.progress
      if (process.stdout.isTTY) process.stdout.write(`\r  ${count(acknowledged.length)} positions acknowledged …`)
    })
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
      if (signal === 'SIGKILL') resolve({ acknowledged, progress })
      else reject(new Error(`the writer ended by itself with code ${code}`))
    })
  })
}

/** Every record of the topic, as "partition:offset" → "truck seq". */
async function readAll(ottla) {
  const found = new Map()
  const latest = new Map()
  const ends = await ottla.admin.listOffsets('truck_gps', 'latest')
  const consumer = ottla.consumer({ 'key.deserializer': 'string', 'value.deserializer': 'json' })
  consumer.assign(ends.map(({ partition }) => ({ topic: 'truck_gps', partition, offset: 0 })))
  const total = ends.reduce((sum, { offset }) => sum + offset, 0)
  while (found.size < total) {
    for (const batch of await consumer.poll({ timeoutMs: 1000 })) {
      for (const record of batch) {
        found.set(`${record.partition}:${record.offset}`, `${record.key} ${record.value.seq}`)
        latest.set(record.key, record.value)
      }
    }
  }
  await consumer.close()
  return { found, latest }
}

/** Lets a group read to the end; tells where it went on and how much it read. */
async function catchUp(ottla, group) {
  const committed = (await ottla.admin.listGroupOffsets(group)).filter(({ topic }) => topic === 'truck_gps')
  const ends = await ottla.admin.listOffsets('truck_gps', 'latest')
  const before = committed.reduce((sum, { offset }) => sum + offset, 0)
  const wanted = ends.reduce((sum, { offset }) => sum + offset, 0) - before
  const consumer = ottla.consumer({ 'group.id': group, 'auto.offset.reset': 'earliest' })
  consumer.subscribe('truck_gps')
  let read = 0
  for (let at = Date.now(); read < wanted && Date.now() - at < 30_000;) for (const batch of await consumer.poll({ timeoutMs: 200 })) read += [...batch].length
  await consumer.close()
  return { before, read }
}

function table(latest) {
  say(dim('truck      latitude    longitude    km/h    truck      latitude    longitude    km/h'))
  const cell = ([truck, { lat, lon, speed }]) => `${truck}   ${lat.toFixed(5)}    ${lon.toFixed(5)}     ${speed > SPEED_LIMIT ? red(speed) : speed}`
  const trucks = [...latest].sort(([a], [b]) => a < b ? -1 : 1)
  const half = Math.ceil(trucks.length / 2)
  for (let i = 0; i < half; i++) say(`${cell(trucks[i])}    ${trucks[i + half] === undefined ? '' : cell(trucks[i + half])}`)
}

function disk(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const rows = files.map((entry) => join(entry.parentPath, entry.name)).sort().map((path) => [relative(directory, path), statSync(path).size])
  for (const [path, size] of rows) if (/truck_gps-0|offsets-0.*log$|^[^/]+$/.test(path)) say(`${String(size).padStart(9)}  ${path}`)
  say(dim(`           … and the same for the other partitions: ${rows.length} files in all`))
}

async function main() {
  // A folder of its own for every run; it stays, to be looked at.
  const directory = mkdtempSync(join(tmpdir(), 'ottla-quickstart-'))
  console.log(bold('Ottla: twenty trucks, two groups, one kill -9'))

  title(1, 'Twenty trucks send their positions to truck_gps')
  const { acknowledged, progress } = await runAndKill(directory)
  say(`${count(acknowledged.length)} positions in ${KILL_AFTER_MS / 1000} s over ${PARTITIONS} partitions, each on disk before its truck went on`)
  for (const group of groups) {
    const { read, alerts } = progress[group]
    say(`${group.padEnd(14)} has read ${count(read)}${alerts === 0 ? '' : `, ${count(alerts)} of them faster than ${SPEED_LIMIT} km/h`}`)
  }

  title(2, 'kill -9')
  say('The process is gone, in the middle of writing and reading. It could say goodbye to nobody.')

  title(3, 'Open again')
  const started = performance.now()
  const ottla = await open(directory, { logger: quiet })
  say(`opened and checked in ${Math.round(performance.now() - started)} ms`)
  const { found, latest } = await readAll(ottla)
  const missing = acknowledged.filter(([partition, offset, truck, seq]) => found.get(`${partition}:${offset}`) !== `${truck} ${seq}`)
  say(`acknowledged ${count(acknowledged.length)}   found ${count(found.size)}   missing ${missing.length === 0 ? green('0') : red(count(missing.length))}`)
  for (const group of groups) {
    const { before, read } = await catchUp(ottla, group)
    say(`${group.padEnd(14)} goes on behind the ${count(before)} it had committed, and reads the other ${count(read)}`)
  }
  console.log()
  table(latest)
  await ottla.close()

  title(4, 'What is on disk: Kafka\'s own files')
  say(dim(directory))
  disk(directory)
  console.log(`\n${bold('Look at it')}`)
  const log = join(directory, 'truck_gps-0', '00000000000000000000.log')
  for (const command of [
    `npx ottla topics --data ${directory} --describe`,
    `npx ottla consume --data ${directory} --topic truck_gps --from-beginning --max-messages 3 --json`,
    `npx ottla groups --data ${directory} --describe --all-groups`,
    `npx ottla dump-log --files ${log} --print-data-log | head`,
    `npx ottla verify --data ${directory}`,
  ]) say(command)
  if (missing.length > 0) process.exitCode = 1
}

if (process.argv[2] === 'writer') await writer(process.argv[3])
else await main()
