/**
 * Small scripted lives of a database, for a kill before each of their system calls. Each prepares a directory (`before`, not under attack) and then runs `run`; what
 * it tells with `try`, `ack`, `making` … is what the oracle knows (writer.mjs). Deterministic: no chance, no timers, one thing after another.
 */
import { recordOf } from './oracle.mjs'

/** Two producers of the same records in every scenario; 0 is idempotent and acks=all, 1 is acks=1. */
export const profile = {
  topics: [{ name: 't0', partitions: 1, config: { 'internal.segment.bytes': 1024, 'index.interval.bytes': 1, 'file.delete.delay.ms': 0 } }],
  producers: [
    { topic: 't0', partition: 0, padding: 100, settings: { acks: 'all', 'linger.ms': 0, 'enable.idempotence': true } },
    { topic: 't0', partition: 0, padding: 100, settings: { acks: 1, 'linger.ms': 0, 'enable.idempotence': false } },
  ],
}

async function append(world, number, count) {
  const { ottla, tell, job } = world
  const producer = world.producers[number] ??= ottla.producer({ ...profile.producers[number].settings, 'compression.type': job.codec })
  for (let i = 0; i < count; i++) {
    const sequence = job.first + (world.sent[number] = (world.sent[number] ?? 0) + 1) - 1
    tell(`try ${number} ${sequence} ${sequence}`)
    const { topic, partition, offset } = await producer.send({ topic: 't0', partition: 0, ...recordOf(number, sequence, 100) })
    tell(`ack ${number} ${sequence} ${topic} ${partition} ${offset}`)
  }
}

async function make(world, name, partitions = 1) {
  world.tell(`making ${name}`)
  await world.ottla.admin.createTopic(name, { partitions, config: { 'cleanup.policy': 'delete' } })
  world.tell(`made ${name}`)
}

async function commit({ ottla, tell, job }, count) {
  const consumer = ottla.consumer({ 'group.id': 'g', 'enable.auto.commit': false })
  consumer.assign([{ topic: 't0', partition: 0, offset: 0 }])
  for (let offset = job.first; offset < job.first + count; offset++) {
    await consumer.commit([{ topic: 't0', partition: 0, offset }])
    tell(`commit t0 0 ${offset}`)
  }
  await consumer.close()
}

/** Asked for, it may happen at any later time: records below it are not missed from then on. */
async function trim({ ottla, tell }, offset) {
  tell(`trimming t0 0 ${offset}`)
  await ottla.admin.deleteRecords('t0', [{ partition: 0, offset }])
}

/** Name → what happens; the database is open and closed around it, if not `whole`. */
const lives = {
  append: (w) => append(w, 0, 4),
  'append acks 1': (w) => append(w, 1, 4),
  roll: (w) => append(w, 0, 10),
  'producer state': async (w) => {
    await append(w, 0, 8)
    await append(w, 1, 4)
    await append(w, 0, 2)
  },
  'offset commit': (w) => commit(w, 3),
  'create topic': async (w) => {
    await make(w, `a${w.job.first}`)
    await make(w, `b${w.job.first}`, 2)
  },
  'delete topic': async (w) => {
    await make(w, `c${w.job.first}`, 2)
    w.tell(`dropping c${w.job.first}`)
    await w.ottla.admin.deleteTopic(`c${w.job.first}`)
    w.tell(`dropped c${w.job.first}`)
  },
  'metadata commit': async (w) => {
    await w.ottla.admin.alterConfigs({ topic: 't0' }, { 'retention.ms': 3_600_000 + w.job.first })
    await make(w, `d${w.job.first}`)
    await w.ottla.admin.createPartitions(`d${w.job.first}`, 3)
  },
  'delete records': async (w) => {
    await append(w, 0, 12)
    await trim(w, 9)
    await append(w, 0, 2)
  },
}

async function alive(world, life) {
  world.ottla = await world.open()
  await life(world)
}

const worldOf = (base) => ({ ...base, producers: [], sent: [] })

/** `attack`: from where on kills count: 'life' (behind open), 'close', or 'open' (of a directory that was killed). */
export const scenarios = Object.fromEntries([
  ...Object.entries(lives).map(([name, life]) => [name, {
    attack: 'life',
    run: async (base) => {
      const world = worldOf(base)
      world.ottla = await base.open()
      base.tell('armed')
      await base.armed()
      await life(world)
    },
  }]),
  ['clean close and checkpoint', {
    attack: 'close',
    run: async (base) => {
      const world = worldOf(base)
      await alive(world, (w) => append(w, 0, 8))
      base.tell('armed')
      await base.armed()
      await world.ottla.close()
    },
  }],
  ['recovery', {
    attack: 'open',
    run: async (base) => {
      base.tell('armed')
      await base.armed()
      const ottla = await base.open()
      base.tell(`topics ${(await ottla.admin.listTopics()).join(' ')}`)
      await ottla.close()
    },
  }],
  ['first open', {
    attack: 'open', fresh: true,
    run: async (base) => {
      base.tell('armed')
      await base.armed()
      await base.open()
    },
  }],
])
