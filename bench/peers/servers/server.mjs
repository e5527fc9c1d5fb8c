/**
 * Servers that are compared where their program is found: in PATH, or named by OTTLA_BENCH_REDIS and OTTLA_BENCH_NATS. They run on loopback or a socket in
 * the scratch directory, for one measurement.
 */
import { execFileSync, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const programs = { redis: ['OTTLA_BENCH_REDIS', 'redis-server'], nats: ['OTTLA_BENCH_NATS', 'nats-server'] }

/** The path of the program, or null. */
export function programOf(server) {
  const [variable, name] = programs[server]
  const candidates = process.env[variable] === undefined ? (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)) : [process.env[variable]]
  return candidates.find((path) => {
    try { accessSync(path, constants.X_OK); return true } catch { return false }
  }) ?? null
}

/** Why rows against `server` are left out; null when they are not. */
export function missing(server) {
  const [variable, name] = programs[server]
  return programOf(server) === null ? `${name} is not in PATH, nor named by ${variable}` : null
}

/** NATS has `sync_interval: always` since this version; before, nothing makes an acknowledgement wait for the disk. */
const NATS_THAT_SYNCS = [2, 10]

/** Why rows against `server`, which is there, are left out where an acknowledgement must mean that it is on disk; null when they are not. */
export function missingDurable(server) {
  if (server !== 'nats') return null
  const version = execFileSync(programOf(server), ['--version'], { encoding: 'utf8' }).trim()
  const [, major, minor] = (/v(\d+)\.(\d+)\./.exec(version) ?? []).map(Number)
  const [first, second] = NATS_THAT_SYNCS
  return major > first || (major === first && minor >= second) ? null : `${version} has no sync_interval: 2.10 is the first that can sync before it acknowledges`
}

/** Starts it and tries `connect` until that succeeds, for 10 seconds. */
export async function startServer(server, args, connect) {
  const child = spawn(programOf(server), args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise((resolve) => { child.once('exit', resolve) })
  let last
  for (let i = 0; i < 200 && child.exitCode === null; i += 1) {
    try {
      const client = await connect()
      return { client, stop: async () => { child.kill('SIGTERM'); await ended } }
    } catch (error) { last = error }
    await sleep(50)
  }
  child.kill('SIGKILL')
  throw new Error(`${server} did not come up`, { cause: last })
}
