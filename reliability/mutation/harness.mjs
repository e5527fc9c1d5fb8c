/**
 * What the tests import instead of `vitest` in a mutation run: it only collects them, so that one test can be run alone, at once, and many times in one process.
 * The expectations are vitest's own. Only what the tests named in areas.mjs use is there.
 */
import { createRequire } from 'node:module'
import { configureGlobal } from 'fast-check'

const packageOf = (name) => createRequire(createRequire(import.meta.url).resolve('vitest/package.json')).resolve(name)
const { fn, restoreAllMocks, spyOn } = await import(packageOf('@vitest/spy'))
const expectPath = packageOf('@vitest/expect')
const { ASYMMETRIC_MATCHERS_OBJECT, chai, ChaiStyleAssertions, JestAsymmetricMatchers, JestChaiExpect, JestExtend } = await import(expectPath)
chai.use(JestExtend)
chai.use(JestChaiExpect)
chai.use(ChaiStyleAssertions)
chai.use(JestAsymmetricMatchers)
configureGlobal({ seed: 20261121, numRuns: 40 })

/** @typedef {{ name: string, run: (context: object) => unknown, scopes: object[] }} Test */

const newScope = () => ({ beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] })
/** @type {Map<string, Test[]>} */
const collected = new Map()
let tests = []
let scopes = []
let finishers = []

/** Imports a test file of the bundle; its tests, in the order of the file. */
export async function collect(key, url) {
  const known = collected.get(key)
  if (known !== undefined) return known
  tests = []
  scopes = [newScope()]
  collected.set(key, tests)
  await import(url)
  return tests
}

/** Runs one test with all that its file wants around it; throws what it throws. */
export async function runTest({ run, scopes: around }) {
  finishers = []
  // What a file made while it was loaded is there for all of its tests: who cleans it up waits for the end (cleanUp).
  const isForAll = (scope) => scope === around[0] && scope.beforeAll.length === 0
  const every = (kind) => around.flatMap((scope) => (kind === 'afterAll' && isForAll(scope) ? [] : scope[kind]))
  const after = []
  try {
    for (const hook of [...every('beforeAll'), ...every('beforeEach')]) {
      const undo = await hook({})
      if (typeof undo === 'function') after.push(undo)
    }
    await run({ onTestFinished })
  } finally {
    for (const hook of [...finishers.reverse(), ...after.reverse(), ...every('afterEach').reverse(), ...every('afterAll').reverse()]) await hook({})
  }
}

/** Of every file, what its tests leave to its end. */
export async function cleanUp() {
  for (const scope of new Set([...collected.values()].flatMap((some) => some.slice(0, 1)).map(({ scopes: [first] }) => first))) {
    if (scope.beforeAll.length === 0) for (const hook of scope.afterAll) await hook({})
  }
}

export function test(name, ...rest) {
  const run = rest.find((each) => typeof each === 'function')
  tests.push({ name, run, scopes: [...scopes] })
}

export function describe(_name, ...rest) {
  const outer = scopes
  scopes = [...scopes, newScope()]
  try {
    rest.find((each) => typeof each === 'function')()
  } finally {
    scopes = outer
  }
}

function eachOf(register) {
  return (cases) => (name, ...rest) => {
    const body = rest.find((each) => typeof each === 'function')
    cases.forEach((values, i) => register(`${name} #${i}`, () => (Array.isArray(values) ? body(...values) : body(values))))
  }
}

test.each = eachOf(test)
test.skip = () => {}
test.skipIf = (condition) => (condition ? test.skip : test)
test.runIf = (condition) => (condition ? test : test.skip)
describe.each = eachOf(describe)
describe.skip = () => {}
describe.runIf = (condition) => (condition ? describe : describe.skip)
describe.skipIf = (condition) => (condition ? describe.skip : describe)
export const it = test
export const beforeAll = (hook) => { scopes.at(-1).beforeAll.push(hook) }
export const afterAll = (hook) => { scopes.at(-1).afterAll.push(hook) }
export const beforeEach = (hook) => { scopes.at(-1).beforeEach.push(hook) }
export const afterEach = (hook) => { scopes.at(-1).afterEach.push(hook) }
export const onTestFinished = (hook) => { finishers.push(hook) }

export const expect = Object.assign((value, message) => chai.expect(value, message), chai.expect, globalThis[ASYMMETRIC_MATCHERS_OBJECT], {
  /** Matchers of what `read` gives, once they hold. */
  poll: (read, options = 1000) => new Proxy({}, { get: (_, matcher) => (...expected) => vi.waitFor(async () => { expect(await read())[matcher](...expected) }, options) }),
  unreachable: (message) => { throw new Error(message ?? 'not to be reached') },
})

/** What it says of types is for the compiler. */
const anything = new Proxy(() => anything, { get: () => anything })
export const expectTypeOf = () => anything

const stubbed = new Map()
export const vi = {
  fn,
  spyOn,
  restoreAllMocks,
  async waitFor(check, options = 1000) {
    const end = performance.now() + (options.timeout ?? options)
    for (;;) {
      try {
        return await check()
      } catch (error) {
        if (performance.now() > end) throw error
        await new Promise((next) => { setTimeout(next, 20) })
      }
    }
  },
  stubEnv(name, value) {
    if (!stubbed.has(name)) stubbed.set(name, process.env[name])
    process.env[name] = value
  },
  unstubAllEnvs() {
    for (const [name, value] of stubbed) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    stubbed.clear()
  },
}
