/**
 * The process that gets killed, cut off or starved. Usage: `writer.mjs DIST`; it loads the build, says `ready` and takes jobs, one line of JSON each. It writes
 * through the public API only and tells on standard output, synchronously and after the promise resolved:
 *
 *   opening | open | closed            around `open` and `close`; after `closed` it waits for a line
 *   try P FROM TO                      before producer P sends these sequences
 *   ack P SEQ TOPIC PARTITION OFFSET   err P SEQ CODE
 *   commit TOPIC PARTITION OFFSET      a committed offset of group `g`, acknowledged
 *   making | made | dropping | dropped TOPIC
 *   topics NAME…                       all there are, when a check has opened
 *   put SEQ KEY LENGTH                 before a record of a compacted topic is sent; LENGTH −1: a tombstone
 *   is SEQ OFFSET                      it was acknowledged
 *   cleaned                            a log was compacted
 *   armed                              a scenario waits for a line: from here on it is attacked
 *   trimming TOPIC PARTITION OFFSET    records below it may go
 *   done                               the end of a job that has one
 *   failed CODE TEXT                   the job failed as a whole
 */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { Random } from './random.mjs'
import { recordOf } from './oracle.mjs'
import { changeOf } from './key-oracle.mjs'
import { scenarios } from './scenarios.mjs'

const { open } = await import(pathToFileURL(join(process.argv[2], 'index.js')).href)
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** The pipe may be full for a moment (EAGAIN): the parent is reading, or has stopped us. */
function tell(line) {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if (error.code === 'EPIPE') process.exit(0)
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

let lines = []
let wanted = null
createInterface({ input: process.stdin }).on('line', (line) => {
  if (wanted === null) lines.push(line)
  else {
    wanted(line)
    wanted = null
  }
}).on('close', () => process.exit(0))
const nextLine = () => new Promise((resolve) => {
  if (lines.length > 0) resolve(lines.shift())
  else wanted = resolve
})

/** What was answered in one turn is told by one write. */
let told = []
function tellSoon(line) {
  if (told.push(line) === 1) {
    queueMicrotask(() => {
      const all = told
      told = []
      tell(all.join('\n'))
    })
  }
}

async function openAndTell(directory) {
  tell('opening')
  const ottla = await open(directory, { logger: quiet })
  tell('open')
  return ottla
}

/** Opens and closes `job.times` times; the parent looks at the files after each. */
async function check(job) {
  for (let i = 0; i < job.times; i++) {
    const ottla = await openAndTell(job.directory)
    tell(`topics ${(await ottla.admin.listTopics()).join(' ')}`)
    await ottla.close()
    tell('closed')
    await nextLine()
  }
}

async function produce(ottla, job, number, settings) {
  const random = new Random(job.seed * 31 + number)
  const producer = ottla.producer(settings.settings)
  producer.on?.('error', () => {})
  let sequence = job.first
  for (let burst = 0; burst < (job.bursts ?? Infinity); burst++) {
    const count = 1 + random.int(settings.burst)
    tell(`try ${number} ${sequence} ${sequence + count - 1}`)
    let failed = false
    await Promise.all(Array.from({ length: count }, () => {
      const s = sequence++
      return producer.send({ topic: settings.topic, partition: settings.partition, ...recordOf(number, s, settings.padding) })
        .then(({ topic, partition, offset }) => tellSoon(`ack ${number} ${s} ${topic} ${partition} ${offset}`))
        .catch((error) => {
          failed = true
          tellSoon(`err ${number} ${s} ${error.code}`)
        })
    }))
    // A log that is offline answers at once: leave the loop some air.
    if (failed) await new Promise((resolve) => { setTimeout(resolve, 2) })
    if (settings.pauseMs > 0 && random.chance(0.2)) await new Promise((resolve) => { setTimeout(resolve, random.int(settings.pauseMs)) })
  }
}

async function commit(ottla, job) {
  const consumer = ottla.consumer({ 'group.id': 'g', 'enable.auto.commit': false })
  const partitions = job.partitions
  consumer.assign(partitions.map((each) => ({ ...each, offset: 0 })))
  for (let offset = job.first; ; offset++) {
    for (const each of partitions) {
      try {
        await consumer.commit([{ ...each, offset }])
        tellSoon(`commit ${each.topic} ${each.partition} ${offset}`)
      } catch {
        await new Promise((resolve) => { setTimeout(resolve, 2) })
      }
    }
    await new Promise((resolve) => { setTimeout(resolve, 3) })
  }
}

/** Topics come and go beside the load: their metadata is LMDB's. */
async function churn({ admin }, job) {
  for (let i = job.first; ; i++) {
    const name = `x${i}`
    tell(`making ${name}`)
    await admin.createTopic(name, { partitions: 1 + i % 2 })
    tell(`made ${name}`)
    if (i % 2 === 0) {
      tell(`dropping ${name}`)
      await admin.deleteTopic(name)
      tell(`dropped ${name}`)
    }
    await new Promise((resolve) => { setTimeout(resolve, job.churnMs) })
  }
}

async function write(job) {
  if (job.check > 0) await check({ ...job, times: job.check })
  const ottla = await openAndTell(job.directory)
  for (const { name, partitions, config } of job.topics) await ottla.admin.createTopic(name, { partitions, ifNotExists: true, config })
  tell('writing')
  const work = job.producers.map((settings, number) => produce(ottla, job, number, settings))
  if (job.partitions.length > 0) work.push(commit(ottla, job))
  if (job.churnMs > 0) work.push(churn(ottla, job).catch((error) => tell(`churn ended ${error.code}`)))
  await Promise.all(work)
  if (job.bursts !== undefined && job.close !== false) await ottla.close()
}

async function scenario(job) {
  await scenarios[job.name].run({ open: () => openAndTell(job.directory), tell, job, armed: nextLine })
}

/** Records of few keys, one burst after the other, while they are compacted all the time. */
async function compact(job) {
  tell('opening')
  const info = (text) => { if (text.startsWith('compaction cleaned')) tell('cleaned') }
  const ottla = await open(job.directory, { logger: { ...quiet, info }, 'log.cleaner.backoff.ms': 1, ...job.broker })
  tell('open')
  await ottla.admin.createTopic('c', { partitions: 1, ifNotExists: true, config: job.config })
  const random = new Random(job.seed)
  const producer = ottla.producer(job.settings)
  tell('writing')
  for (let sequence = job.first; ;) {
    const records = Array.from({ length: 1 + random.int(job.burst) }, () => changeOf(random, sequence++, job.keys, job.padding))
    tell(records.map(({ sequence: s, key, length }) => `put ${s} ${key} ${length}`).join('\n'))
    await Promise.all(records.map(async ({ sequence: s, key, value }) => {
      const { offset } = await producer.send({ topic: 'c', partition: 0, key, value })
      tellSoon(`is ${s} ${offset}`)
    }))
    // Else there is always more to compact than was, and no round ends.
    await new Promise((resolve) => { setTimeout(resolve, job.pauseMs) })
  }
}

tell('ready')
const jobs = { check, write, scenario, compact }
for (;;) {
  const job = JSON.parse(await nextLine())
  try {
    await jobs[job.type](job)
    tell('done')
  } catch (error) {
    tell(`failed ${error?.code ?? 'none'} ${String(error?.stack ?? error).split('\n').slice(0, 4).join(' | ')}`)
  }
}
