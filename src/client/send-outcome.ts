/**
 * Who waits for records that were sent, and how they are told (ADR 0032): all who wait for records of a batch are reactions of one promise, made in the order
 * of the records. Reactions run in the order in which they were made, so a cursor gives each its own metadata.
 */
import type { OttlaError } from '../common/errors.ts'
import type { RecordMetadata } from './types.ts'
import type { WaitingSend } from './waiting-sends.ts'

/** Stands for the promise that `send` makes once the batch is known. */
export const NEW_PROMISE: unique symbol = Symbol('send')

/** Whoever waits for a record; null: nobody. */
export type Waiting = typeof NEW_PROMISE | SendWaiter | SendGroup | null

type Resolve = (metadata: RecordMetadata) => void
type Reject = (error: OttlaError) => void

/** The functions of the promise made last: an executor of its own would cost each two objects. */
let lastResolve: Resolve | null = null
let lastReject: Reject | null = null
function keepFunctions(resolve: Resolve, reject: Reject): void {
  lastResolve = resolve
  lastReject = reject
}

/** The promise of a `send` that has no batch yet, or may be aborted. */
export class SendWaiter {
  readonly promise: Promise<RecordMetadata> = new Promise(keepFunctions)
  resolve: Resolve = lastResolve!
  reject: Reject = lastReject!
  /** Where its record stands in line, if it does. */
  entry: WaitingSend | null = null

  /** Calls `ended` before anybody is told. A reaction of the promise would do so, too, and hide a rejection that nobody handles. */
  beforeTold(ended: () => void): void {
    const { resolve, reject } = this
    this.resolve = (metadata) => { ended(); resolve(metadata) }
    this.reject = (error) => { ended(); reject(error) }
  }
}

/** Told by hand, in turn. */
interface Run { tell(outcome: Outcome): void }

/** Promises with functions, of records that follow one another. */
class SendRun {
  readonly resolve: Resolve[]
  readonly reject: Reject[]

  constructor(resolve: Resolve, reject: Reject) {
    // As long as need be: an empty array makes room for seventeen with its first.
    this.resolve = [resolve]
    this.reject = [reject]
  }

  tell(outcome: Outcome): void {
    const { resolve, reject } = this
    for (let i = 0; i < resolve.length; i++) {
      try {
        resolve[i]!(outcome.next())
      } catch (error) {
        reject[i]!(error as OttlaError)
      }
    }
  }
}

/** The one promise of a `sendBatch`: results by place, the first error, and how many records are still out. */
export class SendGroup {
  readonly #results: RecordMetadata[] = []
  readonly #resolve: (results: RecordMetadata[]) => void
  readonly #reject: (error: OttlaError) => void
  readonly #settled: () => void
  #open: number
  #error: OttlaError | null = null

  constructor(count: number, resolve: (results: RecordMetadata[]) => void, reject: (error: OttlaError) => void, settled: () => void) {
    this.#results.length = count
    this.#open = count
    this.#resolve = resolve
    this.#reject = reject
    this.#settled = settled
  }

  /** The next `count` records are its own. */
  tell(outcome: Outcome, count: number): void {
    for (let left = count; left > 0;) {
      try {
        for (; left > 0; left--) this.#results[outcome.nextPlace] = outcome.next()
      } catch (error) {
        this.#error ??= error as OttlaError
        left--
      }
    }
    this.#done(count)
  }

  /** One record. */
  failed(error: OttlaError): void {
    this.#error ??= error
    this.#done(1)
  }

  #done(count: number): void {
    this.#open -= count
    if (this.#open > 0) return
    if (this.#error === null) this.#resolve(this.#results)
    else this.#reject(this.#error)
    this.#settled()
  }
}

/** Records of a `sendBatch` that follow one another. */
class GroupRun {
  readonly group: SendGroup
  length: number = 1

  constructor(group: SendGroup) { this.group = group }

  tell(outcome: Outcome): void { this.group.tell(outcome, this.length) }
}

/** What became of the records of a batch, or of a part of one that was split: from place `from` in it up to the next fate. */
export interface Fate {
  readonly from: number
  readonly topic: string
  readonly partition: number
  /** −1: not known (acks 0). */
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  readonly error: OttlaError | null
}

const NO_RUNS: Run[] = []
/** For microtasks. */
const ready = Promise.resolve()

/** So many sends of a batch, the first, have functions. */
const FEW = 8

const nextOf = (outcome: Outcome): RecordMetadata => outcome.next()

/** What becomes of the records of a batch that somebody waits for, in order. */
export class Outcome {
  readonly #index: number[] = []
  readonly #timestamp: number[] = []
  readonly #place: number[] = []
  #count = 0
  #fates: readonly Fate[] = []
  #fate = 0
  #given = 0
  #promise: Promise<Outcome> | null = null
  #resolve!: (outcome: Outcome) => void
  #reactions: Promise<RecordMetadata>[] = []
  /** Of single records. */
  #promises = 0
  /** Until there is a promise. */
  #runs: Run[] = NO_RUNS
  /** Of the record added last, when the next one may belong to it, too. */
  #last: SendRun | GroupRun | null = null

