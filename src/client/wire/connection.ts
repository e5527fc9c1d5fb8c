/**
 * One connection to one broker. Requests are pipelined: sent at once, answered in the order they were sent (spec/wire-protocol 2.4), told apart by
 * correlation id. A broken connection stays broken: everything unanswered rejects, and its owner opens another.
 *
 *   frame = i32 length, request header, body        answer = i32 length, response header, body
 *
 * Invariant: each request is settled once. One that is not answered in its time ends the connection, for what comes later could not be told from it.
 * The socket holds the process only while an answer is awaited. Handshake and authentication are in handshake.ts.
 */
import type { Socket } from 'node:net'
import { OttlaError } from '../../common/errors.ts'
import type { Ports } from '../../common/ports.ts'
import type { Timer } from '../../common/scheduler.ts'
import { FrameSplitter } from '../../protocol/frame-splitter.ts'
import { addressText, type Address } from './address.ts'
import { otherProtocol, socketError } from './socket.ts'

/** Until the broker has said which versions it knows, it may be anything. */
const MAX_FIRST_FRAME = 1_048_576
/** Bytes that a frame begins with, by which it shows what is none. */
const LENGTH_SIZE = 4

interface Pending {
  readonly correlationId: number
  readonly what: string
  readonly timer: Timer
  /** Gives the frame, header included. */
  readonly resolve: (frame: Uint8Array) => void
  readonly reject: (error: OttlaError) => void
}

export class Connection {
  readonly address: Address
  readonly #ports: Ports
  readonly #socket: Socket
  readonly #usesTls: boolean
  readonly #splitter = new FrameSplitter(MAX_FIRST_FRAME)
  readonly #pending: Pending[] = []
  #correlationId = 0
  /** Those to ApiVersions, of which an older broker gives two, count as one. */
  #answers = 0
  /** What came first, as latin1. */
  #first = ''
  #error: OttlaError | null = null
  /** No more requests; the socket ends when the last answer is there. */
  #ending = false
  /** Called once, when the connection is over. */
  ended: (error: OttlaError) => void = () => {}
  /** Called when the last answer is there. */
  idle: () => void = () => {}

