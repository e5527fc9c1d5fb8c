/** Actors that change what the others use: the speed of the disk, the wall clock, settings, partitions, where logs begin. */
import type { TopicPartition } from '../../src/client/types.ts'
import { codeOf, type World } from './world.ts'

/** What topics there are, with their numbers of partitions, which may grow. */
export type Topics = Map<string, number>

export const partitionsOf = (topics: Topics): TopicPartition[] => (
  [...topics].flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => ({ topic, partition }))))

/** The disk is slow for a while, and the wall clock jumps. */
export async function trouble(world: World, until: number): Promise<void> {
  const { random } = world
  const usual = world.latencyMs
  while (world.now < until) {
    await world.sleep(random.int(3000))
    if (random.int(3) === 0) world.latencyMs = random.pick([0, 100, 1000, 8000])
    if (random.int(3) === 0) world.scheduler.clock.setWall(world.scheduler.clock.now() + (random.int(80) - 40) * 60_000)
    await world.sleep(random.int(4000))
    world.latencyMs = usual
  }
}

/** The disk is full for a while, or a call of it fails. */
export async function faults(world: World, until: number): Promise<void> {
  const { random } = world
  while (world.now < until) {
    await world.sleep(random.int(2000))
    for (const code of ['DISK_FULL', 'LOG_OFFLINE', 'KAFKA_STORAGE_ERROR', 'REQUEST_TIMED_OUT']) world.tolerated.add(code)
    if (random.int(3) === 0) {
      world.disk.capacityBytes = world.disk.usedBytes + random.int(8192)
    } else {
      world.faults.inject({ call: random.pick(['write', 'datasync', 'read', 'open', 'syncDirectory', 'truncate'] as const), nth: 1 + random.int(5), error: 'EIO', path: /[ab]-\d/ })
    }
    await world.sleep(random.int(2000))
    world.disk.capacityBytes = Infinity
    world.faults.heal()
  }
}

export class Tending {
  readonly #world: World
  readonly #topics: Topics
  /** Topics whose logs do not begin at 0 any more. */
  readonly trimmed: Set<string> = new Set()

  constructor(world: World, topics: Topics) {
    this.#world = world
    this.#topics = topics
  }

  async run(until: number): Promise<void> {
    while (this.#world.now < until && !this.#world.isClosing) {
      await this.#world.attempt(this.#step(this.#world.random.int(5)))
      await this.#world.sleep(this.#world.random.int(800))
    }
  }

  async #step(kind: number): Promise<void> {
    const { random, ottla: { admin } } = this.#world
    const topic = random.pick([...this.#topics.keys()])
    if (kind === 0) await this.#world.watch('deleteRecords', this.#trim(topic))
    else if (kind === 1) {
      const count = this.#topics.get(topic)! + 1
      await this.#world.watch('createPartitions', admin.createPartitions(topic, count))
      this.#topics.set(topic, count)
    } else if (kind === 2) {
      const retention = random.pick([null, null, 1500])
      if (retention !== null) this.trimmed.add(topic)
      const changes = { 'internal.segment.bytes': random.pick([2500, 5000, null]), 'retention.bytes': retention, 'file.delete.delay.ms': random.pick([0, 1000, null]) }
      await this.#world.watch('alterConfigs', admin.alterConfigs({ topic }, changes))
    } else if (kind === 3) await this.#world.watch('listOffsets', this.#offsets(topic))
    else {
      const code = await codeOf(admin.createTopic(topic))
      this.#world.expect(code === 'TOPIC_ALREADY_EXISTS' || this.#world.tolerates({ code }), () => `a topic is made twice: ${code}`)
    }
  }

  async #trim(topic: string): Promise<void> {
    const { random, ottla } = this.#world
    const partition = random.int(this.#topics.get(topic)!)
    const { logStartOffset, highWatermark } = ottla.log(topic, partition)
    if (highWatermark - logStartOffset < 2) return
    const offset = logStartOffset + random.int(highWatermark - logStartOffset)
    this.trimmed.add(topic)
    const [answer] = await ottla.admin.deleteRecords(topic, [{ partition, offset }])
    this.#world.expect(answer!.lowWatermark >= offset, () => `deleteRecords before ${offset} leaves ${answer!.lowWatermark}`)
  }

  async #offsets(topic: string): Promise<void> {
    const { ottla } = this.#world
    const bounds = (): { start: number; end: number }[] => (
      Array.from({ length: this.#topics.get(topic)! }, (_, partition) => ({ start: ottla.log(topic, partition).logStartOffset, end: ottla.log(topic, partition).highWatermark })))
    const before = bounds()
    const earliest = await ottla.admin.listOffsets(topic, 'earliest')
    const latest = await ottla.admin.listOffsets(topic, 'latest')
    const after = bounds()
    before.forEach(({ start, end }, i) => {
      const isRight = earliest[i]!.offset >= start && earliest[i]!.offset <= after[i]!.start && latest[i]!.offset >= end && latest[i]!.offset <= after[i]!.end
      this.#world.expect(isRight, () => `listOffsets tells of ${earliest[i]!.offset} to ${latest[i]!.offset} of ${topic}-${i}, which has ${after[i]!.start} to ${after[i]!.end}`)
    })
  }
}
