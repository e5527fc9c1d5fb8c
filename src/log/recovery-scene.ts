/** What the passes of opening a partition share: the question, and what is known so far. Lives for one open; used by log-loader.ts and log-recovery.ts. */
import { OttlaError } from '../common/errors.ts'
import type { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { LogConfig } from './log-config.ts'
import type { LogSharing } from './log-state.ts'
import type { RecoveryProgress } from './log-types.ts'
import type { ProducerStateManager } from './producer-state-manager.ts'
import type { RecoveryReporter } from './recovery-report.ts'
import type { Segment, SegmentStore } from './segment.ts'

export interface LoadRequest {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly store: SegmentStore
  readonly sharing: LogSharing
  readonly config: LogConfig
  /** From the checkpoints; 0 where they say nothing. */
  readonly recoveryPoint: number
  readonly logStart: number
  readonly highWatermark: number
  /** The clean-shutdown marker was there. */
  readonly clean: boolean
  readonly producerExpirationMs: number
  readonly signal?: AbortSignal | undefined
  readonly onRecovery?: ((progress: RecoveryProgress) => void) | undefined
}

export interface RecoveryScene {
  readonly request: LoadRequest
  readonly reporter: RecoveryReporter
  readonly producers: ProducerStateManager
  readonly epochs: LeaderEpochCache
  segments: readonly Segment[]
  logStart: number
  /** Not null: the log may be read, but not appended to. */
  offline: OttlaError | null
  /** Everything recovered is durable. */
  flushed?: boolean
}

/** Derived files must not keep a log from opening: a database has to start on a full disk. */
export async function tolerateFullDisk(scene: RecoveryScene, write: () => Promise<void> | void): Promise<boolean> {
  try {
    await write()
    return true
  } catch (error) {
    if (!OttlaError.is(error, 'DISK_FULL')) throw error
    const { topic, partition, sharing } = scene.request
    const log = `${topic}-${partition}`
    sharing.ports.logger.warn('the disk is full: derived files of a log could not be written, the next open takes longer', { log, error })
    return false
  }
}

/** The recorded log start, at most `most`. At the oldest base, where retention records it and Kafka does not, it takes nothing of the snapshot there away. */
export function startOfProducers(recorded: number, segments: readonly Segment[], most: number): number {
  return recorded === segments[0]!.baseOffset ? 0 : Math.min(recorded, most)
}
