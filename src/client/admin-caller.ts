/** Runs one admin call: retriable failures again with backoff, all within `default.api.timeout.ms`. */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { AdminValues } from '../config/settings.ts'
import { backoffMs } from './backoff.ts'
import { sleep, within } from './waiting.ts'

export class AdminCaller {
  readonly #ports: Ports
  readonly #values: AdminValues

  constructor(ports: Ports, values: AdminValues) {
    this.#ports = ports
    this.#values = values
  }

  /** An unknown topic is not waited for: an admin asks about what there is. */
  async call<T>(what: string, request: () => Promise<T>): Promise<T> {
    const limitMs = this.#values['default.api.timeout.ms']
    const end = this.#ports.clock.monotonic() + limitMs
    for (let attempt = 1; ; attempt++) {
      try {
        return await within(this.#ports.scheduler, Math.max(0, end - this.#ports.clock.monotonic()), what, request())
      } catch (reason) {
        const error = OttlaError.from(reason)
        const delayMs = backoffMs(this.#values, attempt, this.#ports.random)
        const final = !error.retriable || error.code === 'UNKNOWN_TOPIC_OR_PARTITION' || attempt > this.#values.retries
        if (final || this.#ports.clock.monotonic() + delayMs >= end) throw error
        await sleep(this.#ports.scheduler, delayMs)
      }
    }
  }
}
