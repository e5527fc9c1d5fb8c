/**
 * Where records wait to be sent: per partition an open batch that takes records, and sealed ones in order behind which it stands. Owns
 * `buffer.memory` and the pool of batches with their slabs.
 *
 * Invariant: `used` is the sum of what all batches that are not done reserved, and at most `buffer.memory` (one batch is always admitted, or
 * nothing could be sent; it may grow to `batch.size`). A batch goes back to the pool only settled, and when the broker has answered for its bytes:
 * until then they are the broker's.
 * Hot path: no allocation per record.
 */
import type { Clock } from '../common/clock.ts'
import type { OttlaError } from '../common/errors.ts'
import { BATCH_HEADER_SIZE } from '../record/batch-format.ts'
import { AnswerOverlap } from './answer-overlap.ts'
import { ProducerBatch } from './producer-batch.ts'
import { largestSize, type Payload, type PayloadHeader } from './producer-record.ts'

/** Idle slabs that are kept, in bytes. */
const POOL_BYTES = 16 * 1024 * 1024

/**
 * Slabs begin small and grow with what is put into them, up to `batch.size`: thousands of partitions with some records each share `buffer.memory`,
 * and none of their batches is sent for want of room.
 */
const FIRST_SLAB_BYTES = 512

/** One partition of one producer. The sender keeps the lower half. */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  open: ProducerBatch | null = null
  /** To be sent, in order; retried ones come back to their place. */
  readonly sealed: ProducerBatch[] = []
  /** Given to the broker, in order. */
  readonly inFlight: ProducerBatch[] = []
  batchesMade: number = 0
  /** Of the next batch's slab: what the last batch needed. */
  slabBytes: number = FIRST_SLAB_BYTES
  /** On the sender's list of queues to look at. */
  listed: boolean = false

  producerId: number = -1
  producerEpoch: number = -1
  /** Of the next batch that is sent. */
  nextSequence: number = 0
  /** Batches that were given a sequence. */
  placesGiven: number = 0
  /** What the broker expects, as far as is known: behind the last batch that it acknowledged (or may have taken). */
  expectedSequence: number = 0
  /** Order of the batch that `expectedSequence` stands behind. */
  expectedAfter: number = -1
  /** The broker has acknowledged a batch under this producer id and epoch, so it refuses gaps. */
  established: boolean = false
  /** A batch failed: what is in flight comes home first, then one batch at a time is sent until one succeeds. */
  recovering: boolean = false
  /** Why the last request failed; null once one succeeded. */
  lastError: OttlaError | null = null
  /** On the monotonic clock: nothing is sent before. */
  retryAt: number = 0
  readonly overlap: AnswerOverlap = new AnswerOverlap()
  /** Answers come when the disk has it, as far as is known. */
  isSynced: boolean = true

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Records that are not answered. */
  get outstanding(): number {
    let count = this.open === null ? 0 : this.open.count
    for (let i = 0; i < this.sealed.length; i++) count += this.sealed[i]!.count
    for (let i = 0; i < this.inFlight.length; i++) count += this.inFlight[i]!.count
    return count
  }

  get isIdle(): boolean { return this.open === null && this.sealed.length === 0 && this.inFlight.length === 0 }

  /** A failed batch goes back to its place in the order. */
  putBack(batch: ProducerBatch): void {
    let at = this.sealed.length
    while (at > 0 && this.sealed[at - 1]!.order > batch.order) at--
    this.sealed.splice(at, 0, batch)
  }
}

export class Accumulator {
  readonly #clock: Clock
  readonly #batchSize: number
  readonly #capacity: number
  readonly #limit: number
  /** By size of slab. */
  readonly #pool = new Map<number, ProducerBatch[]>()
  readonly #poolLimit: number
  #pooledBytes = 0
  #used = 0
  #filled = 0

  constructor(clock: Clock, batchSize: number, bufferMemory: number) {
    this.#clock = clock
    this.#batchSize = batchSize
    this.#capacity = Math.max(batchSize, BATCH_HEADER_SIZE)
    this.#limit = bufferMemory
    this.#poolLimit = Math.max(this.#capacity, Math.min(POOL_BYTES, bufferMemory))
  }

