/**
 * The package lmdb, and what it must not do itself: loaded with the first change of metadata. It requires msgpackr, for values of its own encodings; the values here are bytes. Reading
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

/** Of `path-lock`: a head of 144 bytes and 64 for each of `maxReaders`; LMDB writes to it through a map, which ends the process where the disk has no room for it. */
export const LOCK_BYTES = 720

const META_PAGE = 8
/** It grows by itself. */
const MAP_SIZE = 131_072
/** NOSUBDIR, the package's SAFE_RESTORE, and INTEGERKEY of the tree of free pages. */
const FLAGS = 0x4808

/**
 * The file as LMDB makes it: two head pages, no entries (the fields: lmdb-file.ts). LMDB 3.5 as the package has it must not make it: where its open fails, for
 * want of room or of file handles, it frees twice and ends the process.
 */
export function emptyLmdbFile(): Uint8Array {
  const pageSize = 4096
  const pages = new Uint8Array(2 * pageSize)
  const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
  for (const number of [0, 1]) {
    const view = new DataView(pages.buffer, number * pageSize, pageSize)
    const put64 = (at: number, value: number): void => { view.setUint32(little ? at : at + 4, value, little) }
    put64(0, number)
    view.setUint16(18, META_PAGE, little)
    view.setUint32(24, 0xbeefc0de, little)
    view.setUint32(28, 2, little)
    put64(40, MAP_SIZE)
    view.setUint32(48, pageSize, little)
    view.setUint16(52, FLAGS, little)
    for (const root of [88, 136]) pages.fill(0xff, number * pageSize + root, number * pageSize + root + 8)
    put64(144, 1)
  }
  return pages
}

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
