/** Three kinds of rounds: clients beside each other on one database, the same through closes and crashes, and on topics that come and go. */
import type { ConsumerRecord } from '../../src/client/types.ts'
import { Following, Recreating } from './fleeting.ts'
import { Group } from './grouping.ts'
import { Ledger } from './ledger.ts'
import { Producing } from './producing.ts'
import { Reading } from './reading.ts'
import { faults, partitionsOf, Tending, trouble, type Topics } from './tending.ts'
import { World } from './world.ts'

/** All that a partition holds, by a consumer of its own. */
async function readAll(world: World, topic: string, partition: number): Promise<{ start: number; records: ConsumerRecord[] }> {
  const log = world.ottla.log(topic, partition)
  const consumer = world.ottla.consumer()
  const records: ConsumerRecord[] = []
  consumer.assign([{ topic, partition, offset: log.logStartOffset }])
  while ((consumer.position({ topic, partition }) ?? 0) < log.highWatermark) for (const batch of await consumer.poll()) records.push(...batch)
  await consumer.close()
  return { start: log.logStartOffset, records }
}

async function judge(world: World, ledger: Ledger, topics: Topics, lossy: boolean): Promise<void> {
  for (const { topic, partition } of partitionsOf(topics)) {
    const { start, records } = await world.settle('read all', readAll(world, topic, partition))
    ledger.judge(topic, partition, start, records, lossy)
  }
}

async function judgeFiles(world: World): Promise<void> {
  const findings: string[] = []
  await world.settle('verify', (async () => { for await (const each of world.ottla.verify()) findings.push(JSON.stringify(each)) })())
  world.expect(findings.length === 0, () => findings.join())
}

const several = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

/** Gives how many records were read, as all rounds do. */
export async function oneLife(seed: number): Promise<number> {
  const world = new World(seed)
  const { random } = world
  const ledger = new Ledger(world)
  await world.open()
  const topics = new Map([['a', 1 + random.int(4)], ['b', 1 + random.int(3)]])
  for (const [name, partitions] of topics) {
    const config = {
      'internal.segment.bytes': random.pick([600, 5000, 1_000_000]), 'index.interval.bytes': random.int(2) * 200, 'max.message.bytes': random.pick([1_000_000, 3000]),
    }
    await world.settle('create', world.ottla.admin.createTopic(name, { partitions, config }))
  }
  world.latencyMs = random.pick([0, 3, 50])
  const producers = several(1 + random.int(3), (i) => new Producing(world, ledger, i, topics))
  const readers = several(1 + random.int(3), (i) => new Reading(world, ledger, i, topics))
  const groups = several(random.int(3), (i) => new Group(world, ledger, `g${i}`))
  const tending = new Tending(world, topics)
  await world.run([
    ...producers.map((each) => each.run(10 + random.int(40))), ...readers.map((each) => each.run(10 + random.int(60))),
    ...groups.map((each) => each.run(random.int(6000))),
    ...(random.int(2) === 0 ? [tending.run(random.int(10_000))] : []), ...(random.int(2) === 0 ? [trouble(world, random.int(10_000))] : []),
  ])
  await world.run([...groups.map((each) => each.drain(topics)), ...readers.map((each) => each.catchUp())])
  await world.run(readers.map((each) => each.close()))
  await judge(world, ledger, topics, false)
  ledger.judgeLost(producers.reduce((sum, each) => sum + each.lost, 0), tending.trimmed)
  await judgeFiles(world)
  await world.close()
  const errors = world.logger.messages('error')
  world.expect(errors.length === 0, () => errors.join('; '))
  return ledger.reads
}

