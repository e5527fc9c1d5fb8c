/** The lock among real processes: children run the compiled module, die by kill -9 and race; a Python process plays the broker's part. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { lockDirectory, type DirectoryLock } from './directory-lock.ts'
import { nodeFileSystem } from './node-file-system.ts'

const LOCK = '.ottla.lock.sock'

/** Reads commands `lock`, `release`, `spin` and `linger` from standard input, one a line, and answers each with a line. */
const CHILD = `
import { createInterface } from 'node:readline'
import { lockDirectory } from './io/directory-lock.js'
import { nodeFileSystem } from './io/node-file-system.js'
const [, , directory, ...commands] = process.argv
let lock = null
async function run(command) {
  if (command === 'lock') lock = await lockDirectory(directory, nodeFileSystem, { version: '1.2.3' })
  else if (command === 'release') await lock.release()
  else if (command === 'spin') { console.log('spinning'); for (;;); }
  return 'done ' + command
}
const answer = async (command) => console.log(await run(command).catch((error) => 'error ' + error.code + ' ' + error.message))
if (commands.length > 0) for (const command of commands) await answer(command)
else for await (const command of createInterface({ input: process.stdin })) await answer(command)
`

let compiled = ''
let root = ''
const children = new Set<ChildProcess>()
const locks: DirectoryLock[] = []

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ottla-lock-test-')))
  compiled = join(root, 'compiled')
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  const options = '--ignoreConfig --target es2023 --module nodenext --rewriteRelativeImportExtensions --skipLibCheck --types node'.split(' ')
  const sources = ['io/directory-lock.ts', 'io/node-file-system.ts'].map((name) => join(import.meta.dirname, '..', name))
  const result = spawnSync(process.execPath, [tsc, ...options, '--rootDir', join(import.meta.dirname, '..'), '--outDir', compiled, ...sources])
  if (result.status !== 0) throw new Error(result.stdout.toString())
  writeFileSync(join(compiled, 'package.json'), '{"type":"module"}')
  writeFileSync(join(compiled, 'child.mjs'), CHILD)
}, 60_000)

