/**
 * The socket that is the lock: listening, and asking whether somebody listens. Whoever connects is told one line of JSON,
 * `{"pid": 4711, "startedAt": "2026-01-31T12:00:00.000Z", "version": "1.0.0"}`, and the connection ends.
 *
 * A process that is busy or stopped does not answer, but the kernel accepts for it: a connection is proof of life, the answer is not needed.
 */
import { connect, createServer, type Socket } from 'node:net'
import { OttlaError } from '../common/errors.ts'
import type { Scheduler } from '../common/scheduler.ts'
import { storageError, systemErrorCode } from './system-error.ts'

export interface LockSocket {
  /** Stops listening; resolves when the kernel knows. Idempotent. */
  close(): Promise<void>
}

export interface LockOwner { readonly pid: number; readonly startedAt: string; readonly version: string }

export type Probe =
  | { readonly state: 'absent' } // nothing at the path
  | { readonly state: 'dead' } //   a file that nobody listens on, or no socket at all
  | { readonly state: 'alive'; readonly owner: LockOwner | null } // null: no answer in time

/** How long a living owner may take to say its pid. */
const ANSWER_MS = 1_000
const MAX_ANSWER_BYTES = 4096
const MAX_HANG_UPS = 20
const HANG_UP_PAUSE_MS = 5

const absent = new Set(['ENOENT', 'ENOTDIR'])
const dead = new Set(['ECONNREFUSED', 'ENOTSOCK', 'EPROTOTYPE'])
/** The backlog or every instance of the pipe is taken: somebody is there. */
const crowded = new Set(['EAGAIN', 'EBUSY'])
/** The listener went away between the kernel's acceptance and our looking at it. */
const reset = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE'])
/** What file systems say that have no sockets (FAT, some FUSE, vboxsf, shared folders of Docker). */
const unsupported = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EINVAL', 'ENOSYS'])

/** Listens on a socket that must not exist yet. Does not keep the process alive. `directory` is for messages. */
export function listen(path: string, greeting: () => string, directory: string): Promise<LockSocket> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.unref()
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    socket.end(`${greeting()}\n`)
  })
  server.unref()
  let closed: Promise<void> | null = null
  const close = (): Promise<void> => (closed ??= new Promise((resolve) => {
    server.close(() => resolve())
    for (const socket of sockets) socket.destroy()
  }))
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, directory)))
    // `exclusive`: in a cluster worker the primary must not hold the socket for us.
    server.listen({ path, exclusive: true }, () => {
      server.removeAllListeners('error')
      server.on('error', () => {})
      resolve({ close })
    })
  })
}

/** Asks whether a process listens. DIRECTORY_UNUSABLE when that cannot be found out. */
export async function probe(path: string, scheduler: Scheduler, directory: string): Promise<Probe> {
  for (let attempt = 1; ; attempt++) {
    const found = await ask(path, scheduler, directory)
    if (found !== HUNG_UP) return found
    if (attempt === MAX_HANG_UPS) return { state: 'alive', owner: null }
    await new Promise<void>((resolve) => { scheduler.after(HANG_UP_PAUSE_MS, resolve, { keepAlive: true }) })
  }
}

/** The connection ended without an answer: the process is dying or closing just now, and the next question will tell. */
const HUNG_UP = 'hung up'

function ask(path: string, scheduler: Scheduler, directory: string): Promise<Probe | typeof HUNG_UP> {
  return new Promise((resolve, reject) => {
    let answer = ''
    let connected = false
    const socket = connect(path)
    const timer = scheduler.after(ANSWER_MS, () => finish({ state: 'alive', owner: null }))
    const finish = (found: Probe | typeof HUNG_UP): void => {
      timer.cancel()
      socket.destroy()
      resolve(found)
    }
    socket.setEncoding('utf8')
    socket.on('connect', () => { connected = true })
    socket.on('data', (text: string) => {
      answer += text
      if (answer.includes('\n') || answer.length > MAX_ANSWER_BYTES) finish({ state: 'alive', owner: parseOwner(answer) })
    })
    socket.on('end', () => finish(HUNG_UP))
    socket.on('error', (error) => {
      const code = systemErrorCode(error)
      if (connected || reset.has(code)) return finish(HUNG_UP)
      if (crowded.has(code)) return finish({ state: 'alive', owner: null })
      if (absent.has(code)) return finish({ state: 'absent' })
      if (dead.has(code)) return finish({ state: 'dead' })
      timer.cancel()
      reject(storageError(error, 'ask for the owner of', directory))
    })
  })
}

/** Null for anything but an owner's line: it comes from another process. */
export function parseOwner(answer: string): LockOwner | null {
  try {
    const line: unknown = JSON.parse(answer.slice(0, answer.indexOf('\n')))
    if (typeof line !== 'object' || line === null) return null
    const { pid, startedAt, version } = line as Readonly<Record<string, unknown>>
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || typeof startedAt !== 'string' || typeof version !== 'string') return null
    return { pid, startedAt, version }
  } catch {
    return null
  }
}

function listenError(error: Error, directory: string): OttlaError {
  if (!unsupported.has(systemErrorCode(error))) return storageError(error, 'lock', directory)
  const message = `The file system of ${directory} cannot hold a Unix socket, which is what locks a data directory: ${error.message}. `
    + 'Put the data on a local file system (with Docker: a named volume instead of a shared folder)'
  return new OttlaError('DIRECTORY_UNUSABLE', message, { file: directory, cause: error })
}
