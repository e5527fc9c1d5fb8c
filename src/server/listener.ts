/**
 * A TCP (or TLS) port: accepts sockets within the caps, joins each to a `Connection`, watches their deadlines, and closes gracefully. The only file of the
 * server that touches `node:net` and, loaded where it is wanted, `node:tls`; what is said on a connection is the session's business.
 */
import { createServer, isIP, type AddressInfo, type Server, type Socket } from 'node:net'
import type { SecureContextOptions, Server as TlsServer, TLSSocket, TlsOptions } from 'node:tls'
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import { distinguishedName } from './access/distinguished-name.ts'
import type { AnswerMemory } from './answer-memory.ts'
import { ByteBudget } from './byte-budget.ts'
import { Connection, type ConnectionOutput, type RequestHandler } from './connection.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import type { MemoryPool } from './memory-pool.ts'
import { ProblemLog } from './problem-log.ts'
import { receive } from './static-receive.ts'

/** Who is at the other end, and where they reached us. */
export interface Peer {
  readonly remoteAddress: string; readonly remotePort: number
  readonly localAddress: string; readonly localPort: number
  /** Who shows a certificate that was found good: its subject, or what rules make of it. Null without one. */
  readonly certificateName: string | null
}

/** What is said on one connection. */
export interface Session extends RequestHandler {
  /** No more requests begin; what waits for data is answered with what there is. */
  drain(): void
  /** The connection is gone. */
  close(): void
}

export interface PortOptions {
  readonly host: string
  readonly port: number
  readonly tls: TlsOptions | null
  /** What the bearer of a certificate is called, by its subject; null: it is turned away. */
  readonly nameOf: (subject: string) => string | null
  readonly limits: ConnectionLimits
  readonly maxConnections: number
  readonly maxConnectionsOf: (address: string) => number
  /** Bytes of requests not answered yet, of all connections. */
  readonly maxPendingBytes: number
  /** What answers take that are not read yet; when it is short, those are closed that read least. */
  readonly answers: AnswerMemory
  /** For requests and answers; trimmed here. */
  readonly pool: MemoryPool
  readonly ports: Ports
  newSession(peer: Peer): Session
  /** Counts a new connection; milliseconds after which it is closed, for too many came from its address, or 0: it is welcome. */
  readonly refusedFor?: (address: string) => number
}

interface Member { readonly connection: Connection; readonly session: Session; readonly socket: Socket }

const SWEEP_MS = 1000
const TLS_HANDSHAKE_MS = 10_000
/** A peer that does not read its last answers is cut off after this. */
const FLUSH_MS = 3000
/** Only where the memory for answers is short. */
const STALLED_MS = 2000
const READ_BUFFER = 65_536
/** A peer whose machine went away without a word is noticed some time after this. */
const KEEP_ALIVE_MS = 60_000

export class PortListener {
  readonly #options: PortOptions
  readonly #server: Server | TlsServer
  readonly #budget: ByteBudget
  readonly #problems: ProblemLog
  readonly #members = new Set<Member>()
  /** Every socket accepted and not closed, TLS handshakes under way included. */
  readonly #sockets = new Set<Socket>()
  readonly #perAddress = new Map<string, number>()
  /** Sockets that nobody reads, until they are closed; by the address and port of the peer, which TLS tells, too. */
  readonly #refused = new Set<string>()
  #sweeper: { cancel(): void } | null = null
  #emptied: (() => void) | null = null
  #closing: Promise<void> | null = null