  /** Nobody needs it any more. */
  get isGiven(): boolean { return this.#given === this.#count }

  /** For another life. */
  clear(): void {
    this.#count = 0
    this.#given = 0
  }

  /** A record at `index` of the batch, and at `place` of its `sendBatch`. The promise of a `NEW_PROMISE`, else null. */
  add(index: number, timestamp: number, sender: Exclude<Waiting, null>, place: number, areMany: boolean): Promise<RecordMetadata> | null {
    const at = this.#count++
    this.#index[at] = index
    this.#timestamp[at] = timestamp
    this.#place[at] = place
    if (sender === NEW_PROMISE) return areMany && at >= FEW ? this.#addReaction() : this.#addPromise()
    this.#addOther(sender)
    return null
  }

  #addReaction(): Promise<RecordMetadata> {
    this.#promises++
    this.#last = null
    if (this.#promise === null) this.#makePromise()
    return this.#reactions[this.#reactions.length] = this.#promise!.then(nextOf)
  }

  #addPromise(): Promise<RecordMetadata> {
    const promise = new Promise<RecordMetadata>(keepFunctions)
    this.#addFunctions(lastResolve!, lastReject!)
    return promise
  }

  #addOther(sender: SendWaiter | SendGroup): void {
    const last = this.#last
    if (sender instanceof SendWaiter) this.#addFunctions(sender.resolve, sender.reject)
    else if (last instanceof GroupRun && last.group === sender) last.length++
    else this.#addRun(this.#last = new GroupRun(sender))
  }

  #addFunctions(resolve: Resolve, reject: Reject): void {
    this.#promises++
    const run = this.#last
    if (run instanceof SendRun) {
      run.resolve[run.resolve.length] = resolve
      run.reject[run.reject.length] = reject
    } else this.#addRun(this.#last = new SendRun(resolve, reject))
  }

  #addRun(run: Run): void {
    if (this.#promise !== null) void this.#promise.then((outcome) => run.tell(outcome))
    else if (this.#runs === NO_RUNS) this.#runs = [run]
    else this.#runs.push(run)
  }

  #makePromise(): void {
    const runs = this.#runs
    this.#runs = NO_RUNS
    this.#promise = new Promise((resolve) => { this.#resolve = resolve })
    for (const run of runs) this.#addRun(run)
  }

  /** `fates` in order. Returns how many promises of single records that settles. */
  settle(fates: readonly Fate[]): number {
    const promises = this.#promises
    this.#fates = fates
    if (this.#promise !== null) {
      lookAtAll(this.#reactions)
      this.#reactions = []
      this.#resolve(this)
      this.#promise = null
    } else if (this.#runs !== NO_RUNS) {
      const runs = this.#runs
      this.#runs = NO_RUNS
      void ready.then(() => { for (const run of runs) run.tell(this) })
    }
    this.#last = null
    this.#promises = 0
    return promises
  }

  get nextPlace(): number { return this.#place[this.#given]! }

  /** The next record's. Throws if that was lost. */
  next(): RecordMetadata {
    const at = this.#given++
    const index = this.#index[at]!
    while (this.#fate + 1 < this.#fates.length && this.#fates[this.#fate + 1]!.from <= index) this.#fate++
    const { from, topic, partition, baseOffset, logAppendTimeMs, error } = this.#fates[this.#fate]!
    if (error !== null) throw error
    const offset = baseOffset < 0 ? -1 : baseOffset + index - from
    return { topic, partition, offset, timestamp: logAppendTimeMs >= 0 ? logAppendTimeMs : this.#timestamp[at]! }
  }
}

let strange = 0
/** Settling waits for memory at each reaction, one after the other: these looks, of which something must be kept, wait for many at a time. */
function lookAtAll(promises: readonly Promise<unknown>[]): void {
  for (let i = 0; i < promises.length; i++) if (promises[i]!.constructor !== Promise) strange++
}
