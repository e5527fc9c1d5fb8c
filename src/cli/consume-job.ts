/**
 * One run of `ottla consume`: where reading starts, how it goes on until the end of the log, the limit or the interrupt, and what is
 * committed. Positions outlive the database, which is opened anew for each look at a directory that another process writes.
 */
import type { Consumer, ConsumerBatch, ConsumerRecord, ConsumerSettings, Kafka, TopicPartition } from '../index.ts'
import { OttlaError } from '../common/errors.ts'
import { choice, pairs } from './arguments.ts'
import { UsageError } from './command.ts'
import type { Printer } from './record-printer.ts'
import { isRemote, withKafka, type SourceValues } from './session.ts'
import type { Terminal } from './terminal.ts'
import { toRegExp } from './topic-names.ts'

/** How often a directory that another process writes is looked at again. */
const FOLLOW_PERIOD_MS = 250
const POLL_MS = 100
/** Empty polls in a row after which it is asked whether anything can come that has not. */
const PATIENCE = 5
/** To be at the end is what ends reading. A cluster, a group that must get its partitions, and a machine with other things to do are given this long. */
const LONG_PATIENCE = 600
/** How often topics and partitions that are new are looked for on a cluster. */
const REMOTE_LOOK_MS = 5000

interface Start { readonly topic: string; readonly partition: number; readonly offset: number }

export interface ConsumeValues extends SourceValues {
  readonly topic: string | undefined
  readonly include: string | undefined
  readonly 'from-beginning': boolean
  readonly partition: number | undefined
  readonly offset: string | undefined
  readonly group: string | undefined
  readonly 'max-messages': number | undefined
  readonly follow: boolean
  readonly 'timeout-ms': number | undefined
  readonly 'isolation-level': string | undefined
  readonly 'consumer-property': readonly string[]
  readonly 'skip-message-on-error': boolean
}

export class ConsumeJob {
  printed = 0
  readonly #terminal: Terminal
  readonly #printer: Printer
  readonly #values: ConsumeValues
  readonly #limit: number
  readonly #isRemote: boolean
  /** Settings of consumers that `--command-config` gives. */
  readonly #given: Readonly<Record<string, string>>
  /** Next offset by "topic-partition". */
  readonly #positions = new Map<string, Start>()
  #lastRecordAt = performance.now()

  constructor(terminal: Terminal, printer: Printer, values: ConsumeValues, given: Readonly<Record<string, string>>) {
    this.#isRemote = isRemote(values)
    this.#given = given
    this.#terminal = terminal
    this.#printer = printer
    this.#values = values
    const limit = values['max-messages'] ?? -1
    this.#limit = limit === -1 ? Infinity : limit
  }

  get #finished(): boolean { return this.printed >= this.#limit || this.#terminal.signal.aborted }

