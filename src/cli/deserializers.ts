/**
 * `--key-deserializer` and `--value-deserializer` of kafka-console-consumer: Java's classes by their names (the package may be left out) and the names that
 * consumers here take, for what they have in common: text, bytes and numbers, big-endian. Pure.
 */
import { nearest } from '../tools.ts'
import { OttlaError } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import { UsageError } from './command.ts'

interface Kind { readonly size: number; readonly isFraction?: true; readonly read: (view: DataView) => number | string }

const long: Kind = {
  size: 8,
  read: (view) => {
    const value = readInt64(view, 0)
    return Number.isNaN(value) ? digitsOf(view) : value
  },
}
const kinds: Readonly<Record<string, Kind | null>> = {
  string: null, bytes: null, bytearray: null, bytebuffer: null, uuid: null, long, int64: long,
  short: { size: 2, read: (view) => view.getInt16(0) },
  integer: { size: 4, read: (view) => view.getInt32(0) }, int32: { size: 4, read: (view) => view.getInt32(0) },
  float: { size: 4, isFraction: true, read: (view) => view.getFloat32(0) },
  double: { size: 8, isFraction: true, read: (view) => view.getFloat64(0) }, float64: { size: 8, isFraction: true, read: (view) => view.getFloat64(0) },
}

/** The decimal digits of a signed 64-bit number, six at a time: what is left of a division by a million and 32 bits more fit into a double. */
function digitsOf(view: DataView): string {
  const isNegative = view.getInt32(0) < 0
  let low = isNegative ? -view.getInt32(4) >>> 0 : view.getUint32(4)
  let high = isNegative ? ~view.getInt32(0) + (low === 0 ? 1 : 0) >>> 0 : view.getUint32(0)
  let digits = ''
  while (high > 0 || low > 0) {
    const rest = high % 1e6 * 2 ** 32 + low
    high = Math.floor(high / 1e6)
    low = Math.floor(rest / 1e6)
    digits = String(rest % 1e6).padStart(6, '0') + digits
  }
  return (isNegative ? '-' : '') + digits.replace(/^0+/, '')
}

export interface NumberFormat {
  /** A number, or its digits where it is beyond 2^53. Raises SERIALIZATION_ERROR for bytes that are no such number. */
  readonly read: (bytes: Uint8Array) => number | string
  /** As Java prints it. */
  readonly text: (value: number | string) => string
}

/** Null where bytes are printed as they are. Raises UsageError. */
export function numberFormat(option: string, name: string): NumberFormat | null {
  const bare = name.slice(name.lastIndexOf('.') + 1).replace(/Deserializer$/, '').toLowerCase()
  if (!Object.hasOwn(kinds, bare)) {
    const guess = nearest(bare, Object.keys(kinds))
    const advice = guess === null ? '' : `; did you mean ${guess}?`
    throw new UsageError(`--${option}: there is no ${JSON.stringify(name)} here${advice} Known are ${Object.keys(kinds).join(', ')}, and Java's classes of these names`)
  }
  const kind = kinds[bare]!
  if (kind === null) return null
  const read = (bytes: Uint8Array): number | string => {
    if (bytes.length === kind.size) return kind.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length))
    throw new OttlaError('SERIALIZATION_ERROR', `--${option} ${name}: ${bytes.length} bytes in place of ${kind.size}`)
  }
  return { read, text: (value) => kind.isFraction === true && typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 1e7 ? value.toFixed(1) : String(value) }
}
