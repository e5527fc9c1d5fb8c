/**
 * Loads what waits for its first use: `load` is a dynamic import. Raises DEPENDENCY_MISSING, with what to do, when the file is not there any more; and
 * TOO_MANY_OPEN_FILES, before it tries, where the guard says that there is no file handle to read it with: Node keeps an import that failed for as long as the
 * process lives.
 */
import { OttlaError } from './errors.ts'

let guard: () => void = () => {}
const loaded = new Map<string, unknown>()

/** Says what is asked before anything is loaded; for the composition root. */
export function guardLoads(ask: () => void): void { guard = ask }

/** `what` is the name of one part alone: who has it asks nobody, and waits for nothing. */
export async function loadPart<T>(what: string, load: () => Promise<T>): Promise<T> {
  if (loaded.has(what)) return loaded.get(what) as T
  guard()
  try {
    const part = await load()
    loaded.set(what, part)
    return part
  } catch (cause) {
    const advice = 'was ottla installed anew or removed while this process ran? Start it again'
    throw new OttlaError('DEPENDENCY_MISSING', `${what} cannot be loaded (${OttlaError.from(cause).message}): ${advice}`, { cause })
  }
}
