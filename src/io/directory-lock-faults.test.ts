/**
 * The directory lock where the system misbehaves, and on Windows. `node:net` is the real one, but for connections that are told an error and for named pipes,
 * which are Unix sockets in a folder of the test: a pipe, too, is gone with its owner and refuses a second one of its name.
 */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { EventEmitter } from 'node:events'
import type { Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { systemScheduler, type Scheduler } from '../common/scheduler.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { LOCK_NAME, contend, type LockDoor } from './directory-lock-contest.ts'
import { listen, probe, type LockSocket } from './directory-lock-socket.ts'
import { lockDirectory } from './directory-lock.ts'
import { NodeFileSystem, nodeFileSystem } from './node-file-system.ts'

const { net } = vi.hoisted(() => ({ net: { pipes: '', connects: [] as string[], listens: [] as string[], servers: [] as Server[] } }))

vi.mock('node:net', async (importOriginal) => {
  const real = await importOriginal<{ connect(path: string): Socket; createServer(...args: unknown[]): Server }>()
  const pathOf = (path: string): string => (path.startsWith('\\\\.\\pipe\\') ? join(net.pipes, path.slice(9)) : path)
  const fault = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code })
  return {
    ...real,
    connect(path: string): Socket {
      const code = net.connects.shift()
      if (code === undefined) return real.connect(pathOf(path))
      const socket = Object.assign(new EventEmitter(), { setEncoding() {}, destroy() {} })
      const [late, what] = code.startsWith('connected, ') ? [true, code.slice(11)] : [false, code]
      setImmediate(() => {
        if (late) socket.emit('connect')
        socket.emit('error', fault(what))
      })
      return socket as unknown as Socket
    },
    createServer(...args: unknown[]): Server {
      const server = real.createServer(...args)
      net.servers.push(server)
      const listenReally = server.listen.bind(server) as (options: object, done: () => void) => Server
      const replaced = (options: { path: string }, done: () => void): Server => {
        const code = net.listens.shift()
        if (code === undefined) return listenReally({ ...options, path: pathOf(options.path) }, done)
        setImmediate(() => server.emit('error', fault(code)))
        return server
      }
      return Object.assign(server, { listen: replaced })
    },
  }
})

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ottla-lock-')))
  net.pipes = join(root, 'pipes')
  mkdirSync(net.pipes)
})
afterEach(() => {
  expect([...net.connects, ...net.listens], 'every fault was met').toEqual([])
  rmSync(root, { recursive: true, force: true })
})

/** Waits of the lock are over at once. */
const hasty: Scheduler = { ...systemScheduler, after: (delayMs, task, options) => systemScheduler.after(delayMs < 100 ? 0 : delayMs, task, options) }

async function refusal(locking: Promise<unknown>): Promise<OttlaError> {
  const error: unknown = await locking.then(() => 'no error', (e: unknown) => e)
  if (!OttlaError.is(error)) throw new Error(`not refused: ${String(error)}`)
  return error
}

