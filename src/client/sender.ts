/**
 * Sends sealed batches through BrokerApi and settles them: readiness (full, linger, natural batching), requests in flight, retries,
 * delivery timeout, idempotence.
 *
 * linger.ms 0 is natural batching: an open batch goes in the next turn of the event loop if nothing of its partition was in flight before it;
 * else it gathers records until the answer comes. Full batches go up to max.in.flight at a time (per partition: in process, each partition
 * is a line of its own). Acks are delivered before the next batch is sent, so that those who waited can join it (docs/performance.md, Lessons), unless it is
 * faster to let them overlap (answer-overlap.ts), which is only asked for with acks=all in process: there a sync leaves the CPU to others.
 *
 * Invariant: every batch taken from the accumulator is settled once: by the broker's answer, a final error, or its delivery timeout.
 * Called by KafkaProducer alone.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { Timer } from '../common/scheduler.ts'
import type { ProducerValues } from '../config/settings.ts'
import type { BrokerApi, ProducePartitionResponse } from '../protocol/broker-api.ts'
import type { BatchFields } from '../record/record-batch-builder.ts'
import type { Accumulator, PartitionQueue } from './accumulator.ts'
import { backoffMs } from './backoff.ts'
import { splitBatch } from './batch-split.ts'
import { errorOf } from './failure.ts'
import type { ProducerBatch } from './producer-batch.ts'
import {
  assignSequence, BROKER_MEMORY, isSequenceError, MAX_PRODUCER_EPOCH, mayRestart, maySendMore, moveBehind, realign, restart,
} from './producer-sequences.ts'
import { ProducerSession } from './producer-session.ts'

export interface SenderOptions {
  readonly embedded: boolean
  /** Batches carry producer ids and sequence numbers. */
  readonly sequenced: boolean
  /** Batches of a partition that may be in flight. */
  readonly pipeline: number
}

export interface SenderHooks {
  /** A turn of the event loop that `ensureTurn` asked for. */
  turn(): void
  /** `promises` of send or sendBatch were settled, or memory was freed. */
  settled(promises: number): void
  /** `count` records that nobody waits for were lost. */
  lost(error: OttlaError, topic: string, partition: number, count: number): void
  /** The broker does not know the partition (any more). */
  unknown(topic: string): void
}

/** Where so many partitions wait, and the first has less than so many bytes, more is gathered while it keeps coming. */
const GATHER_PARTITIONS = 8
const GATHER_BYTES = 8192
/** Goes from within `send` to the thread that writes it, while more is sent (docs/adr/0030). */
const STREAM_BYTES = 262_144
/** From here up to that, what nobody waits for gathers. */
const FLOW_BYTES = 16_384
/** So many are sent in one turn of the event loop: its timers do not wait, and what was made for a batch is done with before much else is made. */
const QUEUES_PER_TURN = 128
/** For so long, at most, or for as long as sending what is listed takes. */
const GATHER_MS = 1
const BATCH_COST_MS = 0.01

/** Codes after which a batch may have been appended all the same. */
const uncertainCodes: ReadonlySet<string> = new Set([
  'REQUEST_TIMED_OUT', 'NETWORK_EXCEPTION', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'KAFKA_STORAGE_ERROR', 'UNKNOWN_SERVER_ERROR', 'INTERNAL', 'ABORTED', 'LOG_OFFLINE',
])

/** Times that a misplaced batch is sent at once. */
const HASTY_ATTEMPTS = 3

export class Sender {
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ProducerValues
  readonly #embedded: boolean
  readonly #accumulator: Accumulator
  readonly #hooks: SenderHooks
  readonly #session: ProducerSession
  readonly #fields: BatchFields
  readonly #maxInFlight: number
  readonly #mayOverlap: boolean
  readonly #mayStream: boolean
  /** STREAM_BYTES in batches. */
  readonly #stream: number
  /** Settings, whose look-up by name is slow. */
  readonly #lingerMs: number
  readonly #acks: number
  readonly #requestTimeoutMs: number
  /** Batches that may follow one that is not answered. */
  readonly #window: number
  readonly #queues: PartitionQueue[] = []
  #listed: PartitionQueue[] = []
  /** Of `#listed`, so many have had their turn. */
  #passed = 0
  /** Of those listed first, so many are not gathering any more: they are sent slice by slice. */
  #going = 0
  #turnScheduled = false
  /** A record was added since the last turn. */
  #arriving = false
  /** On the monotonic clock: what is listed has been gathering since. */
  #gatheringSince = -1
  #lingerTimer: Timer | null = null
  #deliveryTimer: Timer | null = null
  #retryTimers = new Set<Timer>()
  /** Above 0: open batches go at once. */
  #hurry = 0
  #stopped = false

