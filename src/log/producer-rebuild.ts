/**
 * Brings producer state to an offset by snapshot and replay (spec/storage-format 10.5), at load and after truncation. Unlike Kafka, a clean start without any
 * snapshot is no reason to forget all producers: snapshots are disposable here, so losing them costs this scan and nothing else.
 */
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
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes durable snapshots at the last two segment bases and at the end on the way, each before the next, as Kafka. Raises LOG_CORRUPT where a batch cannot be
 * read, ABORTED; and DISK_FULL when a snapshot could not be written, after everything else: the state is whole then.
 */
export async function rebuildProducerState(options: ProducerRebuildOptions): Promise<void> {
  const { producers, segments, logStartOffset, endOffset, nowMs } = options
  let full: OttlaError | null = null
  // Truncating a log without producers leaves it without producers.
  const staysEmpty = producers.producerCount === 0 && producers.endOffset >= endOffset
  producers.truncateAndReload(logStartOffset, endOffset, nowMs)
  if (!staysEmpty) {
    const lastTwo = segments.slice(-2).map((s) => s.baseOffset)
    for (let i = 0; i < segments.length && producers.endOffset < endOffset; i++) {
      const segment = segments[i]!
      if ((segments[i + 1]?.baseOffset ?? endOffset) <= producers.endOffset) continue
      producers.setEndOffset(Math.max(segment.baseOffset, producers.endOffset))
      if (lastTwo.includes(segment.baseOffset)) full = await takeDurableSnapshot(producers) ?? full
      await replay(segment, options)
    }
  }
  producers.setEndOffset(endOffset)
  full = await takeDurableSnapshot(producers) ?? full
  if (full !== null) throw full
}

/** Only the newest snapshot is ever looked at: one that a power cut spoils must not have a newer one. */
async function takeDurableSnapshot(producers: ProducerStateManager): Promise<OttlaError | null> {
  try {
    const path = producers.takeSnapshot()
    if (path !== null) await producers.syncSnapshot(path)
    return null
  } catch (error) {
    if (!OttlaError.is(error, 'DISK_FULL')) throw error
    return error
  }
}

/** The batches of one segment in [producers.endOffset, endOffset). */
async function replay(segment: Segment, options: ProducerRebuildOptions): Promise<void> {
  const { producers, endOffset, signal } = options
  const first = await segment.locate(producers.endOffset)
  if (first === null) return
  const walker = segment.walk(first.position, { kind: 'whole' })
  for (;;) {
    const header = walker.next()
    if (header === null) {
      if (signal?.aborted === true) throw new OttlaError('ABORTED', 'The rebuild of producer state was given up because its AbortSignal fired',
        { cause: signal.reason })
      if (await walker.fill()) continue
      if (walker.problem === null) return
      throw corrupt(segment, walker.problem.position, producers.endOffset, walker.problem.detail)
    }
    if (header.baseOffset >= endOffset) return
    if (header.producerId < 0) continue
    try {
      producers.replay(walker.buffer(), walker.bufferPosition(), header)
    } catch (error) {
      throw OttlaError.is(error, 'CORRUPT_MESSAGE') ? corrupt(segment, header.position, header.baseOffset, error.message) : error
    }
  }
}

function corrupt(segment: Segment, position: number, offset: number, detail: string): OttlaError {
  return new OttlaError('LOG_CORRUPT', `${segment.logPath}: no whole batch at byte ${position}: ${detail}`, { file: segment.logPath, position, offset })
}
