/** Loads what waits for its first use: `load` is a dynamic import. Raises DEPENDENCY_MISSING, with what to do, when the file is not there any more. */
import { OttlaError } from './errors.ts'

export async function loadPart<T>(what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    const advice = 'was ottla installed anew or removed while this process ran? Start it again'
    throw new OttlaError('DEPENDENCY_MISSING', `${what} cannot be loaded (${problem}): ${advice}`, { cause })
  }
}
