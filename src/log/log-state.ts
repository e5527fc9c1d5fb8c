/**
 * What the parts of one PartitionLog share. Everything here is replaced or changed only inside the log's turn (AppendQueue: a group or an exclusive
 * section), except `closed` and `offline`, which are set once, and in a process that only reads (beside-owner.ts). Readers take `segments` and `offsets` as they stand.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { AppendTurns } from './append-turns.ts'
import type { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { LogConfig } from './log-config.ts'
import type { LogOffsets } from './log-offsets.ts'
import type { LogEvents } from './log-types.ts'
import type { ProducerStateManager } from './producer-state-manager.ts'
import type { SegmentList } from './segment-list.ts'
import type { SegmentStore } from './segment.ts'
import type { SyncGate, TurnBudget } from './sync-gate.ts'
import { TailCache, type TailMemory } from './tail-cache.ts'

/** What the manager gives to each of its logs. */
export interface LogSharing {
  readonly ports: Ports
  readonly syncGate: SyncGate
  readonly appendTurns: AppendTurns
  readonly writeBudget: TurnBudget
  readonly readBudget: TurnBudget
  readonly tailMemory: TailMemory
  readonly events: LogEvents
  /** Writes the log-start-offset and recovery-point checkpoints of the directory, durably, before it resolves. */
  persistCheckpoints(): Promise<void>
}

export interface LogParts {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly store: SegmentStore
  readonly sharing: LogSharing
  readonly config: LogConfig
  readonly segments: SegmentList
  readonly offsets: LogOffsets
  readonly producers: ProducerStateManager
  readonly epochs: LeaderEpochCache
  /** Wall time of the last append to the active segment, as far as its modification time tells. */
  readonly activeSinceMs: number
  /** Not null: recovery could not be finished, so the log is read only until the next open. */
  readonly offline?: OttlaError | null
}

export class LogState {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly store: SegmentStore
  readonly sharing: LogSharing
  offsets: LogOffsets
  producers: ProducerStateManager
  epochs: LeaderEpochCache
  readonly tail: TailCache
  config: LogConfig
  segments: SegmentList
  activeSinceMs: number
  /** Goes up whenever offsets that were readable are taken away, and when their segments go: a read that began before is worth another try. */
  generation = 0
  /** Goes up whenever the end is cut off: who works on segments, and not on a list of them, works on others from then on. */
  cuts = 0
  /** Base offset of the oldest segment, as far as the folder is durable: what lies below may come back with a power cut. */
  firstDurableBase: number
  /** The logs are durable up to here; the recovery point follows once the indexes of every sealed segment are, too. */
  durableEnd: number
  /**
   * A write failed: behind the end of the active `.log` there may be bytes that are not part of it. The next write cuts them off; whoever ends the
   * segment before must.
   */
  hasLeftover = false
  offline: OttlaError | null
  closed: OttlaError | null = null

  constructor(parts: LogParts) {
    this.topic = parts.topic
    this.partition = parts.partition
    this.topicId = parts.topicId
    this.store = parts.store
    this.sharing = parts.sharing
    this.config = parts.config
    this.segments = parts.segments
    this.offsets = parts.offsets
    this.producers = parts.producers
    this.epochs = parts.epochs
    this.activeSinceMs = parts.activeSinceMs
    this.durableEnd = parts.offsets.recoveryPoint
    this.firstDurableBase = parts.segments.first.baseOffset
    this.offline = parts.offline ?? null
    this.tail = new TailCache(parts.sharing.tailMemory)
  }

  get name(): string { return `${this.topic}-${this.partition}` }
  get leaderEpoch(): number { return Math.max(0, this.epochs.latestEpoch) }

  /** The same error, telling which log it concerns; anything unexpected becomes INTERNAL. */
  describe(error: unknown): OttlaError {
    const known = OttlaError.from(error)
    if (known.topic !== undefined) return known
    return new OttlaError(known.code, `${this.name}: ${known.message}`, {
      topic: this.topic, partition: this.partition, offset: known.offset, file: known.file, position: known.position, cause: known.cause ?? known,
    })
  }

  /** Raises CLOSED once the log is closed. */
  refuseClosed(): void {
    if (this.closed !== null) throw this.closed
  }

  /** Raises what a change of the log meets: CLOSED, READ_ONLY, LOG_OFFLINE. */
  refuseChange(): void {
    this.refuseClosed()
    if (this.store.readOnly) throw new OttlaError('READ_ONLY', `${this.name} is open for reading only`, { topic: this.topic, partition: this.partition })
    if (this.offline !== null) throw this.offline
  }
}
