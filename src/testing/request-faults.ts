/**
 * Faults of a broker under test, by API: what happens to the next requests of that API before or in place of what should. Faults of an API are used up in the
 * order in which they were injected, one per request, so that a script of them reads as it runs. Nothing here knows sockets: a listener asks `intercept`.
 */
import { OttlaError, errorTable, type ErrorCode } from '../common/errors.ts'
import { callOptions, shown } from '../common/call-options.ts'
import type { Scheduler } from '../common/scheduler.ts'
import { nearest } from '../config/suggestion.ts'
import type { Api } from '../protocol/api.ts'
import type { ApiName } from '../protocol/api-registry.ts'
import type { PlainMessage } from '../protocol/schema.ts'
import { errorAnswer, failableApis, sessionRefusal } from './error-answers.ts'

/** Kafka's name of an API: Produce, Fetch, Metadata … */
export type FaultApi = Capitalize<ApiName>

/** A request, as `where` sees it: `body` has the fields of Kafka's message, in camelCase. */
export interface SeenRequest { readonly api: string; readonly version: number; readonly clientId: string; readonly body: PlainMessage }

export interface FaultOptions {
  /** How many requests it hits; default 1. Infinity: until it is cancelled. */
  times?: number
  /** Only requests of which this is true. */
  where?: (request: SeenRequest) => boolean
}
export interface FailOptions extends FaultOptions {
  /** Kafka's name of the error, or its number. */
  error: ErrorCode | number
}
export interface DelayOptions extends FaultOptions {
  /** Milliseconds between the answer and its sending. */
  ms?: number
  /** The answer goes out when this is settled. */
  until?: Promise<unknown>
}
export interface DropOptions extends FaultOptions {
  /** False (default): the connection ends and nothing was done. True: it was done, and only the answer is lost. */
  carriedOut?: boolean
}

export interface InjectedFault {
  /** Requests that it has hit. */
  readonly hits: number
  /** Requests that it will still hit. */
  readonly left: number
  /** Resolves once it has hit so many requests (default 1). Rejects with ABORTED when it is cancelled before. */
  hit(count?: number): Promise<void>
  /** Hits nothing more; what it holds back goes on. */
  cancel(): void
}

/** What a listener hands over; see `Interceptor` of the server. */
interface Request {
  readonly api: Api; readonly version: number; readonly clientId: string; readonly body: PlainMessage
  readonly endpoint: { readonly host: string; readonly port: number }
  readonly signal: AbortSignal
}
type Outcome = PlainMessage | null | 'hang up'
type CarryOut = () => Promise<PlainMessage | null>
/** Null: the request is none of its business after all. */
type Effect = (request: Request, carryOut: CarryOut, fault: Fault) => Promise<Outcome> | null

const MESSAGE = 'a fault that the test injected'

export class RequestFaults {
  /** Of the broker that answers, for answers that name it. */
  nodeId = 0
  readonly #scheduler: Scheduler
  readonly #faults = new Map<string, Fault[]>()
  readonly #counts = new Map<string, number>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  /** The next requests are answered with an error, at every topic, partition or group that they name; nothing is done. */
  fail(api: FaultApi, options: FailOptions): InjectedFault {
    const { error } = checked('fail', options, ['error'])
    const errorCode = numberOf(error)
    return this.#add('fail', api, options, ({ api: asked, version, body, endpoint }, _, fault) => {
      const refusal = sessionRefusal(asked, body)
      if (refusal !== null) return Promise.resolve(refusal)
      const answer = errorAnswer(asked, body, { errorCode, errorMessage: MESSAGE, nodeId: this.nodeId, ...endpoint, version })
      if (answer === 'no place') return null
      fault.count()
      return Promise.resolve(answer)
    })
  }

  /** The next requests are carried out at once, and answered late. Answers behind them on the same connection wait, too. */
  delay(api: FaultApi, options: DelayOptions): InjectedFault {
    const { ms, until } = checked('delay', options, ['ms', 'until'])
    if ((ms === undefined) === (until === undefined)) throw new OttlaError('INVALID_ARGUMENT', 'delay: give ms, or until')
    if (ms !== undefined && !(typeof ms === 'number' && ms >= 0)) throw new OttlaError('INVALID_ARGUMENT', `delay: ms is ${shown(ms)}: give milliseconds from 0`)
    return this.#add('delay', api, options, async ({ signal }, carryOut, fault) => {
      fault.count()
      const answer = await carryOut()
      await this.#pause(ms, until, [signal, fault.signal])
      return answer
    })
  }

  /** The connections of the next requests are closed without an answer. */
  drop(api: FaultApi, options: DropOptions = {}): InjectedFault {
    const { carriedOut = false } = checked('drop', options, ['carriedOut'])
    return this.#add('drop', api, options, async (_, carryOut, fault): Promise<Outcome> => {
      fault.count()
      if (carriedOut) await carryOut()
      return 'hang up'
    })
  }

  /** Requests of an API that have come in, those that were hit included. */
  requests(api: FaultApi): number { return this.#counts.get(known('requests', api)) ?? 0 }

  /** Every fault is cancelled, and counting starts anew. */
  clear(): void {
    for (const faults of this.#faults.values()) for (const fault of faults) fault.cancel()
    this.#faults.clear()
    this.#counts.clear()
  }

  readonly intercept = (request: Request, carryOut: CarryOut): Promise<Outcome> => {
    const { api: { name }, version, clientId, body } = request
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    for (const fault of this.#faults.get(name) ?? []) {
      if (fault.left === 0 || !fault.where({ api: name, version, clientId, body })) continue
      const outcome = fault.effect(request, carryOut, fault)
      if (outcome !== null) return outcome
    }
    return carryOut()
  }

  #add(call: string, api: FaultApi, { times = 1, where = () => true }: FaultOptions, effect: Effect): InjectedFault {
    const name = known(call, api)
    if (times !== Infinity && !(Number.isInteger(times) && times > 0)) throw new OttlaError('INVALID_ARGUMENT', `${call}: times is ${shown(times)}: give a whole number from 1, or Infinity`)
    if (typeof where !== 'function') throw new OttlaError('INVALID_ARGUMENT', `${call}: where is a function of the request`)
    const fault = new Fault(times, where, effect)
    this.#faults.set(name, [...(this.#faults.get(name) ?? []).filter((each) => each.left > 0), fault])
    return fault
  }

  /** Until the time is up, the promise is settled or one of the signals fires. */
  #pause(ms: number | undefined, until: Promise<unknown> | undefined, signals: readonly AbortSignal[]): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer?.cancel()
        for (const signal of signals) signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = ms === undefined ? null : this.#scheduler.after(ms, done)
      for (const signal of signals) signal.addEventListener('abort', done)
      void until?.then(done, done)
      if (signals.some(({ aborted }) => aborted)) done()
    })
  }
}

