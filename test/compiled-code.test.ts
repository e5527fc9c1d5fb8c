/**
 * What `ottla` keeps of its compiled code, over a package of one module: that it is used (V8's own log tells of every function it takes from such code), and
 * that whatever lies there, or cannot, no program runs otherwise for it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { build, root as project } from './support/cli.ts'

const root = mkdtempSync(join(realpathSync(tmpdir()), 'ottla-compiled-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
beforeAll(build, 200_000)

/** Node's own, where it has one, keeps functions that were called less thoroughly, and never adds to them. */
const isOurs = !('enableCompileCache' in process.getBuiltinModule('node:module'))
let home: string
let part: string
let count = 0
/** Prints what a module sees of itself, and what `word` is in its source. */
const source = (word: string): string => `
  function said() { return '${word}' }
  function seldom() { return said() + ' and seldom' }
  const path = require('node:path')
  module.exports = { said, seldom, own: module.exports === exports }
  console.log(JSON.stringify([
    said(), __filename === module.filename, path.dirname(__filename) === __dirname, this === exports, require('./beside.cjs').beside, typeof require.resolve, require('es-module').word,
    new Error('x').stack.split('\\n')[1].replace(/.*[/\\\\]/, ''),
  ]))
  if (process.argv.includes('seldom')) console.log(seldom())
  require('./importing.cjs')
`
const expected = (word: string): string => `${JSON.stringify([word, true, true, true, 'beside', 'function', 'exported', 'part.cjs:8:5)'])}\nimported beside\n`

beforeEach(() => {
  home = join(root, String(count += 1))
  part = join(home, 'part.cjs')
  mkdirSync(join(home, 'node_modules', 'ottla', 'dist', 'cli'), { recursive: true })
  writeFileSync(part, source('one'))
  writeFileSync(join(home, 'beside.cjs'), "exports.beside = 'beside'\n")
  writeFileSync(join(home, 'importing.cjs'), "import ('./beside.cjs').then(({ default: { beside } }) => console.log('imported', beside))\n")
  mkdirSync(join(home, 'node_modules', 'es-module'))
  writeFileSync(join(home, 'node_modules', 'es-module', 'index.js'), "export const word = 'exported'\n")
  const compiled = pathToFileURL(join(project, '.tmp/package/dist/cli/compiled-code.js')).href
  writeFileSync(join(home, 'start.mjs'), `
    import { createRequire } from 'node:module'
    import { reuseCompiledCode } from ${JSON.stringify(compiled)}
    reuseCompiledCode(process.env.OTTLA_ENTRY, 'commands')
    createRequire(import.meta.url)(${JSON.stringify(part)})
    if (process.argv.includes('stay')) setInterval(() => {}, 1e9)
  `)
})

const entry = (): string => join(home, 'node_modules', 'ottla', 'dist', 'cli', 'main.js')
const environment = (more: Record<string, string> = {}): NodeJS.ProcessEnv => {
  const { NODE_V8_COVERAGE: _coverage, NODE_DISABLE_COMPILE_CACHE: _disabled, NODE_COMPILE_CACHE: _cache, ...rest } = process.env
  return { ...rest, OTTLA_ENTRY: entry(), ...more }
}

interface Run { readonly text: string; readonly error: string; readonly status: number | null; readonly taken: readonly string[]; readonly compiled: readonly string[] }

/** `taken`: the files that V8 took compiled; `compiled`: the functions that it compiled itself. */
function run(args: readonly string[] = [], more: Record<string, string> = {}, flags: readonly string[] = [], program: string = process.execPath): Run {
  const log = join(home, 'v8.log')
  const words = ['--log-function-events', `--logfile=${log}`, '--no-logfile-per-isolate', ...flags, join(home, 'start.mjs'), ...args]
  const { stdout, stderr, status } = spawnSync(program, words, { encoding: 'utf8', env: environment(more) })
  const events = readFileSync(log, 'utf8').split('\n')
  const named = (event: string): string[] => events.filter((line) => line.startsWith(`function,${event},`)).map((line) => line.split(',')[7] ?? '')
  return { text: stdout, error: stderr, status, taken: named('deserialize').filter((file) => file.startsWith(home)), compiled: named('interpreter') }
}

