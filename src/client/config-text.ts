/** How the value of a setting goes over the wire. */
import { OttlaError, type ErrorContext } from '../common/errors.ts'

/** As text; a list is joined by commas. Raises INVALID_ARGUMENT. */
export function configText(name: string, value: unknown, context?: ErrorContext): string {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value.join(',')
  const problem = `the value of ${name} is ${value === undefined ? 'undefined' : typeof value}: give text, a number, a boolean, or null for the default`
  throw new OttlaError('INVALID_ARGUMENT', problem, context)
}
