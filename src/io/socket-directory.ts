/**
 * Short paths to sockets in a directory whose own path may be long: the address of a Unix socket holds about a hundred bytes, and longer
 * paths are refused or, worse, cut off. The socket files lie in the directory in every case; only the way to them is short:
 *
 *   1. the path itself, when it fits
 *   2. on Linux /proc/self/fd/<an open descriptor of the directory>
 *   3. else a symbolic link in the folder for temporary files
 *
 * The way is needed while binding and connecting only: `dispose` ends it, and sockets bound through it live on.
 */
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import { storageError } from './system-error.ts'

/** The shortest limit of the systems Node runs on (macOS: 104 with the zero at the end). */
const MAX_ADDRESS_BYTES = 103
const LONGEST_NAME_BYTES = 32

interface Way { readonly prefix: string; end(): void }

export class SocketDirectory {
  readonly #way: Way

  /** `maxBytes` is for tests of the ways for long paths, `system` for those of other platforms. */
  constructor(directory: string, maxBytes: number = MAX_ADDRESS_BYTES, system: string = process.platform) {
    const fits = (prefix: string): boolean => Buffer.byteLength(prefix) + 1 + LONGEST_NAME_BYTES <= maxBytes
    if (fits(directory)) this.#way = { prefix: directory, end: () => {} }
    else this.#way = (system === 'linux' ? throughDescriptor(directory) : null) ?? throughLink(directory)
    if (fits(this.#way.prefix)) return
    this.#way.end()
    const message = `The path of the folder for temporary files, ${temporaryFolder()}, is too long for a socket: set TMPDIR to a shorter one`
    throw new OttlaError('DIRECTORY_UNUSABLE', message, { file: directory })
  }

  pathOf(name: string): string { return join(this.#way.prefix, name) }

  dispose(): void { this.#way.end() }
}

/** Null where /proc is not mounted. */
function throughDescriptor(directory: string): Way | null {
  let descriptor: number
  try {
    descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch (error) {
    throw storageError(error, 'open the directory', directory)
  }
  const prefix = `/proc/self/fd/${descriptor}`
  const end = (): void => closeSync(descriptor)
  if (existsSync(prefix)) return { prefix, end }
  end()
  return null
}

function temporaryFolder(): string { return process.getBuiltinModule('node:os').tmpdir() }

function throughLink(directory: string): Way {
  try {
    const folder = mkdtempSync(join(temporaryFolder(), 'ottla-'))
    const prefix = join(folder, 'd')
    symlinkSync(directory, prefix)
    return { prefix, end: () => rmSync(folder, { recursive: true, force: true }) }
  } catch (error) {
    throw storageError(error, 'make a short link to', directory)
  }
}
