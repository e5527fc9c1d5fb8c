/** Runs one call of a client: retriable failures again with backoff, all within `default.api.timeout.ms`. */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import { backoffMs, type BackoffSettings } from './backoff.ts'
import { isOwnShortage } from './failure.ts'
import { sleep, within } from './waiting.ts'

export interface CallSettings extends BackoffSettings { readonly 'default.api.timeout.ms': number; readonly retries?: number }

export class RequestCaller {
  readonly #ports: Ports
  readonly #values: CallSettings

  constructor(ports: Ports, values: CallSettings) {
    this.#ports = ports
    this.#values = values
  }

  /**
   * An unknown topic is not waited for, unless it is known to come (`awaitsTopic`): such calls are about what there is. Nor is a full disk (ADR 0010) or a
   * want of file handles. `what` names the call in a timeout's message.
   */
  async call<T>(what: string, request: () => Promise<T>, awaitsTopic: boolean = false): Promise<T> {
    const limitMs = this.#values['default.api.timeout.ms']
    const end = this.#ports.clock.monotonic() + limitMs
    let last: OttlaError | undefined
    for (let attempt = 1; ; attempt++) {
      try {
        return await within(this.#ports.scheduler, end - this.#ports.clock.monotonic(), what, request(), limitMs, last)
      } catch (reason) {
        const error = OttlaError.from(reason)
        const delayMs = backoffMs(this.#values, attempt, this.#ports.random)
        const told = (error.code === 'UNKNOWN_TOPIC_OR_PARTITION' && !awaitsTopic) || isOwnShortage(error)
        const final = !error.retriable || told || attempt > (this.#values.retries ?? Infinity)
        if (final || this.#ports.clock.monotonic() + delayMs >= end) throw error
        last = error
        await sleep(this.#ports.scheduler, delayMs)
      }
    }
  }
}
