/**
 * The connections of one client: at most one per broker and lane, opened when asked for, opened anew when broken, closed when long unused.
 *
 * Lanes keep what the broker answers late from holding up the rest, for it answers in order: `fetch` for long polls, `group` for joins and syncs,
 * `main` for everything else. A broker that cannot be reached is tried again after a pause that doubles (`reconnect.backoff.ms`); asking meanwhile
 * waits for that attempt.
 */
import { OttlaError } from '../../common/errors.ts'
import type { Ports } from '../../common/ports.ts'
import type { Timer } from '../../common/scheduler.ts'
import { backoffMs } from '../backoff.ts'
import { closedError } from '../failure.ts'
import { addressText, type Address } from './address.ts'
import { openLink, type BrokerLink, type LinkSettings, type Opening } from './broker-link.ts'

export type Lane = 'main' | 'fetch' | 'group'

export interface PoolSettings extends LinkSettings {
  readonly setupTimeoutMs: number
  readonly maxSetupTimeoutMs: number
  readonly reconnectBackoffMs: number
  readonly maxReconnectBackoffMs: number
  /** −1: never. */
  readonly maxIdleMs: number
}

interface Slot {
  readonly address: Address
  link: BrokerLink | null
  opening: Promise<BrokerLink> | null
  attempt: Opening | null
  pause: Timer | null
  /** Ends the pause. */
  resume: () => void
  failures: number
  retryAt: number
}

export class LinkPool {
  readonly #settings: PoolSettings
  readonly #ports: Ports
  readonly #slots = new Map<string, Slot>()
  #sweep: Timer | null = null
  #closed = false

  constructor(settings: PoolSettings, ports: Ports) {
    this.#settings = settings
    this.#ports = ports
  }

  /** True when a connection to the broker is there. */
  isOpen(address: Address): boolean { return this.#slots.get(`${addressText(address)}/main`)?.link?.isOpen === true }

  /** The connection if it is there now. */
  open(address: Address, lane: Lane): BrokerLink | null {
    const link = this.#slots.get(`${addressText(address)}/${lane}`)?.link ?? null
    return link?.isOpen === true ? link : null
  }

  /** Raises NETWORK_EXCEPTION, SASL_AUTHENTICATION_FAILED and the like, CLOSED. */
  async get(address: Address, lane: Lane): Promise<BrokerLink> {
    if (this.#closed) throw closedError('the client')
    const key = `${addressText(address)}/${lane}`
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = { address, link: null, opening: null, attempt: null, pause: null, resume: () => {}, failures: 0, retryAt: 0 }
      this.#slots.set(key, slot)
    }
    if (slot.link?.isOpen === true) return slot.link
    slot.opening ??= this.#open(slot).finally(() => { slot.opening = null })
    return slot.opening
  }

  async #open(slot: Slot): Promise<BrokerLink> {
    const pauseMs = slot.retryAt - this.#ports.clock.monotonic()
    if (pauseMs > 0) await this.#pause(slot, pauseMs)
    if (this.#closed) throw closedError('the client')
    const timeoutMs = Math.min(this.#settings.setupTimeoutMs * 2 ** Math.min(slot.failures, 20), this.#settings.maxSetupTimeoutMs)
    try {
      slot.attempt = openLink(slot.address, this.#settings, this.#ports, Math.max(timeoutMs, this.#settings.setupTimeoutMs))
      const link = await slot.attempt.link
      slot.failures = 0
      this.#established(slot, link)
      return link
    } catch (error) {
      slot.failures += 1
      const backoff = { 'retry.backoff.ms': this.#settings.reconnectBackoffMs, 'retry.backoff.max.ms': this.#settings.maxReconnectBackoffMs }
      slot.retryAt = this.#ports.clock.monotonic() + backoffMs(backoff, slot.failures, this.#ports.random)
      throw error
    } finally {
      slot.attempt = null
    }
  }

  #pause(slot: Slot, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      slot.resume = resolve
      slot.pause = this.#ports.scheduler.after(delayMs, resolve, { keepAlive: true })
    })
  }

  #established(slot: Slot, link: BrokerLink): void {
    slot.link = link
    link.onEnded(() => {
      if (slot.link !== link) return
      slot.link = null
      slot.retryAt = this.#ports.clock.monotonic() + this.#settings.reconnectBackoffMs
    })
    if (this.#settings.maxIdleMs >= 0) this.#sweep ??= this.#ports.scheduler.after(this.#settings.maxIdleMs, this.#closeIdle)
  }

  readonly #closeIdle = (): void => {
    this.#sweep = null
    let next = Infinity
    for (const { link } of this.#slots.values()) {
      if (link?.isOpen !== true) continue
      const leftMs = this.#settings.maxIdleMs - link.idleMs
      if (leftMs <= 0) link.close()
      else next = Math.min(next, leftMs)
    }
    if (next < Infinity) this.#sweep = this.#ports.scheduler.after(Math.max(next, 1), this.#closeIdle)
  }

  /** Ends what is being opened, and lets what was sent go out; unanswered requests reject with CLOSED. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#sweep?.cancel()
    const error = closedError('the client')
    for (const slot of this.#slots.values()) {
      slot.pause?.cancel()
      slot.resume()
      slot.attempt?.cancel(error)
      if (slot.link === null) continue
      if (slot.link.isAwaiting) slot.link.fail(error)
      else slot.link.close()
    }
  }
}

/** What to tell when none of several brokers would do: the reason that no retry mends before those that one may. */
export function combined(errors: readonly OttlaError[]): OttlaError {
  const first = errors.find((each) => !each.retriable) ?? errors[0]!
  if (errors.length === 1) return first
  return new OttlaError(first.code, `no broker will do: ${[...new Set(errors.map((each) => each.message))].join('; ')}`, { cause: first.cause ?? first })
}