describe('asking who listens', () => {
  test.each(['EAGAIN', 'EBUSY'])('%s is somebody who is too busy to let us in', async (code) => {
    net.connects.push(code)
    expect(await probe(join(root, 'a'), hasty, root)).toEqual({ state: 'alive', owner: null })
  })

  test.each(['ENOENT', 'ENOTDIR'])('%s is nobody', async (code) => {
    net.connects.push(code)
    expect(await probe(join(root, 'a'), hasty, root)).toEqual({ state: 'absent' })
  })

  test.each(['ECONNREFUSED', 'ENOTSOCK', 'EPROTOTYPE'])('%s is somebody who died', async (code) => {
    net.connects.push(code)
    expect(await probe(join(root, 'a'), hasty, root)).toEqual({ state: 'dead' })
  })

  test.each(['ECONNRESET', 'ECONNABORTED', 'EPIPE'])('%s is asked again, and the next answer counts', async (code) => {
    net.connects.push(code, code)
    expect(await probe(join(root, 'a'), hasty, root)).toEqual({ state: 'absent' })
  })

  test('whatever goes wrong once there is a connection, the owner was there: it is asked again', async () => {
    net.connects.push('connected, EACCES', 'connected, EIO')
    expect(await probe(join(root, 'a'), hasty, root)).toEqual({ state: 'absent' })
  })

  test('one that ends each connection without a word is asked again at once, not when its time is over', async () => {
    const { createServer } = await import('node:net')
    let asked = 0
    const server = createServer((socket) => {
      asked++
      socket.on('error', () => {}).end()
    })
    await new Promise<void>((resolve) => { server.listen({ path: join(root, 'mute') }, resolve) })
    const never: Scheduler = { ...hasty, after: (delayMs, task, options) => (delayMs >= 100 ? { cancel() {} } : hasty.after(delayMs, task, options)) }
    expect(await probe(join(root, 'mute'), never, root)).toEqual({ state: 'alive', owner: null })
    expect(asked).toBe(20)
    await new Promise((resolve) => { server.close(resolve) })
  })

  test('one that hangs up each time, for ever, counts as alive', async () => {
    net.connects.push(...Array.from({ length: 20 }, () => 'ECONNRESET'))
    expect(await probe(join(root, 'a'), hasty, root)).toEqual({ state: 'alive', owner: null })
  })

  test('an answer that does not come in time is a life without a name, and the timer does not outlive the question', async () => {
    const impatient: Scheduler = { ...systemScheduler, after: (_delayMs, task) => systemScheduler.after(20, task) }
    const { createServer } = await import('node:net')
    const server = createServer()
    const said = new Set<Socket>()
    server.on('connection', (socket) => said.add(socket))
    await new Promise<void>((resolve) => { server.listen({ path: join(root, 'silent') }, resolve) })
    expect(await probe(join(root, 'silent'), impatient, root)).toEqual({ state: 'alive', owner: null })
    for (const socket of said) socket.destroy()
    await new Promise((resolve) => { server.close(resolve) })
  })

  test('an answer without an end is cut off and has no name', async () => {
    const { createServer } = await import('node:net')
    const server = createServer((socket) => { socket.on('error', () => {}).write('x'.repeat(5000)) })
    await new Promise<void>((resolve) => { server.listen({ path: join(root, 'endless') }, resolve) })
    expect(await probe(join(root, 'endless'), systemScheduler, root)).toEqual({ state: 'alive', owner: null })
    await new Promise((resolve) => { server.close(resolve) })
  })

  test('an answer that comes in pieces is put together', async () => {
    const { createServer } = await import('node:net')
    const server = createServer((socket) => {
      socket.setNoDelay(true).write('{"pid":7,"startedAt":"now"')
      systemScheduler.after(20, () => socket.end(',"version":"1"}\n'))
    })
    await new Promise<void>((resolve) => { server.listen({ path: join(root, 'slow') }, resolve) })
    expect(await probe(join(root, 'slow'), systemScheduler, root)).toEqual({ state: 'alive', owner: { pid: 7, startedAt: 'now', version: '1' } })
    await new Promise((resolve) => { server.close(resolve) })
  })

  test('any other error is no answer: the directory is not taken on a guess', async () => {
    for (const [code, expected] of [['EACCES', 'DIRECTORY_UNUSABLE'], ['EMFILE', 'TOO_MANY_OPEN_FILES'], ['EIO', 'KAFKA_STORAGE_ERROR']] as const) {
      net.connects.push(code)
      const error = await refusal(probe(join(root, 'a'), hasty, root))
      expect(error).toMatchObject({ code: expected, file: root })
      expect(error.message).toContain('ask for the owner of')
    }
  })
})

