/** A database in memory behind a port of loopback, and raw sockets to talk to it byte by byte. */
import { connect, type Socket } from 'node:net'
import { open, type ListenOptions, type Listener, type Ottla } from '../../src/index.ts'
import { decodeCorrelationId, decodeResponse, encodeRequest } from '../../src/protocol/frames.ts'
import type { Api, RequestInput, ResponseOf } from '../../src/protocol/api.ts'
import { FrameSplitter } from '../../src/protocol/frame-splitter.ts'
import { RecordingLogger } from '../../src/testing/recording-logger.ts'

export interface WireKit { readonly ottla: Ottla; readonly listener: Listener; readonly port: number; readonly broker: string; readonly logger: RecordingLogger }

/** Closed by `ottla.close()`. */
export async function listening(settings: object = {}, options: ListenOptions = {}): Promise<WireKit> {
  const logger = new RecordingLogger()
  const ottla = await open('', { inMemory: true, logger, ...settings })
  const listener = await ottla.listen({ port: 0, ...options })
  return { ottla, listener, port: listener.port, broker: `127.0.0.1:${listener.port}`, logger }
}

/** One connection; frames are taken in the order in which they come. */
export class RawClient {
  readonly socket: Socket
  readonly closed: Promise<void>
  readonly #splitter = new FrameSplitter(200_000_000)
  readonly #frames: Uint8Array[] = []
  #wake: (() => void) | null = null
  #isClosed = false
  #correlationId = 0

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true
        this.#wake?.()
        resolve()
      })
    })
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      this.#splitter.push(chunk)
      for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) this.#frames.push(frame)
      this.#wake?.()
    })
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawClient(socket)))
    })
  }

  write(bytes: Uint8Array): void { this.socket.write(bytes) }

  /** The next frame; null when the peer closed instead. */
  async frame(): Promise<Uint8Array | null> {
    while (this.#frames.length === 0) {
      if (this.#isClosed) return null
      await new Promise<void>((resolve) => { this.#wake = resolve })
    }
    return this.#frames.shift()!
  }

  /** Sends one request and reads its answer, which must be the next. */
  async call<A extends Api>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    this.#correlationId += 1
    this.write(encodeRequest(api, version, this.#correlationId, 'raw', body))
    const frame = await this.frame()
    if (frame === null) throw new Error(`the connection was closed over ${api.name} version ${version}`)
    if (decodeCorrelationId(frame) !== this.#correlationId) throw new Error('the answer is that of another request')
    return decodeResponse(api, version, frame)
  }

  end(): void { this.socket.destroy() }
}
