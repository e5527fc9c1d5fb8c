/**
 * Records as the console tools write and read them: `headers<tab>key<tab>value` of kafka-console-producer, the objects of
 * `consume --json`, and the mark on records that no line end follows. Bytes in, bytes out; only JSON goes through text.
 */
import type { Header, ProducerRecord } from '../index.ts'
import { OttlaError } from '../common/errors.ts'
import { choice } from './arguments.ts'
import { UsageError } from './command.ts'

/** On a record that was not ended by a line feed in its file, so that the file comes back byte for byte. */
export const UNENDED_HEADER = 'ottla.no-newline'

export interface LineLayout {
  readonly parseKey: boolean
  readonly parseHeaders: boolean
  readonly keySeparator: string
  /** Between headers and the rest. */
  readonly headersDelimiter: string
  readonly headersSeparator: string
  readonly headersKeySeparator: string
  /** Text that stands for null. */
  readonly nullMarker: string | null
  /** A line without separator is a value alone, instead of an error. */
  readonly ignoreError: boolean
}

/** Kafka's names and defaults (`--property`). Unknown names are refused by the caller with `lineProperties`. */
export const lineProperties = [
  'parse.key', 'key.separator', 'parse.headers', 'headers.delimiter', 'headers.separator', 'headers.key.separator', 'null.marker', 'ignore.error',
] as const

export function lineLayout(properties: Readonly<Record<string, string>>): LineLayout {
  const text = (name: string, fallback: string): string => unescape(properties[name] ?? fallback)
  const layout: LineLayout = {
    parseKey: properties['parse.key'] === 'true', parseHeaders: properties['parse.headers'] === 'true', ignoreError: properties['ignore.error'] === 'true',
    keySeparator: text('key.separator', '\t'), headersDelimiter: text('headers.delimiter', '\t'), headersSeparator: text('headers.separator', ','),
    headersKeySeparator: text('headers.key.separator', ':'), nullMarker: properties['null.marker'] === undefined ? null : unescape(properties['null.marker']),
  }
  checkDistinct(layout)
  return layout
}

/** What would be one thing and another at once, as Kafka's reader refuses it. Raises UsageError. */
function checkDistinct({ parseHeaders, headersDelimiter, headersSeparator, headersKeySeparator, keySeparator, nullMarker }: LineLayout): void {
  const ofHeaders: [string, string][] = [['headers.delimiter', headersDelimiter], ['headers.separator', headersSeparator], ['headers.key.separator', headersKeySeparator]]
  const texts: [string, string][] = [...(parseHeaders ? ofHeaders : []), ...(nullMarker === null ? [] : [['null.marker', nullMarker] as [string, string]])]
  const same = texts.flatMap(([name, text], index) => texts.slice(index + 1).filter(([, other]) => other === text).map(([other]) => `${name} and ${other}`))
  if (nullMarker === keySeparator) same.push('null.marker and key.separator')
  if (same.length > 0) throw new UsageError(`--property: ${same[0]!} must not be the same`)
}

/** `\t`, `\n`, `\0` and `\\` as shells pass them on. */
export function unescape(text: string): string {
  return text.replace(/\\([tn0\\])/g, (_, c: string) => c === 't' ? '\t' : c === 'n' ? '\n' : c === '0' ? '\0' : '\\')
}

/** What a line says of a record. */
export interface LineRecord { key?: Uint8Array | null; value: Uint8Array | null; headers?: Header[] }

export function parseLine(line: Uint8Array, layout: LineLayout, lineNumber: number): LineRecord {
  let rest = Buffer.from(line.buffer, line.byteOffset, line.byteLength)
  const orNull = (bytes: Buffer): Buffer | null => layout.nullMarker !== null && bytes.equals(Buffer.from(layout.nullMarker)) ? null : bytes
  const record: LineRecord = { value: null }
  if (layout.parseHeaders) {
    const [head, tail] = split(rest, layout.headersDelimiter, 'headers delimiter', layout, lineNumber)
    if (head !== null && head.length > 0 && orNull(head) !== null) record.headers = headersOf(head, layout, lineNumber)
    rest = tail
  }
  if (layout.parseKey) {
    const [key, tail] = split(rest, layout.keySeparator, 'key separator', layout, lineNumber)
    if (key !== null) record.key = orNull(key)
    rest = tail
  }
  record.value = orNull(rest)
  return record
}

function split(bytes: Buffer, separator: string, name: string, layout: LineLayout, lineNumber: number): [Buffer | null, Buffer] {
  const at = bytes.indexOf(separator)
  if (at !== -1) return [bytes.subarray(0, at), bytes.subarray(at + Buffer.byteLength(separator))]
  if (layout.ignoreError) return [null, bytes]
  throw new OttlaError('INVALID_ARGUMENT', `no ${name} ${JSON.stringify(separator)} on line ${lineNumber}: ${JSON.stringify(bytes.toString('utf8', 0, 60))}`)
}

function headersOf(bytes: Buffer, layout: LineLayout, lineNumber: number): Header[] {
  const separator = layout.headersKeySeparator
  return bytes.toString('utf8').split(layout.headersSeparator).map((pair) => {
    const at = pair.indexOf(separator)
    if (at === -1) {
      throw new OttlaError('INVALID_ARGUMENT', `no header key separator ${JSON.stringify(separator)} in ${JSON.stringify(pair)} on line ${lineNumber}`)
    }
    const value = pair.slice(at + separator.length)
    return { key: pair.slice(0, at), value: value === layout.nullMarker ? null : Buffer.from(value) }
  })
}

export type Encoding = 'utf8' | 'base64' | 'json'

export function encodingOf(name: string | undefined): Encoding {
  return choice('encoding', name ?? 'utf8', ['utf8', 'base64', 'json'])
}

/** Bytes in JSON: text, base64, or the JSON value they hold (what holds none stays text). */
export function encode(bytes: Uint8Array | null, encoding: Encoding): unknown {
  if (bytes === null) return null
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (encoding === 'base64') return buffer.toString('base64')
  const text = buffer.toString('utf8')
  if (encoding === 'utf8') return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

function decode(value: unknown, encoding: Encoding): Uint8Array | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' && encoding !== 'json') return Buffer.from(value, encoding)
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

/** One object of `consume --json`; topic, partition and timestamp may be left out. */
export function parseJsonLine(line: Uint8Array, encoding: Encoding, lineNumber: number): Omit<ProducerRecord, 'topic'> & { topic?: string } {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(line).toString('utf8'))
  } catch (error) {
    throw new OttlaError('INVALID_ARGUMENT', `line ${lineNumber} is not JSON: ${(error as Error).message}`, { cause: error })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new OttlaError('INVALID_ARGUMENT', `line ${lineNumber} is not an object`)
  const { topic, timestamp, key, value, headers } = parsed as Record<string, unknown>
  return {
    key: decode(key, encoding), value: decode(value, encoding),
    headers: (Array.isArray(headers) ? headers as Record<string, unknown>[] : []).map((h) => ({ key: String(h['key']), value: decode(h['value'], encoding) })),
    ...(typeof topic === 'string' ? { topic } : {}), ...(typeof timestamp === 'number' && timestamp >= 0 ? { timestamp } : {}),
  }
}
