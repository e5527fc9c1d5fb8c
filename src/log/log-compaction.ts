/**
 * Which logs are cleaned, and when (spec/storage-format 8.3): each time it is called, all that are dirty enough, the dirtiest first. A log whose cleaning fails
 * is left alone for a while, longer each time, and does not keep the others from theirs (KIP-346).
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import { compactionRange, isWorthCleaning, type CompactionRange } from './compaction-plan.ts'
import { cleanLog, type CleanerSettings, type CleaningOutcome } from './log-cleaner.ts'
import type { LogCheckpoints } from './log-checkpoints.ts'
import { commitSwap, discardCleaned, finishSwap } from './log-swap.ts'
import type { PartitionLog } from './partition-log.ts'

/** After the first failure; doubles with each that follows. */
const FIRST_PAUSE_MS = 15_000
const LONGEST_PAUSE_MS = 3_600_000

interface Failing { readonly failures: number; readonly retryAt: number }

export class LogCompaction {
  readonly #ports: Ports
  readonly #checkpoints: Pick<LogCheckpoints, 'cleanedTo' | 'recordCleaned'>
  readonly #failing = new Map<PartitionLog, Failing>()

  constructor(ports: Ports, checkpoints: Pick<LogCheckpoints, 'cleanedTo' | 'recordCleaned'>) {
    this.#ports = ports
    this.#checkpoints = checkpoints
  }

  /** Logs that could not be cleaned when it was tried last. */
  get failingCount(): number { return this.#failing.size }

  /** Cleans what is due, and ends early once `isStopped` says so. Never rejects. */
  async run(logs: readonly PartitionLog[], settings: CleanerSettings, isStopped: () => boolean): Promise<void> {
    const open = new Set(logs)
    for (const log of this.#failing.keys()) if (!open.has(log) || !log.config.isCompacted) this.#failing.delete(log)
    const due: { log: PartitionLog; ratio: number }[] = []
    for (const log of logs) {
      if (isStopped()) return
      const range = await this.#dueRange(log)
      if (range !== null) due.push({ log, ratio: range.dirtyRatio })
    }
    due.sort((a, b) => b.ratio - a.ratio)
    for (const { log } of due) {
      if (isStopped()) return
      // Retention, or a change of settings, may have come between.
      const range = await this.#dueRange(log)
      if (range !== null) await this.#clean(log, range, settings, isStopped)
    }
  }

  async #dueRange(log: PartitionLog): Promise<CompactionRange | null> {
    const { config } = log
    if (!config.isCompacted || log.isOffline || log.segmentCount < 2 || this.#ports.clock.monotonic() < (this.#failing.get(log)?.retryAt ?? 0)) return null
    const { state } = log.insides()
    const { segments } = state
    try {
      const range = await compactionRange(state, this.#checkpoints.cleanedTo(log.topic, log.partition), log.recoveryPoint, this.#ports.clock.now())
      if (isWorthCleaning(range, config.minDirtyRatio)) return range
      this.#failing.delete(log)
    } catch (error) {
      // Some of what it looked into may have gone away.
      if (state.segments === segments) this.#failed(log, error)
    }
    return null
  }

  async #clean(log: PartitionLog, range: CompactionRange, settings: CleanerSettings, isStopped: () => boolean): Promise<void> {
    const began = this.#ports.clock.monotonic()
    try {
      const outcome = await this.#cleanLog(log, range, settings, isStopped)
      const { state } = log.insides()
      await this.#checkpoints.recordCleaned(log.topic, log.partition, outcome.cleanedTo, () => state.closed === null && state.cuts === range.cuts)
      this.#failing.delete(log)
      this.#ports.logger.info('compaction cleaned a log', {
        log: `${log.topic}-${log.partition}`, from: range.firstDirty, to: outcome.cleanedTo, bytesBefore: outcome.bytesBefore, bytesAfter: outcome.bytesAfter,
        ms: Math.round(this.#ports.clock.monotonic() - began),
      })
    } catch (error) {
      if (!isStopped()) this.#failed(log, error)
    }
  }

  #cleanLog(log: PartitionLog, range: CompactionRange, settings: CleanerSettings, isStopped: () => boolean): Promise<CleaningOutcome> {
    const { state, sealed, exclusive, goOffline } = log.insides()
    const check = (): void => {
      state.refuseChange()
      if (isStopped()) throw new OttlaError('ABORTED', 'the database is being closed')
      if (state.cuts !== range.cuts || !state.config.isCompacted) throw new OttlaError('ABORTED', 'the log is not what it was, or not to be compacted any more')
    }
    return cleanLog(state, range, settings, {
      check,
      replace: async (sources, cleaned) => {
        let isCommitted = false
        try {
          await exclusive(async () => {
            check()
            isCommitted = await commitSwap(state, sources, cleaned, goOffline)
            if (!isCommitted) return
            try {
              await finishSwap(state, sealed, sources, cleaned)
            } catch (error) {
              throw goOffline(error)
            }
          })
        } finally {
          // After the commit its files are the log, whatever happens.
          if (!isCommitted) discardCleaned(state.store.fileSystem, state.store.directory, cleaned.baseOffset)
        }
        return isCommitted
      },
    })
  }

  #failed(log: PartitionLog, error: unknown): void {
    if (log.insides().state.closed !== null || log.isGoing || OttlaError.is(error, 'ABORTED')) return
    const failures = (this.#failing.get(log)?.failures ?? 0) + 1
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))
    this.#failing.set(log, { failures, retryAt: this.#ports.clock.monotonic() + pauseMs })
    this.#ports.logger.warn('a log could not be compacted and is tried again later; it is as it was', { log: `${log.topic}-${log.partition}`, failures, pauseMs, error })
  }
}
