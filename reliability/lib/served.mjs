/** `ottla serve` of a build as a process of its own, for the rows that attack it from outside, and what it takes of the machine. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const MIB = 2 ** 20

/**
 * @param {string} dist
 * @param {string[]} args after `serve`
 * @param {{ node?: string[] }} options
 * @returns {Promise<Served>} once it listens
 */
export function startServer(dist, args, { node = [] } = {}) {
  const child = spawn(process.execPath, [...node, join(dist, 'cli/main.js'), 'serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const served = new Served(child)
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`ottla serve ended with ${signal ?? code}: ${served.log.slice(-2000)}`)))
    child.stdout.on('data', (chunk) => {
      served.out += chunk
      const line = /^listening on (.*)$/m.exec(served.out)
      if (line === null) return
      served.ports = line[1].split(', ').map((address) => Number(address.split(':').at(-1)))
      served.metricsPort = Number(/^metrics on .*:(\d+)$/m.exec(served.out)?.[1] ?? 0)
      resolve(served)
    })
  })
}

class Served {
  out = ''
  log = ''
  ports = []
  metricsPort = 0

  constructor(child) {
    this.child = child
    child.stderr.on('data', (chunk) => { if (this.log.length < 1_000_000) this.log += chunk })
    this.ended = new Promise((resolve) => { child.once('exit', (code, signal) => resolve(signal ?? code)) })
  }

  get isRunning() { return this.child.exitCode === null && this.child.signalCode === null }

  /** MiB that are resident now; `peak`: that ever were. */
  memory() {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8')
    const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
    return { rss: kib('VmRSS') * 1024 / MIB, peak: kib('VmHWM') * 1024 / MIB }
  }

  /** Of /metrics, by name. */
  async metric(name) {
    const text = await (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text()
    return Number(new RegExp(`^${name}(?:\\{\\})? (\\S+)$`, 'm').exec(text)?.[1])
  }

  connections() { return this.metric('kafka_server_socketservermetrics_connection_count') }

  kill(signal = 'SIGKILL') {
    this.child.kill(signal)
    return this.ended
  }
}
