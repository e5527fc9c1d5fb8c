/**
 * Row 20: planted bugs. Each saboteur of saboteurs.mjs is put into a copy of `src/`, alone, and the harness that names it must turn red within its seconds. The
 * harness must be green without it, or red proves nothing. A patch that does not apply, a harness that cannot even be loaded, and a harness that stays green
 * are violations.
 *
 * CI: five that rotate with the seed (the day, unless given). Long: all.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { saboteurs } from '../saboteurs.mjs'

export const row = { id: 20, name: 'saboteurs', lane: 2, floor: { count: 5, unit: 'planted bugs caught' }, seconds: 60 }

const root = resolve(import.meta.dirname, '../..')
const CI_COUNT = 5

/** A copy of what a test may import; fixtures and packages are linked. */
function copyTree() {
  const tree = mkdtempSync(join(tmpdir(), 'ottla-saboteur-'))
  for (const name of ['src', 'test', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts']) cpSync(join(root, name), join(tree, name), { recursive: true })
  for (const name of ['fixtures', 'node_modules', 'docs', 'scripts', 'README.md']) symlinkSync(join(root, name), join(tree, name))
  return tree
}

/** Runs one test file: 'green', 'red' (a test failed), 'broken' (nothing could be run) or 'slow'. */
function runHarness(tree, harness, seconds) {
  const report = join(tree, 'report.json')
  rmSync(report, { force: true })
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', tree, '--bail', '1', '--reporter', 'json', '--outputFile', report, harness],
      { cwd: tree, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
    let errors = ''
    child.stderr.on('data', (chunk) => { errors += chunk })
    let slow = false
    const timer = setTimeout(() => { slow = true; process.kill(-Number(child.pid), 'SIGKILL') }, seconds * 1000)
    child.on('close', (code) => {
      clearTimeout(timer)
      if (slow) return done({ verdict: 'slow', why: `nothing in ${seconds} s` })
      let summary
      try {
        summary = JSON.parse(readFileSync(report, 'utf8'))
      } catch {
        return done({ verdict: 'broken', why: errors.slice(-300) })
      }
      const failed = summary.testResults.flatMap((file) => file.assertionResults).filter((each) => each.status === 'failed')
      if (failed.length > 0) return done({ verdict: 'red', why: failed[0].fullName })
      if (code === 0 && summary.numPassedTests > 0) return done({ verdict: 'green', why: '' })
      // Without a failed test, red can still be an unhandled rejection; a file that cannot be loaded has no tests.
      return done(summary.numTotalTests > 0 ? { verdict: 'red', why: 'an error outside of the tests' } : { verdict: 'broken', why: summary.testResults[0]?.message ?? errors.slice(-300) })
    })
  })
}

/** Puts the bug in; gives the way to take it out, or null when the text is not there. */
function plant(tree, { file, find, replace, times = 1 }) {
  const path = join(tree, file)
  const before = readFileSync(path, 'utf8')
  if (before.split(find).length - 1 !== times) return null
  writeFileSync(path, before.replaceAll(find, () => replace))
  return () => writeFileSync(path, before)
}

function chosen(slice, seed) {
  if (slice === 'long') return saboteurs
  const start = (seed * CI_COUNT) % saboteurs.length
  return Array.from({ length: CI_COUNT }, (_, i) => saboteurs[(start + i) % saboteurs.length])
}

export async function run({ slice, seed, deadline, report = () => {} }) {
  const violations = []
  const caught = []
  const green = new Map()
  const tree = copyTree()
  try {
    for (const saboteur of chosen(slice, seed)) {
      if (deadline() <= 0) { violations.push(`no time left for ${saboteur.id}`); break }
      const { id, file, harness, seconds } = saboteur
      if (!green.has(harness)) green.set(harness, await runHarness(tree, harness, 120))
      const control = green.get(harness)
      if (control.verdict !== 'green') { violations.push(`${harness} is ${control.verdict} without a saboteur: ${control.why}`); continue }
      const remove = plant(tree, saboteur)
      if (remove === null) { violations.push(`${id}: the patch does not apply to ${file} any more`); continue }
      const began = performance.now()
      const { verdict, why } = await runHarness(tree, harness, seconds)
      remove()
      const took = ((performance.now() - began) / 1000).toFixed(1)
      report(`${id}: ${verdict} in ${took} s (${harness}${why === '' ? '' : `: ${why.slice(0, 100)}`})`)
      if (verdict === 'red') caught.push({ id, harness, by: why, seconds: Number(took) })
      else violations.push(`${id}: ${harness} is ${verdict}${why === '' ? '' : `: ${why.slice(0, 200)}`}`)
    }
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
  return { count: caught.length, unit: row.floor.unit, acked: 0, faults: { 'planted bugs': caught.length }, violations, details: { of: saboteurs.length, caught } }
}
