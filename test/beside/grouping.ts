/**
 * A group of which members come, read, dawdle and go. What holds of all of them together: within one assignment records come without gap or repetition; a new
 * one begins at or behind what was committed, and not behind what somebody was done with; what was committed is never more than that, and never less than before.
 */
import type { Consumer, ConsumerRecord, ConsumerSettings, TopicPartition } from '../../src/client/types.ts'
import type { Ledger } from './ledger.ts'
import { scarceSettings } from './reading.ts'
import { partitionsOf, type Topics } from './tending.ts'
import type { World } from './world.ts'

interface Shared {
  /** Behind the last record that somebody was done with. */
  most: number
  /** Known to be committed. */
  least: number
  /** Behind the last record that was handed out without a gap. */
  reached: number
  holder: Member | null
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

/** What a commit of a member may meet: the group has moved on. */
const movedOn = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'CLOSED'])

export class Group {
  readonly id: string
  readonly world: World
  readonly ledger: Ledger
  readonly strategy: ConsumerSettings['partition.assignment.strategy']
  readonly #shared = new Map<string, Shared>()
  #members = 0

  constructor(world: World, ledger: Ledger, id: string) {
    this.world = world
    this.ledger = ledger
    this.id = id
    this.strategy = world.random.pick([['range'], ['roundrobin'], ['sticky'], ['cooperative-sticky'], ['range', 'cooperative-sticky'], ['sticky', 'range']] as const)
  }

  of(partition: TopicPartition): Shared {
    const key = keyOf(partition)
    let shared = this.#shared.get(key)
    if (shared === undefined) this.#shared.set(key, shared = { most: 0, least: 0, reached: 0, holder: null })
    return shared
  }