  /** At the end of the log: true while it is worth waiting for more. */
  get #waits(): boolean {
    const timeout = this.#values['timeout-ms']
    if (timeout !== undefined) return performance.now() - this.#lastRecordAt < timeout
    return this.#values.follow
  }

  /** Reads without group to the end of the log, and on while there is something to wait for. */
  async read(): Promise<void> {
    if (!this.#isRemote) return this.#readDirectory()
    await withKafka(this.#terminal, this.#values, 'read', async (kafka) => {
      do await this.#readAssigned(kafka)
      while (!this.#finished && this.#waits)
    })
  }

  /** Opens, reads to the end and closes; again while there is something to wait for. */
  async #readDirectory(): Promise<void> {
    for (;;) {
      await withKafka(this.#terminal, this.#values, 'read', (kafka) => this.#readAssigned(kafka))
      await this.#terminal.flush()
      if (this.#finished || !this.#waits) return
      await pause(FOLLOW_PERIOD_MS, this.#terminal.signal)
      if (this.#finished) return
    }
  }

  async #readAssigned(kafka: Kafka): Promise<void> {
    const isFirst = this.#positions.size === 0
    const starts = await this.#starts(kafka)
    const ends = await this.#ends(kafka, starts)
    for (const [key, end] of isFirst ? ends : []) {
      if (this.#values.offset !== undefined && Number(this.#values.offset) > end) this.#terminal.note(`${key} ends at offset ${end}: ${this.#values.offset} is not there yet`)
    }
    const wanted = this.#goesOn ? starts : starts.filter((start) => !isAhead(start, ends))
    // Made in any case: it refuses settings that make no sense.
    const consumer = kafka.consumer(this.#settings({}))
    if (wanted.length === 0) {
      await consumer.close()
      return this.#goesOn ? pause(FOLLOW_PERIOD_MS, this.#terminal.signal) : undefined
    }
    consumer.assign(wanted)
    const lookAt = performance.now() + REMOTE_LOOK_MS
    for (let empty = 0; !this.#finished;) {
      const batches = await consumer.poll({ timeoutMs: POLL_MS, signal: this.#terminal.signal })
      empty = batches.length === 0 ? empty + 1 : 0
      for (const batch of batches) await this.#print(batch, null)
      if (batches.length > 0 && this.#goesOn) await this.#terminal.flush()
      if (this.#finished) break
      // Behind what was printed: markers and aborted records are never handed out.
      for (const { topic, partition } of wanted) {
        const offset = consumer.position({ topic, partition })
        if (offset !== undefined) this.#positions.set(keyOf({ topic, partition }), { topic, partition, offset })
      }
      if (this.#goesOn ? performance.now() >= lookAt : await this.#isRead(kafka, wanted, ends) || await this.#isDry(consumer, empty)) break
    }
    await consumer.close()
  }

  /**
   * True once `wanted` is read up to `ends`. Those of a directory move only where an owner compacts what is being read: the last records of some keys may stand behind
   * the ends of before, and are read too.
   */
  async #isRead(kafka: Kafka, wanted: readonly Start[], ends: Map<string, number>): Promise<boolean> {
    const areAhead = (): boolean => wanted.every((start) => isAhead(this.#positions.get(keyOf(start))!, ends))
    if (!areAhead() || this.#isRemote) return areAhead()
    for (const [key, end] of await this.#ends(kafka, wanted)) ends.set(key, end)
    return areAhead()
  }

  /** A cluster is written while it is read: the consumer that is at the end is the one that gets what comes. */
  get #goesOn(): boolean { return this.#isRemote && this.#waits }

  async readAsGroup(kafka: Kafka): Promise<void> {
    const topics = await this.#topics(kafka)
    const consumer = kafka.consumer(this.#settings({
      'group.id': this.#values.group!, 'enable.auto.commit': false, 'auto.offset.reset': this.#values['from-beginning'] ? 'earliest' : 'latest',
    }))
    consumer.subscribe(topics)
    for (let empty = 0; !this.#finished;) {
      const batches = await consumer.poll({ timeoutMs: POLL_MS, signal: this.#terminal.signal })
      empty = batches.length === 0 ? empty + 1 : 0
      for (const batch of batches) await this.#print(batch, consumer)
      if (!this.#finished && !this.#waits && (await this.#isAtEnd(kafka, consumer) || await this.#isDry(consumer, empty))) break
    }
    await consumer.close()
  }

  /** Whether so many empty polls mean that there is nothing more. Raises REQUEST_TIMED_OUT when what is there does not come. */
  async #isDry(consumer: Consumer, empty: number): Promise<boolean> {
    if (empty < PATIENCE) return false
    // Who reads what is committed gets nothing behind the first open transaction.
    const [lags, assigned] = [await consumer.lag(), consumer.assignment().length]
    if (assigned > 0 && lags.length === assigned && lags.every(({ lag }) => lag <= 0)) return true
    if (empty < LONG_PATIENCE) return false
    if (assigned === 0) return true
    throw new OttlaError('REQUEST_TIMED_OUT', `nothing has come for ${LONG_PATIENCE * POLL_MS / 1000} s, and the end of the log is not reached`)
  }

  /** True once partitions are assigned and every one of them is read to its end. */
  async #isAtEnd(kafka: Kafka, consumer: Consumer): Promise<boolean> {
    const assigned = consumer.assignment()
    if (assigned.length === 0) return false
    const ends = await this.#ends(kafka, assigned)
    return assigned.every((tp) => (consumer.position(tp) ?? -1) >= ends.get(keyOf(tp))!)
  }

  /** Undefined in place of a promise where there is room. */
  #printOne(record: ConsumerRecord): Promise<void> | undefined {
    try {
      return this.#printer.print(record)
    } catch (error) {
      const { topic, partition, offset } = record
      const what = `${topic}-${partition} at offset ${offset}: ${OttlaError.from(error).message}`
      if (!this.#values['skip-message-on-error']) throw new OttlaError('SERIALIZATION_ERROR', what, { topic, partition, offset, cause: error })
      this.#terminal.note(`skipped ${what}`)
      return undefined
    }
  }

  /** Prints a batch; as a group commits behind what has left this process. */
  async #print(batch: ConsumerBatch, consumer: Consumer | null): Promise<void> {
    let next = -1
    for (const record of batch as Iterable<ConsumerRecord>) {
      if (this.#finished) break
      const room = this.#printOne(record)
      if (room !== undefined) await room
      this.printed++
      next = record.offset + 1
    }
    if (next === -1) return
    this.#lastRecordAt = performance.now()
    const { topic, partition } = batch
    this.#positions.set(keyOf({ topic, partition }), { topic, partition, offset: next })
    if (consumer === null) return
    await this.#terminal.flush()
    if (!this.#terminal.readerGone) await consumer.commit([{ topic, partition, offset: next }])
  }

  #settings(more: ConsumerSettings): ConsumerSettings {
    const level = this.#values['isolation-level']
    const isolation = level === undefined ? {} : { 'isolation.level': choice('isolation-level', level, ['read_uncommitted', 'read_committed']) }
    return { ...this.#given, ...pairs('consumer-property', this.#values['consumer-property']), ...isolation, ...more }
  }

  /** Where each partition is to be read from; partitions that appear while following start at their beginning. */
  async #starts(kafka: Kafka): Promise<Start[]> {
    const isFirst = this.#positions.size === 0
    const starts: Start[] = []
    for (const topic of await this.#topics(kafka)) {
      const at = isFirst ? this.#startTime() : 'earliest'
      for (const { partition, offset } of await kafka.admin.listOffsets(topic, typeof at === 'number' ? 'earliest' : at)) {
        if (this.#values.partition !== undefined && partition !== this.#values.partition) continue
        if (typeof at === 'number' && at < offset) this.#terminal.note(`${topic}-${partition} begins at offset ${offset}: ${at} is not there any more, and reading begins by auto.offset.reset`)
        starts.push(this.#positions.get(keyOf({ topic, partition })) ?? { topic, partition, offset: typeof at === 'number' ? at : offset })
      }
    }
    if (this.#values.partition !== undefined && starts.length === 0) {
      const { topic, partition } = this.#values
      throw new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has no partition ${partition}`, { topic, partition })
    }
    for (const start of starts) this.#positions.set(keyOf(start), start)
    return starts
  }

  #startTime(): 'earliest' | 'latest' | number {
    const { offset } = this.#values
    if (offset === undefined) return this.#values['from-beginning'] ? 'earliest' : 'latest'
    if (offset === 'earliest' || offset === 'latest') return offset
    if (/^\d+$/.test(offset) && Number.isSafeInteger(Number(offset))) return Number(offset)
    throw new UsageError(`--offset is a number, earliest or latest, not ${JSON.stringify(offset)}`)
  }

  async #topics(kafka: Kafka): Promise<string[]> {
    if (this.#values.topic !== undefined) return [(await kafka.admin.describeTopic(this.#values.topic)).name]
    const wanted = toRegExp(this.#values.include!)
    return (await kafka.admin.listTopics()).filter((name) => wanted.test(name)).toSorted()
  }

  async #ends(kafka: Kafka, partitions: readonly TopicPartition[]): Promise<Map<string, number>> {
    const ends = new Map<string, number>()
    for (const topic of new Set(partitions.map((tp) => tp.topic))) {
      for (const { partition, offset } of await kafka.admin.listOffsets(topic, 'latest')) ends.set(keyOf({ topic, partition }), offset)
    }
    return ends
  }
}

const isAhead = (start: Start, ends: ReadonlyMap<string, number>): boolean => start.offset >= (ends.get(keyOf(start)) ?? 0)
const keyOf = (tp: { readonly topic: string; readonly partition: number }): string => `${tp.topic}-${tp.partition}`

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
