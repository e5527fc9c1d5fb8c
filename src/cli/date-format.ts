/** Times as `java.text.SimpleDateFormat` prints them by a pattern, in the zone of this machine, for the letters that a log or a table has; Kafka's perf tools take such patterns. Pure. */
import { UsageError } from './command.ts'

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
/** From so many letters on a name is written out. */
const WHOLE = 4

type Part = (date: Date, width: number) => string

const number = (of: (date: Date) => number): Part => (date, width) => String(of(date)).padStart(width, '0')
const name = (names: readonly string[], of: (date: Date) => number): Part => (date, width) => width >= WHOLE ? names[of(date)]! : names[of(date)]!.slice(0, 3)

/** "+hh" with `between` and "mm", of minutes east of Greenwich. */
function zone(date: Date, between: string | null): string {
  const east = -date.getTimezoneOffset()
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${east < 0 ? '-' : '+'}${two(Math.floor(Math.abs(east) / 60))}${between === null ? '' : `${between}${two(Math.abs(east) % 60)}`}`
}

const parts: Readonly<Record<string, Part>> = {
  y: (date, width) => width === 2 ? String(date.getFullYear() % 100).padStart(2, '0') : String(date.getFullYear()).padStart(width, '0'),
  M: (date, width) => width >= 3 ? name(months, (each) => each.getMonth())(date, width) : number((each) => each.getMonth() + 1)(date, width),
  d: number((date) => date.getDate()),
  H: number((date) => date.getHours()),
  k: number((date) => date.getHours() || 24),
  h: number((date) => date.getHours() % 12 || 12),
  K: number((date) => date.getHours() % 12),
  m: number((date) => date.getMinutes()),
  s: number((date) => date.getSeconds()),
  S: number((date) => date.getMilliseconds()),
  a: (date) => date.getHours() < 12 ? 'AM' : 'PM',
  E: name(days, (date) => date.getDay()),
  u: number((date) => date.getDay() || 7),
  Z: (date) => zone(date, ''),
  X: (date, width) => date.getTimezoneOffset() === 0 ? 'Z' : zone(date, width === 1 ? null : width === 2 ? '' : ':'),
}

/** Letters stand for parts; text in quotes and whatever is no letter for itself, '' for a quote. Raises UsageError. */
export function dateFormat(option: string, pattern: string): (date: Date) => string {
  const pieces: ((date: Date) => string)[] = []
  for (const [whole, quoted, letters] of pattern.matchAll(/'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z]/g)) {
    if (whole === '\'') throw new UsageError(`--${option}: a quote in ${JSON.stringify(pattern)} is not closed`)
    if (letters !== undefined) {
      const part = Object.hasOwn(parts, letters) ? parts[letters]! : unknownLetter(option, letters)
      pieces.push((date) => part(date, whole.length))
    } else {
      const text = quoted === undefined ? whole : quoted === '' ? '\'' : quoted.replaceAll('\'\'', '\'')
      pieces.push(() => text)
    }
  }
  return (date) => pieces.map((piece) => piece(date)).join('')
}

function unknownLetter(option: string, letter: string): never {
  throw new UsageError(`--${option}: ${letter} stands for nothing here; there are ${Object.keys(parts).join(', ')}, and text stands in 'quotes'`)
}
