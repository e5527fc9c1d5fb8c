/**
 * Servers that are compared where their program is found: in PATH, or named by OTTLA_BENCH_REDIS and OTTLA_BENCH_NATS. They run on loopback or a socket in
 * the scratch directory, for one measurement.
 */
import { spawn } from 'node:child_process'
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
