/**
 * Fetch: reads, and when there is less than `minBytes` waits for more (spec/wire-protocol T12). Partitions are served in the order of the
 * request within its byte budget; the first batch of the first partition that has data comes whole, however large. A wait ends when enough
 * arrived, on an error, after `maxWaitMs`, on the signal, when a topic goes, and when the broker closes.
 */
import type { Ports } from '../common/ports.ts'
import type { Timer } from '../common/scheduler.ts'
import type { ReadOptions } from '../log/log-types.ts'
import type { Failure, FetchPartitionResponse, FetchRequest, FetchResponse } from '../protocol/broker-api.ts'
import type { BrokerContext, BrokerLog } from './broker-context.ts'
import { failureOf } from './failure.ts'
import { epochFailure, findLog } from './partition-lookup.ts'

type FetchPartition = FetchRequest['partitions'][number]
const noBytes = new Uint8Array(0)
/** Reads of one fetch in process that are under way at a time: of Node's four threads for files one is left to others. */
const READS_BESIDE = 3
/** Where they share what is left of the fetch, none gets less. */
const LEAST_BESIDE = 262_144
/** What is sent on from the event loop anyway costs less to read there than a hop to another thread and back; consumers in process decode meanwhile instead. */
const MAX_INLINE = 1_048_576

/**
 * A wait over so many partitions does not end with the first record that comes: looking at all of them costs as much as some thousand records. While more
 * comes from one turn of the event loop to the next, it goes on for as long as the look will take.
 */
const GATHER_PARTITIONS = 256
const LOOK_MS = 0.001
/** In so many turns nothing came: nothing more is on its way. A producer has turns in which it only gathers. */
const QUIET_TURNS = 4

interface ReadRound {
  readonly partitions: FetchPartitionResponse[]
  readonly bytes: number
  readonly hasError: boolean
  /** There was less room than was asked for. */
  readonly isShort: boolean
}

export async function handleFetch(context: BrokerContext, request: FetchRequest): Promise<FetchResponse> {
  context.metrics.fetchRequests += 1
  const maxBytes = Math.min(request.maxBytes, context.config.values['fetch.max.bytes'])
  const minBytes = Math.min(request.minBytes, maxBytes)
  const first = await readRound(context, request, maxBytes)
  const isEnough = isFull(first, minBytes) || !(request.maxWaitMs > 0) || request.partitions.length === 0
  if (isEnough || request.signal?.aborted === true) return finish(context, first)
  request.room?.release()
  const wait = new FetchWait(context, request)
  try {
    for (;;) {
      // Read again after listening has begun, so that nothing in between is missed.
      wait.arm()
      const round = await readRound(context, request, maxBytes)
      if (isFull(round, minBytes) || wait.isOver) return finish(context, round)
      const isWorthIt = await wait.untilGrownBy(minBytes - round.bytes)
      if (!isWorthIt && !wait.hasChanged) return finish(context, round)
      request.room?.release()
      if (!isWorthIt) return finish(context, await readRound(context, request, maxBytes))
    }
  } finally {
    wait.end()
  }
}

function finish(context: BrokerContext, round: ReadRound): FetchResponse {
  context.metrics.fetchedBytes += round.bytes
  if (round.hasError) context.metrics.failedFetches += 1
  return { partitions: round.partitions }
}

function isFull(round: ReadRound, minBytes: number): boolean {
  return round.hasError || round.bytes >= minBytes || (round.isShort && round.bytes > 0)
}

async function readRound(context: BrokerContext, request: FetchRequest, wanted: number): Promise<ReadRound> {
  const { room } = request
  const maxBytes = room === undefined ? wanted : await room.take(wanted)
  const round = new Round(maxBytes, room)
  const isCommitted = request.isolationLevel === 1
  for (const item of request.partitions) {
    try {
      const log = findLog(context, item.topic, item.partition)
      const fenced = epochFailure(log, item.currentLeaderEpoch)
      if (fenced !== null) round.answer(refused(item, fenced))
      else if (round.isSpent || isAtEnd(log, item, isCommitted)) round.answer(nothing(item, log, isCommitted))
      else await round.read(log, item, request)
    } catch (error) {
      round.answer(refused(item, failureOf(error)))
    }
  }
  await round.settle()
  room?.give(maxBytes - round.bytes)
  return { partitions: round.partitions, bytes: round.bytes, hasError: round.hasError, isShort: maxBytes < wanted }
}

