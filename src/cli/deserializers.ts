/**
 * `--key-deserializer` and `--value-deserializer` of kafka-console-consumer: Java's classes by their names (the package may be left out) and the names that
 * consumers here take, for what they have in common: text, bytes and numbers, big-endian. Pure.
 */
import { nearest } from '../tools.ts'
import { OttlaError } from '../common/errors.ts'
import { formatInt64 } from '../common/wide-integer.ts'
import { UsageError } from './command.ts'
import { fractionText } from './fraction-text.ts'

/** `text` as Java prints the number. */
interface Kind { readonly size: number; readonly text: (view: DataView) => string }

const long: Kind = { size: 8, text: (view) => formatInt64(view.getInt32(0), view.getUint32(4)) }
const integer: Kind = { size: 4, text: (view) => String(view.getInt32(0)) }
const double: Kind = { size: 8, text: (view) => fractionText(view.getFloat64(0), Number) }
const kinds: Readonly<Record<string, Kind | null>> = {
  string: null, bytes: null, bytearray: null, bytebuffer: null, uuid: null, short: { size: 2, text: (view) => String(view.getInt16(0)) },
  integer, int32: integer, long, int64: long, float: { size: 4, text: (view) => fractionText(view.getFloat32(0), Math.fround) }, double, float64: double,
}

/** Both raise SERIALIZATION_ERROR for bytes that are no such number. */
export interface NumberFormat {
  /** As Java prints it. */
  readonly text: (bytes: Uint8Array) => string
  /** For JSON: the text where a double would be another number. */
  readonly value: (bytes: Uint8Array) => number | string
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
  const text = (bytes: Uint8Array): string => {
    if (bytes.length === kind.size) return kind.text(new DataView(bytes.buffer, bytes.byteOffset, bytes.length))
    throw new OttlaError('SERIALIZATION_ERROR', `--${option} ${name}: ${bytes.length} bytes in place of ${kind.size}`)
  }
  const value = (bytes: Uint8Array): number | string => {
    const printed = text(bytes)
    const number = Number(printed)
    return Number.isSafeInteger(number) || (Number.isFinite(number) && printed.includes('.')) ? number : printed
  }
  return { text, value }
}
