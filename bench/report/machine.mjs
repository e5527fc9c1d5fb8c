/** What a run's figures depend on besides the code. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os'

/** Type of the file system that holds the scratch directories; null where it cannot be told. */
function fileSystem(directory) {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')).filter(([, at]) => at !== undefined && (`${directory}/`).startsWith(at === '/' ? '/' : `${at}/`))
    return mounts.sort(([, a], [, b]) => b.length - a.length)[0]?.[2] ?? null
  } catch { return null }
}

function commit() {
  try { return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'ignore'] }).trim() } catch { return null }
}

export const load = () => Number(loadavg()[0].toFixed(2))

export function machineProfile() {
  return {
    node: process.version, cpus: cpus().length, model: cpus()[0]?.model.trim() ?? '', memoryGB: Math.round(totalmem() / 1e9), system: `${type()} ${release()}`,
    fileSystem: fileSystem(process.env['OTTLA_BENCH_DIR'] ?? tmpdir()), commit: commit(), date: new Date().toISOString().slice(0, 10), load: load(),
  }
}
