/** A TCP proxy in front of one broker that cuts connections when a test says so: at once, or in the middle of a request or an answer. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export class Proxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  readonly port: number
  /** The broker's port. */
  target: number = 0
  /** Connections made through it. */
  connections: number = 0
  /** Passes so many more bytes to the broker, then cuts the connection they came on; Infinity: all. */
  upstreamBytes: number = Infinity
  /** The same for what the broker answers. */
  downstreamBytes: number = Infinity

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  static async open(port: number = 0): Promise<Proxy> {
    const server = createServer()
    await new Promise<void>((resolve) => { server.listen(port, '127.0.0.1', resolve) })
    const proxy = new Proxy(server, (server.address() as AddressInfo).port)
    server.on('connection', (client) => proxy.#join(client, connect(proxy.target, '127.0.0.1')))
    return proxy
  }

  #join(client: Socket, broker: Socket): void {
    this.connections += 1
    const pair = [client, broker] as const
    this.#pairs.add(pair)
    const end = (): void => {
      this.#pairs.delete(pair)
      client.destroy()
      broker.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    client.on('data', (chunk: Buffer) => {
      const passed = Math.min(chunk.length, this.upstreamBytes)
      this.upstreamBytes -= passed
      broker.write(chunk.subarray(0, passed))
      if (passed < chunk.length) {
        this.upstreamBytes = Infinity
        broker.end(() => end())
      }
    })
    broker.on('data', (chunk: Buffer) => {
      const passed = Math.min(chunk.length, this.downstreamBytes)
      this.downstreamBytes -= passed
      if (passed === chunk.length) client.write(chunk)
      else {
        this.downstreamBytes = Infinity
        end()
      }
    })
  }

  get open(): number { return this.#pairs.size }

  /** Cuts what is connected now. */
  cut(): void { for (const pair of this.#pairs) for (const socket of pair) socket.destroy() }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => { this.#server.close(resolve) })
    this.cut()
    await closed
  }
}