afterEach(async () => {
  for (const lock of locks.splice(0)) await lock.release()
  for (const child of children) child.kill('SIGKILL')
  children.clear()
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

class Child {
  readonly process: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(directory: string, ...commands: string[]) {
    this.process = spawn(process.execPath, [join(compiled, 'child.mjs'), directory, ...commands], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]()
    children.add(this.process)
  }

  async line(): Promise<string> { return String((await this.#lines.next()).value) }
  send(command: string): void { this.process.stdin!.write(`${command}\n`) }
  ask(command: string): Promise<string> {
    this.send(command)
    return this.line()
  }
  ended(): Promise<number | null> { return new Promise((resolve) => this.process.once('close', resolve)) }
  async killHard(): Promise<void> {
    const ended = this.ended()
    this.process.kill('SIGKILL')
    await ended
  }
}

function freshDirectory(name = 'data'): string {
  const directory = join(mkdtempSync(join(root, 'd-')), name)
  mkdirSync(directory, { recursive: true })
  return directory
}

async function lockHere(directory: string): Promise<DirectoryLock> {
  const lock = await lockDirectory(directory, nodeFileSystem)
  locks.push(lock)
  return lock
}

async function refusal(locking: Promise<unknown>): Promise<OttlaError> {
  const error: unknown = await locking.then(() => 'no error', (e: unknown) => e)
  expect(OttlaError.is(error)).toBe(true)
  return error as OttlaError
}

/** What a process leaves that died while it owned the directory. */
async function leaveDeadLock(directory: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(join(directory, 'dying'), resolve))
  renameSync(join(directory, 'dying'), join(directory, LOCK))
  await new Promise((resolve) => server.close(resolve))
  expect(existsSync(join(directory, LOCK))).toBe(true)
}

const onPosix = describe.runIf(process.platform !== 'win32')
onPosix('the directory lock', () => {
  test('a second process is refused and told the pid, version and start of the owner', async () => {
    const directory = freshDirectory()
    const owner = new Child(directory)
    expect(await owner.ask('lock')).toBe('done lock')
    const error = await refusal(lockDirectory(directory, nodeFileSystem))
    expect(error.code).toBe('DIRECTORY_LOCKED')
    expect(error.message).toContain(`process ${owner.process.pid} with Ottla 1.2.3, since 20`)
    expect(readdirSync(directory)).toEqual([LOCK])
  })

  test('after kill -9 the directory opens at once, every time', async () => {
    const directory = freshDirectory()
    for (let round = 0; round < 5; round++) {
      const child = new Child(directory)
      expect(await child.ask('lock')).toBe('done lock')
      await child.killHard()
      expect(existsSync(join(directory, LOCK))).toBe(true)
    }
    await lockHere(directory)
    expect(readdirSync(directory)).toEqual([LOCK])
  })

  test('released, the directory is free and holds no trace; releasing twice is allowed', async () => {
    const directory = freshDirectory()
    const lock = await lockHere(directory)
    await Promise.all([lock.release(), lock.release()])
    expect(readdirSync(directory)).toEqual([])
    await lockHere(directory)
  })

  test('the same process is refused the second time', async () => {
    const directory = freshDirectory()
    await lockHere(directory)
    expect((await refusal(lockDirectory(directory, nodeFileSystem))).message).toContain(`process ${process.pid}`)
  })

  test('a symbolic link to the directory is the same directory', async () => {
    const directory = freshDirectory()
    symlinkSync(directory, `${directory}-link`)
    await lockHere(directory)
    expect((await refusal(lockDirectory(`${directory}-link`, nodeFileSystem))).code).toBe('DIRECTORY_LOCKED')
  })

  test('a directory whose path is longer than a socket address is locked by a socket inside it', async () => {
    const directory = freshDirectory(join('x'.repeat(120), 'y'.repeat(120)))
    expect(directory.length).toBeGreaterThan(240)
    const owner = new Child(directory)
    expect(await owner.ask('lock')).toBe('done lock')
    expect(readdirSync(directory)).toEqual([LOCK])
    expect((await refusal(lockDirectory(directory, nodeFileSystem))).message).toContain(`process ${owner.process.pid}`)
    await owner.killHard()
    await lockHere(directory)
  })

  test('an owner that is too busy to answer still owns the directory', async () => {
    const directory = freshDirectory()
    const owner = new Child(directory, 'lock', 'spin')
    expect(await owner.line()).toBe('done lock')
    expect(await owner.line()).toBe('spinning')
    const error = await refusal(lockDirectory(directory, nodeFileSystem))
    expect(error.code).toBe('DIRECTORY_LOCKED')
    expect(error.message).toContain('does not say its pid')
  })

  test('a process that holds the lock and has nothing else to do ends', async () => {
    const child = new Child(freshDirectory(), 'lock')
    const ended = child.ended()
    expect(await child.line()).toBe('done lock')
    expect(await ended).toBe(0)
  })

  test('a file that is no socket does not block the directory', async () => {
    const directory = freshDirectory()
    writeFileSync(join(directory, LOCK), '4711\n')
    await lockHere(directory)
    expect((await refusal(lockDirectory(directory, nodeFileSystem))).code).toBe('DIRECTORY_LOCKED')
  })

  test('of processes that race for a dead lock exactly one wins, in every round', async () => {
    const directory = freshDirectory()
    const racers = [new Child(directory), new Child(directory), new Child(directory)]
    let takeOvers = 0
    for (let round = 0; round < 150; round++) {
      await leaveDeadLock(directory)
      const answers = await Promise.all(racers.map((racer) => racer.ask('lock')))
      const winners = answers.flatMap((answer, i) => (answer === 'done lock' ? [i] : []))
      expect(winners, `round ${round}: ${answers.join(' | ')}`).toHaveLength(1)
      expect(answers.filter((answer) => answer.startsWith('error DIRECTORY_LOCKED')), answers.join(' | ')).toHaveLength(2)
      expect(readdirSync(directory)).toEqual([LOCK])
      expect(await racers[winners[0] as number]?.ask('release')).toBe('done release')
      takeOvers++
    }
    expect(takeOvers).toBe(150)
  }, 60_000)

  test('strays of contenders that died are removed by the next owner, fresh ones are left alone', async () => {
    const directory = freshDirectory()
    writeFileSync(join(directory, '.ottla.lock.0123456789ab.sock'), '')
    writeFileSync(join(directory, '.ottla.lock.0123456789ab.new'), '')
    writeFileSync(join(directory, '.ottla.lock.0123456789ac.new'), '')
    nodeFileSystem.setModifiedTime(join(directory, '.ottla.lock.0123456789ab.new'), 1_000_000_000_000)
    await lockHere(directory)
    expect(readdirSync(directory)).toEqual(['.ottla.lock.0123456789ac.new', LOCK])
  })

  test('a lock file deleted by hand and taken by another process is not released under it', async () => {
    const directory = freshDirectory()
    const first = await lockHere(directory)
    rmSync(join(directory, LOCK))
    await lockHere(directory)
    await first.release()
    expect(readdirSync(directory)).toEqual([LOCK])
  })

  test('a missing directory is unusable', async () => {
    expect((await refusal(lockDirectory(join(root, 'nowhere'), nodeFileSystem))).code).toBe('DIRECTORY_UNUSABLE')
  })
})

/** Node cannot take the kind of lock a broker takes. */
const withPython = describe.runIf(process.platform === 'linux' && spawnSync('python3', ['-c', 'import fcntl']).status === 0)
withPython('a directory that a Kafka broker holds', () => {
  const HOLDER = `
import fcntl, sys, time
file = open(sys.argv[1], 'a+')
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
print('locked', flush=True)
sys.stdin.read()
`

  test('is refused with the pid of the broker while it runs, and free when it has ended', async () => {
    const directory = freshDirectory()
    const holder = spawn('python3', ['-c', HOLDER, join(directory, '.lock')], { stdio: ['pipe', 'pipe', 'inherit'] })
    children.add(holder)
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    const error = await refusal(lockDirectory(directory, nodeFileSystem))
    expect(error.code).toBe('DIRECTORY_LOCKED')
    expect(error.message).toContain('Kafka broker (pid ')
    expect(readdirSync(directory)).toEqual(['.lock'])
    const ended = new Promise((resolve) => holder.once('close', resolve))
    holder.stdin.end()
    await ended
    await lockHere(directory)
  })
})
