/**
 * The package lmdb, loaded with the first change of metadata. It requires msgpackr, for values of its own encodings; the values here are bytes. Reading
 * and running that took more than a third of the time, so it gets an `Encoder` here that loads msgpackr when something is encoded by it: by an
 * application that shares the package. The cache of modules is as before afterwards (docs/adr/0026).
 */
import { OttlaError } from '../common/errors.ts'
import { packageProblem, packages } from '../common/packages.ts'

/** The few calls of the lmdb package that are used. Keys and values are bytes. */
export interface LmdbEnvironment {
  transactionSync(action: () => void): unknown
  putSync(key: Uint8Array, value: Uint8Array): unknown
  removeSync(key: Uint8Array): unknown
  close(): Promise<void>
}
interface LmdbLibrary { open(options: Readonly<Record<string, unknown>>): LmdbEnvironment }
type Constructor = new (...args: unknown[]) => object

/** Loads the library, and opens or makes the file at `path`. Raises DEPENDENCY_MISSING, and what LMDB raises. */
export function openLmdb(path: string): LmdbEnvironment {
  let lmdb: LmdbLibrary
  try {
    lmdb = loadLmdb()
  } catch (cause) {
    throw new OttlaError('DEPENDENCY_MISSING', `topics and their settings: ${packageProblem('lmdb', cause)}`, { cause })
  }
  return lmdb.open({
    path, noSubdir: true, overlappingSync: false, safeRestore: true, keyEncoding: 'binary', encoding: 'binary', compression: false,
    cache: false, maxReaders: 8, maxDbs: 1, commitDelay: 0,
  })
}

/** The only place that names it. */
function loadLmdb(): LmdbLibrary {
  const { Module, createRequire } = process.getBuiltinModule('node:module')
  const require = packages()
  const file = require.resolve('lmdb')
  const requireThere = createRequire(file)
  const { cache } = requireThere
  const encoderFile = fileOf(requireThere, 'msgpackr')
  if (encoderFile === null || cache[file] !== undefined || cache[encoderFile] !== undefined) return require(file) as LmdbLibrary
  const standIn = new Module(encoderFile)
  standIn.loaded = true
  standIn.exports = { Encoder: loadedWhenUsed(() => (requireThere(encoderFile) as { Encoder: Constructor }).Encoder) }
  cache[encoderFile] = standIn
  try {
    return require(file) as LmdbLibrary
  } finally {
    delete cache[encoderFile]
  }
}

function fileOf(require: NodeJS.Require, name: string): string | null {
  try {
    return require.resolve(name)
  } catch {
    return null
  }
}

/** Behaves as the class that `load` gives, and calls it with the first use. */
function loadedWhenUsed(load: () => Constructor): Constructor {
  const standIn: Constructor = new Proxy(function () {} as unknown as Constructor, {
    construct: (_, args: unknown[], target) => Reflect.construct(load(), args, target === standIn ? load() : target) as object,
    get: (_, name) => Reflect.get(load(), name) as unknown,
  })
  return standIn
}
