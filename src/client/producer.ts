/**
 * The producer: checks and serializes records, chooses their partition, and puts them into the accumulator, from where the sender takes
 * them. `send` is the hot path: one promise per record and nothing else is allocated for bytes and strings.
 *
 * Key, value and headers are copied before `send` returns. Records of one partition are appended in the order of the calls, retries
 * included. Back-pressure: when `buffer.memory` is used up or 16 k promises are out, sends wait in line for up to `max.block.ms`.
 *
 * An AbortSignal withdraws a record that is still in line. One that is in a batch already may be appended all the same: the promise
 * rejects with ABORTED, and the outcome is not known.
 */
import { callOptions, shown } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import { callGuarded } from '../common/guarded-call.ts'
import type { Ports } from '../common/ports.ts'
import type { ProducerValues } from '../config/settings.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { Accumulator, type PartitionQueue } from './accumulator.ts'
import { abortedError, closedError } from './failure.ts'
import { askPartitioner, partitionOfKey } from './partitioner.ts'
import type { PendingBatch } from './pending-batch.ts'
import {
  exactSize, headerList, invalid, largestSize, ownCopy, partitionNumber, plainPayload, serializePayload, timestampOf, type Payload, type PayloadHeader,
} from './producer-record.ts'
import { ProducerTopics, type ProducerTopic } from './producer-topics.ts'
import type { SendBudget } from './send-budget.ts'
import { NEW_PROMISE, SendGroup, SendWaiter, type Waiting } from './send-outcome.ts'
import { Sender, type SenderOptions } from './sender.ts'
import type { Partitioner, Producer, ProducerRecord, RecordMetadata, Serializer } from './types.ts'
import { WaitingSends, type WaitingSend } from './waiting-sends.ts'
import { nextTurn, onAbort, Wakeup } from './waiting.ts'

/** `post` says that the buffer is full from here on: beyond it a burst costs pauses of the event loop, not throughput (docs/performance.md, Lessons). */
const POST_HIGH_WATER = 8 * 1024 * 1024
/** Unless there are so many partitions that each would hold less: a batch of a few records costs more than they do. */
const POST_HIGH_WATER_PER_PARTITION = 1280
/** And after so many bytes in one turn of the event loop: what was posted before is written on while more is, where the loop has its turns. */
const POST_PER_TURN = 524_288

export interface ProducerOptions<K, V> extends SenderOptions {
  readonly values: ProducerValues
  readonly keySerializer: Serializer<K> | null
  readonly valueSerializer: Serializer<V> | null
  readonly partitioner: Partitioner<K, V> | 'default' | 'round-robin'
  readonly budget: SendBudget
  readonly ended: () => void
}

/** Reading the clock costs a third of a small record: within one turn of the event loop it is read for every so-manieth record. */
const RECORDS_PER_CLOCK = 16

/** The records of a `sendBatch`, checked and serialized, in columns: an object for each costs as much as checking it. Those that few use are made with the first. */
class StagedRecords {
  readonly count: number
  readonly topics: ProducerTopic[]
  readonly partitions: number[]
  readonly timestamps: number[]
  readonly values: Payload[]
  keys: (Payload | undefined)[] | null = null
  headers: (PayloadHeader[] | null | undefined)[] | null = null

  constructor(count: number) {
    this.count = count
    this.topics = column(count)
    this.partitions = column(count)
    this.timestamps = column(count)
    this.values = column(count)
  }
}

function column<T>(length: number): T[] {
  const list: T[] = []
  list.length = length
  return list
}

const NO_ROOM: unique symbol = Symbol('no room')

/** Counts in the budget. */
function isSingle(sender: Waiting): boolean { return sender === NEW_PROMISE || (sender !== null && !(sender instanceof SendGroup)) }

type ErrorListener = (error: OttlaError, record: { topic: string; partition: number }) => void

