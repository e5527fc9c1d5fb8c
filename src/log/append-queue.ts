/**
 * The order of work on one log: appends gather while something runs and go as one group when it ends (group commit); exclusive sections (truncation,
 * retention, close) take turns with groups. At most one of them runs at a time, but that one group more may be started while the disk syncs the one before
 * (`mayFollow`): for what is urgent, or where as much waits as a group can take.
 *
 * Rules (design/performance D5, H3): the promises of a group are settled before the next one starts; the next one starts in a macrotask of its own
 * unless much already waits, so that those who were just answered can join it. Only an urgent durable append has its group started inside `push`, or
 * right behind the one before, and a large one that is not synced inside `push`: once a turn, so that nobody who appends whenever he is answered keeps
 * the event loop from its timers.
 *
 * Does not know what an append is: `commit` does the work and settles each item by `resolve` or `reject`. Used by PartitionLog only.
 */
import { OttlaError } from '../common/errors.ts'
import type { Scheduler } from '../common/scheduler.ts'
import type { ValidBatch } from './append-validator.ts'
import type { AppendOptions, AppendResult } from './log-types.ts'
import { SYNC_WRITE_BYTES } from './sync-gate.ts'

export interface PendingAppend {
  readonly records: Uint8Array
  readonly options: AppendOptions
  /** Set once the bytes have passed the checks: a group that had no room for them must not check (and stamp) them again. */
  validated: readonly ValidBatch[] | null
  readonly resolve: (result: AppendResult) => void
  readonly reject: (error: unknown) => void
}

/**
 * Works off `taken` (at least one item) and settles them, or gives some of the last ones back by `putBack` before it ends. Synchronous (undefined)
 * where no thread hop is needed. Must not throw or reject.
 */
export type CommitGroup = (taken: PendingAppend[]) => Promise<void> | undefined

/** Waiting bytes at which the next group starts at once. */
const URGENT_BYTES = 131_072
/** Most bytes of a group with more than one member. */
export const GROUP_BYTES: number = 1_048_576
/** So much fills a group, but for a batch of the usual size: it gains nothing by waiting for more. */
const FULL_BYTES = GROUP_BYTES - 65_536

const NOTHING: never[] = []

function isUrgent(options: AppendOptions): boolean { return options.urgent === true && options.durable }

export class AppendQueue {
  readonly #scheduler: Pick<Scheduler, 'soon'>
  readonly #commit: CommitGroup
  readonly #mayFollow: () => boolean
  /** Made anew for a first item: with thousands of logs there is seldom a second. */
  #waiting: PendingAppend[] = NOTHING
  #waitingBytes = 0
  #sections: (() => Promise<void>)[] = []
  /** Groups and sections that have begun and not ended. */
  #running = 0
  #scheduled = false
  #followScheduled = false
  /** The event loop had its turn since a group was last started for what is urgent: a first one, and one behind another. */
  #yielded = true
  #yieldedBehind = true
  #closedBy: OttlaError | null = null
  #idleWaiters: (() => void)[] = []

  /** `mayFollow`, asked while one group runs: whether `commit` can take another one. */
  constructor(scheduler: Pick<Scheduler, 'soon'>, commit: CommitGroup, mayFollow: () => boolean = () => false) {
    this.#scheduler = scheduler
    this.#commit = commit
    this.#mayFollow = mayFollow
  }

