/**
 * Writing to `__consumer_offsets`: the records of one request go as one batch (v2, uncompressed) to the partition of their group, and are
 * replayed into the store once they are durable, in the order of the log. The topic is created on the first write.
 *
 * Commit point of every change of group state on disk: the append. When it fails nothing was replayed, and the caller answers with an error.
 */
import type { Clock } from '../common/clock.ts'
import { OttlaError } from '../common/errors.ts'
import { coordinatorPartition } from '../protocol/java-hash.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import type { GroupStore } from './group-store.ts'
import { recordBytes } from './offsets-records.ts'
import type { KnownRecord } from './record-codec.ts'

export interface OffsetsReadOptions { readonly maxBytes: number; readonly isolation: 'highWatermark'; readonly minOneMessage?: boolean }

/** The part of `PartitionLog` that the coordinator uses. */
export interface OffsetsLog {
  readonly logStartOffset: number
  readonly highWatermark: number
  append(records: Uint8Array, options: { readonly origin: 'coordinator'; readonly durable: boolean }): Promise<{ readonly baseOffset: number }>
  read(offset: number, options: OffsetsReadOptions): Promise<{ readonly records: Uint8Array }>
}

export interface OffsetsTopic {
  /**
   * Logs of `__consumer_offsets` by partition as they are now; empty while there is no such topic. The length decides where groups go, so
   * a partition that this directory lacks is a hole (undefined), never left out.
   */
  readonly offsetsLogs: () => readonly (OffsetsLog | undefined)[]
  /** Creates the topic with that many partitions and gives its logs; idempotent. */
  readonly createOffsetsTopic: (partitions: number) => Promise<readonly (OffsetsLog | undefined)[]>
}

/** Appends to one partition in the order of calls. */
interface Lane { readonly log: OffsetsLog | undefined; readonly partition: number; replayed: Promise<unknown> }

export class OffsetsLogWriter {
  readonly #topic: OffsetsTopic
  readonly #partitions: number
  readonly #store: GroupStore
  readonly #clock: Clock
  #lanes: Promise<readonly Lane[]> | null = null
  #underWay = new Set<Promise<unknown>>()
  #closed = false

  constructor(topic: OffsetsTopic, partitions: number, store: GroupStore, clock: Clock) {
    this.#topic = topic
    this.#partitions = partitions
    this.#store = store
    this.#clock = clock
  }

  /** Resolves when the records are durable and replayed. Raises what the append raises, CLOSED, and what creating the topic raises. */
  write(groupId: string, records: readonly KnownRecord[]): Promise<void> {
    const written = this.#write(groupId, records)
    this.#underWay.add(written)
    const done = (): void => { this.#underWay.delete(written) }
    written.then(done, done)
    return written
  }

  async #write(groupId: string, records: readonly KnownRecord[]): Promise<void> {
    if (this.#closed) throw new OttlaError('CLOSED', 'the group coordinator is closed')
    if (records.length === 0) return
    // Everybody waits for the same promise, so that the order of calls is the order of appends, the first ones included.
    const lanes = await this.#open()
    const lane = lanes[coordinatorPartition(groupId, lanes.length)]!
    const { log, partition } = lane
    if (log === undefined) {
      throw new OttlaError('NOT_COORDINATOR', `group ${groupId} belongs to partition ${partition} of __consumer_offsets, which is not in this directory`)
    }
    const timestamp = this.#clock.now()
    const batch = buildBatch(records.map((record) => ({ timestamp, ...recordBytes(record) })))
    const appended = log.append(batch, { origin: 'coordinator', durable: true })
    const before = lane.replayed
    const replayed = before.then(() => appended).then(({ baseOffset }) => this.#replay(records, partition, baseOffset))
    lane.replayed = replayed.catch(() => {})
    await replayed
  }

  #replay(records: readonly KnownRecord[], logPartition: number, baseOffset: number): void {
    records.forEach((record, index) => this.#store.replay(record, { logPartition, offset: baseOffset + index, producerId: -1 }, true))
  }

  #open(): Promise<readonly Lane[]> {
    this.#lanes ??= this.#openTopic().catch((error: unknown) => {
      this.#lanes = null
      throw error
    })
    return this.#lanes
  }

  async #openTopic(): Promise<readonly Lane[]> {
    const existing = this.#topic.offsetsLogs()
    const logs = existing.length > 0 ? existing : await this.#topic.createOffsetsTopic(this.#partitions)
    if (logs.length === 0) throw new OttlaError('COORDINATOR_NOT_AVAILABLE', '__consumer_offsets has no partitions')
    return logs.map((log, partition) => ({ log, partition, replayed: Promise.resolve() }))
  }

  /** Refuses new writes and waits for those under way. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#underWay)
  }
}
