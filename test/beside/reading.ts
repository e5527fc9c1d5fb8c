/** An actor that reads partitions it was assigned by hand, in every way, and knows where it stands in each of them. */
import type { Consumer, ConsumerBatch, ConsumerRecord, ConsumerSettings, TopicPartition } from '../../src/client/types.ts'
import type { Ledger } from './ledger.ts'
import { partitionsOf, type Topics } from './tending.ts'
import { codeOf, type World } from './world.ts'

interface Place extends TopicPartition {
  /** Of the next record; −1: to be found. */
  next: number
  /** Sought while a read was under way: what it gives may be from before. */
  before: number
  isPaused: boolean
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

/** Settings under which little is fetched, handed out and waited for at a time. */
export function scarceSettings(world: World): ConsumerSettings {
  const { random } = world
  return {
    'auto.offset.reset': 'earliest', 'max.poll.records': random.pick([1, 3, 20, 500]), 'fetch.max.bytes': random.pick([1, 500, 5000, 52_428_800]),
    'max.partition.fetch.bytes': random.pick([1, 300, 4_194_304]), 'fetch.min.bytes': random.pick([0, 1, 1, 400]), 'fetch.max.wait.ms': random.pick([0, 10, 500]),
    'check.crcs': random.int(2) === 0, 'isolation.level': random.pick(['read_uncommitted', 'read_committed'] as const),
    'auto.commit.interval.ms': random.pick([10, 1000, 5000])
  }
}

export class Reading {
  readonly #world: World
  readonly #ledger: Ledger
  readonly #name: string
  readonly #topics: Topics
  readonly #consumer: Consumer
  readonly #group: string | null
  readonly #isAuto: boolean
  #places = new Map<string, Place>()
  #isReading = false
  /** By partition, what is committed; with auto commit, what may have been. */
  readonly #committed = new Map<string, Set<number>>()
  #done = false