  /** Bytes reserved by batches that are not done. */
  get used(): number { return this.#used }
  /** Bytes of records in them: what is reserved ahead for those to come does not count. */
  get filled(): number { return this.#filled }

  /**
   * Adds a record to the open batch of `queue`, or to a new one. Null: there is no memory for a new batch. The caller registers who waits
   * for the record. A batch that is full afterwards is sealed.
   */
  append(queue: PartitionQueue, timestamp: number, key: Payload, value: Payload, headers: readonly PayloadHeader[] | null): ProducerBatch | null {
    const open = queue.open
    return open !== null && this.#add(queue, open, timestamp, key, value, headers) ? open : this.#addElsewhere(queue, timestamp, key, value, headers)
  }

  /** False: it is full. */
  #add(queue: PartitionQueue, batch: ProducerBatch, timestamp: number, key: Payload, value: Payload, headers: readonly PayloadHeader[] | null): boolean {
    const { builder } = batch
    const before = builder.sizeInBytes
    if (!builder.append(timestamp, key, value, headers)) return false
    const after = builder.sizeInBytes
    batch.filled += after - before
    this.#filled += after - before
    if (after >= this.#batchSize) this.seal(queue)
    return true
  }

  #addElsewhere(queue: PartitionQueue, timestamp: number, key: Payload, value: Payload, headers: readonly PayloadHeader[] | null): ProducerBatch | null {
    const open = queue.open
    if (open !== null) {
      while (this.#enlarge(open)) if (this.#add(queue, open, timestamp, key, value, headers)) return open
      this.seal(queue)
    }
    const size = largestSize(key, value, headers)
    const batch = this.#admit(queue, size, queue.slabBytes) ?? this.#admit(queue, size, FIRST_SLAB_BYTES)
    if (batch === null) return null
    queue.batchesMade++
    queue.open = batch
    try {
      this.#add(queue, batch, timestamp, key, value, headers)
    } catch (error) {
      queue.open = null
      this.release(batch)
      throw error
    }
    return batch
  }

  /** A batch whose first record takes up to `size` bytes; null: there is no memory. */
  #admit(queue: PartitionQueue, size: number, atLeast: number): ProducerBatch | null {
    const slab = this.#slabFor(Math.max(size, atLeast))
    const reserved = Math.min(Math.max(slab, size), Math.max(this.#limit, 1))
    if (this.#used > 0 && this.#used + reserved > this.#limit) return null
    return this.newBatch(slab, reserved, this.#clock.monotonic(), queue.batchesMade)
  }

  /** The smallest slab that holds `bytes`, or the largest there is. */
  #slabFor(bytes: number): number {
    let slab = Math.min(FIRST_SLAB_BYTES, this.#capacity)
    while (slab < bytes && slab < this.#capacity) slab = Math.min(slab * 2, this.#capacity)
    return slab
  }

  /** A larger slab for a batch that is not full yet, if there is memory for it. */
  #enlarge(batch: ProducerBatch): boolean {
    const { capacity } = batch.builder
    if (capacity >= this.#capacity) return false
    const larger = Math.min(capacity * 2, this.#capacity)
    const reserved = Math.max(batch.reserved, Math.min(larger, this.#limit))
    if (this.#used > batch.reserved && this.#used - batch.reserved + reserved > this.#limit) return false
    this.#used += reserved - batch.reserved
    batch.reserved = reserved
    batch.builder.enlarge(larger)
    return true
  }

  /** An empty batch with a slab of `slab` bytes that stands at `order`; `reserved` bytes are taken whether they are there or not. */
  newBatch(slab: number, reserved: number, createdAt: number, order: number): ProducerBatch {
    this.#used += reserved
    const pooled = this.#pool.get(slab)?.pop()
    if (pooled !== undefined) this.#pooledBytes -= slab
    const batch = pooled ?? new ProducerBatch(slab)
    batch.open(reserved, createdAt, order)
    return batch
  }

  /** As large as any batch: for one that takes over the records of another. */
  get largestSlab(): number { return this.#capacity }

  /** Closes the open batch to further records and queues it. */
  seal(queue: PartitionQueue): void {
    const batch = this.close(queue)
    if (batch !== null) queue.sealed.push(batch)
  }

  /** Closes the open batch for whoever sends it now, when nothing is queued before it. */
  close(queue: PartitionQueue): ProducerBatch | null {
    const { open } = queue
    if (open === null) return null
    queue.slabBytes = open.builder.sizeInBytes
    queue.open = null
    return open
  }

  /** Gives back the memory of a batch that is done and whose bytes nobody reads any more. Nobody may hold on to a settled batch. */
  release(batch: ProducerBatch): void {
    this.#used -= batch.reserved
    this.#filled -= batch.filled
    batch.bytes = null
    batch.builder.reset()
    const { capacity } = batch.builder
    if (!batch.settled || !this.#makePoolRoom(capacity)) return
    this.#pooledBytes += capacity
    const same = this.#pool.get(capacity)
    if (same === undefined) this.#pool.set(capacity, [batch])
    else same.push(batch)
  }

  /** Larger slabs give way: they are not what is used now. */
  #makePoolRoom(bytes: number): boolean {
    for (const [size, batches] of this.#pool) {
      while (size > bytes && this.#pooledBytes + bytes > this.#poolLimit && batches.pop() !== undefined) this.#pooledBytes -= size
    }
    return this.#pooledBytes + bytes <= this.#poolLimit
  }
}
