/**
 * Runs `ottla` and the examples as processes of their own, over a package compiled for the tests: `.tmp/package` has what the tarball would
 * have, so that `dist/` may be rebuilt meanwhile. Compiled when it is older than the sources, once, however many test files ask at a time.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export const root: string = resolve(import.meta.dirname, '../..')
/** Resolves `import 'ottla'` by its own package.json, and dependencies from the project around it. */
const staged = join(root, '.tmp/package')
const entry = join(staged, 'dist/cli/main.js')
const lock = join(root, '.tmp/package.lock')
const LOCK_TIMEOUT_MS = 120_000

function newest(directory: string): number {
  let latest = 0
  for (const item of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (item.isFile() && !item.name.endsWith('.test.ts')) latest = Math.max(latest, statSync(join(item.parentPath, item.name)).mtimeMs)
  }
  return latest
}

const isFresh = (): boolean => existsSync(entry) && statSync(entry).mtimeMs >= Math.max(newest(join(root, 'src')), newest(join(root, 'examples')))

function compile(): void {
  const fresh = `${staged}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh)
  for (const part of ['package.json', 'examples']) cpSync(join(root, part), join(fresh, part), { recursive: true })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--noCheck', '--outDir', join(fresh, 'dist')]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the package does not compile:\n${stdout}${stderr}`)
  rmSync(staged, { recursive: true, force: true })
  renameSync(fresh, staged)
}

export async function build(): Promise<void> {
  const started = Date.now()
  mkdirSync(join(root, '.tmp'), { recursive: true })
  while (!isFresh()) {
    try {
      mkdirSync(lock)
    } catch {
      if (Date.now() - started > LOCK_TIMEOUT_MS) throw new Error(`another test run seems to have died while compiling: remove ${lock}`)
      await pause(200)
      continue
    }
    try {
      if (!isFresh()) compile()
    } finally { rmSync(lock, { recursive: true, force: true }) }
  }
}

/** The command that runs `ottla`, for shells. */
export const ottlaCommand: string = `"${process.execPath}" "${entry}"`

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Standard output, as bytes and as text. */
  readonly out: Buffer
  readonly text: string
  /** Standard error. */
  readonly error: string
}

export interface RunOptions {
  readonly input?: string | Uint8Array
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Told the child before anything is waited for: to kill it, or to read its output as it comes. */
  readonly onStart?: (child: ChildProcess) => void
}

/** A script of the package in a process of its own. */
export function runScript(script: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((done, fail) => {
    const env = { ...process.env, NO_COLOR: '1', ...options.env }
    const child = spawn(process.execPath, [join(staged, script), ...args], { cwd: options.cwd ?? root, env, stdio: 'pipe' })
    const out: Buffer[] = []
    const error: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => error.push(chunk))
    child.stdin.on('error', () => {})
    child.on('error', fail)
    child.on('close', (code, signal) => {
      const bytes = Buffer.concat(out)
      done({ code, signal, out: bytes, error: Buffer.concat(error).toString('utf8'), text: bytes.toString('utf8') })
    })
    options.onStart?.(child)
    if (options.input !== undefined) child.stdin.end(options.input)
    else if (options.onStart === undefined) child.stdin.end()
  })
}

/** `ottla <args>`. */
export function ottla(args: readonly string[], options: RunOptions = {}): Promise<Outcome> { return runScript('dist/cli/main.js', args, options) }

/** Lines of JSON. */
export function jsonLines(outcome: Outcome): Record<string, unknown>[] {
  return outcome.text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>)
}
