/**
 * Row 21, the other half of row 3: the simulated disk of row 3 is worth as much as the port is tight. A process goes through all that a database does (open,
 * create, append, roll, commit, delete records, delete topic, checkpoint, close, recovery) under strace, and tells what its FileSystem port was asked for. Every
 * changing system call below the directory must be one of those, the other way round every write and sync of the port must have been seen. Only LMDB's two
 * files are touched past the port, too: what the port writes to them, before LMDB opens them, must have been seen as well; the calls beyond are counted here.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { attach, changes, isMissing, readTrace } from '../lib/strace.mjs'

export const row = { id: 21, name: 'every file operation goes through the port', lane: 2, floor: { count: 300, unit: 'changing system calls' }, seconds: 5 }

const kinds = {
  write: 'write', pwrite64: 'write', writev: 'write', pwritev: 'write', pwritev2: 'write', fdatasync: 'datasync', fsync: 'syncDirectory', ftruncate: 'truncate', rename: 'rename',
  renameat: 'rename', renameat2: 'rename', unlink: 'unlink', unlinkat: 'unlink', mkdir: 'makeDirectory', rmdir: 'removeDirectory', utimensat: 'setModifiedTime', openat: 'create',
}

/** The first path below the directory that a call names, as descriptor or as text. */
function pathOf(text, directory) {
  return [...text.matchAll(/[<"](\/[^>"]*)[>"]/g)].map((match) => match[1].replace(' (deleted)', '')).find((path) => path === directory || path.startsWith(`${directory}/`))
}

async function trace(dist, directory, out) {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '../lib/recorded-writer.mjs'), dist, directory], { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  await new Promise((done) => {
    child.stdout.on('data', (chunk) => {
      text += chunk
      if (text.includes('armed')) done()
    })
    child.on('close', done)
  })
  const tracer = await attach(child.pid, { out, all: true })
  child.stdin.write('go\n')
  await new Promise((done) => { child.on('close', done) })
  await tracer.ended
  return JSON.parse(text.trim().split('\n').at(-1))
}

function counted(pairs) {
  const counts = new Map()
  for (const [kind, path] of pairs) counts.set(`${kind} ${path}`, (counts.get(`${kind} ${path}`) ?? 0) + 1)
  return counts
}

export async function run({ dist }) {
  if (process.platform !== 'linux' || isMissing()) return { count: 0, unit: row.floor.unit, acked: 0, faults: {}, violations: [], skipped: 'no strace', details: {} }
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ottla-row21-')))
  const directory = join(folder, 'db')
  try {
    const port = await trace(dist, directory, join(folder, 'trace'))
    const calls = readTrace(join(folder, 'trace')).filter((call) => changes(call, directory)).map((call) => ({ ...call, kind: kinds[call.name] ?? call.name, path: pathOf(call.text, directory) }))
    const isLmdb = ({ path }) => /\/ottla-metadata\.mdb(-lock)?$/.test(path ?? '')
    const left = counted(port)
    const removed = port.filter(([kind]) => kind === 'removeDirectory').map(([, path]) => path)
    const violations = []
    const lmdb = {}
    // A call that failed changed nothing.
    for (const call of calls.filter((each) => !/ = -1 E/.test(each.text))) {
      const key = `${call.kind} ${call.path}`
      // Removing a directory removes what is in it.
      const isCovered = (call.kind === 'unlink' || call.kind === 'removeDirectory') && removed.some((path) => call.path?.startsWith(path))
      if (isCovered || left.get(key) > 0) left.set(key, (left.get(key) ?? 1) - 1)
      else if (isLmdb(call)) lmdb[call.name] = (lmdb[call.name] ?? 0) + 1
      else violations.push(`the port did not see ${call.name}(${call.text.replaceAll(directory, 'DIR').slice(0, 120)}`)
    }
    for (const [key, count] of left) if (count > 0 && /^(write|datasync|truncate|rename) /.test(key)) violations.push(`strace did not see ${count} of the port's ${key.replace(directory, 'DIR')}`)
    return { count: calls.length, unit: row.floor.unit, acked: 0, faults: {}, violations, details: { port: port.length, lmdb } }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
