/** A measurement in a process of its own: what other variants compiled, allocated and left to collect does not count against it. */
import { spawnSync } from 'node:child_process'

/** Runs `node SCRIPT '{…job}'` and returns the JSON object that it prints. */
export function inOwnProcess(script, job) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, JSON.stringify(job)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${JSON.stringify(job)}: ${stderr.trim().split('\n').slice(-6).join(' ')}`)
  return JSON.parse(stdout)
}