  get waitingBytes(): number { return this.#waitingBytes }
  get isIdle(): boolean { return this.#running === 0 && this.#waiting.length === 0 && this.#sections.length === 0 }

  push(records: Uint8Array, options: AppendOptions, resolve: (result: AppendResult) => void, reject: (error: unknown) => void): void {
    if (this.#closedBy !== null) {
      reject(this.#closedBy)
      return
    }
    const item = { records, options, validated: null, resolve, reject }
    if (this.#waiting.length === 0) this.#waiting = [item]
    else this.#waiting.push(item)
    this.#waitingBytes += records.length
    if (this.#isPressing(options) && this.#mayStart() && this.#mayHurry()) this.#start()
    else if (this.#running > 0) this.followIfFull()
    else this.#wake()
  }

  /** Where a group fills while another one runs behind which it may be started, it is: in a macrotask, with what has come by then. */
  followIfFull(): void {
    if (this.#followScheduled || this.#waitingBytes < FULL_BYTES) return
    this.#followScheduled = true
    this.#scheduler.soon(() => {
      this.#followScheduled = false
      if (this.#waitingBytes >= FULL_BYTES && this.#mayStart()) this.#start()
    })
  }

  /**
   * For `commit`, whose group was written by another thread and is answered, before anybody hears of that (promises are told in microtasks): where as much
   * waits as a group takes, the next one starts now, and the telling goes on beside its write.
   */
  startIfFull(): void {
    if (this.#running === 1 && this.#sections.length === 0 && this.#waitingBytes >= FULL_BYTES) this.#start()
  }

  /** Runs `section` while no group and no other section runs. Its failure is the caller's alone. */
  exclusive<T>(section: () => Promise<T> | T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#sections.push(async () => {
        try {
          resolve(await section())
        } catch (error) {
          reject(error)
        }
      })
      this.#wake()
    })
  }

  /** Later pushes fail with `error`; what waits is still worked off. */
  close(error: OttlaError): void { this.#closedBy ??= error }

  /** Fails everything that waits, and every later push, with `error`. */
  failAll(error: OttlaError): void {
    this.#closedBy = error
    for (const item of this.takeWaiting()) item.reject(error)
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve()
    return new Promise((resolve) => { this.#idleWaiters.push(resolve) })
  }

  /** For `exit` handlers: everything that waits, for the caller to write and settle. */
  takeWaiting(): PendingAppend[] {
    const items = this.#waiting
    this.#waiting = NOTHING
    this.#waitingBytes = 0
    return items
  }

  /** For `commit`: items that must wait for the next group, in their order, before everything that came meanwhile. */
  putBack(rest: PendingAppend[]): void {
    if (rest.length === 0) return
    for (const item of rest) this.#waitingBytes += item.records.length
    this.#waiting = this.#waiting.length === 0 ? rest : [...rest, ...this.#waiting]
  }

  #wake(): void {
    if (this.#running > 0 || this.#scheduled) return
    this.#scheduled = true
    this.#scheduler.soon(this.#turn)
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    this.#next()
  }

  #next(): void {
    if (this.#running > 0) return
    const section = this.#sections.shift()
    if (section !== undefined) {
      this.#running++
      void section().then(() => this.#ended(false))
      return
    }
    if (this.#waiting.length === 0) this.#signalIdle()
    else this.#start()
  }

  /** The event loop gets its turn meanwhile, for certain. */
  #isPressing({ urgent, durable }: AppendOptions): boolean { return urgent === true && (durable || (this.#waitingBytes > SYNC_WRITE_BYTES && this.#running === 0)) }

  /** A group, now: a section that waits comes first. */
  #mayStart(): boolean { return this.#sections.length === 0 && (this.#running === 0 || (this.#running === 1 && this.#mayFollow())) }

  #start(): void {
    this.#running++
    const work = this.#commit(this.takeWaiting())
    if (work === undefined) this.#ended(false)
    else void work.then(() => this.#ended(true))
  }

  /**
   * True once in a turn of the event loop; for a group behind another once more: who is answered in the turn in which a first one was started sends in the
   * next, which may begin before this one hears of it, and the group would only be started when the sync has ended: so would the next, and so on for ever.
   */
  #mayHurry(): boolean {
    const isBehind = this.#running > 0
    if (isBehind ? !this.#yieldedBehind : !this.#yielded) return false
    if (isBehind) this.#yieldedBehind = false
    else this.#yielded = false
    this.#scheduler.soon(() => {
      if (isBehind) this.#yieldedBehind = true
      else this.#yielded = true
    })
    return true
  }

  /** `yielded`: the group gave up its turn. Groups that never do would starve every timer if the next one were started at once. */
  #ended(yielded: boolean): void {
    this.#running--
    if (this.#sections.length === 0 && this.#waiting.length === 0) {
      if (this.#running === 0) this.#signalIdle()
    } else if (yielded && this.#mayStart() && this.#isUrgent()) this.#start()
    else this.#wake()
  }

  #isUrgent(): boolean {
    return (this.#running === 0 && this.#waitingBytes >= URGENT_BYTES) || (this.#waiting.some((item) => isUrgent(item.options)) && this.#mayHurry())
  }

  #signalIdle(): void {
    if (this.#idleWaiters.length === 0) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const resolve of waiters) resolve()
  }
}