  constructor(world: World, ledger: Ledger, id: number, topics: Topics) {
    this.#world = world
    this.#ledger = ledger
    this.#topics = topics
    this.#group = world.random.int(2) === 0 ? null : `own-${id}`
    const settings = { ...scarceSettings(world), ...(this.#group === null ? {} : { 'group.id': this.#group, 'enable.auto.commit': world.random.int(2) === 0 }) }
    this.#isAuto = settings['enable.auto.commit'] === true
    this.#name = `reader ${id} ${JSON.stringify(settings)}`
    this.#consumer = world.ottla.consumer(settings)
    this.#assign()
  }

  // ---- what is read --------------------------------------------------------------------------------------------------------------

  #assign(): void {
    const { random } = this.#world
    const wanted = partitionsOf(this.#topics).filter(() => random.int(4) > 0)
    const given = wanted.map((each) => random.int(3) === 0 ? { ...each, offset: random.int(this.#end(each) + 1) } : { ...each })
    const places = new Map<string, Place>()
    for (const each of given) {
      const key = keyOf(each)
      const there = this.#places.get(key)
      const offset = 'offset' in each ? each.offset : undefined
      const place = there ?? { topic: each.topic, partition: each.partition, next: -1, before: -1, isPaused: false }
      if (offset !== undefined) this.#move(place, offset)
      places.set(key, place)
    }
    this.#places = places
    this.#consumer.assign(given)
  }

  #move(place: Place, next: number): void {
    if (this.#isReading && place.next !== next) place.before = place.next
    place.next = next
    this.#passed(place)
  }

  #passed(place: Place): void {
    if (this.#isAuto) this.#committed.set(keyOf(place), (this.#committed.get(keyOf(place)) ?? new Set([0])).add(place.next))
  }

  /** Where reading may begin in a partition that was not read before, or was given up. */
  #mayBegin(place: TopicPartition, at: number): boolean { return (this.#committed.get(keyOf(place)) ?? new Set([0])).has(at) || this.#isSkip(place, 0, at) }

  /** What is before `to` is deleted. */
  #isSkip(place: TopicPartition, from: number, to: number): boolean { return from < to && to <= this.#start(place) }

  #end({ topic, partition }: TopicPartition): number { return this.#world.ottla.log(topic, partition).highWatermark }
  #start({ topic, partition }: TopicPartition): number { return this.#world.ottla.log(topic, partition).logStartOffset }

  // ---- reading -------------------------------------------------------------------------------------------------------------------

  async run(steps: number): Promise<void> {
    const { random } = this.#world
    const meddling = this.#meddle()
    for (let step = 0; step < steps && !this.#world.isClosing; step++) {
      await this.#world.attempt(this.#step(random.int(10)))
      if (random.int(3) === 0) await this.#world.sleep(random.int(30))
    }
    this.#done = true
    await meddling
  }

  async #step(kind: number): Promise<void> {
    if (this.#places.size === 0) this.#assign()
    else if (kind < 3) await this.#poll()
    else if (kind < 5) await this.#records()
    else if (kind < 6) await this.#batches()
    else if (kind < 7) await this.#seek()
    else if (kind < 8) await this.#ask()
    else if (kind < 9) await this.#commit()
    else this.#assign()
  }

  /** Reads to the end, which is not to move any more. */
  async catchUp(): Promise<void> {
    this.#consumer.resume()
    for (const place of this.#places.values()) place.isPaused = false
    const isBehind = (): boolean => [...this.#places.values()].some((place) => (place.next < 0 ? this.#consumer.position(place) ?? 0 : Math.max(place.next, this.#start(place))) < this.#end(place))
    for (let round = 0; isBehind(); round++) {
      this.#world.expect(round < 3000, () => `${this.#name} does not get to the end: ${JSON.stringify([...this.#places.values()])}`)
      await this.#poll()
    }
  }

  async close(): Promise<void> {
    await this.#world.watch(`close of ${this.#name}`, this.#consumer.close())
    this.#world.expect(await codeOf(this.#consumer.poll()) === 'CLOSED', () => 'a closed consumer is read')
  }

  async #reading<T>(what: string, promise: Promise<T>): Promise<T> {
    this.#isReading = true
    for (const place of this.#places.values()) place.before = -1
    try {
      return await this.#world.watch(`${what} of ${this.#name}`, promise)
    } finally {
      this.#isReading = false
    }
  }

  async #poll(): Promise<void> {
    const { random } = this.#world
    const timeoutMs = random.pick([0, 5, 1000])
    const controller = new AbortController()
    if (random.int(6) === 0) void this.#world.sleep(random.int(40)).then(() => controller.abort())
    const since = this.#world.now
    try {
      const batches = await this.#reading('poll', this.#consumer.poll({ timeoutMs, signal: controller.signal }))
      for (const batch of batches) this.#take(batch, [...batch])
      this.#world.expect(batches.length > 0 || this.#world.isClosing || this.#world.now - since >= timeoutMs, () => `poll of ${this.#name} gives nothing before its time`)
    } catch (error) {
      this.#refused(error, controller.signal)
    }
  }

  #refused(error: unknown, signal: AbortSignal | null = null): void {
    const { code } = error as { code?: string }
    if (code !== 'ABORTED' || signal?.aborted !== true) throw error
  }

  /** Some records by a loop that is left early. */
  async #records(): Promise<void> {
    let left = 1 + this.#world.random.int(8)
    if (!this.#hasMore()) return
    const iterator = this.#consumer[Symbol.asyncIterator]()
    while (left-- > 0 && this.#hasMore()) {
      const { value, done } = await this.#reading('next record', iterator.next())
      if (done === true && this.#world.isClosing) return
      this.#next(value as ConsumerRecord)
    }
    await iterator.return!()
  }

  async #batches(): Promise<void> {
    const { random } = this.#world
    if (!this.#hasMore()) return
    const controller = new AbortController()
    const iterator = this.#consumer.batches({ signal: controller.signal })[Symbol.asyncIterator]()
    try {
      for (let left = 1 + random.int(3); left > 0 && this.#hasMore(); left--) {
        if (random.int(6) === 0) void this.#world.sleep(random.int(40)).then(() => controller.abort())
        const { value, done } = await this.#reading('next batch', iterator.next())
        if (done === true) break
        if (random.int(2) === 0) this.#take(value, [...value])
        else this.#cursor(value)
      }
    } catch (error) {
      this.#refused(error, controller.signal)
    }
    await iterator.return!()
  }

  #cursor(batch: ConsumerBatch): void {
    const records = [...batch]
    const cursor = batch.cursor()
    let count = 0
    for (; cursor.next(); count++) {
      const record = records[count]!
      const isSame = cursor.offset === record.offset && Buffer.compare(cursor.value() ?? Buffer.from(''), record.value ?? Buffer.from('')) === 0
      this.#world.expect(isSame, () => 'the cursor tells of another record')
    }
    this.#world.expect(count === batch.count, () => 'the cursor ends early')
    this.#take(batch, records)
  }

  /** Something is at hand or comes by itself: a loop without a signal ends only with it. */
  #hasMore(): boolean { return [...this.#places.values()].some((place) => !place.isPaused && place.next >= 0 && Math.max(place.next, this.#start(place)) < this.#end(place)) }

  #take(batch: ConsumerBatch, records: readonly ConsumerRecord[]): void {
    this.#world.expect(batch.count === records.length && batch.count > 0, () => `a batch of ${batch.count} has ${records.length} records`)
    this.#world.expect(batch.baseOffset === records[0]!.offset && batch.lastOffset === records.at(-1)!.offset, () => 'a batch has other offsets')
    for (const record of records) this.#next(record)
  }

  #next(record: ConsumerRecord): void {
    const place = this.#places.get(keyOf(record))
    const shown = (): string => `${this.#name}: ${keyOf(record)}@${record.offset}`
    this.#ledger.read(record)
    // Handed out before the assignment changed.
    if (place === undefined) return
    if (place.before >= 0 && record.offset === place.before) {
      place.before++
      return
    }
    place.before = -1
    if (place.next < 0) {
      this.#world.expect(this.#mayBegin(record, record.offset), () => `${shown()} comes first, committed was ${[...this.#committed.get(keyOf(record)) ?? []].join()}`)
    } else {
      const isNext = record.offset === place.next || this.#isSkip(place, place.next, record.offset)
      this.#world.expect(isNext, () => `${shown()} comes where ${place.next} is next`)
    }
    place.next = record.offset + 1
    this.#passed(place)
  }

  // ---- the rest ------------------------------------------------------------------------------------------------------------------

  /** Beside reads: what takes effect at once. */
  async #meddle(): Promise<void> {
    const { random } = this.#world
    while (!this.#done) {
      await this.#world.sleep(random.int(100))
      const place = [...this.#places.values()][random.int(Math.max(1, this.#places.size))]
      if (this.#done || this.#world.isClosing || place === undefined) continue
      const kind = random.int(4)
      if (kind === 0) {
        place.isPaused = !place.isPaused
        if (place.isPaused) this.#consumer.pause([place])
        else this.#consumer.resume([place])
      } else if (kind === 1) {
        this.#consumer.resume()
        for (const each of this.#places.values()) each.isPaused = false
      } else if (kind === 2) {
        const offset = this.#start(place) + random.int(this.#end(place) - this.#start(place) + 1)
        this.#move(place, offset)
        void this.#consumer.seek({ topic: place.topic, partition: place.partition, offset })
      } else {
        const position = this.#consumer.position(place)
        this.#world.expect(position === undefined || this.#isReading || place.next < 0 || position === place.next || this.#isSkip(place, place.next, position),
          () => `${this.#name} stands at ${position}, not at ${place.next} of ${keyOf(place)}`)
      }
    }
  }

  async #seek(): Promise<void> {
    const { random } = this.#world
    const place = random.pick([...this.#places.values()])
    const { topic, partition } = place
    const least = { start: this.#start(place), end: this.#end(place) }
    const timestamp = this.#world.scheduler.clock.now() - random.int(Math.ceil(this.#world.now) + 10_000)
    const target = random.pick([{ offset: 'earliest' as const }, { offset: 'latest' as const }, { timestamp }])
    const code = await codeOf(this.#world.watch(`seek of ${this.#name}`, this.#consumer.seek({ topic, partition, ...target })))
    // The meddler was there first.
    if (code === 'ABORTED' || this.#world.tolerates({ code })) return
    this.#world.expect(code === '', () => `seek failed with ${code}`)
    const found = this.#consumer.position(place)!
    this.#move(place, found)
    if ('timestamp' in target) return
    const [from, to] = target.offset === 'earliest' ? [least.start, this.#start(place)] : [least.end, this.#end(place)]
    this.#world.expect(found >= from && found <= to, () => `the ${target.offset} of ${keyOf(place)} is ${found}, neither ${from} nor ${to}`)
  }

  async #ask(): Promise<void> {
    const before = new Map([...this.#places].map(([key, place]) => [key, { next: place.next, end: this.#end(place) }]))
    for (const { topic, partition, position, highWatermark, lag } of await this.#world.watch(`lag of ${this.#name}`, this.#consumer.lag())) {
      const place = this.#places.get(`${topic}-${partition}`)
      const was = before.get(`${topic}-${partition}`)
      if (place === undefined || was === undefined) continue
      const isRight = highWatermark >= was.end && highWatermark <= this.#end(place) && lag === Math.max(0, highWatermark - position)
      this.#world.expect(isRight, () => `lag tells of the end ${highWatermark} and ${lag} records from ${position} on, where there were ${was.end}`)
      const mayBe = was.next < 0 ? this.#mayBegin(place, position) : this.#isSkip(place, was.next, position)
      this.#world.expect(mayBe || position === was.next || position === place.next, () => `lag tells of position ${position}, where ${place.next} is next`)
    }
  }

  async #commit(): Promise<void> {
    if (this.#group === null) {
      this.#world.expect(await codeOf(this.#consumer.commit()) === 'INVALID_GROUP_ID', () => 'a commit without a group goes through')
      return
    }
    const due = [...this.#places.values()].filter((place) => this.#consumer.position(place) !== undefined)
      .map((place) => ({ key: keyOf(place), offset: this.#consumer.position(place)! }))
    await this.#world.watch(`commit of ${this.#name}`, this.#consumer.commit())
    if (this.#isAuto) return
    const committed = await this.#world.watch(`committed of ${this.#name}`, this.#consumer.committed(partitionsOf(this.#topics)))
    for (const { key, offset } of due) {
      const found = committed.find((each) => keyOf(each) === key)?.offset
      this.#world.expect(found === offset, () => `${this.#name} committed ${offset} of ${key}, and finds ${found}`)
      this.#committed.set(key, new Set([offset]))
    }
  }
}
