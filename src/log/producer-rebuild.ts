/** Brings producer state to an offset by snapshot and replay (spec/storage-format 10.5), at load and after truncation. */
import { OttlaError } from '../common/errors.ts'
import type { ProducerStateManager } from './producer-state-manager.ts'
import type { Segment } from './segment.ts'

export interface ProducerRebuildOptions {
  readonly producers: ProducerStateManager
  /** Ascending. */
  readonly segments: readonly Segment[]
  readonly logStartOffset: number
  readonly endOffset: number
  readonly nowMs: number
  /** A clean start without any snapshot scans nothing. */
  readonly clean: boolean
  readonly signal?: AbortSignal
}

/** Writes snapshots at the last two segment bases and at the end on the way. Raises LOG_CORRUPT where a batch cannot be read, ABORTED. */
export function rebuildProducerState(_options: ProducerRebuildOptions): Promise<void> { return Promise.reject(new OttlaError('INTERNAL', 'not built yet')) }
