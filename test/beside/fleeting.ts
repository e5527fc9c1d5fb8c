/** Topics that are deleted and made again while they are used, groups that are deleted and set back. Whoever uses them goes on once that is over. */
import type { Consumer } from '../../src/client/types.ts'
import type { Ledger } from './ledger.ts'
import { scarceSettings } from './reading.ts'
import type { Topics } from './tending.ts'
import { codeOf, type World } from './world.ts'

/** What calls about topics and groups may be refused with, which come and go. */
const passing = new Set(['', 'UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_ALREADY_EXISTS', 'NON_EMPTY_GROUP', 'GROUP_ID_NOT_FOUND', 'GROUP_SUBSCRIBED_TO_TOPIC', 'UNKNOWN_MEMBER_ID', 'REQUEST_TIMED_OUT',
  'INVALID_PARTITIONS', 'REBALANCE_IN_PROGRESS', 'OFFSET_OUT_OF_RANGE'])

export class Recreating {
  readonly #world: World
  readonly #topics: Topics
  readonly #group: string

  constructor(world: World, topics: Topics, group: string) {
    this.#world = world
    this.#topics = topics
    this.#group = group
  }

  async run(until: number): Promise<void> {
    const { random } = this.#world
    while (this.#world.now < until && !this.#world.isClosing) {
      const topic = random.pick([...this.#topics.keys()])
      const [what, call] = this.#call(random.int(10), topic)
      const code = await codeOf(this.#world.watch(`${what} ${topic}`, call))
      this.#world.expect(passing.has(code) || this.#world.tolerates({ code }), () => `${what} ${topic} fails with ${code}`)
      await this.#world.sleep(random.int(random.int(2) * 1000 + 10))
    }
    if (this.#world.isClosing) return
    for (const topic of this.#topics.keys()) {
      const made = await this.#world.watch('createTopic', this.#world.ottla.admin.createTopic(topic, { partitions: 1, ifNotExists: true }))
      this.#topics.set(topic, made.partitions.length)
    }
  }

  #call(kind: number, topic: string): [string, Promise<unknown>] {
    const { random, ottla: { admin } } = this.#world
    const partitions = 1 + random.int(4)
    if (kind < 3) return ['deleteTopic', admin.deleteTopic(topic)]
    if (kind < 6) return ['createTopic', admin.createTopic(topic, { partitions })]
    if (kind === 6) return ['createPartitions', admin.createPartitions(topic, partitions)]
    if (kind === 7) return ['deleteGroup', admin.deleteGroup(this.#group)]
    if (kind === 8) return ['alterGroupOffsets', admin.alterGroupOffsets(this.#group, [{ topic, partition: random.int(2), offset: 0 }])]
    const [what, ask] = random.pick<[string, () => Promise<unknown>]>([
      ['deleteGroupOffsets', () => admin.deleteGroupOffsets(this.#group, [{ topic, partition: 0 }])], ['describeGroup', () => admin.describeGroup(this.#group)],
      ['describeTopic', () => admin.describeTopic(topic)], ['deleteRecords', () => admin.deleteRecords(topic, [{ partition: 0, offset: 0 }])],
      ['listOffsets', () => admin.listOffsets(topic, 'latest')],
    ])
    return [what, ask()]
  }
}

/** Reads what comes, wherever it stands. */
export class Following {
  readonly #world: World
  readonly #ledger: Ledger
  readonly #consumer: Consumer
  readonly #topics: Topics
  readonly #name: string
  readonly #isSubscribed: boolean
  readonly #seen = new Set<number>()
  isOver: boolean = false

  constructor(world: World, ledger: Ledger, id: number, topics: Topics, group: string) {
    const { random } = world
    this.#world = world
    this.#ledger = ledger
    this.#topics = topics
    this.#isSubscribed = random.int(2) === 0
    const settings = { ...scarceSettings(world), 'metadata.max.age.ms': random.pick([200, 2000]), 'default.api.timeout.ms': 2000 }
    this.#name = `follower ${id} ${this.#isSubscribed} ${JSON.stringify(settings)}`
    this.#consumer = world.ottla.consumer(this.#isSubscribed ? { ...settings, 'group.id': group } : settings)
    this.#begin()
  }

  #begin(): void {
    if (this.#isSubscribed) this.#consumer.subscribe(this.#world.random.pick([[...this.#topics.keys()], /^f/]))
    else this.#consumer.assign([...this.#topics].flatMap(([topic]) => Array.from({ length: 4 }, (_, partition) => ({ topic, partition }))))
  }

  async run(): Promise<void> {
    const { random } = this.#world
    while (!this.isOver && !this.#world.isClosing) {
      await this.#world.attempt(this.#poll())
      if (random.int(4) === 0) await this.#world.sleep(random.int(200))
      if (random.int(8) === 0) {
        const code = await codeOf(this.#world.watch(`lag of ${this.#name}`, this.#consumer.lag()))
        this.#world.expect(passing.has(code) || this.#world.tolerates({ code }), () => `lag of ${this.#name} fails with ${code}`)
      }
    }
    await this.#world.watch(`close of ${this.#name}`, this.#consumer.close())
  }

  async #poll(): Promise<void> {
    for (const batch of await this.#world.watch(`poll of ${this.#name}`, this.#consumer.poll({ timeoutMs: 300 }))) {
      for (const each of batch) this.#seen.add(this.#ledger.read(each).serial)
    }
  }

  get isSubscribed(): boolean { return this.#isSubscribed }
  has(serial: number): boolean { return this.#seen.has(serial) }
  toString(): string { return `${this.#name} at ${JSON.stringify(this.#consumer.assignment().map((each) => ({ ...each, at: this.#consumer.position(each) })))}` }
}
