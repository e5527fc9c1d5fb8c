/**
 * Sends that found no room (buffer.memory is used up, or too many promises are out), first come first served, each for at most
 * `max.block.ms`.
 *
 * Invariants: an entry leaves once, by being placed, timed out or withdrawn (`left`). What waits is bounded too, by number and by bytes:
 * `send` cannot block its caller, so a caller that awaits nothing would fill the heap; beyond the bounds it is told BUFFER_EXHAUSTED.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { Timer } from '../common/scheduler.ts'
import type { PartitionQueue } from './accumulator.ts'
import type { Payload, PayloadHeader } from './producer-record.ts'
import type { SendGroup, SendWaiter } from './send-outcome.ts'

/** Sends of one producer that may wait. */
const MAX_WAITING = 1_048_576
/** Their bytes: so many times buffer.memory, and not less than 64 MiB. */
const MAX_WAITING_BUFFERS = 8
const LEAST_MAX_BYTES = 64 * 1024 * 1024

export interface WaitingSend {
  /** Null: the topic's partitions are not known yet. */
  queue: PartitionQueue | null
  readonly topic: string
  /** −1: to be chosen. */
  readonly partition: number
  /** For the user's own partitioner; its buffers may have been reused by now, so only `key` and `value` are sent. */
  readonly record: unknown
  readonly key: Payload; readonly value: Payload; readonly headers: PayloadHeader[] | null
  readonly timestamp: number
  /** Null: nobody waits for it. */
  readonly sender: SendWaiter | SendGroup | null; readonly place: number
  /** On the monotonic clock. */
  readonly deadline: number
  readonly size: number
  /** Placed, timed out or withdrawn. */
  left: boolean
}

export class WaitingSends {
  readonly #ports: Ports
  readonly #maxBytes: number
  readonly #expired: (entry: WaitingSend) => void
  #queue: WaitingSend[] = []
  #head = 0
  #count = 0
  #bytes = 0
  #timer: Timer | null = null

  /** `expired` is told of entries that waited too long, and makes them leave. */
  constructor(ports: Ports, bufferMemory: number, expired: (entry: WaitingSend) => void) {
    this.#ports = ports
    this.#maxBytes = Math.max(bufferMemory * MAX_WAITING_BUFFERS, LEAST_MAX_BYTES)
    this.#expired = expired
  }

  /** Entries that have not left, those of unknown topics included. */
  get count(): number { return this.#count }

  /** Raises BUFFER_EXHAUSTED when no more may wait. */
  enter(entry: WaitingSend): void {
    if (this.#count >= MAX_WAITING || (this.#count > 0 && this.#bytes + entry.size > this.#maxBytes)) {
      const problem = `${this.#count} sends (${this.#bytes} bytes) are waiting for room already: await the promises of send, or use post() and drained()`
      throw new OttlaError('BUFFER_EXHAUSTED', problem, { topic: entry.topic })
    }
    this.#count++
    this.#bytes += entry.size
  }

  /** An entered entry gets in line for room. */
  line(entry: WaitingSend): void {
    this.#queue.push(entry)
    if (this.#timer === null) this.#arm(entry.deadline)
  }

  leave(entry: WaitingSend): void {
    if (entry.left) return
    entry.left = true
    this.#count--
    this.#bytes -= entry.size
    // A timer with nobody to wait for would hold the process.
    if (this.#count === 0) this.close()
  }

  /** The first in line, which stays there until it leaves. */
  first(): WaitingSend | null {
    while (this.#head < this.#queue.length) {
      const entry = this.#queue[this.#head]!
      if (!entry.left) return entry
      this.#head++
    }
    if (this.#head > 0) {
      this.#queue = []
      this.#head = 0
    }
    return null
  }

  get isEmpty(): boolean { return this.#queue.length === 0 || this.first() === null }

  /** Everything in line, in order. */
  inLine(): WaitingSend[] { return this.#queue.slice(this.#head).filter((entry) => !entry.left) }

  #arm(deadline: number): void {
    const delayMs = Math.max(0, deadline - this.#ports.clock.monotonic())
    this.#timer = this.#ports.scheduler.after(delayMs, () => {
      this.#timer = null
      const now = this.#ports.clock.monotonic()
      for (let entry = this.first(); entry !== null; entry = this.first()) {
        if (entry.deadline > now) {
          this.#arm(entry.deadline)
          return
        }
        this.#expired(entry)
      }
    }, { keepAlive: true })
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
