/**
 * Before every test file of a mutation run: which mutant is on is read from a file that the runner writes. `-1` switches none on and notes which are met, so
 * that the runner knows which tests can tell them. A mutant that is met a million times more than any test needs has made an endless loop.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { configureGlobal } from 'fast-check'
import { afterAll, expect } from 'vitest'

const MANY = 3_000_000
const { module, id, hits } = JSON.parse(readFileSync(process.env.OTTLA_MUTANT, 'utf8'))
configureGlobal({ seed: 20261121, numRuns: 40 })

const met = new Map()
let count = 0
globalThis.__mutants = (path) => {
  if (hits !== undefined) {
    const ids = new Set()
    met.set(path, ids)
    return (each) => { ids.add(each); return false }
  }
  if (path !== module) return () => false
  return (each) => {
    if (each !== id) return false
    count += 1
    if (count > MANY) throw new Error('the mutant loops')
    return true
  }
}

if (hits !== undefined) {
  afterAll(() => {
    const test = expect.getState().testPath
    for (const [path, ids] of met) appendFileSync(hits, `${JSON.stringify({ test, path, ids: [...ids] })}\n`)
  })
}
