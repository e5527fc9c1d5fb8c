/**
 * What happens to the logs of a manager without anybody asking: retention and quiet rolls, compaction, flush.ms, checkpoints, forgotten producers, folders of
 * deleted partitions. Periods come from the broker settings; each task skips its turn while its last run still works, and a failure is logged, never
 * thrown.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { Timer } from '../common/scheduler.ts'
import type { PartitionLog } from './partition-log.ts'
import { RetentionClock } from './retention-clock.ts'

export interface BackgroundPeriods {
  readonly retentionCheckMs: number
  readonly initialDelayMs: number
  readonly checkpointMs: number
  readonly highWatermarkCheckpointMs: number
  readonly flushSchedulerMs: number
  readonly producerExpiryCheckMs: number
  /** It may change. */
  readonly producerExpirationMs: () => number
  /** Between two looks for logs to compact; null: never. May change. */
  compactionMs(): number | null
}

export interface BackgroundWork {
  logs(): readonly PartitionLog[]
  writeCheckpoints(): Promise<void>
  writeHighWatermarks(): Promise<void>
  trimMemory(): void
  /** Compacts what is due; ends early once `isStopped`. */
  compact(isStopped: () => boolean): Promise<void>
}

/** flush.ms is looked at this often at most. */
const MIN_FLUSH_PERIOD_MS = 10
/** A shorter log.cleaner.backoff.ms is in force after so long at most. */
const MAX_COMPACTION_WAIT_MS = 5_000

export class LogBackground {
  readonly #ports: Ports
  readonly #periods: BackgroundPeriods
  readonly #work: BackgroundWork
  readonly #clock: RetentionClock
  readonly #timers: Timer[] = []
  /** By log: monotonic time since which it has had something to flush. */
  readonly #dirtySince = new WeakMap<PartitionLog, number>()
  #flushTimer: Timer | null = null
  #compactionTimer: Timer | null = null
  #flushPeriod = Number.POSITIVE_INFINITY
  readonly #running = new Set<Promise<void>>()
  #stopped = false

  constructor(ports: Ports, periods: BackgroundPeriods, work: BackgroundWork) {
    this.#ports = ports
    this.#periods = periods
    this.#work = work
    this.#clock = new RetentionClock(ports.clock.now(), ports.clock.monotonic())
  }

  start(): void {
    const { scheduler } = this.#ports
    const { retentionCheckMs, initialDelayMs, checkpointMs, highWatermarkCheckpointMs, producerExpiryCheckMs, producerExpirationMs } = this.#periods
    const retention = this.#task('retention', () => this.#retain())
    this.#timers.push(
      scheduler.after(Math.min(initialDelayMs, retentionCheckMs), () => {
        retention()
        if (!this.#stopped) this.#timers.push(scheduler.every(retentionCheckMs, retention))
      }),
      scheduler.every(checkpointMs, this.#task('checkpoint', () => this.#checkpoint())),
      scheduler.every(highWatermarkCheckpointMs, this.#task('high watermark checkpoint', () => this.#work.writeHighWatermarks())),
      scheduler.every(producerExpiryCheckMs, this.#task('producer expiry', () => {
        for (const log of this.#work.logs()) log.expireProducers(this.#ports.clock.now(), producerExpirationMs())
      })),
    )
    this.#compactLater()
    this.flushSettingsChanged()
  }

  #compactLater(waitedMs: number = 0): void {
    const periodMs = this.#periods.compactionMs()
    if (periodMs === null || this.#stopped) return
    const waitMs = Math.max(1, Math.min(periodMs - waitedMs, MAX_COMPACTION_WAIT_MS))
    this.#compactionTimer = this.#ports.scheduler.after(waitMs, () => {
      if (waitedMs + waitMs < (this.#periods.compactionMs() ?? 0)) return this.#compactLater(waitedMs + waitMs)
      this.#task('compaction', () => this.#work.compact(() => this.#stopped).finally(() => this.#compactLater()))()
    })
  }

  /** Nothing starts any more; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) timer.cancel()
    this.#flushTimer?.cancel()
    this.#compactionTimer?.cancel()
    await Promise.all(this.#running)
  }

  #task(name: string, run: () => Promise<void> | void): () => void {
    let busy = false
    return () => {
      if (busy || this.#stopped) return
      busy = true
      const work = (async () => run())().catch((error: unknown) => {
        this.#ports.logger.warn(`background work on the logs failed and is tried again: ${name}`, { error })
      }).finally(() => {
        busy = false
        this.#running.delete(work)
      })
      this.#running.add(work)
    }
  }

  async #retain(): Promise<void> {
    const { clock, logger } = this.#ports
    const time = this.#clock.read(clock.now(), clock.monotonic())
    if (time.held) logger.warn(
      'the wall clock has leapt ahead: retention goes on by the old time until the new one has held for an hour', { wall: clock.now(), retention: time.now },
    )
    for (const log of this.#work.logs()) {
      if (this.#stopped) return
      if (log.isOffline) continue
      try {
        await log.maybeRollByTime(time.now)
        await log.applyRetention(time.now)
      } catch (error) {
        if (OttlaError.is(error, 'CLOSED') || OttlaError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) continue
        logger.warn('retention of a log failed and is tried again', { log: `${log.topic}-${log.partition}`, error })
      }
    }
  }

  #checkpoint(): Promise<void> {
    for (const log of this.#work.logs()) log.tick()
    this.#work.trimMemory()
    return this.#work.writeCheckpoints()
  }

  /** flush.ms of some log has changed, or logs have gone. Looks at all of them. */
  flushSettingsChanged(): void {
    let period = this.#periods.flushSchedulerMs
    for (const log of this.#work.logs()) period = Math.min(period, log.config.flushMs)
    this.#setFlushPeriod(period)
  }

  /** One more log: of thousands that come one by one, none makes the others be looked at again. */
  logAdded(log: PartitionLog): void { if (log.config.flushMs < this.#flushPeriod) this.#setFlushPeriod(log.config.flushMs) }

  #setFlushPeriod(shortest: number): void {
    const period = Math.max(shortest, MIN_FLUSH_PERIOD_MS)
    if (this.#stopped || period === this.#flushPeriod) return
    this.#flushPeriod = period
    this.#flushTimer?.cancel()
    this.#flushTimer = period === Number.MAX_SAFE_INTEGER ? null : this.#ports.scheduler.every(period, this.#task('flush', () => this.#flush()))
  }

  async #flush(): Promise<void> {
    const now = this.#ports.clock.monotonic()
    const due: Promise<void>[] = []
    for (const log of this.#work.logs()) {
      if (log.isOffline || log.recoveryPoint >= log.logEndOffset) {
        this.#dirtySince.delete(log)
        continue
      }
      const since = this.#dirtySince.get(log)
      if (since === undefined) this.#dirtySince.set(log, now)
      // Seen dirty one period ago or more: older than flush.ms now, if flush.ms is the shortest; else wait for its own age.
      if (now - (since ?? now) + this.#flushPeriod < log.config.flushMs) continue
      this.#dirtySince.delete(log)
      due.push(log.flush().catch((error: unknown) => {
        this.#ports.logger.warn('a flush failed', { log: `${log.topic}-${log.partition}`, error })
      }))
    }
    await Promise.all(due)
  }
}
