/**
 * Buffers for reuse: a fresh megabyte costs more in page faults than the read that fills it. Sizes are powers of two; at most `maxBytes`
 * of idle buffers are kept, the rest is left to the garbage collector.
 *
 * A buffer has one owner between `take` and `give`. Giving one back while an asynchronous read or write still uses it hands its bytes to a
 * stranger (CVE-2026-35554): give only after the promise settled, also after a timeout. Giving twice is refused.
 *
 * Contents are whatever the last owner left.
 */
import { OttlaError } from '../common/errors.ts'

const SMALLEST_BITS = 12
/** Reads and writes are at most a segment or a fetch long: int32 in Kafka's formats. */
const LARGEST_LENGTH = 2 ** 31

export class BufferPool {
  readonly #maxBytes: number
  readonly #largest: number
  /** Idle buffers, by the exponent of their size. */
  readonly #idle: Buffer[][] = []
  readonly #lent = new WeakSet<Uint8Array>()
  #idleBytes = 0

  /** Keeps up to `maxBytes` idle; buffers over `largest` bytes are allocated and dropped, never kept. */
  constructor(maxBytes: number, largest: number = 4 * 1024 * 1024) {
    this.#maxBytes = maxBytes
    this.#largest = largest
  }

  get idleBytes(): number { return this.#idleBytes }

  /** A buffer of at least `length` bytes: a power of two from 4 KiB on. */
  take(length: number): Buffer {
    if (!(length >= 0 && length <= LARGEST_LENGTH)) throw new OttlaError('INTERNAL', `A buffer of ${length} bytes was asked of the pool`)
    const bits = length <= 2 ** SMALLEST_BITS ? SMALLEST_BITS : 32 - Math.clz32(length - 1)
    const kept = this.#idle[bits]?.pop()
    if (kept !== undefined) this.#idleBytes -= kept.length
    const buffer = kept ?? Buffer.allocUnsafeSlow(2 ** bits)
    this.#lent.add(buffer)
    return buffer
  }

  /** Takes back a whole buffer that `take` gave. */
  give(buffer: Buffer): void {
    if (!this.#lent.delete(buffer)) throw new OttlaError('INTERNAL', 'A buffer was given to the pool that is not lent: twice, or a slice of one')
    if (buffer.length > this.#largest || this.#idleBytes + buffer.length > this.#maxBytes) return
    const bits = 31 - Math.clz32(buffer.length)
    const stack = (this.#idle[bits] ??= [])
    stack.push(buffer)
    this.#idleBytes += buffer.length
  }

  /** Drops every idle buffer. */
  clear(): void {
    this.#idle.length = 0
    this.#idleBytes = 0
  }
}