/** A read that is under way: its place among the answers, and the bytes that it may bring. */
interface PendingRead { readonly place: number; readonly most: number; readonly answer: Promise<FetchPartitionResponse> }

/**
 * The answers of one look at all partitions, in the order of the request. In process some are read at a time: each waits longer for another thread, and for
 * this one to hear of it, than it takes.
 */
class Round {
  readonly partitions: FetchPartitionResponse[] = []
  readonly #maxBytes: number
  readonly #room: FetchRequest['room']
  bytes: number = 0
  hasError: boolean = false
  /** A batch found no room: in process the others are asked for again at once, and a look at each would be in vain. */
  isSpent: boolean = false
  #reserved = 0
  readonly #pending: PendingRead[] = []

  constructor(maxBytes: number, room: FetchRequest['room']) {
    this.#maxBytes = maxBytes
    this.#room = room
  }

  /** Nothing is to be read. */
  answer(answer: FetchPartitionResponse): void { this.#put(this.partitions.length, answer) }

  #put(place: number, answer: FetchPartitionResponse): void {
    this.partitions[place] = answer
    if (answer.errorCode !== 0) this.hasError = true
  }

  async read(log: BrokerLog, item: FetchPartition, request: FetchRequest): Promise<void> {
    while (this.#pending.length > 0 && !this.#hasRoomBeside) await this.#settleFirst()
    if (this.isSpent) {
      this.answer(nothing(item, log, request.isolationLevel === 1))
      return
    }
    const most = Math.max(0, Math.min(item.partitionMaxBytes, this.#maxBytes - this.bytes - this.#reserved, log.size))
    this.#reserved += most
    const place = this.partitions.push(nothing(item, undefined, false)) - 1
    this.#pending.push({ place, most, answer: readOne(log, item, request, most, this.bytes === 0).catch((error: unknown) => refused(item, failureOf(error))) })
    if (this.#room !== undefined) await this.settle()
  }

  get #hasRoomBeside(): boolean {
    return this.bytes > 0 && this.#pending.length < READS_BESIDE && this.#maxBytes - this.bytes - this.#reserved >= LEAST_BESIDE
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> { while (this.#pending.length > 0) await this.#settleFirst() }

  async #settleFirst(): Promise<void> {
    const { place, most, answer: pending } = this.#pending.shift()!
    const answer = await pending
    this.#reserved -= most
    this.#put(place, answer)
    if (answer.errorCode !== 0) return
    const { length } = answer.records
    this.bytes += length
    if (this.#room === undefined && this.bytes > 0 && (this.bytes >= this.#maxBytes || length === 0)) this.isSpent = true
    this.#room?.keep(answer.records)
  }
}

/** As Kafka: of a partition with an error nothing else is told. */
function refused(item: FetchPartition, failure: Failure): FetchPartitionResponse { return { ...nothing(item, undefined, false), ...failure } }

/** The common case of a caught-up consumer: no read is needed. */
function isAtEnd(log: BrokerLog, item: FetchPartition, isCommitted: boolean): boolean {
  return item.fetchOffset === (isCommitted ? log.lastStableOffset : log.highWatermark) && item.fetchOffset >= log.logStartOffset
}

function nothing(item: FetchPartition, log: BrokerLog | undefined, isCommitted: boolean): FetchPartitionResponse {
  return {
    topic: item.topic, partition: item.partition, errorCode: 0,
    highWatermark: log?.highWatermark ?? -1, lastStableOffset: log?.lastStableOffset ?? -1, logStartOffset: log?.logStartOffset ?? -1,
    abortedTransactions: isCommitted ? [] : null, records: noBytes,
  }
}

async function readOne(log: BrokerLog, item: FetchPartition, request: FetchRequest, maxBytes: number, isFirst: boolean): Promise<FetchPartitionResponse> {
  const { room } = request
  const allocate = room?.allocate ?? request.allocate
  const options: ReadOptions = {
    maxBytes, isolation: request.isolationLevel === 1 ? 'committed' : 'highWatermark', minOneMessage: isFirst,
    ...(room === undefined ? { checkCrc: item.isCheckedLater !== true } : { checkCrc: 'inherited', inlineBytes: MAX_INLINE }),
    ...(allocate === undefined ? {} : { allocate }),
  }
  const { topic, partition } = item
  return { topic, partition, errorCode: 0, ...(await log.read(item.fetchOffset, options)) }
}

/** One fetch's wait over all its partitions. */
class FetchWait {
  readonly #request: FetchRequest
  readonly #ports: Ports
  readonly #stops: (() => void)[] = []
  readonly #timer: Timer
  readonly #logs: BrokerLog[] = []
  #sizeAtRead = 0
  #wake: (() => void) | null = null
  #isOver = false
  #isDisturbed = false
  #hasChanged = false

  constructor(context: BrokerContext, request: FetchRequest) {
    this.#request = request
    this.#ports = context.ports
    for (const { topic, partition } of request.partitions) {
      const log = context.logs.get(topic, partition)
      if (log === undefined) continue
      this.#logs.push(log)
      this.#stops.push(log.onAdvance(() => this.#advanced()))
    }
    this.#stops.push(context.waiters.add(request.partitions.map((each) => each.topic), () => {
      this.#isDisturbed = true
      if (context.waiters.isClosed) this.#isOver = true
      this.#advanced()
    }))
    this.#timer = context.ports.scheduler.after(request.maxWaitMs, () => this.#finish(), { keepAlive: true })
    const { signal } = request
    const abort = (): void => this.#finish()
    signal?.addEventListener('abort', abort, { once: true })
    this.#stops.push(() => signal?.removeEventListener('abort', abort))
    if (signal?.aborted === true || context.waiters.isClosed) abort()
  }

  get isOver(): boolean { return this.#isOver }
  /** Something moved since `arm`. */
  get hasChanged(): boolean { return this.#hasChanged }

  /** To be called right before a read. */
  arm(): void {
    this.#hasChanged = false
    this.#isDisturbed = false
    this.#sizeAtRead = this.#size()
  }

  #size(): number {
    let size = 0
    for (const log of this.#logs) size += log.size
    return size
  }

  #advanced(): void {
    this.#hasChanged = true
    this.#wake?.()
  }

  #finish(): void {
    this.#isOver = true
    this.#wake?.()
  }

  /** True when reading again is worth it: so many bytes came, or the ground changed. False when the wait is over. */
  async untilGrownBy(bytes: number): Promise<boolean> {
    for (;;) {
      if (this.#isOver) return false
      if (this.#isDisturbed) return true
      if (this.#hasChanged && this.#isEnough(bytes)) {
        if (this.#logs.length >= GATHER_PARTITIONS) await this.#gather()
        return true
      }
      await new Promise<void>((resolve) => { this.#wake = resolve })
      this.#wake = null
    }
  }

  async #gather(): Promise<void> {
    const { clock, scheduler } = this.#ports
    const until = clock.monotonic() + this.#logs.length * LOOK_MS
    for (let quiet = 0; quiet < QUIET_TURNS && !this.#isOver && !this.#isDisturbed && clock.monotonic() < until;) {
      quiet = this.#hasChanged ? 0 : quiet + 1
      this.#hasChanged = false
      await new Promise<void>((resolve) => { scheduler.soon(resolve) })
    }
  }

  /** With read_committed, bytes that were there all along become visible: sizes tell nothing. */
  #isEnough(bytes: number): boolean { return bytes <= 1 || this.#request.isolationLevel === 1 || this.#size() - this.#sizeAtRead >= bytes }

  end(): void {
    this.#timer.cancel()
    for (const stop of this.#stops) stop()
    this.#wake?.()
  }
}
