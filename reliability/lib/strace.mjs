/** strace, attached to processes of ours: what they did, and faults at their N-th call. */
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Calls that change a file system, or make a change durable. */
export const MUTATING = ['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'fdatasync', 'fsync', 'msync', 'ftruncate', 'fallocate', 'rename', 'renameat', 'renameat2', 'unlink', 'unlinkat',
  'mkdir', 'rmdir', 'link', 'symlink', 'utimensat', 'fchmod', 'openat']

export const isMissing = () => spawnSync('strace', ['-V']).status !== 0

/** Threads of a process in the order of their making: the same program makes them in the same order. */
export const threadsOf = (pid) => readdirSync(`/proc/${pid}/task`).map(Number).sort((a, b) => a - b)

/**
 * Attaches to a process and all its threads, or to one thread only, and resolves once that is done.
 * @param {number} id process or thread
 * @param {{ out: string, all: boolean, calls?: readonly string[], inject?: string, paths?: readonly string[], times?: boolean }} options times: with the wall clock, in seconds
 * @returns {Promise<{ ended: Promise<void>, detach: () => Promise<void> }>}
 */
export function attach(id, { out, all, calls = MUTATING, inject, paths = [], times = false }) {
  const args = ['-y', '-s', '0', '-o', out, '-e', `trace=${calls.join(',')}`, ...(all ? ['-f'] : []), ...(times ? ['-ttt'] : []), ...paths.flatMap((path) => ['-P', path])]
  // Never with --seccomp-bpf: it would inject nothing, and say nothing.
  if (inject !== undefined) args.push(`--inject=${inject}`)
  const child = spawn('strace', [...args, '-p', String(id)], { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  const ended = new Promise((resolve) => { child.on('close', () => resolve()) })
  return new Promise((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      text += chunk
      if (text.includes('attached')) resolve({ ended, detach: () => { child.kill('SIGINT'); return ended } })
    })
    ended.then(() => reject(new Error(`strace ended: ${text}`)), reject)
  })
}

/**
 * The calls of a trace in order: { thread, name, number, text }, `number` counting the calls of that name by that thread from 1, as `when=` does.
 * The second half of an interrupted line is left out: it was counted at its beginning.
 */
export function readTrace(file) {
  const counts = new Map()
  const calls = []
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const match = /^(?:(\d+) +)?(\w+)\((.*)$/.exec(line)
    if (match === null) continue
    const [, thread = '0', name, text] = match
    const key = `${thread} ${name}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    calls.push({ thread: Number(thread), name, number: counts.get(key), text })
  }
  return calls
}

/** When the first fault was injected, in milliseconds of the wall clock (a trace with `times`), and how many were. */
export function injections(file) {
  const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line.includes('(INJECTED'))
  const first = /(\d+\.\d+) /.exec(lines[0] ?? '')
  return { count: lines.length, firstMs: first === null ? null : Number(first[1]) * 1000 }
}

/** Whether a call changes something below `directory`. */
export const changes = (call, directory) => call.text.includes(`${directory}`) && (call.name !== 'openat' || call.text.includes('O_CREAT'))
