/**
 * One connection as a state machine, sans I/O: bytes in, requests to the handler, answers out in the order of the requests.
 *
 * Kafka serves one request of a connection at a time, and clients rely on what follows from that (spec/wire-protocol 2.4): order of answers, and that a
 * request sees the effects of those before it. Here only requests that the handler calls overlappable (Produce after Produce, whose appends begin in
 * order) are under way together; every other one waits until all before it are answered.
 *
 * Bounds: requests and bytes read but not answered, per connection and over the listener (`ByteBudget`); above them reading stops, so that the peer's
 * socket fills and not our memory. No request begins while the peer does not take its answers.
 */
import { OttlaError } from '../common/errors.ts'
import { FrameSplitter, type FrameMemory } from '../protocol/frame-splitter.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { strayProtocol } from './stray-protocol.ts'

/** The socket, as the state machine sees it. */
export interface ConnectionOutput {
  /** Chunks of one answer. False: no more until `drained` is called. `taken` is called once they are the system's, or nobody's. */
  write(chunks: readonly Uint8Array[], taken: (() => void) | undefined): boolean
  pause(): void
  resume(): void
  /** Closes once everything written is out. No call follows. */
  end(): void
}

export interface Answer {
  readonly chunks: readonly Uint8Array[]
  /** To be called once nobody needs the chunks any more: the system has them, or the connection is gone. */
  readonly taken?: () => void
}

/** What becomes of requests. */
export interface RequestHandler {
  readonly isAuthenticated: boolean
  /** Set: the connection ends once what is answered is out, for this reason. */
  readonly farewell: string | null
  /** Whether a request may begin while only overlappable ones are under way. */
  isOverlappable(frame: Uint8Array): boolean
  /** Whether a closing listener should not wait for it: it is parked until somebody else does something. */
  isParked(frame: Uint8Array): boolean
  /** Whether nobody looks at the bytes of a request once it is answered. */
  isTransient(frame: Uint8Array): boolean
  /** Null: no answer. A rejection closes the connection once the answers before it are out. */
  handle(frame: Uint8Array): Promise<Answer | null>
}

export interface ConnectionOptions {
  readonly limits: ConnectionLimits
  readonly budget: ByteBudget
  /** Where requests are put together. */
  readonly memory: FrameMemory
  readonly output: ConnectionOutput
  readonly handler: RequestHandler
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Called once when the connection ends from this side; null: without a problem. */
  readonly closed: (problem: string | null) => void
}

interface Slot {
  readonly frame: Buffer
  /** What the handler says of the frame, which may be gone when it is asked for. */
  readonly isOverlappable: boolean; readonly isParked: boolean; readonly isTransient: boolean
  isDone: boolean; answer: Answer | null; failure: unknown
}

const BYTES_A_SECOND = 65_536
/** What `handle` rejects with to have the connection closed without a word, once the answers before it are out. */
export const hangUp: unique symbol = Symbol('hang up')