class Fault implements InjectedFault {
  readonly where: (request: SeenRequest) => boolean
  readonly effect: Effect
  readonly #cancelled = new AbortController()
  #waiting: { readonly count: number; readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  hits = 0
  left: number

  constructor(times: number, where: (request: SeenRequest) => boolean, effect: Effect) {
    this.left = times
    this.where = where
    this.effect = effect
  }

  get signal(): AbortSignal { return this.#cancelled.signal }

  count(): void {
    this.hits += 1
    this.left -= 1
    for (const { resolve } of this.#waiting.filter(({ count }) => count <= this.hits)) resolve()
    this.#waiting = this.#waiting.filter(({ count }) => count > this.hits)
  }

  hit(count: number = 1): Promise<void> {
    if (this.hits >= count) return Promise.resolve()
    return new Promise((resolve, reject) => {
      if (this.signal.aborted) reject(cancelled())
      else this.#waiting.push({ count, resolve, reject })
    })
  }

  cancel(): void {
    this.left = 0
    this.#cancelled.abort()
    for (const { reject } of this.#waiting.splice(0)) reject(cancelled())
  }
}

function cancelled(): OttlaError { return new OttlaError('ABORTED', 'the fault was cancelled, or the broker reset, before it hit') }

function checked<T extends FaultOptions>(call: string, options: T, names: readonly (keyof T & string)[]): T {
  return callOptions(call, options, [...names, 'times', 'where']) as T
}

/** The API under Kafka's name. Raises INVALID_ARGUMENT with what was probably meant. */
function known(call: string, api: unknown): string {
  if (typeof api === 'string' && failableApis.includes(api)) return api
  const guess = typeof api === 'string' ? failableApis.find((each) => each.toLowerCase() === api.toLowerCase()) ?? nearest(api, failableApis) : null
  const advice = guess === null ? `there are ${failableApis.join(', ')}` : `did you mean "${guess}"?`
  throw new OttlaError('INVALID_ARGUMENT', `${call}: ${shown(api)} is no API of Kafka's that is served here; ${advice}`)
}

function numberOf(error: unknown): number {
  if (typeof error === 'number' && Number.isInteger(error) && error !== 0 && error >= -1 && error < 32_768) return error
  const rows: Readonly<Record<string, { readonly errorCode: number; readonly local?: true }>> = errorTable
  if (typeof error === 'string' && Object.hasOwn(rows, error) && rows[error]!.local === undefined) return rows[error]!.errorCode
  const names = Object.keys(rows).filter((name) => rows[name]!.local === undefined)
  const guess = typeof error === 'string' ? nearest(error, names) : null
  const advice = guess === null ? ': give its name, such as NOT_LEADER_OR_FOLLOWER, or its number' : `; did you mean "${guess}"?`
  throw new OttlaError('INVALID_ARGUMENT', `fail: ${shown(error)} is no error of Kafka's${advice}`)
}