/** Without the log, which is a flag, and so other code to V8. */
function plainRun(more: Record<string, string> = {}): { readonly text: string; readonly error: string; readonly signal: NodeJS.Signals | null } {
  const { stdout, stderr, signal } = spawnSync(process.execPath, [join(home, 'start.mjs')], { encoding: 'utf8', env: environment(more), timeout: 30_000 })
  return { text: stdout, error: stderr, signal }
}

/** Files that are kept, and which they are: one that is written anew is another. */
function kept(): Map<string, number> {
  const folder = join(home, 'node_modules', '.cache', 'ottla')
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((item) => item.isFile()).map((item) => join(item.parentPath, item.name))
  return new Map(names.map((name) => [name, statSync(name).ino]))
}

describe('compiled code', () => {
  test('is taken by the second run, and means the same', () => {
    expect(run()).toMatchObject({ text: expected('one'), error: '', status: 0, taken: [], compiled: expect.arrayContaining(['said']) as string[] })
    expect([...kept().keys()]).not.toEqual([])
    const second = run()
    expect(second).toMatchObject({ text: expected('one'), error: '', status: 0, taken: expect.arrayContaining([part, join(home, 'beside.cjs')]) as string[] })
    expect(second.compiled.includes('said')).toBe(!isOurs)
  })

  test('is not taken for a source that has changed, also at the same length', () => {
    run()
    writeFileSync(part, source('two'))
    expect(run()).toMatchObject({ text: expected('two'), status: 0, taken: expect.not.arrayContaining([part]) as string[] })
    expect(run()).toMatchObject({ text: expected('two'), taken: expect.arrayContaining([part]) as string[] })
  })

  test('is kept while the process runs, for those that are killed', async () => {
    const child: ChildProcess = spawn(process.execPath, [join(home, 'start.mjs'), 'stay'], { stdio: 'ignore', env: environment() })
    const ended = new Promise((done) => child.once('exit', done))
    await vi.waitFor(() => expect([...kept().keys()]).not.toEqual([]), { timeout: 50_000, interval: 100 })
    child.kill('SIGKILL')
    await ended
    expect(kept().size).toBeGreaterThan(0)
    expect(plainRun()).toEqual({ text: expected('one'), error: '', signal: null })
  })

  test('is not written for ever', () => {
    for (let i = 0; i < 10; i++) run()
    const before = kept()
    expect(run().taken).toContain(part)
    expect(kept()).toEqual(before)
  })

  test('that was damaged is not run', () => {
    plainRun()
    const files = [...kept().keys()]
    const whole = new Map(files.map((file) => [file, readFileSync(file)]))
    const damages: ((bytes: Buffer) => Buffer)[] = [
      (bytes) => bytes.fill(0, bytes.length >> 1), (bytes) => bytes.fill(0), (bytes) => bytes.subarray(0, bytes.length >> 1), () => Buffer.alloc(0), () => Buffer.from('not that'),
      // What it says, where nothing else would notice.
      (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('one', 'two'), 'latin1'),
      ...Array.from({ length: 10 }, (_, i) => (bytes: Buffer) => {
        const at = Math.floor((bytes.length - 1) * i / 9)
        bytes[at] = bytes[at]! ^ 1 << (i & 7)
        return bytes
      }),
    ]
    for (const [i, damage] of damages.entries()) {
      for (const [file, bytes] of whole) writeFileSync(file, damage(Buffer.from(bytes)))
      expect([i, plainRun()]).toEqual([i, { text: expected('one'), error: '', signal: null }])
    }
  })

  test('that was made under other flags is left to those', () => {
    run()
    expect(run([], {}, ['--no-lazy-feedback-allocation', '--stack-size=900'])).toMatchObject({ text: expected('one'), error: '', status: 0 })
    expect(run().taken).toContain(part)
  })

  test('that was first made under other flags keeps nobody from having some', () => {
    run([], {}, ['--stack-size=900'])
    run()
    expect(run().taken).toContain(part)
    expect(run([], {}, ['--stack-size=900']).taken).toContain(part)
  })

  // V8 takes code of another build of the same version, as node_modules have it that a container shares, and dies of it.
  test.skipIf(!isOurs)('that another program of the same version made is left to that', () => {
    const program = join(home, 'node')
    copyFileSync(process.execPath, program)
    run()
    expect(run([], {}, [], program)).toMatchObject({ text: expected('one'), error: '', status: 0, taken: [] })
    expect(run([], {}, [], program).taken).toContain(part)
    expect(run().taken).toContain(part)
    rmSync(program)
  })

  test.skipIf(!isOurs)('that V8 does not take is made anew', () => {
    run()
    const [name] = [...kept().keys()]
    for (let i = 0; i < 3; i++) run(['seldom'], {}, ['--stack-size=900'])
    const other = [...kept().keys()].find((file) => file !== name)
    writeFileSync(name!, readFileSync(other!))
    expect(run()).toMatchObject({ text: expected('one'), error: '', status: 0 })
    expect(run().taken).toContain(part)
  })

  test.skipIf(!isOurs)('of those whose flags are in the environment is their own', () => {
    plainRun()
    const [plain] = [...kept().keys()]
    expect(plainRun({ NODE_OPTIONS: '--stack-trace-limit=11' })).toEqual({ text: expected('one'), error: '', signal: null })
    expect([...kept().keys()].filter((file) => file !== plain)).toHaveLength(1)
  })

  test('is not waited for where no file is', () => {
    plainRun()
    for (const name of kept().keys()) {
      rmSync(name)
      mkdirSync(name)
    }
    expect(plainRun()).toEqual({ text: expected('one'), error: '', signal: null })
    if (!isOurs || process.platform === 'win32') return
    for (const name of readdirSync(join(home, 'node_modules', '.cache', 'ottla'))) {
      const place = join(home, 'node_modules', '.cache', 'ottla', name)
      rmSync(place, { recursive: true })
      spawnSync('mkfifo', [place])
    }
    expect(plainRun()).toEqual({ text: expected('one'), error: '', signal: null })
  })

  test('is not missed where it cannot be kept, or shall not be', () => {
    expect(run([], { NODE_DISABLE_COMPILE_CACHE: '1' })).toMatchObject({ text: expected('one'), error: '' })
    expect(run([], { OTTLA_ENTRY: join(home, 'elsewhere', 'dist', 'cli', 'main.js') })).toMatchObject({ text: expected('one'), error: '' })
    expect(readdirSync(join(home, 'node_modules'))).toEqual(['es-module', 'ottla'])
    expect(readdirSync(home)).not.toContain('elsewhere')
    writeFileSync(join(home, 'node_modules', '.cache'), '')
    expect(run()).toMatchObject({ text: expected('one'), error: '', status: 0, taken: [] })
    truncateSync(join(home, 'node_modules', '.cache'))
    expect(run()).toMatchObject({ text: expected('one'), error: '', status: 0, taken: [] })
  })

  test('grows with what the next runs call, where it is ours', () => {
    run()
    expect(run(['seldom'])).toMatchObject({ text: expect.stringContaining('one and seldom\n') as string, compiled: expect.arrayContaining(['seldom']) as string[] })
    const third = run(['seldom'])
    expect(third.taken).toContain(part)
    expect(third.compiled.includes('seldom')).toBe(!isOurs)
  })

  test.skipIf(!isOurs)('grows again when modules are new', () => {
    for (let i = 0; i < 10; i++) run()
    run(['seldom'])
    expect(run(['seldom']).compiled).toContain('seldom')
    writeFileSync(part, source('two'))
    run()
    run(['seldom'])
    expect(run(['seldom']).compiled).not.toContain('seldom')
  })
})