describe('a socket that cannot be made', () => {
  const unsupported = ['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EINVAL', 'ENOSYS']
  test.each(unsupported)('is told as what it is on a file system without sockets (%s), with what to do', async (code) => {
    net.listens.push(code)
    const error = await refusal(listen(join(root, 'a'), () => '', root))
    expect(error).toMatchObject({ code: 'DIRECTORY_UNUSABLE', file: root, cause: { code } })
    expect(error.message).toContain('a named volume instead of a shared folder')
  })

  const others = [['ENOSPC', 'DISK_FULL'], ['EMFILE', 'TOO_MANY_OPEN_FILES'], ['EIO', 'KAFKA_STORAGE_ERROR']] as const
  test.each(others)('is %s: %s, and the directory stays free', async (code, expected) => {
    net.listens.push(code)
    expect(await refusal(lockDirectory(root, nodeFileSystem))).toMatchObject({ code: expected })
    const lock = await lockDirectory(root, nodeFileSystem)
    await lock.release()
  })
})

test('an owner that does not say its version is named without one', async () => {
  const lock = await lockDirectory(root, nodeFileSystem, { clock: new ManualClock(1_700_000_000_000) })
  const { message } = await refusal(lockDirectory(root, nodeFileSystem))
  expect(message).toMatch(new RegExp(`in use by process ${process.pid} \\(the pid of this one too: another of its threads, .*\\), since 2023-11-14T22:13:20.000Z, close it there`))
  await lock.release()
})

test('a lock is released although somebody who asked does not hang up', async () => {
  const { Socket: RealSocket } = await import('node:net')
  const lock = await listen(join(root, 'a'), () => 'greeting', root)
  const guest = new RealSocket({ allowHalfOpen: true }).connect(join(root, 'a'))
  guest.on('error', () => {})
  await new Promise((resolve) => { guest.once('data', resolve) })
  await lock.close()
  guest.destroy()
})

test('an error of the listening socket, such as too many open files, ends neither the lock nor the process', async () => {
  const lock = await lockDirectory(root, nodeFileSystem)
  net.servers.at(-1)?.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }))
  expect((await refusal(lockDirectory(root, nodeFileSystem))).code).toBe('DIRECTORY_LOCKED')
  await lock.release()
})

describe.runIf(process.platform !== 'win32')('on Windows', () => {
  const system = 'win32'

  test('a pipe is the lock: the second is refused by the name of the first, and gets it when the first is done', async () => {
    const first = await lockDirectory(root, nodeFileSystem, { system, version: '1.2.3' })
    expect(readdirSync(net.pipes)).toEqual([expect.stringMatching(/^ottla-[0-9a-f]{32}$/)])
    const error = await refusal(lockDirectory(root, nodeFileSystem, { system }))
    expect(error).toMatchObject({ code: 'DIRECTORY_LOCKED', file: root })
    expect(error.message).toContain(`process ${process.pid} with Ottla 1.2.3 (the pid of this one too`)
    await first.release()
    await (await lockDirectory(root, nodeFileSystem, { system })).release()
    expect(readdirSync(root)).toEqual(['pipes'])
  })

  test('who comes a moment too late is refused all the same', async () => {
    const first = await lockDirectory(root, nodeFileSystem, { system })
    // The pipe was not there when he asked, and is when he makes it.
    net.connects.push('ENOENT')
    const error = await refusal(lockDirectory(root, nodeFileSystem, { system }))
    expect(error.code).toBe('DIRECTORY_LOCKED')
    await first.release()
  })

  test('a pipe that cannot be made, and that nobody has, is told as what it is', async () => {
    net.listens.push('EACCES')
    expect(await refusal(lockDirectory(root, nodeFileSystem, { system }))).toMatchObject({ code: 'DIRECTORY_UNUSABLE', cause: { code: 'EACCES' } })
  })

  test('folders that differ in case are one', async () => {
    const first = await lockDirectory(root, nodeFileSystem, { system })
    const loud = Object.assign(new NodeFileSystem(), { realPath: (path: string) => path.toUpperCase() })
    expect((await refusal(lockDirectory(root, loud, { system }))).code).toBe('DIRECTORY_LOCKED')
    await first.release()
  })
})

