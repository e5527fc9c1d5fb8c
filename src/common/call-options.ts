/**
 * Checks the options object of a public call: its last argument, with a few named fields. A field misspelt is an error, for it would
 * silently not be heeded; a signal that is none would otherwise fail only once something waits on it.
 */
import { OttlaError } from './errors.ts'
import type { Logger } from './logger.ts'

/** `given` itself, or an empty object for undefined. Raises INVALID_ARGUMENT. */
export function callOptions<T extends object>(call: string, given: T | undefined, names: readonly (keyof T & string)[]): Partial<T> {
  if (given === undefined) return {}
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new OttlaError('INVALID_ARGUMENT', `${call}: the options are an object, not ${given === null ? 'null' : Array.isArray(given) ? 'an array' : typeof given}`)
  }
  for (const name of Object.keys(given)) {
    if (!(names as readonly string[]).includes(name)) throw new OttlaError('INVALID_ARGUMENT', `${call} has no option ${JSON.stringify(name)}: it takes ${names.join(', ')}`)
  }
  const { signal } = given as { signal?: unknown }
  if (signal !== undefined) checkSignal(call, signal)
  return given
}

/** Raises INVALID_ARGUMENT unless `signal` is an AbortSignal, of whatever realm. */
export function checkSignal(call: string, signal: unknown): asserts signal is AbortSignal {
  if (isSignal(signal)) return
  throw new OttlaError('INVALID_ARGUMENT', `${call}: the signal is ${signal === null ? 'null' : `a ${typeof signal}`}: give the \`signal\` of an AbortController`)
}

function isSignal(given: unknown): boolean {
  if (given === null || typeof given !== 'object') return false
  const { aborted, addEventListener, removeEventListener } = given as Record<string, unknown>
  return typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
}

/** Raises INVALID_CONFIG unless `logger` is one: the option of the same name of `call`. */
export function checkLogger(call: string, logger: unknown): asserts logger is Logger {
  const methods = (logger ?? {}) as Readonly<Record<string, unknown>>
  const lacking = ['debug', 'info', 'warn', 'error'].find((level) => typeof methods[level] !== 'function')
  if (lacking !== undefined) throw new OttlaError('INVALID_CONFIG', `option logger of ${call}() lacks ${lacking}(message, fields): it needs debug, info, warn and error`)
}

/** Anything at all as text for a message: never throws, as String() does for objects without a usable toString. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string': return JSON.stringify(value.slice(0, 40))
    case 'object': return value === null ? 'null' : 'an object'
    case 'function': return 'a function'
    default: return String(value)
  }
}
