/**
 * Chooses the partition of a record, in Kafka's order: explicit, then the user's own function, then the hash of the key, then sticky
 * (KIP-794; spec/storage-format 13.10) or round robin.
 *
 * Sticky: records without key stay on one partition until it has been given `batch.size` bytes and its open batch is full, at twice that
 * in any case; then another is drawn. So batches fill, and over time every partition gets the same bytes.
 */
import { shown } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import { handleRejection } from '../common/guarded-call.ts'
import type { Random } from '../common/random.ts'
import { murmur2, murmur2Ascii, partitionOfHash } from './murmur2.ts'
import type { Partitioner, PartitionerContext, ProducerRecord } from './types.ts'

/** What is remembered per topic. */
export class PartitionChoice {
  /** −1: none drawn yet. */
  #sticky = -1
  #bytes = 0
  #turn = 0
  readonly #random: Random
  readonly #switchBytes: number

  constructor(random: Random, batchSize: number) {
    this.#random = random
    this.#switchBytes = Math.max(1, batchSize)
  }

  sticky(partitionCount: number): number {
    if (this.#sticky < 0 || this.#sticky >= partitionCount) this.#draw(partitionCount)
    return this.#sticky
  }

  /** `bytes` were added to `partition` for a record that was not placed by key; `full` when its open batch takes no more. */
  count(partition: number, partitionCount: number, bytes: number, full: boolean): void {
    if (partition !== this.#sticky) return
    this.#bytes += bytes
    if ((full && this.#bytes >= this.#switchBytes) || this.#bytes >= 2 * this.#switchBytes) this.#draw(partitionCount)
  }

  roundRobin(partitionCount: number): number {
    const partition = this.#turn % partitionCount
    this.#turn = partition + 1
    return partition
  }

  #draw(partitionCount: number): void {
    this.#sticky = partitionCount === 1 ? 0 : this.#random.int(partitionCount)
    this.#bytes = 0
  }
}

/** Partition of a serialized key. */
export function partitionOfKey(key: Uint8Array | string, partitionCount: number): number {
  if (typeof key !== 'string') return partitionOfHash(murmur2(key), partitionCount)
  const hash = murmur2Ascii(key)
  return partitionOfHash(Number.isNaN(hash) ? murmur2(Buffer.from(key, 'utf8')) : hash, partitionCount)
}

const bytesOf = (value: Uint8Array | string | null): Uint8Array | null => typeof value === 'string' ? Buffer.from(value, 'utf8') : value

/** Asks the user's function. Raises INVALID_ARGUMENT when it throws, or its answer is no partition of the topic. */
export function askPartitioner<K, V>(partitioner: Partitioner<K, V>, record: ProducerRecord<K, V>, partitionCount: number,
  key: Uint8Array | string | null, value: Uint8Array | string | null): number {
  const context: PartitionerContext = { topic: record.topic, partitionCount, keyBytes: bytesOf(key), valueBytes: bytesOf(value) }
  const { topic } = record
  let partition: number
  try {
    partition = partitioner(record, context)
  } catch (error) {
    throw new OttlaError('INVALID_ARGUMENT', `the partitioner threw: ${error instanceof Error ? error.message : String(error)}`, { topic, cause: error })
  }
  if (Number.isInteger(partition) && partition >= 0 && partition < partitionCount) return partition
  handleRejection(partition)
  throw new OttlaError('INVALID_ARGUMENT', `the partitioner gave ${shown(partition)}, but topic ${topic} has partitions 0 to ${partitionCount - 1}`, { topic })
}