  /** Another process: there are no members. */
  forget(): void { for (const shared of this.#shared.values()) shared.holder = null }

  /** Members come and go until `end` on the clock. */
  async run(end: number): Promise<void> {
    const { random } = this.world
    const lives: Promise<void>[] = [this.#look(end)]
    const isStatic = random.int(4) === 0
    for (let i = 0, count = 1 + random.int(3); i < count; i++) {
      lives.push((async () => {
        while (this.world.now < end && !this.world.isClosing) {
          const member = new Member(this, this.#members++, isStatic ? `i${i}` : null)
          await member.run(Math.min(end, this.world.now + 50 + random.int(4000)))
          await this.world.sleep(random.int(500))
        }
      })())
    }
    await Promise.all(lives)
  }

  async #look(end: number): Promise<void> {
    while (this.world.now < end && !this.world.isClosing) {
      await this.world.attempt(this.look())
      await this.world.sleep(this.world.random.int(400))
    }
  }

  async look(): Promise<void> {
    const before = new Map([...this.#shared].map(([key, { least }]) => [key, least]))
    for (const each of await this.world.watch(`offsets of ${this.id}`, this.world.ottla.admin.listGroupOffsets(this.id))) {
      const shared = this.of(each)
      const isRight = each.offset >= (before.get(keyOf(each)) ?? 0) && each.offset <= Math.max(shared.most, this.start(each))
      this.world.expect(isRight, () => `${this.id} committed ${each.offset} of ${keyOf(each)}, where ${before.get(keyOf(each))} was committed and ${shared.most} is done`)
      shared.least = Math.max(shared.least, each.offset)
    }
  }

  /** A last member reads what is left. */
  async drain(topics: Topics): Promise<void> {
    const last = new Member(this, this.#members++, null)
    const isRead = (each: TopicPartition): boolean => {
      const { highWatermark } = this.world.ottla.log(each.topic, each.partition)
      return Math.max(this.of(each).reached, this.of(each).least, this.start(each)) >= highWatermark
    }
    await last.drain([...topics.keys()], () => partitionsOf(topics).every(isRead))
    await this.look()
  }

  /** Where the log begins by now. */
  start({ topic, partition }: TopicPartition): number { return this.world.ottla.log(topic, partition).logStartOffset }
}

class Member {
  readonly #group: Group
  readonly #world: World
  readonly #consumer: Consumer
  readonly #name: string
  readonly #isAuto: boolean
  /** By partition that it holds, the next record; −1: to be found. */
  readonly #next = new Map<string, number>()
  /** What it was given and has not said to be done with: what is behind it. */
  readonly #hand = new Map<string, { partition: TopicPartition; behind: number }>()
  /** Failures that are no matter any more. */
  #failedCommits = 0

  constructor(group: Group, id: number, instance: string | null) {
    const { world } = group
    const { random } = world
    this.#group = group
    this.#world = world
    const settings: ConsumerSettings = {
      ...scarceSettings(world), 'group.id': group.id, 'partition.assignment.strategy': group.strategy as never, 'enable.auto.commit': random.int(2) === 0,
      'session.timeout.ms': random.pick([6000, 45_000]), 'heartbeat.interval.ms': random.pick([100, 2000]), 'max.poll.interval.ms': random.pick([300, 5000, 300_000]),
      'metadata.max.age.ms': random.pick([200, 300_000]), ...(instance === null ? {} : { 'group.instance.id': instance }),
    }
    this.#isAuto = settings['enable.auto.commit'] === true
    this.#name = `member ${id} of ${group.id} ${JSON.stringify(settings)}`
    this.#consumer = world.ottla.consumer(settings)
    this.#consumer.on('assigned', (partitions) => this.#assigned(partitions)).on('revoked', (partitions) => this.#revoked(partitions)).on('lost', (partitions) => this.#lost(partitions))
  }

  // ---- whose they are ------------------------------------------------------------------------------------------------------------

  #assigned(partitions: readonly TopicPartition[]): void {
    for (const each of partitions) {
      this.#world.expect(!this.#next.has(keyOf(each)), () => `${this.#name} is assigned ${keyOf(each)} twice`)
      this.#next.set(keyOf(each), -1)
      this.#group.of(each).holder = this
    }
  }

  #revoked(partitions: readonly TopicPartition[]): void {
    for (const each of partitions) {
      const shared = this.#group.of(each)
      this.#world.expect(this.#next.has(keyOf(each)), () => `${this.#name} is revoked ${keyOf(each)}, which it does not hold`)
      // Another has it: whoever was put out of the group does not give up what is his.
      this.#world.expect(shared.holder === this || this.#failures() > 0, () => `${this.#name} is revoked ${keyOf(each)}, which is another's`)
      if (shared.holder !== this) continue
      // What was finished is committed by now.
      const isCommitted = this.#isAuto && this.#failures() === this.#failedCommits && !this.#hand.has(keyOf(each))
      if (isCommitted) shared.least = Math.max(shared.least, this.#next.get(keyOf(each))!)
      shared.holder = null
    }
    this.#failedCommits = this.#failures()
    this.#forget(partitions)
  }

  #lost(partitions: readonly TopicPartition[]): void {
    for (const each of partitions) if (this.#group.of(each).holder === this) this.#group.of(each).holder = null
    this.#forget(partitions)
  }

  #forget(partitions: readonly TopicPartition[]): void {
    for (const each of partitions) {
      this.#next.delete(keyOf(each))
      this.#hand.delete(keyOf(each))
    }
  }

  /** Auto commits that failed, of whomever. */
  #failures(): number { return this.#world.logger.messages('warn').filter((each) => each.startsWith('auto commit failed')).length }

  // ---- reading -------------------------------------------------------------------------------------------------------------------

  async run(end: number): Promise<void> {
    const { random } = this.#world
    if (!this.#world.isClosing) this.#subscribe()
    while (this.#world.now < end && !this.#world.isClosing) {
      const kind = random.int(8)
      if (kind < 4) await this.#world.attempt(this.#poll())
      else if (kind < 5) await this.#world.attempt(this.#loop())
      else if (kind < 6) await this.#world.sleep(random.int(random.int(6) === 0 ? 1500 : 30))
      else if (kind < 7) await this.#commit()
      else if (random.int(4) === 0) this.#subscribe()
      if (!this.#world.isClosing) this.#compare()
    }
    await this.#close()
  }

  async drain(topics: string[], isOver: () => boolean): Promise<void> {
    this.#consumer.subscribe(topics)
    for (let round = 0; !isOver(); round++) {
      this.#world.expect(round < 3000, () => `${this.#name} does not get to the end: ${JSON.stringify([...this.#next])}`)
      await this.#poll()
    }
    await this.#close()
  }

  #subscribe(): void { this.#consumer.subscribe(this.#world.random.pick(['a', ['a', 'b'], /^[ab]$/, ['b', /a/], /./])) }

  #compare(): void {
    const held = this.#consumer.assignment().map(keyOf).sort().join()
    const known = [...this.#next.keys()].sort().join()
    this.#world.expect(held === known, () => `${this.#name} is assigned ${held}, and was told of ${known}`)
    for (const each of this.#consumer.assignment()) {
      const position = this.#consumer.position(each)
      const next = this.#next.get(keyOf(each))!
      this.#world.expect(position === undefined || next < 0 || position === next || position <= this.#group.start(each), () => `${this.#name} stands at ${position} of ${keyOf(each)}, not at ${next}`)
    }
  }

  async #watch<T>(what: string, promise: Promise<T>): Promise<T> { return this.#world.watch(`${what} of ${this.#name}`, promise) }

  #finishHand(): void {
    for (const { partition, behind } of this.#hand.values()) {
      const shared = this.#group.of(partition)
      shared.most = Math.max(shared.most, behind)
    }
    this.#hand.clear()
  }

  async #poll(): Promise<void> {
    const { random } = this.#world
    this.#finishHand()
    for (const batch of await this.#watch('poll', this.#consumer.poll({ timeoutMs: random.pick([0, 20, 500]) }))) for (const each of batch) this.#take(each)
  }

  async #loop(): Promise<void> {
    const { random } = this.#world
    const controller = new AbortController()
    this.#finishHand()
    const iterator = this.#consumer.batches({ signal: controller.signal })[Symbol.asyncIterator]()
    void this.#world.sleep(random.int(400)).then(() => controller.abort())
    try {
      for (let left = random.int(5); left >= 0; left--) {
        const { value, done } = await this.#watch('next batch', iterator.next())
        if (done === true && this.#world.isClosing) return
        for (const each of value) this.#take(each)
        if (random.int(3) === 0) await this.#world.sleep(random.int(50))
        if (random.int(3) === 0) {
          this.#group.of(value).most = Math.max(this.#group.of(value).most, value.lastOffset + 1)
          await this.#committing(value.commit(), [[value, value.lastOffset + 1]])
        }
        this.#finishHand()
      }
    } catch (error) {
      this.#finishHand()
      if ((error as { code?: string }).code !== 'ABORTED') throw error
    }
    await iterator.return!()
  }

  #take(record: ConsumerRecord): void {
    const key = keyOf(record)
    const shared = this.#group.of(record)
    const next = this.#next.get(key)
    this.#group.ledger.read(record)
    if (next === undefined) return this.#world.fail(`${this.#name} is given a record of ${key}, which it does not hold`)
    const start = this.#group.start(record)
    const isRight = next < 0 ? record.offset >= shared.least && record.offset <= Math.max(shared.most, shared.least, start)
      : record.offset === next || (record.offset > next && record.offset <= start)
    this.#world.expect(isRight, () => `${this.#name} is given ${key}@${record.offset} where ${next} is next, ${shared.least} committed, ${shared.most} done`)
    this.#next.set(key, record.offset + 1)
    this.#hand.set(key, { partition: { topic: record.topic, partition: record.partition }, behind: record.offset + 1 })
    shared.reached = Math.max(shared.reached, record.offset + 1)
  }

  async #commit(): Promise<void> {
    const all = this.#consumer.assignment().flatMap((each): [TopicPartition, number][] => {
      const position = this.#consumer.position(each)
      return position === undefined ? [] : [[each, position]]
    })
    this.#finishHand()
    for (const [each, offset] of all) this.#group.of(each).most = Math.max(this.#group.of(each).most, offset)
    await this.#committing(this.#consumer.commit(), all)
  }

  async #committing(promise: Promise<void>, offsets: readonly (readonly [TopicPartition, number])[]): Promise<void> {
    try {
      await this.#watch('commit', promise)
      for (const [each, offset] of offsets) this.#group.of(each).least = Math.max(this.#group.of(each).least, offset)
    } catch (error) {
      const { code } = error as { code?: string }
      this.#world.expect(movedOn.has(code ?? '') || this.#world.tolerates(error), () => `commit of ${this.#name} failed with ${String(error)}`)
    }
  }

  async #close(): Promise<void> {
    this.#finishHand()
    await this.#watch('close', this.#consumer.close())
    this.#forget(this.#consumer.assignment())
    this.#world.expect(this.#consumer.assignment().length === 0 && this.#next.size === 0, () => `${this.#name} holds ${[...this.#next.keys()].join()} after close`)
  }
}
