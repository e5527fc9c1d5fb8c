/** The parent's side of writer.mjs: a process that was started ahead of its job, its lines, and its death. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const running = new Set()
process.on('exit', () => { for (const each of running) each.child.kill('SIGKILL') })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

/** fdatasync, fsync, msync; write, pwrite64, writev, pwritev (x86-64). */
const SYNCS = new Set(['74', '75', '26'])
const WRITES = new Set(['1', '18', '20', '296'])

export class WriterProcess {
  /** Lines that no one has taken yet. */
  #lines = []
  #waiting = null
  #text = ''
  #errors = ''
  onLine = null
  isEnded = false

  constructor(dist, { env = {}, cwd } = {}) {
    this.child = spawn(process.execPath, [join(import.meta.dirname, 'writer.mjs'), dist], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env }, cwd })
    running.add(this)
    this.child.stdin.on('error', () => {})
    this.child.stderr.on('data', (chunk) => { this.#errors += chunk })
    this.child.stdout.on('data', (chunk) => this.#take(chunk))
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        running.delete(this)
        this.isEnded = true
        this.#waiting?.(null)
        resolve({ code, signal, errors: this.#errors })
      })
    })
    this.ready = this.line('ready')
  }

  get pid() { return this.child.pid }

  #take(chunk) {
    this.#text += chunk
    const lines = this.#text.split('\n')
    this.#text = lines.pop()
    for (const line of lines) {
      if (this.onLine?.(line) === true) continue
      this.#lines.push(line)
      this.#waiting?.()
    }
  }

  /** The next line that begins so; those before it are passed over. Null when the process ended, and what it said of a failure. */
  async line(...beginnings) {
    for (;;) {
      while (this.#lines.length > 0) {
        const line = this.#lines.shift()
        if ([...beginnings, 'failed'].some((each) => line.startsWith(each))) return line
      }
      if (this.isEnded) return null
      await new Promise((resolve) => { this.#waiting = resolve })
      this.#waiting = null
    }
  }

  send(job) { this.child.stdin.write(`${typeof job === 'string' ? job : JSON.stringify(job)}\n`) }

  /** What its threads are in the kernel for at this moment: 'sync', 'write' or 'other'. */
  callOfNow() {
    let kind = 'other'
    try {
      for (const task of readdirSync(`/proc/${this.pid}/task`)) {
        const number = readFileSync(`/proc/${this.pid}/task/${task}/syscall`, 'utf8').split(' ', 1)[0]
        if (SYNCS.has(number)) return 'sync'
        if (WRITES.has(number)) kind = 'write'
      }
    } catch {
      // It ended, or this kernel does not tell.
    }
    return kind
  }

  async kill() {
    this.child.kill('SIGKILL')
    return this.ended
  }

  /** Stops every thread and waits until the kernel says so; nothing is written or told from then on. */
  async freeze() {
    this.child.kill('SIGSTOP')
    for (;;) {
      const states = readdirSync(`/proc/${this.pid}/task`).map((task) => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${this.pid}/task/${task}/status`, 'utf8'))?.[1])
      if (states.every((state) => state === 'T' || state === 't')) return
      await new Promise((resolve) => { setImmediate(resolve) })
    }
  }

  /** All that is in the pipe of a frozen process is taken: two turns without a byte. */
  async drain() {
    for (let quiet = 0, before = -1; quiet < 3;) {
      await new Promise((resolve) => { setTimeout(resolve, 2) })
      const now = this.child.stdout.bytesRead ?? 0
      quiet = now === before ? quiet + 1 : 0
      before = now
    }
  }
}

/** Keeps a process warm while another works. */
export class WriterPool {
  #next
  constructor(dist, options) {
    this.start = () => new WriterProcess(dist, options)
    this.#next = this.start()
  }

  async take() {
    const writer = this.#next
    if (await writer.ready === null) throw new Error(`the writer does not start: ${(await writer.ended).errors}`)
    this.#next = this.start()
    return writer
  }

  /** Kills one that only opens, after a random time; what it said is still to be had from it. */
  async killWhileOpening(directory, random) {
    const writer = await this.take()
    writer.send({ type: 'check', directory, times: 1 })
    await writer.line('opening')
    const end = performance.now() + random.int(25)
    while (performance.now() < end && !writer.isEnded) await new Promise((resolve) => { setImmediate(resolve) })
    await writer.kill()
    return writer
  }

  close() { return this.#next.kill() }
}
