/**
 * Row 20: planted bugs. Each saboteur of saboteurs.mjs is put into a copy of `src/`, alone, and the harness that names it, a test file or a row, must turn red
 * within its seconds; so must the rows for the bugs they plant on their own simulated disks. The harness must be green without the bug, or red proves
 * nothing. A patch that does not apply, a harness that cannot even be loaded, and a harness that stays green are violations.
 *
 * CI: five of those that are caught within a minute; they rotate with the seed (the day, unless given). Long: all.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { saboteurs } from '../saboteurs.mjs'

export const row = { id: 20, name: 'saboteurs', lane: 2, floor: { count: 5, unit: 'planted bugs caught' }, seconds: 60 }

const root = resolve(import.meta.dirname, '../..')
const CI_COUNT = 5
const QUICK_SECONDS = 60
const CONTROL_SECONDS = 180

/** A copy of what a test may import; fixtures and packages are linked. */
function copyTree() {
  const tree = mkdtempSync(join(tmpdir(), 'ottla-saboteur-'))
  for (const name of ['src', 'test', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts']) cpSync(join(root, name), join(tree, name), { recursive: true })
  for (const name of ['fixtures', 'node_modules', 'docs', 'scripts', 'README.md']) symlinkSync(join(root, name), join(tree, name))
  return tree
}

/** A process and all that it starts: how it ended and what it said, or null when its seconds were over. */
function ended(args, options, seconds) {
  return new Promise((done) => {
    const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let out = ''
    let errors = ''
    child.stdout.on('data', (chunk) => { out += chunk })
    child.stderr.on('data', (chunk) => { errors += chunk })
    let slow = false
    const timer = setTimeout(() => { slow = true; process.kill(-Number(child.pid), 'SIGKILL') }, seconds * 1000)
    child.on('close', (code) => {
      clearTimeout(timer)
      done(slow ? null : { code, out, errors })
    })
  })
}

/** Runs one test file: 'green', 'red' (a test failed), 'broken' (nothing could be run) or 'slow'. */
async function runTests(tree, harness, seconds) {
  const report = join(tree, 'report.json')
  rmSync(report, { force: true })
  const args = ['run', '--root', tree, '--bail', '1', '--reporter', 'json', '--outputFile', report, harness]
  const end = await ended([join(root, 'node_modules/vitest/vitest.mjs'), ...args], { cwd: tree }, seconds)
  if (end === null) return { verdict: 'slow', why: `nothing in ${seconds} s` }
  let summary
  try {
    summary = JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return { verdict: 'broken', why: end.errors.slice(-300) }
  }
  const failed = summary.testResults.flatMap((file) => file.assertionResults).filter((each) => each.status === 'failed')
  if (failed.length > 0) return { verdict: 'red', why: failed[0].fullName }
  if (end.code === 0 && summary.numPassedTests > 0) return { verdict: 'green', why: '' }
  // Without a failed test, red can still be an unhandled rejection; a file that cannot be loaded has no tests.
  if (summary.numTotalTests > 0) return { verdict: 'red', why: 'an error outside of the tests' }
  return { verdict: 'broken', why: summary.testResults[0]?.message ?? end.errors.slice(-300) }
}

/** Runs the CI slice of one row, which builds what it attacks with the bug in it. As above; a row that is skipped here proves nothing and is 'skipped'. */
async function runRow({ row: id, seed }, sabotage, dist, seconds) {
  const args = [resolve(import.meta.dirname, '../run.mjs'), 'row', '--row', String(id), '--seed', String(seed), '--json', '--dist', dist]
  const end = await ended(sabotage === null ? args : [...args, '--sabotage', sabotage], { cwd: root }, seconds)
  if (end === null) return { verdict: 'slow', why: `nothing in ${seconds} s` }
  try {
    const { violations, skipped } = JSON.parse(end.out.trim().split('\n').at(-1))
    if (skipped !== undefined) return { verdict: 'skipped', why: skipped }
    return violations.length > 0 ? { verdict: 'red', why: violations[0].split('\n')[0] } : { verdict: 'green', why: '' }
  } catch {
    return { verdict: 'broken', why: end.errors.slice(-300) }
  }
}

/** Puts the bug in; gives the way to take it out, or null when the text is not there. */
function plant(tree, { file, find, replace, times = 1 }) {
  const path = join(tree, file)
  const before = readFileSync(path, 'utf8')
  if (before.split(find).length - 1 !== times) return null
  writeFileSync(path, before.replaceAll(find, () => replace))
  return () => writeFileSync(path, before)
}

/** The bugs that rows plant on their own. */
async function ofRows() {
  const files = readdirSync(import.meta.dirname).filter((name) => /^\d+-.*\.mjs$/.test(name) && !name.startsWith('20-')).sort()
  const rows = await Promise.all(files.map((name) => import(pathToFileURL(join(import.meta.dirname, name)).href)))
  return rows.flatMap(({ row: { id }, sabotages = [] }) => sabotages.map((name) => ({ id: name, harness: { row: id, seed: 1 }, seconds: CONTROL_SECONDS })))
}

async function chosen(slice, seed) {
  if (slice === 'long') return [...saboteurs, ...await ofRows()]
  const quick = saboteurs.filter((each) => each.seconds <= QUICK_SECONDS)
  const start = (seed * CI_COUNT) % quick.length
  return Array.from({ length: CI_COUNT }, (_, i) => quick[(start + i) % quick.length])
}

const nameOf = (harness) => (typeof harness === 'string' ? harness : `row ${harness.row}`)

/** The harness with the bug in what it looks at. */
async function attack(tree, saboteur, dist) {
  const { id, harness, seconds } = saboteur
  if (typeof harness !== 'string') return runRow(harness, id, dist, seconds)
  const remove = plant(tree, saboteur)
  if (remove === null) return { verdict: 'broken', why: `the patch does not apply to ${saboteur.file} any more` }
  const result = await runTests(tree, harness, seconds)
  remove()
  return result
}

export async function run({ slice, seed, deadline, report = () => {}, dist }) {
  const violations = []
  const caught = []
  const owed = []
  const controls = new Map()
  const tree = copyTree()
  const all = await chosen(slice, seed)
  try {
    for (const saboteur of all) {
      if (deadline() <= 0) { violations.push(`no time left for ${saboteur.id}`); break }
      const { id, harness } = saboteur
      const key = typeof harness === 'string' ? harness : JSON.stringify(harness)
      if (!controls.has(key)) controls.set(key, await (typeof harness === 'string' ? runTests(tree, harness, CONTROL_SECONDS) : runRow(harness, null, dist, CONTROL_SECONDS)))
      const control = controls.get(key)
      if (control.verdict === 'skipped') { owed.push(id); continue }
      if (control.verdict !== 'green') { violations.push(`${nameOf(harness)} is ${control.verdict} without a saboteur: ${control.why}`); continue }
      const began = performance.now()
      const { verdict, why } = await attack(tree, saboteur, dist)
      const took = ((performance.now() - began) / 1000).toFixed(1)
      report(`${id}: ${verdict} in ${took} s (${nameOf(harness)}${why === '' ? '' : `: ${why.slice(0, 100)}`})`)
      if (verdict === 'red') caught.push({ id, harness: nameOf(harness), by: why.slice(0, 160), seconds: Number(took) })
      else violations.push(`${id}: ${nameOf(harness)} is ${verdict}${why === '' ? '' : `: ${why.slice(0, 200)}`}`)
    }
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
  const details = { of: all.length, caught, ...(owed.length === 0 ? {} : { owed }) }
  return { count: caught.length, unit: row.floor.unit, acked: 0, faults: { 'planted bugs': caught.length }, violations, details }
}
