/**
 * One owner process per data directory. The lock is a listening Unix socket in the directory, not a file with a process id: when its
 * process dies, in whatever way, the kernel stops answering for it at once, and process ids that repeat (every container has a pid 1)
 * mean nothing. It holds between containers that share a volume of one kernel. How the lock changes hands without a race is told in
 * directory-lock-contest.ts. On Windows it is a named pipe, whose name is a hash of the real path and which dies with its process.
 *
 *   <data directory>/.ottla.lock.sock                 the owner's socket: answers each connection with one line of JSON
 *   <data directory>/.ottla.lock.<12 hex digits>.*    a process that is trying; strays are removed by the next owner
 *
 * Not covered: processes on another kernel (network file systems are refused by `open`), a user who deletes the socket file of a running
 * database, and file systems that cannot hold sockets, which are refused with DIRECTORY_UNUSABLE.
 */
import { join } from 'node:path'
import { systemClock, type Clock } from '../common/clock.ts'
import { OttlaError } from '../common/errors.ts'
import { systemScheduler, type Scheduler } from '../common/scheduler.ts'
import { LOCK_NAME, contend, type LockDoor } from './directory-lock-contest.ts'
import { listen, probe, type LockOwner, type LockSocket } from './directory-lock-socket.ts'
import type { FileSystem } from './file-system.ts'
import { kafkaLockHolder } from './kafka-lock.ts'
import { SocketDirectory } from './socket-directory.ts'

/** The lock of one data directory, held by this process. An idle lock does not keep the process alive. */
export interface DirectoryLock {
  /** Lets the next process in. Idempotent. */
  release(): Promise<void>
}

export interface LockOptions {
  /** Shown to those who find the directory locked. */
  readonly version?: string
  readonly clock?: Clock
  /** Must be a real one: it paces the waits for other processes. */
  readonly scheduler?: Scheduler
  /** Replaces the name of the running platform, for tests of another platform's rules. */
  readonly system?: string
}

/** How long rivals may keep the outcome open before the directory counts as locked. */
const CONTEST_MS = 5_000
const PAUSE_MS = 5

/**
 * Makes this process the owner of an existing directory. DIRECTORY_LOCKED, naming the owner's pid when it is known, when another process
 * (or this one, earlier) has it, or when a running Kafka broker does; DIRECTORY_UNUSABLE when no socket can be made in it.
 */
export async function lockDirectory(directory: string, fs: FileSystem, options: LockOptions = {}): Promise<DirectoryLock> {
  const { clock = systemClock, scheduler = systemScheduler, version = '', system = process.platform } = options
  const path = fs.realPath(directory)
  const broker = kafkaLockHolder(path, fs)
  if (broker !== null) throw lockedError(path, `a Kafka broker (pid ${broker})`)
  const startedMs = clock.now()
  // Made when somebody asks: the first date of a process loads the time zones.
  const greeting = (): string => JSON.stringify({ pid: process.pid, startedAt: new Date(startedMs).toISOString(), version })
  return system === 'win32' ? lockPipe(path, greeting, scheduler) : lockSocket(path, fs, greeting, clock, scheduler)
}

async function lockSocket(path: string, fs: FileSystem, greeting: () => string, clock: Clock, scheduler: Scheduler): Promise<DirectoryLock> {
  const sockets = new SocketDirectory(path)
  const deadline = clock.monotonic() + CONTEST_MS
  const door: LockDoor = {
    names: () => fs.readDirectory(path).map((entry) => entry.name),
    listen: (name) => listen(sockets.pathOf(name), greeting, path),
    // Mostly there is none: a look costs less than a socket that finds nobody.
    probe: async (name) => fs.stat(join(path, name)) === null ? { state: 'absent' } : probe(sockets.pathOf(name), scheduler, path),
    rename: (from, to) => fs.rename(join(path, from), join(path, to)),
    unlink: (name) => fs.unlink(join(path, name)),
    ageMs: (name) => clock.now() - (fs.stat(join(path, name))?.modifiedMs ?? clock.now()),
    newId,
    pause: () => new Promise((resolve) => scheduler.after(PAUSE_MS, resolve, { keepAlive: true })),
    expired: () => clock.monotonic() > deadline,
    locked: (owner) => lockedError(path, describeOwner(owner)),
  }
  try {
    return heldLock(await contend(door), join(path, LOCK_NAME), fs)
  } finally {
    sockets.dispose()
  }
}

function heldLock(socket: LockSocket, path: string, fs: FileSystem): DirectoryLock {
  const inode = fs.stat(path)?.inode
  let released: Promise<void> | null = null
  const release = async (): Promise<void> => {
    // Someone may have deleted our file by hand and another process locked the directory since: leave its socket alone.
    if (fs.stat(path)?.inode === inode) fs.unlink(path)
    await socket.close()
  }
  return { release: () => (released ??= release()) }
}

/** Unlike any other, not unguessable: whoever may make files in the directory needs no guess. The library of ciphers takes 3 ms to load. */
function newId(): string {
  const half = (): string => Math.floor(Math.random() * 2 ** 24).toString(16).padStart(6, '0')
  return half() + half()
}

async function lockPipe(path: string, greeting: () => string, scheduler: Scheduler): Promise<DirectoryLock> {
  const pipe = `\\\\.\\pipe\\ottla-${process.getBuiltinModule('node:crypto').createHash('sha256').update(path.toLowerCase()).digest('hex').slice(0, 32)}`
  const refuse = async (): Promise<void> => {
    const found = await probe(pipe, scheduler, path)
    if (found.state === 'alive') throw lockedError(path, describeOwner(found.owner))
  }
  await refuse()
  try {
    const socket = await listen(pipe, greeting, path)
    return { release: () => socket.close() }
  } catch (error) {
    await refuse()
    throw error
  }
}

function describeOwner(owner: LockOwner | null): string {
  if (owner === null) return 'another process, which does not say its pid,'
  const version = owner.version === '' ? '' : ` with Ottla ${owner.version}`
  // Every container has a pid 1: the same number need not be the same process.
  const whose = owner.pid === process.pid ? ' (the pid of this one too: another of its threads, another copy of ottla in it, or another container)' : ''
  return `process ${owner.pid}${version}${whose}, since ${owner.startedAt},`
}

function lockedError(path: string, owner: string): OttlaError {
  return new OttlaError('DIRECTORY_LOCKED', `${path} is in use by ${owner} close it there, or open it with { readOnly: true }`, { file: path })
}
