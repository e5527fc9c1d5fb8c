/**
 * Segments that were rolled but are not wholly durable yet. Their logs are synced in the background, oldest first, and then their indexes and
 * snapshots. A durable append waits for the logs, because what it promises includes everything before it. The recovery point waits for both: recovery
 * does not look at segments below it, so their indexes must be there.
 *
 * A failed sync of a log is final (`onFailure`: the log goes offline). Index files can be written again, so a full disk only leaves them for later.
 */
import { OttlaError } from '../common/errors.ts'
import type { LogState } from './log-state.ts'
import type { Segment } from './segment.ts'

interface Sealed { readonly segment: Segment; readonly endOffset: number; readonly snapshotPath: string | null; logIsDurable: boolean }

/** False where the file could not even be opened to be synced: that may be tried again, a failed sync never. */
export function isSyncFailure(error: unknown): boolean { return !OttlaError.is(error, 'TOO_MANY_OPEN_FILES') }

export class SealedFlusher {
  readonly #state: LogState
  readonly #onFailure: (error: unknown) => void
  #pending: Sealed[] = []
  #syncing: Promise<void> | null = null
  #settling: Promise<void> | null = null

  constructor(state: LogState, onFailure: (error: unknown) => void) {
    this.#state = state
    this.#onFailure = onFailure
  }

  get isEmpty(): boolean { return this.#pending.length === 0 }
  /** Where the first of them ends; Infinity when there is none. */
  get firstEnd(): number { return this.#pending[0]?.endOffset ?? Number.POSITIVE_INFINITY }

  add(segment: Segment, endOffset: number, snapshotPath: string | null): void {
    this.#pending.push({ segment, endOffset, snapshotPath, logIsDurable: false })
    this.settleInBackground()
  }

  /** Tries (again) to make everything durable; failures are logged, or take the log offline. */
  settleInBackground(): void {
    this.settled().catch((error: unknown) => {
      const { ports } = this.#state.sharing
      if (this.#state.offline === null) ports.logger.warn(
        'index files of a sealed segment could not be written; it is tried again', { log: this.#state.name, error },
      )
    })
  }

  /** The segment is being deleted or cut: nobody needs it durable any more. */
  forget(segment: Segment): void { this.#pending = this.#pending.filter((sealed) => sealed.segment !== segment) }

  /** Their folder goes away, and its name may soon be another's. */
  async forgetAll(): Promise<void> {
    this.#pending = []
    await Promise.allSettled([this.#settling, this.#syncing])
  }

  /** Resolves once the logs of all sealed segments are durable. Rejects when a sync failed. */
  logsDurable(): Promise<void> {
    if (this.#pending.every((sealed) => sealed.logIsDurable)) return Promise.resolve()
    this.#syncing ??= this.#syncLogs()
    return this.#syncing
  }

  /** Whoever is told of this run's end must not have come after its last look: `#syncing` is cleared in the same breath. */
  async #syncLogs(): Promise<void> {
    try {
      for (let next = this.#nextToSync(); next !== undefined; next = this.#nextToSync()) await this.#syncLog(next)
    } finally {
      this.#syncing = null
    }
  }

  async #syncLog(sealed: Sealed): Promise<void> {
    try {
      await this.#state.sharing.syncGate.run(() => sealed.segment.datasync())
    } catch (error) {
      if (!this.#pending.includes(sealed)) return
      if (isSyncFailure(error)) this.#onFailure(error)
      throw error
    }
    sealed.logIsDurable = true
  }

  #nextToSync(): Sealed | undefined { return this.#pending.find((sealed) => !sealed.logIsDurable) }

  /** Resolves once sealed segments are durable with all that belongs to them. Rejects when that failed. */
  settled(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve()
    this.#settling ??= this.#settle()
    return this.#settling
  }

  /** As `#syncLogs`: nothing may come between the last look and the end. */
  async #settle(): Promise<void> {
    try {
      await this.#settleAll()
    } finally {
      this.#settling = null
    }
  }

  async #settleAll(): Promise<void> {
    const { sharing, producers, offsets } = this.#state
    for (let sealed = this.#pending[0]; sealed !== undefined; sealed = this.#pending[0]) {
      await this.logsDurable()
      const { segment, endOffset, snapshotPath } = sealed
      try {
        if (snapshotPath !== null) await producers.syncSnapshot(snapshotPath)
        await sharing.syncGate.run(() => segment.flush())
      } catch (error) {
        if (this.#pending[0] === sealed) throw error
      }
      if (this.#pending[0] !== sealed) continue
      this.#pending.shift()
      offsets.raiseRecoveryPoint(endOffset)
    }
    offsets.raiseRecoveryPoint(this.#state.durableEnd)
  }

  /** For `exit` handlers: the logs, without their indexes. */
  syncLogsNow(): void {
    for (const sealed of this.#pending) {
      if (!sealed.logIsDurable) sealed.segment.datasyncSync()
      sealed.logIsDurable = true
    }
  }
}