export class Connection {
  readonly #options: ConnectionOptions
  readonly #splitter: FrameSplitter
  readonly #openedAt: number
  readonly #unblock = (): void => { this.#advance() }
  /** Requests read and not answered, in order; the first `#started` are under way. */
  readonly #slots: Slot[] = []
  #started = 0
  #pendingBytes = 0
  #frames = 0
  #activeAt: number
  #frameBegunAt: number
  #isAdvancing = false
  #isPaused = false
  #isBlocked = false
  #isDraining = false
  #isClosed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#splitter = new FrameSplitter(0, options.memory)
    this.#openedAt = this.#activeAt = this.#frameBegunAt = options.now()
  }

  get isClosed(): boolean { return this.#isClosed }
  get pendingRequests(): number { return this.#slots.length }

  /** Bytes from the peer, in memory that is the caller's again afterwards. */
  receive(chunk: Uint8Array): void {
    if (this.#isClosed || this.#isDraining) return
    this.#activeAt = this.#options.now()
    if (this.#splitter.unfinishedBytes === 0) this.#frameBegunAt = this.#activeAt
    this.#splitter.push(chunk)
    this.#advance()
    this.#splitter.detach()
  }

  /** The socket takes answers again. */
  drained(): void {
    this.#isBlocked = false
    this.#activeAt = this.#options.now()
    this.#advance()
  }

  /** No further requests are read; the connection ends when those read are answered, parked ones excepted. */
  drain(): void {
    if (this.#isClosed) return
    this.#isDraining = true
    this.#pause()
    this.#settle()
  }

  /** The peer is gone, or must go. */
  close(problem: string | null = null): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { budget, output, closed } = this.#options
    budget.forget(this.#unblock)
    budget.give(this.#pendingBytes)
    this.#pendingBytes = 0
    for (const { answer } of this.#slots) answer?.taken?.()
    this.#slots.length = 0
    output.end()
    closed(problem)
  }

  /** For how long the peer has taken nothing of what it was answered, in milliseconds; 0 when it takes it all. */
  get stalledMs(): number { return this.#isBlocked && !this.#isClosed ? this.#options.now() - this.#activeAt : 0 }

  /** Why the peer has had time enough, or null. To be asked now and then. */
  overdue(): string | null {
    const { limits, handler, now } = this.#options
    if (this.#isClosed) return null
    const at = now()
    const isBeginning = this.#frames === 0 || !handler.isAuthenticated
    if (isBeginning && at - this.#openedAt > limits.firstFrameMs) {
      return `no ${this.#frames === 0 ? 'whole request' : 'authentication'} within ${limits.firstFrameMs} ms`
    }
    if (this.#isBlocked && at - this.#activeAt > limits.idleMs) return `it has taken none of its answers for ${limits.idleMs} ms`
    if (this.#isPaused || this.#slots.length > 0) return null
    const unfinished = this.#splitter.unfinishedBytes
    if (unfinished > 0 && at - this.#frameBegunAt > limits.frameMs + unfinished / BYTES_A_SECOND * 1000) {
      return `a request is unfinished after ${Math.round(at - this.#frameBegunAt)} ms, with ${unfinished} bytes of it here`
    }
    return at - this.#activeAt > limits.idleMs ? `idle for ${limits.idleMs} ms (connections.max.idle.ms)` : null
  }

  /** Reads frames while there is room, and begins what may begin. */
  #advance(): void {
    if (this.#isAdvancing || this.#isClosed) return
    this.#isAdvancing = true
    try {
      if (!this.#isDraining) this.#readFrames()
      this.#begin()
    } catch (error) {
      this.#abandon(error)
    } finally {
      this.#isAdvancing = false
    }
  }

  #readFrames(): void {
    const { limits, handler, budget } = this.#options
    for (;;) {
      // What the next frame may be hangs on the one before it until authentication is over.
      const most = handler.isAuthenticated ? limits.maxPendingRequests : 1
      if (this.#slots.length >= most || this.#pendingBytes >= limits.maxPendingBytes) return this.#pause()
      if (budget.isSpent && this.#slots.length > 0) return this.#pause()
      if (budget.isSpent) {
        budget.wait(this.#unblock)
        return this.#pause()
      }
      this.#splitter.maxFrameBytes = handler.isAuthenticated ? limits.maxFrameBytes : limits.maxFrameBytesBefore
      const frame = this.#nextFrame()
      if (frame === null) return this.#resume()
      this.#frames += 1
      this.#frameBegunAt = this.#activeAt
      this.#pendingBytes += frame.length
      budget.take(frame.length)
      this.#slots.push({
        frame, isOverlappable: handler.isOverlappable(frame), isParked: handler.isParked(frame), isTransient: handler.isTransient(frame),
        isDone: false, answer: null, failure: null,
      })
    }
  }

  #nextFrame(): Buffer | null {
    const first = this.#frames === 0 ? this.#splitter.peek() : null
    try {
      return this.#splitter.next()
    } catch (error) {
      const stray = first === null ? null : strayProtocol(first)
      throw stray === null ? error : new OttlaError('INVALID_REQUEST', `it sent ${stray}`)
    }
  }

  #begin(): void {
    const { handler } = this.#options
    while (this.#started < this.#slots.length && !this.#isBlocked && !this.#isClosed) {
      const slot = this.#slots[this.#started]!
      if (this.#started > 0 && !(slot.isOverlappable && this.#slots[this.#started - 1]!.isOverlappable)) return
      this.#started += 1
      handler.handle(slot.frame).then((answer) => this.#finish(slot, answer, null), (error: unknown) => this.#finish(slot, null, error))
    }
  }

  #finish(slot: Slot, answer: Answer | null, failure: unknown): void {
    slot.isDone = true
    slot.answer = answer
    slot.failure = failure
    if (slot.isTransient) this.#options.memory.give(slot.frame)
    if (this.#isClosed) answer?.taken?.()
    this.#settle()
  }

  /** Sends the answers that are next in order, then goes on. */
  #settle(): void {
    if (this.#isClosed) return
    let answered = 0
    while (answered < this.#slots.length && this.#slots[answered]!.isDone) {
      const slot = this.#slots[answered++]!
      if (slot.failure !== null) return this.#abandon(slot.failure)
      this.#release(slot.frame.length)
      const { answer } = slot
      slot.answer = null
      if (answer !== null && !this.#options.output.write(answer.chunks, answer.taken)) this.#isBlocked = true
    }
    if (answered > 0) {
      this.#slots.splice(0, answered)
      this.#started -= answered
      this.#activeAt = this.#options.now()
    }
    const { farewell } = this.#options.handler
    if (farewell !== null) return this.close(farewell)
    if (this.#isDraining && this.#slots.every(({ isParked }) => isParked)) return this.close()
    this.#advance()
  }

  #release(bytes: number): void {
    this.#pendingBytes -= bytes
    this.#options.budget.give(bytes)
  }

  #abandon(error: unknown): void { this.close(error === hangUp ? null : error instanceof Error ? error.message : String(error)) }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#options.output.pause()
  }

  #resume(): void {
    if (!this.#isPaused || this.#isDraining) return
    this.#isPaused = false
    this.#frameBegunAt = this.#activeAt = this.#options.now()
    this.#options.output.resume()
  }
}