/** The process ends in the middle, in order or not, and another one goes on with what is on the disk. */
export async function manyLives(seed: number): Promise<number> {
  const world = new World(seed)
  const { random } = world
  const ledger = new Ledger(world)
  const topics = new Map([['a', 1 + random.int(3)], ['b', 1 + random.int(3)]])
  // What is not synced may be gone, and what was committed of it: a group is judged where all is.
  const isDurable = random.int(2) === 0
  const groups = isDurable ? [new Group(world, ledger, 'g')] : []
  const latencyMs = random.pick([0, 3, 50])
  let lossy = false
  for (let life = 0, lives = 2 + random.int(4); life < lives; life++) {
    world.latencyMs = 0
    await world.open()
    if (life === 0) for (const [name, partitions] of topics) await world.settle('create', world.ottla.admin.createTopic(name, { partitions }))
    else await judge(world, ledger, topics, lossy)
    const config = { 'internal.segment.bytes': random.pick([2500, 5000, null]), 'index.interval.bytes': random.int(2) * 200 }
    for (const topic of topics.keys()) await world.settle('alter', world.ottla.admin.alterConfigs({ topic }, config))
    for (const each of groups) await world.settle('offsets', each.look())
    world.latencyMs = latencyMs
    const hasFaults = random.int(3) === 0
    const actors = [
      ...several(1 + random.int(2), (i) => new Producing(world, ledger, life * 10 + i, topics, isDurable ? ['all'] : undefined).run(10 + random.int(60))),
      ...several(random.int(3), (i) => new Reading(world, ledger, life * 10 + i, topics).run(10 + random.int(60))),
      ...groups.map((each) => each.run(world.now + random.int(6000))), ...(random.int(2) === 0 ? [trouble(world, world.now + 3000)] : []),
      ...(hasFaults ? [faults(world, world.now + 2000)] : []), ...(random.int(3) === 0 ? [new Tending(world, topics).run(world.now + random.int(3000))] : []),
    ]
    const end = hasFaults ? 1 + random.int(3) : random.int(4)
    await world.run(actors, end === 0 ? undefined : random.int(2500))
    if (end < 2) await world.close(actors)
    const policy = end < 2 ? 'keep-all' : random.pick(['keep-all', 'lose-all', { seed: random.int(1_000_000) }] as const)
    lossy ||= policy !== 'keep-all'
    world.die(policy)
    ledger.forget(policy !== 'keep-all')
    for (const each of groups) each.forget()
  }
  world.latencyMs = 0
  await world.open()
  await judge(world, ledger, topics, lossy)
  await judgeFiles(world)
  await world.run(groups.map((each) => each.drain(topics)))
  await world.close()
  return ledger.reads
}

export async function fleetingTopics(seed: number): Promise<number> {
  const world = new World(seed)
  const { random } = world
  const ledger = new Ledger(world)
  await world.open()
  const topics = new Map([['f1', 3], ['f2', 3]])
  for (const topic of topics.keys()) ledger.fleeting.add(topic)
  for (const code of ['UNKNOWN_TOPIC_OR_PARTITION', 'GROUP_ID_NOT_FOUND']) world.tolerated.add(code)
  world.latencyMs = random.pick([0, 3, 50])
  const followers = several(1 + random.int(3), (i) => new Following(world, ledger, i, topics, 'x'))
  const following = followers.map((each) => world.background(each.run()))
  const recreating = new Recreating(world, topics, 'x').run(random.int(6000))
  const producing = several(1 + random.int(3), (i) => new Producing(world, ledger, i, topics).run(10 + random.int(40)))
  if (random.int(5) === 0) {
    await world.run([recreating, ...producing, ...following], random.int(5000))
    await world.close([recreating, ...producing, ...following])
    return ledger.reads
  }
  await world.run([recreating, ...producing, ...(random.int(2) === 0 ? [trouble(world, 5000)] : [])])
  await world.run([world.sleep(3000)])
  const producer = world.ottla.producer()
  for (const { topic, partition } of partitionsOf(topics)) {
    const last: number[] = []
    const hasSome = (each: Following): boolean => last.some((serial) => each.has(serial))
    const isSeen = (): boolean => followers.every((each) => each.isSubscribed || hasSome(each)) && (!followers.some((each) => each.isSubscribed) || followers.some(hasSome))
    // Who stands where the new topic ends has missed what it began with, as with Kafka: what comes next is seen.
    for (let wait = 0; !isSeen(); wait++) {
      if (wait % 50 === 0) {
        const sent = ledger.make(99, random, topic, 1, false)
        Object.assign(sent.record, { partition })
        ledger.acked(sent, await world.settle('last send', producer.send(sent.record)))
        last.push(sent.serial)
      }
      await world.run([world.sleep(100)])
      world.expect(wait < 1000, () => `none of ${last.join()} of ${topic}-${partition} is seen by ${followers.filter((each) => !hasSome(each)).map(String).join('; ')}`)
    }
  }
  for (const each of followers) each.isOver = true
  await world.run(following)
  for (const { topic, partition, offset } of await world.settle('offsets', world.ottla.admin.listGroupOffsets('x').catch(() => []))) {
    const end = partition < topics.get(topic)! ? world.ottla.log(topic, partition).highWatermark : -1
    world.expect(offset <= end, () => `the offset of ${topic}-${partition} is ${offset}, beyond ${end}`)
  }
  await world.close()
  return ledger.reads
}