export class KafkaProducer<K, V> implements Producer<K, V> {
  readonly #ports: Ports
  readonly #values: ProducerValues
  readonly #keySerializer: Serializer<K> | null
  readonly #valueSerializer: Serializer<V> | null
  readonly #partitioner: Partitioner<K, V> | 'default' | 'round-robin'
  readonly #budget: SendBudget
  readonly #ended: () => void
  readonly #topics: ProducerTopics
  readonly #accumulator: Accumulator
  readonly #sender: Sender
  readonly #waiting: WaitingSends
  /** Something left the line, or room was made. */
  readonly #moved: Wakeup
  /** Of `#values`, whose look-up by name costs as much as all other checks of a record. */
  readonly #surelyFits: number
  readonly #mostBuffered: number
  readonly #listeners = new Set<ErrorListener>()
  #lastTopic: ProducerTopic | null = null
  #nowMs = 0
  #nowUses = 0
  /** Bytes in the accumulator from which on `post` says that it is full; looked at once a turn. */
  #postLimit = 0
  #closing: Promise<void> | null = null

  constructor(api: BrokerApi, ports: Ports, options: ProducerOptions<K, V>) {
    const { values } = options
    this.#ports = ports
    this.#values = values
    this.#keySerializer = options.keySerializer
    this.#valueSerializer = options.valueSerializer
    this.#partitioner = options.partitioner
    this.#budget = options.budget
    this.#ended = options.ended
    this.#topics = new ProducerTopics(api, ports, values, options.embedded)
    this.#accumulator = new Accumulator(ports.clock, values['batch.size'], values['buffer.memory'])
    this.#sender = new Sender(api, ports, values, options, this.#accumulator, {
      turn: () => {
        this.#nowUses = 0
        this.#postLimit = Math.min(this.#accumulator.filled + POST_PER_TURN, this.#highWater)
      },
      settled: (promises) => this.#settled(promises),
      lost: (error, topic, partition, count) => this.#report(error, topic, partition, count),
      unknown: (topic) => this.#topics.refresh(topic),
    })
    this.#waiting = new WaitingSends(ports, values['buffer.memory'], (entry) => this.#timedOut(entry))
    this.#moved = new Wakeup(ports.scheduler)
    this.#surelyFits = Math.min(values['max.request.size'], values['buffer.memory'])
    this.#mostBuffered = values['buffer.memory'] / 2
    this.#postLimit = Math.min(POST_PER_TURN, this.#highWater)
  }

  // ---- sending ----

  send(record: ProducerRecord<K, V>, options?: { signal?: AbortSignal }): Promise<RecordMetadata> {
    if (options !== undefined) return this.#sendWith(record, options)
    try {
      return this.#accept(record, NEW_PROMISE)!
    } catch (error) {
      return Promise.reject(OttlaError.from(error))
    }
  }

  #sendWith(record: ProducerRecord<K, V>, options: { signal?: AbortSignal }): Promise<RecordMetadata> {
    const waiter = new SendWaiter()
    try {
      const { signal } = callOptions('send', options, ['signal'])
      if (signal === undefined) return this.send(record)
      if (signal.aborted) throw abortedError(signal)
      const unlisten = onAbort(signal, () => {
        if (waiter.entry !== null) this.#waiting.leave(waiter.entry)
        waiter.reject(abortedError(signal))
        this.#moved.notify()
      })
      waiter.beforeTold(unlisten)
      void this.#accept(record, waiter)
    } catch (error) {
      waiter.reject(OttlaError.from(error))
    }
    // Itself: one that follows it would be heard of behind a flush.
    return waiter.promise
  }

  sendBatch(records: readonly ProducerRecord<K, V>[]): Promise<RecordMetadata[]> {
    return new Promise((resolve, reject) => {
      if (!Array.isArray(records)) throw invalid('sendBatch takes an array of records')
      if (records.length === 0) {
        this.#checkOpen()
        resolve([])
        return
      }
      const count = records.length
      const staged = this.#stage(records, count)
      const group = new SendGroup(count, resolve, reject, () => this.#settled(1))
      this.#budget.take()
      for (let place = 0; place < count; place++) {
        try {
          const record = records[place] as ProducerRecord<K, V>
          void this.#put(staged.topics[place]!, record, staged.partitions[place]!, staged.timestamps[place]!, staged.keys?.[place] ?? null, staged.values[place]!,
            staged.headers?.[place] ?? null, group, place)
        } catch (error) {
          group.failed(OttlaError.from(error))
        }
      }
    })
  }

  post(record: ProducerRecord<K, V>): boolean {
    try {
      void this.#accept(record, null)
    } catch (error) {
      this.#report(OttlaError.from(error), ...addressOf(record), 1)
    }
    return this.#accumulator.filled < this.#postLimit && this.#waiting.count === 0
  }

  #checkOpen(): void { if (this.#closing !== null) throw closedError('the producer') }

  /** The promise, where `sender` stands for one. */
  #accept(record: ProducerRecord<K, V>, sender: Waiting): Promise<RecordMetadata> | null {
    this.#checkOpen()
    if (record === null || typeof record !== 'object') throw invalid('a record is an object with topic and value')
    const name = record.topic
    const last = this.#lastTopic
    const topic = last !== null && last.name === name ? last : this.#topicNamed(name)
    const headers = record.headers === undefined ? null : headerList(record.headers, name)
    const key = this.#keyOf(record, headers)
    const value = this.#valueOf(record, headers)
    const timestamp = record.timestamp === undefined ? this.#now() : timestampOf(record.timestamp, name)
    const partition = record.partition === undefined ? -1 : partitionNumber(record.partition, name)
    if (largestSize(key, value, headers) > this.#surelyFits) this.#checkSize(name, key, value, headers)
    return this.#put(topic, record, partition, timestamp, key, value, headers, sender, 0)
  }

  /** All are checked and serialized before the first is placed, so that a bad record sends nothing. */
  #stage(records: readonly ProducerRecord<K, V>[], count: number): StagedRecords {
    const staged = new StagedRecords(count)
    for (let i = 0; i < count; i++) {
      try {
        this.#stageOne(staged, i, records[i]!)
      } catch (error) {
        // Records may be made of getters that throw.
        throw OttlaError.from(error)
      }
    }
    return staged
  }

  #stageOne(staged: StagedRecords, place: number, record: ProducerRecord<K, V>): void {
    this.#checkOpen()
    if (record === null || typeof record !== 'object') throw invalid('a record is an object with topic and value')
    const name = record.topic
    const last = this.#lastTopic
    const topic = last !== null && last.name === name ? last : this.#topicNamed(name)
    const headers = record.headers === undefined ? null : headerList(record.headers, name)
    const key = this.#keyOf(record, headers)
    const value = this.#valueOf(record, headers)
    staged.timestamps[place] = record.timestamp === undefined ? this.#now() : timestampOf(record.timestamp, name)
    staged.partitions[place] = record.partition === undefined ? -1 : partitionNumber(record.partition, name)
    if (largestSize(key, value, headers) > this.#surelyFits) this.#checkSize(name, key, value, headers)
    staged.topics[place] = topic
    staged.values[place] = value
    if (key !== null) (staged.keys ??= column(staged.count))[place] = key
    if (headers !== null) (staged.headers ??= column(staged.count))[place] = headers
  }

  /** Wall clock, at most some records of this turn old. */
  #now(): number {
    return this.#nowUses-- > 0 ? this.#nowMs : this.#readClock()
  }

  #readClock(): number {
    this.#nowMs = this.#ports.clock.now()
    this.#nowUses = RECORDS_PER_CLOCK - 1
    this.#sender.ensureTurn()
    return this.#nowMs
  }

  #topicNamed(name: string): ProducerTopic {
    const topic = this.#topics.named(name)
    this.#lastTopic = topic
    return topic
  }

  #keyOf(record: ProducerRecord<K, V>, headers: PayloadHeader[] | null): Payload {
    const { key } = record
    if (key === undefined || key === null) return null
    return this.#keySerializer === null ? plainPayload('key', key, record.topic) : serializePayload('key', this.#keySerializer, key as K, record.topic, headers)
  }

  #valueOf(record: ProducerRecord<K, V>, headers: PayloadHeader[] | null): Payload {
    const { value, topic } = record
    return this.#valueSerializer === null ? plainPayload('value', value, topic) : serializePayload('value', this.#valueSerializer, value, topic, headers)
  }

  #checkSize(topic: string, key: Payload, value: Payload, headers: readonly PayloadHeader[] | null): void {
    const size = exactSize(key, value, headers)
    for (const name of ['max.request.size', 'buffer.memory'] as const) {
      const limit = this.#values[name]
      if (size > limit) throw new OttlaError('MESSAGE_TOO_LARGE', `a record of ${size} bytes is larger than ${name} (${limit})`, { topic })
    }
  }

  // ---- placing ----

  #put(topic: ProducerTopic, record: ProducerRecord<K, V>, partition: number, timestamp: number, key: Payload, value: Payload, headers: PayloadHeader[] | null,
    sender: Waiting, place: number): Promise<RecordMetadata> | null {
    let queue: PartitionQueue | null = null
    if (partition < topic.partitionCount && topic.partitionCount > 0 && topic.waiting.length === 0) {
      const target = partition >= 0 ? partition : this.#choose(topic, record, key, value)
      queue = topic.queue(target) ?? this.#addQueue(topic, target)
      if (!this.#mustWait(sender) && this.#waiting.isEmpty) {
        const promise = this.#append(topic, queue, partition < 0, timestamp, key, value, headers, sender, place)
        if (promise !== NO_ROOM) return promise
      }
    }
    return this.#wait(topic, queue, record, partition, timestamp, key, value, headers, sender, place)
  }

  #addQueue(topic: ProducerTopic, partition: number): PartitionQueue {
    const queue = topic.addQueue(partition)
    this.#sender.addQueue(queue)
    return queue
  }

  #choose(topic: ProducerTopic, record: ProducerRecord<K, V>, key: Payload, value: Payload): number {
    if (typeof this.#partitioner === 'function') return askPartitioner(this.#partitioner, record, topic.partitionCount, key, value)
    if (this.#partitioner === 'round-robin') return topic.choice.roundRobin(topic.partitionCount)
    if (key !== null && !this.#values['partitioner.ignore.keys']) return partitionOfKey(key, topic.partitionCount)
    return topic.choice.sticky(topic.partitionCount)
  }

  #append(topic: ProducerTopic, queue: PartitionQueue, chosen: boolean, timestamp: number, key: Payload, value: Payload, headers: PayloadHeader[] | null,
    sender: Waiting, place: number): Promise<RecordMetadata> | null | typeof NO_ROOM {
    const open = queue.open
    const before = open === null ? 0 : open.builder.sizeInBytes
    const batch = this.#accumulator.append(queue, timestamp, key, value, headers)
    if (batch === null) return NO_ROOM
    const promise = batch.register(batch.count - 1, timestamp, sender, place, this.#budget.areMany)
    if (isSingle(sender)) this.#budget.take()
    if (chosen) topic.choice.count(queue.partition, topic.partitionCount, batch.builder.sizeInBytes - (batch === open ? before : 0), queue.open === null)
    this.#sender.wake(queue)
    return promise
  }

  #wait(topic: ProducerTopic, queue: PartitionQueue | null, record: ProducerRecord<K, V>, partition: number, timestamp: number, key: Payload, value: Payload,
    headers: PayloadHeader[] | null, sent: Waiting, place: number): Promise<RecordMetadata> | null {
    const sender = sent === NEW_PROMISE ? new SendWaiter() : sent
    const entry: WaitingSend = {
      queue, topic: topic.name, partition, record, key: ownCopy(key), value: ownCopy(value),
      headers: headers === null ? null : headers.map((header) => ({ key: header.key, value: ownCopy(header.value) })),
      timestamp, sender, place, deadline: this.#ports.clock.monotonic() + this.#values['max.block.ms'],
      size: exactSize(key, value, headers), left: false,
    }
    this.#waiting.enter(entry)
    if (queue !== null) {
      this.#waiting.line(entry)
      this.#makeRoom(entry)
    } else {
      topic.waiting.push(entry)
      if (topic.waiting.length === 1) {
        this.#sender.prepareAhead()
        this.#topics.load(topic).then(() => this.#topicKnown(topic), (error: unknown) => this.#topicUnknown(topic, OttlaError.from(error)))
      }
    }
    if (!(sender instanceof SendWaiter)) return null
    sender.entry = entry
    return sender.promise
  }

  #topicKnown(topic: ProducerTopic): void {
    const entries = topic.waiting
    topic.waiting = []
    for (const entry of entries) {
      if (entry.left) continue
      try {
        if (entry.partition >= topic.partitionCount) {
          const problem = `topic ${topic.name} has partitions 0 to ${topic.partitionCount - 1}, not ${entry.partition}`
          throw new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', problem, { topic: topic.name, partition: entry.partition })
        }
        const partition = entry.partition >= 0 ? entry.partition : this.#choose(topic, entry.record as ProducerRecord<K, V>, entry.key, entry.value)
        entry.queue = topic.queue(partition) ?? this.#addQueue(topic, partition)
        this.#waiting.line(entry)
      } catch (error) {
        this.#reject(entry, OttlaError.from(error))
      }
    }
    this.#admit()
    this.#endLinger(entries)
  }

  /** Whoever waited for metadata has waited for others already, but for those that are sent as soon as it is there: `drained` goes on now. */
  #endLinger(entries: readonly WaitingSend[]): void {
    const since = entries[0]!.deadline - this.#values['max.block.ms']
    if (this.#ports.clock.monotonic() - since < this.#values['linger.ms']) return
    void this.#nextTurn().then(() => { this.#sender.nudge(new Set(entries.flatMap(({ queue }) => queue ?? []))) })
  }

  #topicUnknown(topic: ProducerTopic, error: OttlaError): void {
    const entries = topic.waiting
    topic.waiting = []
    if (topic.partitionCount === 0) {
      this.#topics.forget(topic)
      if (this.#lastTopic === topic) this.#lastTopic = null
    }
    for (const entry of entries) this.#reject(entry, error)
    this.#moved.notify()
  }

  /** Places those in line, in order, while there is room. */
  readonly #admit = (): void => {
    for (let entry = this.#waiting.first(); entry !== null; entry = this.#waiting.first()) {
      if (this.#mustWait(entry.sender)) {
        this.#makeRoom(entry)
        break
      }
      const topic = this.#topics.named(entry.topic)
      try {
        const { queue, partition, timestamp, key, value, headers, sender, place } = entry
        if (this.#append(topic, queue!, partition < 0, timestamp, key, value, headers, sender, place) === NO_ROOM) {
          this.#makeRoom(entry)
          break
        }
        this.#waiting.leave(entry)
      } catch (error) {
        this.#reject(entry, OttlaError.from(error))
      }
    }
    this.#moved.notify()
  }

  /** Whoever waits for memory waits for batches to go, so none lingers. */
  #makeRoom(entry: WaitingSend): void {
    this.#sender.nudge()
    if (this.#mustWait(entry.sender)) this.#budget.whenRoom(this.#admit)
  }

  /** For a promise to come home. */
  #mustWait(sender: Waiting): boolean { return this.#budget.isSpent && isSingle(sender) }

  #reject(entry: WaitingSend, error: OttlaError): void {
    if (entry.left) return
    this.#waiting.leave(entry)
    const { sender } = entry
    if (sender === null) this.#report(error, entry.topic, entry.queue?.partition ?? entry.partition, 1)
    else if (sender instanceof SendWaiter) sender.reject(error)
    else sender.failed(error)
  }

  #timedOut(entry: WaitingSend): void {
    const { topic } = entry
    const limitMs = this.#values['max.block.ms']
    this.#reject(entry, new OttlaError('BUFFER_EXHAUSTED', `no room within max.block.ms (${limitMs}) for a record of topic ${topic}`, { topic }))
    this.#moved.notify()
  }

  #settled(promises: number): void {
    if (promises > 0) this.#budget.giveBack(promises)
    if (this.#waiting.count > 0) this.#admit()
    else this.#moved.notify()
  }

  // ---- buffer, events ----

  /** Less than this part of what may be buffered is. */
  #hasRoom(part: number): boolean {
    return this.#waiting.count === 0 && this.#accumulator.filled < this.#highWater * part
  }

  get #highWater(): number { return Math.min(Math.max(POST_HIGH_WATER, this.#sender.queueCount * POST_HIGH_WATER_PER_PARTITION), this.#mostBuffered) }

  async #nextTurn(): Promise<void> {
    this.#sender.ensureTurn()
    await nextTurn(this.#ports.scheduler)
  }

  /** At half of what fills it: woken for every batch that went, who posts to many partitions would fill one batch at a time. */
  async drained(): Promise<void> {
    if (this.#hasRoom(1)) {
      if (this.#accumulator.filled >= this.#postLimit) await this.#nextTurn()
      return
    }
    while (!this.#hasRoom(0.5) && !this.#sender.stopped) await this.#moved.wait(Infinity)
  }

  on(event: 'error', listener: ErrorListener): this {
    checkEvent(event, listener)
    this.#listeners.add(listener)
    return this
  }

  off(event: 'error', listener: ErrorListener): this {
    checkEvent(event, listener)
    this.#listeners.delete(listener)
    return this
  }

  #report(error: OttlaError, topic: string, partition: number, count: number): void {
    if (this.#listeners.size === 0) {
      this.#ports.logger.error("posted records were lost: listen to the 'error' event of the producer", { topic, partition, count, error })
    }
    for (const listener of Array.from(this.#listeners)) {
      for (let i = 0; i < count; i++) {
        callGuarded(() => listener(error, { topic, partition }), (thrown) => this.#ports.logger.error("a listener of the producer's 'error' event threw", { error: thrown }))
      }
    }
  }

  // ---- ends ----

  async flush(): Promise<void> {
    const unhurry = this.#sender.hurry()
    try {
      const entries = [...this.#topics.waiting(), ...this.#waiting.inLine()]
      for (let i = 0; i < entries.length;) {
        if (entries[i]!.left || this.#sender.stopped) i++
        else await this.#moved.wait(Infinity)
      }
      await Promise.all(this.#sender.unsettled().map((batch) => batch.whenSettled()))
      // With acks 0 a send is settled before the broker has it; whoever flushes wants to find it there.
      for (const isAnswered of this.#sender.flights()) while (!isAnswered() && !this.#sender.stopped) await this.#moved.wait(Infinity)
    } finally {
      unhurry()
    }
  }

  /** Sends what is buffered, waits until all is settled (at most max.block.ms + delivery.timeout.ms), and ends. */
  close(): Promise<void> {
    this.#closing ??= this.flush().then(() => this.#end())
    return this.#closing
  }

  /** Ends at once: what is not settled rejects with CLOSED. */
  abandon(): void {
    this.#closing ??= Promise.resolve()
    this.#end()
  }

  #end(): void {
    const error = closedError('the producer')
    this.#topics.close()
    this.#waiting.close()
    for (const entry of [...this.#topics.waiting(), ...this.#waiting.inLine()]) this.#reject(entry, error)
    this.#sender.stop(error)
    this.#moved.notify()
    this.#ended()
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close() }

  /**
   * For the exit handler: all that is buffered, sealed, in order per partition. `partitionCount`, 0 for none, serves sends that still wait for
   * metadata. The producer is dead afterwards.
   */
  takePending(partitionCount: (topic: string) => number): PendingBatch[] {
    this.#closing ??= Promise.resolve()
    const { acks } = this.#values
    const unplaced = this.#topics.waiting()
    const pending: PendingBatch[] = this.#sender.takePending().map(({ queue, records }) => ({ topic: queue.topic, partition: queue.partition, records, acks }))
    for (const entry of this.#waiting.inLine()) {
      const { topic, queue, key, value, headers, timestamp } = entry
      this.#waiting.leave(entry)
      pending.push({ topic, partition: queue!.partition, records: buildBatch([{ timestamp, key, value, headers }]), acks })
    }
    for (const entry of unplaced) {
      const { topic, key, value, headers, timestamp } = entry
      this.#waiting.leave(entry)
      const partition = this.#partitionAtExit(entry, partitionCount)
      if (partition >= 0) pending.push({ topic, partition, records: buildBatch([{ timestamp, key, value, headers }]), acks })
      else this.#report(new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} is not there at exit`, { topic }), topic, entry.partition, 1)
    }
    return pending
  }

  /** For a send that came before the partitions of its topic were known; −1: there is none. */
  #partitionAtExit(entry: WaitingSend, partitionCount: (topic: string) => number): number {
    const topic = this.#topics.named(entry.topic)
    if (topic.partitionCount === 0) topic.partitionCount = partitionCount(entry.topic)
    if (entry.partition >= 0 || topic.partitionCount === 0) return entry.partition < topic.partitionCount ? entry.partition : -1
    try {
      return this.#choose(topic, entry.record as ProducerRecord<K, V>, entry.key, entry.value)
    } catch {
      return -1
    }
  }
}

/** What a record that was refused says of itself: it may hold anything. */
function addressOf(record: unknown): [topic: string, partition: number] {
  try {
    const { topic, partition } = record as { topic: unknown; partition: unknown }
    return [typeof topic === 'string' ? topic : shown(topic), typeof partition === 'number' ? partition : -1]
  } catch {
    return ['', -1]
  }
}

function checkEvent(event: string, listener: unknown): void {
  if (event !== 'error') throw invalid(`a producer has one event, 'error', not ${shown(event)}`)
  if (typeof listener !== 'function') throw invalid('a listener is a function')
}
