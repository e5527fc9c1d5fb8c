/**
 * A broker that says what a test tells it to, on a loopback port: it decodes requests and encodes answers by the codecs of protocol/, which are held
 * against Kafka's own bytes elsewhere. One connection is served in order, as brokers do.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Api, RequestOf, ResponseInput } from '../../src/protocol/api.ts'
import { apiList, apiOf, apis } from '../../src/protocol/api-registry.ts'
import { decodeRequestBody, decodeRequestHeader, encodeResponse } from '../../src/protocol/frames.ts'
import { FrameSplitter } from '../../src/protocol/frame-splitter.ts'

export interface Asked<A extends Api = Api> { readonly api: string; readonly version: number; readonly body: RequestOf<A>; readonly clientId: string | null; readonly correlationId: number }

/** What to answer; 'silence' never does, 'cut' closes the connection, bytes go out as they are. */
export type Answer<A extends Api> = ResponseInput<A> | 'silence' | 'cut' | Uint8Array
type Handler = (asked: Asked) => Answer<Api> | Promise<Answer<Api>>

export class ScriptedBroker {
  readonly #server: Server
  readonly #handlers = new Map<number, Handler>()
  readonly #sockets = new Set<Socket>()
  readonly port: number
  /** Every request, in order of arrival. */
  readonly asked: Asked[] = []
  /** Versions told to clients, where they are not all that are known here. */
  readonly versions: Map<string, readonly [min: number, max: number] | null> = new Map()
  connections: number = 0
  /** Requests that have come, those that wait for the answer before them included. */
  received: number = 0

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async open(): Promise<ScriptedBroker> {
    const server = createServer()
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    const broker = new ScriptedBroker(server)
    server.on('connection', (socket) => broker.#serve(socket))
    broker.on(apis.apiVersions, () => ({
      errorCode: 0, apiKeys: apiList.flatMap((api) => {
        const told = broker.versions.get(api.name)
        return told === null ? [] : [{ apiKey: api.key, minVersion: told?.[0] ?? api.minVersion, maxVersion: told?.[1] ?? api.maxVersion }]
      }),
    }))
    return broker
  }

  on<A extends Api>(api: A, handler: (asked: Asked<A>) => Answer<A> | Promise<Answer<A>>): this {
    this.#handlers.set(api.key, handler as unknown as Handler)
    return this
  }

  /** Bodies of the requests of one API. */
  bodies<A extends Api>(api: A): RequestOf<A>[] { return this.asked.filter((each) => each.api === api.name).map((each) => each.body as unknown as RequestOf<A>) }

  get open(): number { return this.#sockets.size }

  #serve(socket: Socket): void {
    this.connections += 1
    this.#sockets.add(socket)
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
    const splitter = new FrameSplitter(100_000_000)
    let order = Promise.resolve()
    socket.on('data', (chunk: Uint8Array) => {
      splitter.push(chunk)
      for (let frame = splitter.next(); frame !== null; frame = splitter.next()) {
        const mine = frame
        this.received += 1
        order = order.then(() => this.#answer(socket, mine))
      }
    })
  }

  async #answer(socket: Socket, frame: Uint8Array): Promise<void> {
    const header = decodeRequestHeader(frame)
    const api = apiOf(header.apiKey)!
    const body = decodeRequestBody(api, header.apiVersion, frame, header.bodyStart)
    const asked: Asked = { api: api.name, version: header.apiVersion, body, clientId: header.clientId, correlationId: header.correlationId }
    this.asked.push(asked)
    const answer = await (this.#handlers.get(api.key)?.(asked) ?? 'cut')
    if (answer === 'cut') socket.destroy()
    else if (answer === 'silence') await new Promise(() => {})
    else if (answer instanceof Uint8Array) socket.write(answer)
    else socket.write(encodeResponse(api, header.apiVersion, header.correlationId, answer))
  }

  /** Closes what is connected. */
  cut(): void { for (const socket of this.#sockets) socket.destroy() }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => { this.#server.close(resolve) })
    this.cut()
    await closed
  }
}
