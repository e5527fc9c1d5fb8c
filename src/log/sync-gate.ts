/**
 * What the logs of one manager share of the machine (design/performance H4, H6): how many fdatasyncs may occupy the thread pool at once, syncs of their folder,
 * and how many bytes may be written synchronously in one turn of the event loop.
 */
import type { Scheduler } from '../common/scheduler.ts'

/** Node's pool has four threads unless told otherwise: one is left for reads. */
const DEFAULT_SYNCS = 3

export class SyncGate {
  readonly #limit: number
  #running = 0
  readonly #waiting: (() => void)[] = []
  #completed = 0

  constructor(limit: number = DEFAULT_SYNCS) { this.#limit = limit }

  /** Syncs that succeeded since the start. */
  get completed(): number { return this.#completed }

  /** Runs `sync` when fewer than the limit run; first come, first served. */
  async run(sync: () => Promise<void>): Promise<void> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    else this.#running++
    try {
      await sync()
      this.#completed++
    } finally {
      const next = this.#waiting.shift()
      // The place is handed over, so that nobody overtakes.
      if (next === undefined) this.#running--
      else next()
    }
  }
}

/** One sync for many: who asks while one runs shares the next, which begins after the asking. */
export class SharedSync {
  readonly #sync: () => Promise<void>
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null

  constructor(sync: () => Promise<void>) { this.#sync = sync }

  /** Rejects as the sync does that it shares. */
  run(): Promise<void> {
    if (this.#running === null) return this.#start()
    this.#next ??= this.#running.then(() => {}, () => {}).then(() => {
      this.#next = null
      return this.#start()
    })
    return this.#next
  }

  #start(): Promise<void> {
    const running = this.#sync().finally(() => { if (this.#running === running) this.#running = null })
    this.#running = running
    return running
  }
}

/** Largest write made on the event loop. */
export const SYNC_WRITE_BYTES = 131_072
const BYTES_PER_TURN = 262_144
/** Handing so little to another thread takes the event loop longer than writing it: it is written whatever the turn has spent (AppendTurns bounds their number). */
const SMALL_WRITE_BYTES = 8192

/** Largest read made on the event loop where the reader does not ask for more: a batch of 64 KiB and what belongs to it. */
export const SYNC_READ_BYTES: number = 131_072
/** Largest where it does: about what the system takes to send as much. */
export const MOST_SYNC_READ_BYTES: number = 1_048_576
const READ_PER_TURN = 2_097_152

/** What may be read or written synchronously in one turn of the event loop. */
export class TurnBudget {
  readonly #scheduler: Scheduler
  readonly #perCall: number
  readonly #perTurn: number
  readonly #free: number
  #spent = 0

  private constructor(scheduler: Scheduler, perCall: number, perTurn: number, free: number) {
    this.#scheduler = scheduler
    this.#free = free
    this.#perCall = perCall
    this.#perTurn = perTurn
  }

  static ofWrites(scheduler: Scheduler): TurnBudget { return new TurnBudget(scheduler, SYNC_WRITE_BYTES, BYTES_PER_TURN, SMALL_WRITE_BYTES) }
  static ofReads(scheduler: Scheduler): TurnBudget { return new TurnBudget(scheduler, MOST_SYNC_READ_BYTES, READ_PER_TURN, 0) }

  /** True when `bytes` fit into this turn. */
  take(bytes: number): boolean {
    if (bytes <= this.#free) return true
    if (bytes > this.#perCall || this.#spent + bytes > this.#perTurn) return false
    if (this.#spent === 0) this.#scheduler.soon(() => { this.#spent = 0 })
    this.#spent += bytes
    return true
  }
}