  private constructor(options: PortOptions) {
    this.#options = options
    this.#budget = new ByteBudget(options.maxPendingBytes)
    this.#problems = new ProblemLog(options.ports)
    const accept = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, highWaterMark: READ_BUFFER }
    if (options.tls === null) this.#server = createServer(accept, (socket) => { if (this.#admit(socket)) this.#join(socket, null) })
    else {
      const server = process.getBuiltinModule('node:tls').createServer({ ...options.tls, ...accept, handshakeTimeout: TLS_HANDSHAKE_MS })
      server.on('connection', (socket: Socket) => { this.#admit(socket) })
      server.on('secureConnection', (socket) => {
        if (this.#refused.has(peerOf(socket))) return
        const subject = subjectOf(socket)
        const name = subject === null ? null : options.nameOf(subject)
        if (subject === null || name !== null) {
          this.#join(socket, name)
          return
        }
        this.#problems.warn(`turned away ${socket.remoteAddress ?? 'a peer'}: no rule of ssl.principal.mapping.rules is for its certificate, ${subject}`)
        socket.destroy()
      })
      server.on('tlsClientError', (error, socket) => {
        this.#problems.warn(`a TLS handshake with ${socket.remoteAddress ?? 'a peer'} failed: ${error.message}`)
        socket.destroy()
      })
      this.#server = server
    }
  }

  /** Raises INVALID_CONFIG when the port cannot be listened on. */
  static async open(options: PortOptions): Promise<PortListener> {
    const listener = new PortListener(options)
    await listener.#listen()
    return listener
  }

  #listen(): Promise<void> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'another process listens there' : error.message
        reject(new OttlaError('INVALID_CONFIG', `cannot listen on ${host}:${port}: ${why}`, { cause: error }))
      })
      this.#server.listen({ host, port, backlog: 511 }, () => {
        this.#server.removeAllListeners('error')
        this.#server.on('error', (error) => this.#problems.warn(`the listener on ${this.address}:${this.port} has a problem: ${error.message}`))
        this.#sweeper = this.#options.ports.scheduler.every(SWEEP_MS, () => this.#sweep())
        resolve()
      })
    })
  }

  #bound(): AddressInfo {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') return { address: this.#options.host, port: this.#options.port, family: '' }
    return address
  }

  /** Filled in by `open`; they stay after `close`. */
  get address(): string { return this.#bound().address }
  get port(): number { return this.#bound().port }
  get connections(): number { return this.#sockets.size }

  /** New handshakes use the new certificate; connections that stand keep theirs. */
  replaceCertificate(context: SecureContextOptions): void {
    if (this.#options.tls !== null) (this.#server as TlsServer).setSecureContext(context)
  }

  /** Counts a socket in, or closes it. */
  #admit(socket: Socket): boolean {
    const address = plainAddress(socket.remoteAddress)
    const { maxConnections, maxConnectionsOf } = this.#options
    const count = this.#perAddress.get(address) ?? 0
    const over = this.#sockets.size >= maxConnections ? `${maxConnections} connections are open (max.connections)`
      : count >= maxConnectionsOf(address) ? `${count} connections of it are open (max.connections.per.ip)` : null
    socket.on('error', () => {})
    if (over !== null || this.#closing !== null) {
      if (over !== null) this.#problems.warn(`refused a connection from ${address}: ${over}`)
      socket.destroy()
      return false
    }
    this.#sockets.add(socket)
    this.#perAddress.set(address, count + 1)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      const left = (this.#perAddress.get(address) ?? 1) - 1
      if (left === 0) this.#perAddress.delete(address)
      else this.#perAddress.set(address, left)
      if (this.#sockets.size === 0) this.#emptied?.()
    })
    const waitMs = this.#options.refusedFor?.(address) ?? 0
    if (waitMs > 0) this.#refuse(socket, address, waitMs)
    return waitMs === 0
  }

  /** Closed at once it would come back at once. */
  #refuse(socket: Socket, address: string, waitMs: number): void {
    const peer = peerOf(socket)
    this.#problems.warn(`refuses connections from ${address}: more come than connection_creation_rate allows`)
    this.#refused.add(peer)
    const timer = this.#options.ports.scheduler.after(waitMs, () => socket.destroy())
    socket.once('close', () => {
      timer.cancel()
      this.#refused.delete(peer)
    })
  }

  #join(socket: Socket, certificateName: string | null): void {
    const { limits, ports, newSession } = this.#options
    const address = plainAddress(socket.remoteAddress)
    const session = newSession({
      remoteAddress: address, remotePort: socket.remotePort ?? 0, localAddress: plainAddress(socket.localAddress), localPort: socket.localPort ?? this.port,
      certificateName,
    })
    const connection = new Connection({
      limits, budget: this.#budget, memory: this.#options.pool, handler: session, output: outputOf(socket, ports), now: () => ports.clock.monotonic(),
      closed: (problem) => { if (problem !== null) this.#problems.warn(`closed the connection from ${address}:${socket.remotePort ?? 0}: ${problem}`) },
    })
    const member: Member = { connection, session, socket }
    this.#members.add(member)
    receive(socket, (chunk) => connection.receive(chunk))
    socket.on('drain', () => connection.drained())
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#members.delete(member)
      connection.close()
      session.close()
    })
  }

  /** Closes every connection that is open now, whatever is under way on it. Nothing is logged. Resolves when clients of this process have seen it. */
  async hangUp(): Promise<void> {
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => { socket.once('close', resolve) }))
    for (const { connection, session } of this.#members) {
      connection.close()
      session.close()
    }
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
    // A turn of the event loop reads what has come in on sockets, the ends of these among it.
    for (let turns = 0; turns < 2; turns += 1) await new Promise<void>((resolve) => { this.#options.ports.scheduler.soon(resolve) })
  }

  #sweep(): void {
    for (const { connection } of this.#members) {
      const problem = connection.overdue()
      if (problem !== null) connection.close(problem)
    }
    if (this.#options.answers.isOver) this.#dropStalled()
    this.#options.pool.trim()
  }

  /** Memory is short: whoever has read nothing for longest goes first. */
  #dropStalled(): void {
    const stalled = [...this.#members].filter(({ connection }) => connection.stalledMs >= STALLED_MS)
    stalled.sort((a, b) => b.connection.stalledMs - a.connection.stalledMs)
    for (const { connection, session, socket } of stalled) {
      if (!this.#options.answers.isOver) return
      connection.close(`it has read none of its answers for ${Math.round(connection.stalledMs)} ms, and the memory for answers is short`)
      session.close()
      socket.destroy()
    }
  }

  /** Accepts nothing more; answers what was asked, for at most `timeoutMs`; then closes. Idempotent. */
  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => { this.#server.close(() => resolve()) })
    for (const { session, connection } of this.#members) {
      session.drain()
      connection.drain()
    }
    if (this.#sockets.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#options.ports.scheduler.after(timeoutMs, resolve, { keepAlive: true })
        this.#emptied = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    for (const socket of this.#sockets) socket.destroy()
    this.#sweeper?.cancel()
    await closed
  }
}

function outputOf(socket: Socket, ports: Ports): ConnectionOutput {
  return {
    write(chunks, taken) {
      if (chunks.length === 1) return socket.write(chunks[0]!, taken)
      socket.cork()
      const last = chunks.length - 1
      for (let i = 0; i < last; i++) socket.write(chunks[i]!)
      socket.write(chunks[last]!, taken)
      socket.uncork()
      return !socket.writableNeedDrain
    },
    pause() { socket.pause() },
    resume() { socket.resume() },
    end() {
      if (socket.destroyed) return
      // What still comes is thrown away, so that the socket closes without a reset that would destroy the last answers.
      socket.removeAllListeners('data')
      socket.resume()
      socket.destroySoon()
      const timer = ports.scheduler.after(FLUSH_MS, () => socket.destroy())
      socket.once('close', () => timer.cancel())
    },
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string { return `${remoteAddress ?? ''} ${remotePort ?? ''}` }

/** IPv4 addresses in their own notation, also on a socket of both families. */
function plainAddress(address: string | undefined): string {
  const mapped = address?.startsWith('::ffff:') === true ? address.slice(7) : address ?? ''
  return isIP(mapped) === 4 ? mapped : address ?? ''
}

/** Of a certificate that nobody vouches for nothing is believed. */
function subjectOf(socket: TLSSocket): string | null {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined ? null : distinguishedName(certificate.subject)
}
