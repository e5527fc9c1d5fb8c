/**
 * Keeps compiled code from one start of `ottla` to the next (docs/adr/0034), in `node_modules/.cache/ottla` of the package: who may write there
 * may change the code itself. Node 22.8 and later do so when asked; for the versions before, the code of all CommonJS modules is in one file:
 *
 *   uint32   bytes of the index
 *   uint32   CRC-32 of all that follows
 *   index    JSON: { runs, places: { file: [CRC-32 of its source, position behind the index, bytes] } }
 *   code     as `vm.Script.createCachedData` gives it: what had been called by then
 *
 * A first run may end early, or call little: each of the first few adds what it compiled.
 * V8 checks that such code is of its version, made with the same flags, of a source of the same length, and trusts the rest: what is of another
 * source, or not what was written, is told by the checksums, and each build of Node has a file of its own: code of another one of the same version
 * of V8 ends in SIGSEGV. All that goes wrong here costs time only, and nobody is told.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Script } from 'node:vm'

/** Long enough for what a start needs to have run, short enough for it not to be thrown away again, as V8 does with what rests. */
const SETTLED_MS = 3000
/** So many runs look what they can add to what the last module that was new has brought. */
const LEARNING_RUNS = 8
/** Nothing of ours is larger by far. */
const MOST_BYTES = 0x4000000
/** `import()` is bound to the file it stands in, which code that V8 takes from elsewhere does not know. */
const DYNAMIC_IMPORT = /\bimport\s*(?:\(|\/[*/])/
const HEAD = 8

type Place = readonly [sourceCrc: number, position: number, size: number]
interface Index { readonly runs: number; readonly places: Readonly<Record<string, Place>> }
interface Loaded { readonly script: Script; readonly sourceCrc: number; readonly kept: Buffer | undefined }
/** `format`: what the file is known to be; Node finds out about others by trying. */
interface NodeLoader { _compile(this: NodeJS.Module, source: string, filename: string, format: unknown): unknown }
/** Of Node 22.8 and 22.10. */
interface NewerLoader { enableCompileCache?(directory: string): unknown; flushCompileCache?(): void }

/** `entry` is the file of the command in the package; `purpose` names what is kept together. */
export function reuseCompiledCode(entry: string, purpose: string): void {
  const { NODE_DISABLE_COMPILE_CACHE: disabled, NODE_V8_COVERAGE: coverage } = process.env
  if (disabled !== undefined || coverage !== undefined || process.versions.bun !== undefined || process.versions.deno !== undefined) return
  const folder = folderFor(dirname(dirname(dirname(entry))))
  if (folder === null) return
  const loader = process.getBuiltinModule('node:module') as NewerLoader
  if (typeof loader.enableCompileCache === 'function') {
    loader.enableCompileCache(folder)
    setTimeout(() => loader.flushCompileCache?.(), SETTLED_MS).unref()
    return
  }
  const host = hostOf()
  if (host === null) return
  const kept = new CompiledCode(join(folder, `${purpose}-${process.version}-${process.platform}-${process.arch}-${host}`))
  kept.install()
  process.once('exit', () => kept.write())
  setTimeout(() => kept.write(), SETTLED_MS).unref()
}

/** Null where no such folder is at hand: none is made but inside a `node_modules`. */
function folderFor(packageRoot: string): string | null {
  const around = dirname(packageRoot)
  const modules = basename(around) === 'node_modules' ? around : join(packageRoot, 'node_modules')
  return existsSync(modules) ? join(modules, '.cache', 'ottla') : null
}

/** Names the program that runs, and the flags of V8 where it may have some: to ask for those takes 2 ms. Null where it may not be looked at. */
function hostOf(): string | null {
  const { execPath, execArgv, env: { NODE_OPTIONS: options } } = process
  try {
    const { size, mtimeMs } = statSync(execPath)
    const flags = execArgv.length === 0 && options === undefined ? 0 : process.getBuiltinModule('node:v8').cachedDataVersionTag()
    return process.getBuiltinModule('node:zlib').crc32(JSON.stringify([execPath, size, mtimeMs, flags])).toString(16)
  } catch {
    return null
  }
}

/** The compiled code of all CommonJS modules that are loaded from `install` on. */
export class CompiledCode {
  readonly #file: string
  readonly #crc32 = process.getBuiltinModule('node:zlib').crc32
  #index: Index = { runs: 0, places: {} }
  #code: Buffer = Buffer.alloc(0)
  readonly #loaded = new Map<string, Loaded>()
  /** Whether something is not kept yet. */
  #isMore = false

  constructor(file: string) {
    this.#file = file
    try {
      const found = statSync(file)
      if (!found.isFile() || found.size > MOST_BYTES) return
      const bytes = readFileSync(file)
      const size = bytes.readUInt32LE(0)
      if (this.#crc32(bytes.subarray(HEAD)) !== bytes.readUInt32LE(4)) return
      this.#index = JSON.parse(bytes.toString('utf8', HEAD, HEAD + size)) as Index
      this.#code = bytes.subarray(HEAD + size)
    } catch {
      // None yet, or none that can be read.
    }
  }

  install(): void {
    const { Module, createRequire } = process.getBuiltinModule('node:module')
    const { Script } = process.getBuiltinModule('node:vm')
    const loader = Module.prototype as unknown as NodeLoader
    const compile = loader._compile
    const prepare = (source: string, filename: string): (...args: unknown[]) => unknown => {
      const sourceCrc = this.#crc32(source)
      const found = this.#find(filename, sourceCrc)
      const script = new Script(Module.wrap(source), { filename, cachedData: found })
      const kept = script.cachedDataRejected === true ? undefined : found
      if (kept === undefined) this.#isMore = true
      this.#loaded.set(filename, { script, sourceCrc, kept })
      return script.runInThisContext() as (...args: unknown[]) => unknown
    }
    loader._compile = function (source, filename, format) {
      // What starts like a program, or was made up, is left to Node, too.
      if (format !== 'commonjs' || source.startsWith('#!') || DYNAMIC_IMPORT.test(source) || !existsSync(filename)) return compile.call(this, source, filename, format)
      return prepare(source, filename).call(this.exports, this.exports, createRequire(filename), this, filename, dirname(filename))
    }
  }

  #find(filename: string, sourceCrc: number): Buffer | undefined {
    const place = this.#index.places[filename]
    return place?.[0] === sourceCrc ? this.#code.subarray(place[1], place[1] + place[2]) : undefined
  }

  /** Keeps what this process has compiled by now, where that may be more than what was kept. */
  write(): void {
    if (!this.#isMore && this.#index.runs >= LEARNING_RUNS) return
    const temporary = `${this.#file}.${process.pid}`
    try {
      mkdirSync(dirname(this.#file), { recursive: true })
      try {
        writeFileSync(temporary, this.#contents())
        renameSync(temporary, this.#file)
      } finally { rmSync(temporary, { force: true }) }
    } catch {
      // A folder that may only be read, a full disk: the next process compiles, too.
    }
  }

  #contents(): Buffer {
    const places: Record<string, Place> = {}
    const parts: Buffer[] = []
    let position = 0
    const add = (filename: string, sourceCrc: number, code: Buffer): void => {
      places[filename] = [sourceCrc, position, code.length]
      parts.push(code)
      position += code.length
    }
    for (const [filename, { script, sourceCrc, kept }] of this.#loaded) {
      // V8 throws away what has rested for long: less is not newer.
      const now = script.createCachedData()
      add(filename, sourceCrc, kept !== undefined && kept.length > now.length ? kept : now)
    }
    for (const [filename, [sourceCrc, at, size]] of Object.entries(this.#index.places)) {
      if (!this.#loaded.has(filename) && existsSync(filename)) add(filename, sourceCrc, this.#code.subarray(at, at + size))
    }
    const index = Buffer.from(JSON.stringify({ runs: this.#isMore ? 0 : this.#index.runs + 1, places } satisfies Index))
    const bytes = Buffer.concat([Buffer.alloc(HEAD), index, ...parts])
    bytes.writeUInt32LE(index.length, 0)
    bytes.writeUInt32LE(this.#crc32(bytes.subarray(HEAD)), 4)
    return bytes
  }
}
