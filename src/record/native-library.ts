/**
 * Loads third-party packages on first use, and says so once when a native one is missing and a slower rung takes its place.
 *
 * Native packages are optional: an install may lack them (`--omit=optional`, a platform without a binary, a broken cache). Losing one
 * costs speed, never function, so a failure to load is one log line with the first cause. `OTTLA_REQUIRE_NATIVE=1` turns it into an
 * error, for builds that must not run slow unnoticed. Used by the checksum and codec files of this folder only, one package per file.
 */
import { OttlaError } from '../common/errors.ts'
import { stderrLogger, type Logger } from '../common/logger.ts'
import { firstCause, packageProblem, packages } from '../common/packages.ts'

/** `require` of CommonJS: the package's exports, or a throw. Tests pass one that refuses. */
export type LibraryLoader = (name: string) => unknown

export const nodeLoader: LibraryLoader = (name) => packages()(name)

let logger: Logger = stderrLogger

/** Where the line about a missing native package goes. Default: standard error. */
export function useLibraryLogger(to: Logger): void { logger = to }

/** The exports of native package `name`, or null when it cannot be loaded and `substitute` is to do the work of `format`. */
export function loadNative(format: string, name: string, substitute: string, load: LibraryLoader): unknown {
  try {
    return load(name)
  } catch (error) {
    const cause = firstCause(error)
    if (process.env['OTTLA_REQUIRE_NATIVE'] === '1') {
      const problem = `native package ${name} could not be loaded (${cause}) and OTTLA_REQUIRE_NATIVE=1 is set`
      throw new OttlaError('DEPENDENCY_MISSING', `${format}: ${problem}`, { cause: error })
    }
    logger.info(`${format}: native package ${name} not loaded (${cause}), using ${substitute}; set OTTLA_REQUIRE_NATIVE=1 to fail instead`)
    return null
  }
}

/** The exports of a package that is always installed. Raises DEPENDENCY_MISSING. */
export function loadRequired(format: string, name: string, load: LibraryLoader): unknown {
  try {
    return load(name)
  } catch (error) {
    throw new OttlaError('DEPENDENCY_MISSING', `${format}: ${packageProblem(name, error)}`, { cause: error })
  }
}