  /** `socket` is connected. */
  constructor(address: Address, socket: Socket, ports: Ports, usesTls: boolean) {
    this.address = address
    this.#socket = socket
    this.#ports = ports
    this.#usesTls = usesTls
    socket.unref()
    socket.on('data', (chunk: Uint8Array) => this.#received(chunk))
    socket.on('error', (error) => this.fail(socketError(address, error, usesTls)))
    socket.on('close', () => this.fail(new OttlaError('NETWORK_EXCEPTION', this.#closedText())))
  }

  get isOpen(): boolean { return this.#error === null && !this.#ending }
  get pendingRequests(): number { return this.#pending.length }

  /** The handshake is done: answers may be as large as this. */
  allow(maxFrameBytes: number): void { this.#splitter.maxFrameBytes = maxFrameBytes }

  nextCorrelationId(): number {
    this.#correlationId = (this.#correlationId + 1) & 0x7fff_ffff
    return this.#correlationId
  }

  /** Sends a frame, in parts, and gives the frame that answers it. `what` names the request in messages. */
  request(correlationId: number, frame: readonly Uint8Array[], what: string, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) throw this.#error ?? new OttlaError('NETWORK_EXCEPTION', `the connection to ${addressText(this.address)} is being closed`)
      const timer = this.#ports.scheduler.after(timeoutMs, () => this.#timedOut(correlationId, what, timeoutMs))
      this.#pending.push({ correlationId, what, timer, resolve, reject })
      if (this.#pending.length === 1) this.#socket.ref()
      this.#write(frame)
    })
  }

  /** Sends a frame that has no answer. Resolves when the operating system has it. */
  send(frame: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) throw this.#error ?? new OttlaError('NETWORK_EXCEPTION', `the connection to ${addressText(this.address)} is being closed`)
      this.#write(frame, (error) => {
        if (error === undefined || error === null) resolve()
        else reject(this.#error ?? socketError(this.address, error, this.#usesTls))
      })
    })
  }

  #write(frame: readonly Uint8Array[], done: (error?: Error | null) => void = () => {}): void {
    if (frame.length === 1) {
      this.#socket.write(frame[0]!, done)
      return
    }
    this.#socket.cork()
    frame.forEach((part, i) => this.#socket.write(part, i === frame.length - 1 ? done : undefined))
    this.#socket.uncork()
  }

  #received(chunk: Uint8Array): void {
    if (this.#error !== null) return
    // They may come one by one.
    if (this.#answers === 0 && this.#first.length < LENGTH_SIZE) this.#first += Buffer.from(chunk.subarray(0, LENGTH_SIZE)).toString('latin1')
    this.#splitter.push(chunk)
    try {
      for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) this.#answered(frame)
    } catch (error) {
      const stray = this.#answers === 0 ? otherProtocol(this.#first) : null
      const { code, message } = OttlaError.from(error)
      const isTooLarge = code === 'INVALID_REQUEST' && !message.includes(' -')
      const text = stray ?? (this.#answers === 0 ? 'it sent bytes that are no answer: is this the port of a Kafka broker?'
        : isTooLarge ? `${message}; receive.message.max.bytes says how large an answer may be` : `it sent bytes that are no answer (${message})`)
      this.fail(new OttlaError(this.#answers === 0 ? 'INVALID_CONFIG' : 'NETWORK_EXCEPTION', `broker ${addressText(this.address)}: ${text}`, { cause: error }))
    }
  }

  #answered(frame: Uint8Array): void {
    const first = this.#pending[0]
    const correlationId = frame.length < 4 ? -1 : Buffer.from(frame.buffer, frame.byteOffset, 4).readInt32BE(0)
    if (first === undefined || correlationId !== first.correlationId) throw new OttlaError('CORRUPT_MESSAGE', `an answer to request ${correlationId}, which was not asked`)
    if (this.#answers !== 1 || first.what !== 'ApiVersions') this.#answers += 1
    this.#pending.shift()
    first.timer.cancel()
    if (this.#pending.length === 0) this.#rest()
    first.resolve(frame)
  }

  #rest(): void {
    this.#socket.unref()
    if (this.#ending) this.#end()
    else this.idle()
  }

  /** Nothing is to come any more: what was sent goes out, and the socket with it. */
  #end(): void { this.#socket.end(() => this.#socket.destroy()) }

  #timedOut(correlationId: number, what: string, timeoutMs: number): void {
    const text = `broker ${addressText(this.address)} did not answer ${what} within ${timeoutMs} ms`
    this.#pending.find((each) => each.correlationId === correlationId)?.reject(new OttlaError('REQUEST_TIMED_OUT', text))
    this.fail(new OttlaError('NETWORK_EXCEPTION', text))
  }

  #closedText(): string {
    const asked = this.#pending[0]?.what
    const when = asked === undefined ? '' : ` before it answered ${asked}`
    const [tls, other] = this.#usesTls || this.#answers === 1 ? ['', ''] : ['TLS or ', ', or be no Kafka broker']
    const hint = this.#answers > 1 ? '' : `: it may want ${tls}authentication (security.protocol)${other}`
    return `broker ${addressText(this.address)} closed the connection${when}${hint}`
  }

  /** Ends at once: what is unanswered rejects with `error`. */
  fail(error: OttlaError): void {
    if (this.#error !== null) return
    this.#error = error
    this.#socket.destroy()
    for (const each of this.#pending.splice(0)) {
      each.timer.cancel()
      each.reject(error)
    }
    this.ended(error)
  }

  /** Ends when what was sent is answered; no more requests are taken. */
  close(): void {
    if (!this.isOpen) return
    this.#ending = true
    if (this.#pending.length === 0) this.#end()
  }
}