/** A contest with one contender and a world that the test makes up. */
function doorOf(over: Partial<LockDoor>): { door: LockDoor; log: string[] } {
  const log: string[] = []
  const socket: LockSocket = { close: () => { log.push('close'); return Promise.resolve() } }
  const door: LockDoor = {
    names: () => [],
    listen: (name) => { log.push(`listen ${name}`); return Promise.resolve(socket) },
    probe: () => Promise.resolve({ state: 'absent' }),
    rename: (from, to) => { log.push(`rename ${from} ${to}`) },
    unlink: (name) => { log.push(`unlink ${name}`) },
    ageMs: () => 0,
    newId: () => 'bbbbbbbbbbbb',
    pause: () => { log.push('pause'); return Promise.resolve() },
    expired: () => false,
    locked: (found) => new OttlaError('DIRECTORY_LOCKED', `pid ${found?.pid}`),
    ...over,
  }
  return { door, log }
}

const owner = { pid: 7, startedAt: '', version: '' }

describe('a contest that does not come to an end', () => {
  const rivals = [['aaaaaaaaaaaa', 'undefined'], ['cccccccccccc', '7']]
  test.each(rivals)('with the living rival %s is given up in time, and leaves nothing behind', async (id, pid) => {
    let rounds = 0
    const rival = `.ottla.lock.${id}.sock`
    const { door, log } = doorOf({
      names: () => [rival], expired: () => ++rounds > 3,
      probe: (name) => Promise.resolve(name === rival ? { state: 'alive', owner } : { state: 'absent' }),
    })
    const error = await refusal(contend(door))
    expect(error).toMatchObject({ code: 'DIRECTORY_LOCKED', message: `pid ${pid}` })
    expect(log.slice(-2)).toEqual(['unlink .ottla.lock.bbbbbbbbbbbb.sock', 'close'])
  })

  test('a rival that may still step back is looked at again after a pause, not at once', async () => {
    const rival = '.ottla.lock.cccccccccccc.sock'
    let looks = 0
    const { door, log } = doorOf({
      names: () => [rival], probe: (name) => Promise.resolve(name === rival && ++looks < 4 ? { state: 'alive', owner } : { state: 'absent' }),
    })
    await contend(door)
    expect(log.filter((each) => each === 'pause')).toHaveLength(3)
  })

  test('a socket that cannot be shown is an error, and is closed', async () => {
    const { door, log } = doorOf({ names: () => ['.ottla.lock.bbbbbbbbbbbb.new'], rename: () => { throw new OttlaError('KAFKA_STORAGE_ERROR', 'EIO') } })
    expect((await refusal(contend(door))).code).toBe('KAFKA_STORAGE_ERROR')
    expect(log).toEqual(['listen .ottla.lock.bbbbbbbbbbbb.new', 'close'])
  })

  test('a contender that was taken for a stray starts over', async () => {
    let turns = 0
    const { door, log } = doorOf({ rename: (_from, to) => {
      if (++turns === 1) throw new OttlaError('DIRECTORY_UNUSABLE', 'gone')
      log.push(to)
    } })
    await contend(door)
    expect(log.filter((each) => each === 'pause')).toHaveLength(1)
    expect(log.at(-1)).toBe(LOCK_NAME)
  })
})

test('a stray that vanishes while it is looked at is nothing to remove', async () => {
  const stray = join(root, '.ottla.lock.0123456789ab.new')
  writeFileSync(stray, '')
  nodeFileSystem.setModifiedTime(stray, 1_000_000_000_000)
  const clock = new ManualClock()
  const blind = Object.assign(new NodeFileSystem(), { stat: (path: string) => (path === stray ? null : nodeFileSystem.stat(path)) })
  const lock = await lockDirectory(root, blind, { clock })
  expect(readdirSync(root)).toContain('.ottla.lock.0123456789ab.new')
  await lock.release()
})
