/**
 * The memory that answers to fetches take, of all connections of a listener, from the read until the socket of each has taken them. The emptier it is, the
 * more a fetch may read; above `limit` a fetch still gets its first batch, so that consumers that read go on, while the listener closes connections that
 * do not; at twice the limit fetches wait.
 *
 * Invariant: `used` is the sum of what the shares hold.
 */
import type { FetchRoom } from '../protocol/broker-api.ts'
import type { MemoryPool } from './memory-pool.ts'

/** What a fetch may read however little is left: about a batch. */
const LEAST_BYTES = 65_536
/** The reads of a fetch of many partitions share so much. */
const PIECE_BYTES = 65_536
/** A fetch gets at most this part of what is left. */
const PART = 4

export class AnswerMemory {
  readonly limit: number
  #used = 0
  readonly #waiting = new Set<() => void>()

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number { return this.#used }
  get isOver(): boolean { return this.#used > this.limit }
  /** How much a fetch may read now. */
  get part(): number { return Math.max(LEAST_BYTES, Math.floor((this.limit - this.#used) / PART)) }

  /** Negative: gives back. */
  change(bytes: number): void {
    this.#used += bytes
    if (this.#used >= 2 * this.limit || this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const go of waiting) go()
  }

  /** Resolves when there is some room, or on the signal. */
  async untilRoom(signal: AbortSignal): Promise<void> {
    while (this.#used >= 2 * this.limit && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          signal.removeEventListener('abort', go)
          this.#waiting.delete(go)
          resolve()
        }
        this.#waiting.add(go)
        signal.addEventListener('abort', go, { once: true })
      })
    }
  }
}

/** What one connection holds of it. */
export class AnswerShare {
  readonly #memory: AnswerMemory
  readonly #pool: MemoryPool
  readonly #gone: AbortSignal
  #held = 0
  #isOver = false

  /** Nothing is waited for once `gone` fires. */
  constructor(memory: AnswerMemory, pool: MemoryPool, gone: AbortSignal) {
    this.#memory = memory
    this.#pool = pool
    this.#gone = gone
  }

  get held(): number { return this.#held }

  /** For one fetch. */
  lease(): AnswerLease { return new AnswerLease(this, this.#pool) }

  async take(most: number): Promise<number> {
    await this.#memory.untilRoom(this.#gone)
    const granted = Math.min(most, this.#memory.part)
    this.change(granted)
    return granted
  }

  /** The connection is gone: nothing is held from now on, whatever is still under way. */
  end(): void {
    this.change(-this.#held)
    this.#isOver = true
  }

  change(bytes: number): void {
    if (this.#isOver) return
    this.#held += bytes
    this.#memory.change(bytes)
  }
}

/**
 * What one fetch holds: bytes counted, and memory of the pool that its reads went into, one behind the other. Both are free again when the socket has taken
 * the answer.
 */
export class AnswerLease implements FetchRoom {
  readonly #share: AnswerShare
  readonly #pool: MemoryPool
  #held = 0
  /** The last is being read into; of it `#used` bytes are part of the answer. */
  readonly #pieces: Buffer[] = []
  #used = 0

  constructor(share: AnswerShare, pool: MemoryPool) {
    this.#share = share
    this.#pool = pool
  }

  async take(most: number): Promise<number> {
    const granted = await this.#share.take(most)
    this.#held += granted
    return granted
  }

  give(bytes: number): void {
    this.#held -= bytes
    this.#share.change(-bytes)
  }

  readonly allocate = (bytes: number): Uint8Array => {
    const last = this.#pieces.at(-1)
    if (last !== undefined) {
      if (last.length - this.#used >= bytes) return last.subarray(this.#used, this.#used + bytes)
      // What was read into it is not wanted.
      if (this.#used === 0) this.#pool.give(this.#pieces.pop()!)
    }
    const piece = this.#pool.take(this.#pieces.length === 0 ? bytes : Math.max(bytes, PIECE_BYTES))
    this.#pieces.push(piece)
    this.#used = 0
    return piece.subarray(0, bytes)
  }

  keep(records: Uint8Array): void {
    const last = this.#pieces.at(-1)
    if (last?.buffer === records.buffer) this.#used = records.byteOffset - last.byteOffset + records.length
  }

  /** To be called once nobody looks at what was read. */
  readonly release = (): void => {
    this.give(this.#held)
    for (const piece of this.#pieces) this.#pool.give(piece)
    this.#pieces.length = 0
    this.#used = 0
  }
}