  constructor(
    api: BrokerApi, ports: Ports, values: ProducerValues, options: SenderOptions, accumulator: Accumulator, hooks: SenderHooks,
  ) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#embedded = options.embedded
    this.#accumulator = accumulator
    this.#hooks = hooks
    this.#session = new ProducerSession(api, ports, values, options.sequenced)
    this.#fields = { compression: values['compression.type'], compressionLevel: levelOf(values) }
    this.#maxInFlight = options.pipeline
    this.#lingerMs = values['linger.ms']
    this.#acks = values.acks
    this.#requestTimeoutMs = values['request.timeout.ms']
    this.#mayOverlap = options.embedded && values.acks === -1 && this.#lingerMs === 0
    this.#stream = Math.ceil(STREAM_BYTES / values['batch.size'])
    this.#mayStream = options.embedded && values.acks !== 0 && this.#stream <= options.pipeline
    this.#window = Math.max(options.pipeline, BROKER_MEMORY)
  }

  addQueue(queue: PartitionQueue): void { this.#queues.push(queue) }
  /** Partitions that were ever sent to. */
  get queueCount(): number { return this.#queues.length }

  /** A record was added to `queue`: sees to it that it is sent in time. Hot path. */
  wake(queue: PartitionQueue): void {
    this.#arriving = true
    if (!queue.listed || queue.sealed.length > 0 || this.#deliveryTimer === null || this.#lingerMs > 0) this.#look(queue)
  }

  /** All that `wake` may have to do; most records find it done. */
  #look(queue: PartitionQueue): void {
    if (this.#stopped) return
    if (this.#deliveryTimer === null) this.#armDelivery(this.#values['delivery.timeout.ms'])
    const lingerMs = this.#lingerMs
    if (queue.sealed.length > 0 || lingerMs === 0 || this.#hurry > 0) {
      if (queue.sealed.length > 0 && queue.inFlight.length === 0 && (this.#overlaps(queue) || this.#streams(queue))) {
        this.#dispatch(queue, this.#ports.clock.monotonic(), false)
      } else if (!queue.listed && queue.inFlight.length < (queue.sealed.length > 0 ? this.#limitOf(queue) : 1)) this.#list(queue)
    }
    if (lingerMs > 0 && this.#lingerTimer === null && queue.open !== null) this.#armLinger(lingerMs)
  }

  /** Until the function it gives is called, nothing lingers. */
  hurry(): () => void {
    this.#hurry++
    this.nudge()
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#hurry--
    }
  }

  /** Sends open batches now, whatever linger.ms says. */
  nudge(queues: Iterable<PartitionQueue> = this.#queues): void {
    if (this.#lingerMs === 0) return
    for (const queue of queues) {
      if (queue.open === null) continue
      this.#accumulator.seal(queue)
      this.#list(queue)
    }
  }

  /** Before there is anything to send: asks for what a first batch needs, if that is far away. */
  prepareAhead(): void { if (!this.#embedded && !this.#session.ready) this.#prepare() }

  get stopped(): boolean { return this.#stopped }

  /** Every batch that is not settled now. */
  unsettled(): ProducerBatch[] {
    const batches: ProducerBatch[] = []
    for (const queue of this.#queues) {
      batches.push(...queue.inFlight, ...queue.sealed)
      if (queue.open !== null) batches.push(queue.open)
    }
    return batches.filter((batch) => !batch.settled)
  }

  /** For each batch that the broker has now, whether it has answered. */
  flights(): (() => boolean)[] {
    return this.#queues.flatMap((queue) => queue.inFlight.map((batch) => () => !queue.inFlight.includes(batch)))
  }

  /** Ends all timers and fails what is not settled. */
  stop(error: OttlaError): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#session.stop()
    this.#lingerTimer?.cancel()
    this.#deliveryTimer?.cancel()
    for (const timer of this.#retryTimers) timer.cancel()
    for (const queue of this.#queues) {
      for (const batch of queue.inFlight) this.#fail(queue, batch, error)
      for (const batch of this.#takeWaiting(queue)) this.#drop(queue, batch, error)
    }
  }

  /** For the exit handler: seals and takes what has not been given to the broker, in order. No promise of it is settled. */
  takePending(): { queue: PartitionQueue; records: Uint8Array }[] {
    this.#stopped = true
    if (!this.#session.codecLoaded) this.#fields.compression = 'none'
    const taken: { queue: PartitionQueue; records: Uint8Array }[] = []
    for (const queue of this.#queues) {
      if (queue.inFlight.length === 0) realign(queue)
      for (const batch of this.#takeWaiting(queue)) if (!batch.settled) taken.push({ queue, records: this.#seal(queue, batch) })
    }
    return taken
  }

  #takeWaiting(queue: PartitionQueue): ProducerBatch[] {
    this.#accumulator.seal(queue)
    return queue.sealed.splice(0)
  }

  // ---- when to send ----

  #list(queue: PartitionQueue): void {
    if (queue.listed || this.#stopped) return
    queue.listed = true
    this.#listed.push(queue)
    this.ensureTurn()
  }

  /** There is a next turn in which what is listed is sent. */
  ensureTurn(): void {
    if (this.#turnScheduled) return
    this.#turnScheduled = true
    this.#ports.scheduler.soon(this.#turn)
  }

  readonly #turn = (): void => {
    this.#turnScheduled = false
    this.#hooks.turn()
    if (this.#stopped || this.#waitingQueues === 0) return
    const now = this.#ports.clock.monotonic()
    if (this.#going === 0 && this.#gathers(now)) {
      this.ensureTurn()
      return
    }
    const going = this.#going > 0 ? this.#going : this.#waitingQueues
    const count = Math.min(going, QUEUES_PER_TURN)
    this.#going = going - count
    let waiting = 0
    for (let i = 0; i < count; i++) {
      const queue = this.#nextListed()
      if (this.#canSend(queue)) {
        queue.listed = false
        if (this.#mayOverlap) queue.overlap.told(now, queue)
        this.#dispatch(queue, now, queue.inFlight.length === 0 || this.#overlaps(queue))
      } else {
        this.#listed.push(queue)
        waiting++
      }
    }
    if (waiting > 0) this.#prepare()
    if (this.#waitingQueues > waiting) this.ensureTurn()
  }

  get #waitingQueues(): number { return this.#listed.length - this.#passed }

  #nextListed(): PartitionQueue {
    const queue = this.#listed[this.#passed++]!
    // Once for as many as are copied: a list of thousands is not copied for every slice of it.
    if (this.#passed * 2 >= this.#listed.length) {
      this.#listed = this.#listed.slice(this.#passed)
      this.#passed = 0
    }
    return queue
  }

  /**
   * Many partitions with little each go a turn later while records keep coming: a batch costs as much as a dozen records. Whoever waits for what he
   * sent has sent nothing since the last turn, and is not kept waiting.
   */
  #gathers(now: number): boolean {
    const arriving = this.#arriving
    this.#arriving = false
    const count = this.#waitingQueues
    const first = this.#listed[this.#passed]!
    const little = count >= GATHER_PARTITIONS && first.sealed.length === 0 && first.open !== null && first.open.builder.sizeInBytes < GATHER_BYTES
    if (arriving && (little || this.#flows(first)) && this.#hurry === 0 && this.#lingerMs === 0) {
      if (this.#gatheringSince < 0) this.#gatheringSince = now
      if (now - this.#gatheringSince < Math.max(GATHER_MS, count * BATCH_COST_MS)) return true
    }
    this.#gatheringSince = -1
    return false
  }

  /** The codec and a producer id are there. */
  #canSend(queue: PartitionQueue): boolean { return this.#session.ready || (this.#session.codecLoaded && queue.producerId >= 0) }

  /** What is listed is looked at again once codec and producer id are there, or fails with what stands in the way. */
  #prepare(): void {
    this.#session.prepare((error) => {
      if (error === null) {
        // Two turns that each see to their next would send two slices at a time from then on.
        if (!this.#turnScheduled) this.#turn()
        return
      }
      this.#going = 0
      // Others have what they need, and their turn comes.
      this.#listed = this.#listed.slice(this.#passed).filter((queue) => {
        queue.listed = this.#canSend(queue)
        return queue.listed
      })
      this.#passed = 0
      for (const queue of this.#queues) {
        if (!this.#canSend(queue)) for (const batch of this.#takeWaiting(queue)) this.#drop(queue, batch, error)
      }
      if (this.#listed.length > 0) this.ensureTurn()
    }, () => this.#queues.some((queue) => !queue.isIdle))
  }

  #limitOf(queue: PartitionQueue): number {
    return queue.recovering || (this.#session.sequenced && !queue.established) ? 1 : this.#maxInFlight
  }

  /** The next batches need not wait for those who are being told of the last. */
  #overlaps(queue: PartitionQueue): boolean {
    return this.#mayOverlap && queue.isSynced && queue.overlap.pays && queue.established && !queue.recovering && !this.#stopped && this.#canSend(queue)
  }

  #streams(queue: PartitionQueue): boolean { return this.#mayStream && !queue.isSynced && queue.sealed.length >= this.#stream && this.#canSend(queue) }

  /** Nobody waits for it, and more may come. */
  #flows(queue: PartitionQueue): boolean {
    const { open, sealed } = queue
    if (!this.#mayStream || queue.isSynced || sealed.length >= this.#stream) return false
    if (sealed.length === 0 && (open === null || open.builder.sizeInBytes < FLOW_BYTES)) return false
    return (open === null || open.posted === open.count) && sealed.every((batch) => batch.posted === batch.count)
  }

  /**
   * What is sent together shares one write and one sync: the rest goes along with full batches (`withRest`) if nothing was in flight before. Where
   * answers overlap it goes too, once a turn: the next group is sealed and checked while the disk works.
   */
  #dispatch(queue: PartitionQueue, now: number, withRest: boolean): void {
    if (this.#mayOverlap && queue.inFlight.length === 0) queue.overlap.sent(now)
    while (!this.#stopped && now >= queue.retryAt && queue.inFlight.length < this.#limitOf(queue)) {
      if (this.#session.sequenced && !maySendMore(queue, this.#window)) return
      const batch = this.#takeReady(queue, now, withRest)
      if (batch === null) return
      const isLast = queue.sealed.length === 0 && (queue.open === null || !withRest)
      this.#transmit(queue, batch, isLast && ((this.#mayStream && !queue.isSynced) || this.#overlaps(queue)))
    }
  }

  #takeReady(queue: PartitionQueue, now: number, withRest: boolean): ProducerBatch | null {
    if (queue.sealed.length > 0) return queue.sealed.shift()!
    if (queue.open === null) return null
    const lingerMs = this.#lingerMs
    const due = lingerMs === 0 ? withRest : this.#hurry > 0 || now >= queue.open.createdAt + lingerMs
    return due ? this.#accumulator.close(queue) : null
  }

  // ---- one request ----

  #seal(queue: PartitionQueue, batch: ProducerBatch): Uint8Array {
    if (this.#session.sequenced && queue.producerId < 0) restart(queue, this.#session.producerId, this.#session.producerEpoch)
    const restamp = this.#session.sequenced && queue.producerId >= 0 && assignSequence(queue, batch)
    if (batch.bytes === null) {
      this.#fields.producerId = batch.producerId
      this.#fields.producerEpoch = batch.producerEpoch
      this.#fields.baseSequence = batch.baseSequence
      batch.bytes = batch.builder.seal(this.#fields)
    } else if (restamp) batch.stamp()
    return batch.bytes
  }

  #transmit(queue: PartitionQueue, batch: ProducerBatch, urgent: boolean): void {
    batch.alone = this.#limitOf(queue) === 1
    batch.attempts++
    queue.inFlight.push(batch)
    let answer: Promise<{ readonly partitions: readonly ProducePartitionResponse[] }>
    try {
      const records = this.#seal(queue, batch)
      answer = this.#api.produce({
        acks: this.#acks, timeoutMs: this.#requestTimeoutMs, inProcess: this.#embedded, urgent,
        partitions: [{ topic: queue.topic, partition: queue.partition, records }],
      })
    } catch (error) {
      answer = Promise.reject(OttlaError.from(error))
    }
    answer.then((response) => this.#answered(queue, batch, response.partitions[0]), (error: unknown) => this.#refused(queue, batch, OttlaError.from(error)))
    if (this.#acks === 0) this.#hooks.settled(batch.succeed(queue.topic, queue.partition, -1, -1))
  }

  #answered(queue: PartitionQueue, batch: ProducerBatch, response: ProducePartitionResponse | undefined): void {
    if (response === undefined) {
      this.#refused(queue, batch, new OttlaError('UNKNOWN_SERVER_ERROR', 'the broker did not answer for the partition', queue))
      return
    }
    const { topic, partition } = queue
    const error = response.errorCode === 0 ? null : errorOf(response, `send to ${topic}-${partition}`, { topic, partition })
    if (error !== null && error.code !== 'DUPLICATE_SEQUENCE_NUMBER') {
      this.#refused(queue, batch, error)
      return
    }
    this.#leaveFlight(queue, batch)
    queue.isSynced = response.isSynced !== false
    if (this.#mayOverlap) {
      queue.overlap.answered(this.#ports.clock.monotonic(), batch.count, queue.inFlight.length > 0)
      this.#list(queue)
    }
    queue.established = true
    queue.lastError = null
    moveBehind(queue, batch)
    if (queue.inFlight.length === 0) {
      queue.recovering = false
      realign(queue)
    }
    if (queue.inFlight.length === 0 && this.#overlaps(queue) && (queue.sealed.length > 0 || queue.open !== null)) {
      this.#dispatch(queue, this.#ports.clock.monotonic(), true)
    }
    let promises = 0
    if (!batch.settled) promises = batch.succeed(queue.topic, queue.partition, error === null ? response.baseOffset : -1, response.logAppendTimeMs)
    this.#done(queue, batch, promises)
  }

  #refused(queue: PartitionQueue, batch: ProducerBatch, error: OttlaError): void {
    this.#leaveFlight(queue, batch)
    if (uncertainCodes.has(error.code)) batch.uncertain = true
    queue.recovering = true
    queue.lastError = error
    if (this.#values.acks === 0) {
      this.#hooks.lost(error, queue.topic, queue.partition, batch.count)
      this.#done(queue, batch, 0)
    } else if (!batch.settled && !this.#stopped && this.#again(queue, batch, error)) this.#list(queue)
    else this.#giveUp(queue, batch, error)
    if (queue.inFlight.length === 0) realign(queue)
  }

  /** True when the batch was put back, whole or in parts, to be sent again. */
  #again(queue: PartitionQueue, batch: ProducerBatch, error: OttlaError): boolean {
    if (this.#session.sequenced && isSequenceError(error)) {
      if (batch.alone && !mayRestart(batch)) return false
      if (batch.alone) this.#restart(queue, error)
      queue.putBack(batch)
      if (batch.attempts > HASTY_ATTEMPTS) this.#pause(queue, backoffMs(this.#values, batch.attempts, this.#ports.random))
      return true
    }
    if (error.code === 'MESSAGE_TOO_LARGE' && batch.count > 1 && !batch.uncertain) {
      for (const part of splitBatch(this.#accumulator, batch)) queue.putBack(part)
      this.#accumulator.release(batch)
      return true
    }
    // A full disk is the caller's to know at once: nothing was appended, and minutes of silent retries would hide it (ADR 0010).
    if (!error.retriable || error.code === 'DISK_FULL' || batch.attempts > this.#values.retries) return false
    if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION') this.#hooks.unknown(queue.topic)
    queue.putBack(batch)
    this.#pause(queue, backoffMs(this.#values, batch.attempts, this.#ports.random))
    return true
  }

  #restart(queue: PartitionQueue, error: OttlaError): void {
    this.#ports.logger.warn('producer starts its sequence anew', { topic: queue.topic, partition: queue.partition, reason: error.code })
    if (error.code !== 'INVALID_PRODUCER_EPOCH' && queue.producerEpoch < MAX_PRODUCER_EPOCH) {
      restart(queue, queue.producerId, queue.producerEpoch + 1)
      return
    }
    restart(queue, -1, -1)
    this.#session.renew()
  }

  #pause(queue: PartitionQueue, delayMs: number): void {
    queue.retryAt = this.#ports.clock.monotonic() + delayMs
    const timer = this.#ports.scheduler.after(delayMs, () => {
      this.#retryTimers.delete(timer)
      queue.retryAt = 0
      this.#list(queue)
    }, { keepAlive: true })
    this.#retryTimers.add(timer)
  }

  #giveUp(queue: PartitionQueue, batch: ProducerBatch, error: OttlaError): void {
    if (batch.uncertain) moveBehind(queue, batch)
    this.#fail(queue, batch, error)
    this.#done(queue, batch, 0)
  }

  /** Gives up a batch that is not in flight. */
  #drop(queue: PartitionQueue, batch: ProducerBatch, error: OttlaError): void {
    if (batch.uncertain) moveBehind(queue, batch)
    if (queue.inFlight.length === 0) realign(queue)
    this.#fail(queue, batch, error)
    this.#accumulator.release(batch)
    this.#hooks.settled(0)
  }

  /** Tells those who wait; the bytes may still be the broker's. */
  #fail(queue: PartitionQueue, batch: ProducerBatch, error: OttlaError): void {
    if (batch.settled) return
    const promises = batch.fail(error)
    if (batch.posted > 0) this.#hooks.lost(error, queue.topic, queue.partition, batch.posted)
    this.#hooks.settled(promises)
  }

  #leaveFlight(queue: PartitionQueue, batch: ProducerBatch): void {
    const { inFlight } = queue
    const at = inFlight.indexOf(batch)
    if (at < 0) return
    if (at === inFlight.length - 1) inFlight.pop()
    else inFlight.splice(at, 1)
  }

  /** The broker has answered: the memory is free, and the partition's next batch may go. */
  #done(queue: PartitionQueue, batch: ProducerBatch, promises: number): void {
    this.#accumulator.release(batch)
    this.#hooks.settled(promises)
    if (queue.sealed.length >= 2 && this.#canSend(queue) && !queue.recovering) this.#dispatch(queue, this.#ports.clock.monotonic(), queue.inFlight.length === 0)
    else if (queue.sealed.length > 0 || queue.open !== null) this.#list(queue)
  }

  // ---- time ----

  #armLinger(delayMs: number): void {
    this.#lingerTimer = this.#ports.scheduler.after(delayMs, () => {
      this.#lingerTimer = null
      const now = this.#ports.clock.monotonic()
      let next = Infinity
      for (const queue of this.#queues) {
        if (queue.open === null) continue
        const due = queue.open.createdAt + this.#values['linger.ms']
        if (due <= now) this.#list(queue)
        else if (due < next) next = due
      }
      if (next < Infinity && !this.#stopped) this.#armLinger(next - now)
    }, { keepAlive: true })
  }

  #armDelivery(delayMs: number): void {
    this.#deliveryTimer = this.#ports.scheduler.after(delayMs, () => {
      this.#deliveryTimer = null
      const next = this.#expire(this.#ports.clock.monotonic())
      if (next < Infinity && !this.#stopped && this.#deliveryTimer === null) this.#armDelivery(next)
    })
  }

  /** Fails what has waited too long. Milliseconds until the next batch will have. */
  #expire(now: number): number {
    const timeoutMs = this.#values['delivery.timeout.ms']
    let next = Infinity
    for (const queue of this.#queues) {
      if (queue.isIdle) continue
      const due: ProducerBatch[] = []
      for (const batch of [...queue.inFlight, ...queue.sealed, ...queue.open === null ? [] : [queue.open]]) {
        if (batch.settled) continue
        const leftMs = batch.createdAt + timeoutMs - now
        if (leftMs <= 0) due.push(batch)
        else next = Math.min(next, leftMs)
      }
      for (const batch of due) this.#expireBatch(queue, batch, timeoutMs)
    }
    return next
  }

  #expireBatch(queue: PartitionQueue, batch: ProducerBatch, timeoutMs: number): void {
    const { topic, partition } = queue
    const cause = queue.lastError ?? this.#session.error
    const problem = `${batch.count} records for ${topic}-${partition} were not acknowledged within delivery.timeout.ms (${timeoutMs})`
    const why = cause === null ? '' : `; the last attempt failed with ${cause.code}: ${cause.message}`
    const error = new OttlaError('REQUEST_TIMED_OUT', problem + why, { topic, partition, ...(cause === null ? {} : { cause }) })
    if (queue.inFlight.includes(batch)) {
      this.#fail(queue, batch, error)
      return
    }
    if (queue.open === batch) queue.open = null
    else queue.sealed.splice(queue.sealed.indexOf(batch), 1)
    this.#giveUp(queue, batch, error)
    if (queue.inFlight.length === 0) realign(queue)
  }
}

function levelOf(values: ProducerValues): number | undefined {
  const type = values['compression.type']
  return type === 'gzip' || type === 'lz4' || type === 'zstd' ? values[`compression.${type}.level`] : undefined
}
