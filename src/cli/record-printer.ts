/** Prints consumed records: as kafka-console-consumer does, as bytes that give a file back, or as JSON. */
import type { ConsumerRecord, Header } from '../index.ts'
import { encode, unescape, UNENDED_HEADER, type Encoding } from './console-record.ts'
import { numberFormat, type NumberFormat } from './deserializers.ts'
import { recordFormatter } from '../tools.ts'
import type { Formatter } from './formatters.ts'
import type { Terminal } from './terminal.ts'

export type OutputFormat = 'lines' | 'raw' | 'json'

/** `--property` of kafka-console-consumer. */
export const printProperties = [
  'print.timestamp', 'print.key', 'print.offset', 'print.epoch', 'print.partition', 'print.headers', 'print.value',
  'key.separator', 'line.separator', 'headers.separator', 'null.literal', 'key.deserializer', 'value.deserializer', 'headers.deserializer', 'header.deserializer',
] as const

export interface Printer {
  /** Resolves when there is room for more. */
  print(record: ConsumerRecord): Promise<void> | undefined
}

interface Formats { readonly key: NumberFormat | null; readonly value: NumberFormat | null; readonly header: NumberFormat | null }

function formatsOf(properties: Readonly<Record<string, string>>): Formats {
  const { 'key.deserializer': key = 'bytes', 'value.deserializer': value = 'bytes' } = properties
  // Kafka's help names the one, its code takes the other.
  const header = properties['headers.deserializer'] ?? properties['header.deserializer'] ?? 'bytes'
  return { key: numberFormat('key-deserializer', key), value: numberFormat('value-deserializer', value), header: numberFormat('property headers.deserializer', header) }
}

export function printerFor(terminal: Terminal, format: OutputFormat, encoding: Encoding, properties: Readonly<Record<string, string>>): Printer {
  const formats = formatsOf(properties)
  if (format === 'json') return { print: (record) => terminal.json(jsonOf(record, encoding, formats)) }
  if (format === 'raw') return { print: (record) => record.value === null ? undefined : terminal.write(record.value) }
  return linePrinter(terminal, encoding, properties, formats)
}

/** By one of Kafka's formatters. */
export async function formattedPrinter(terminal: Terminal, formatter: Formatter, encoding: Encoding, properties: Readonly<Record<string, string>>): Promise<Printer> {
  switch (formatter.kind) {
    case 'default': return printerFor(terminal, 'lines', encoding, properties)
    case 'nothing': return { print: () => undefined }
    case 'logging': {
      const { print } = printerFor(terminal, 'lines', encoding, properties)
      const text = (bytes: Uint8Array | null): string => bytes === null ? 'null' : Buffer.from(bytes).toString()
      return {
        print(record) {
          const time = record.timestamp < 0 ? '' : `${record.timestampType}:${record.timestamp}, `
          terminal.note(`${time}key:${text(record.key)}, value:${text(record.value)}`)
          return print(record)
        },
      }
    }
    case 'records': {
      const format = await recordFormatter(formatter.of, formatter.types)
      return {
        print({ key, value }) {
          const text = key === null ? null : format(key, value)
          return text === null ? undefined : terminal.line(text)
        },
      }
    }
  }
}

function jsonOf(record: ConsumerRecord, encoding: Encoding, formats: Formats): object {
  const part = (bytes: Uint8Array | null, format: NumberFormat | null, as = encoding): unknown => bytes === null || format === null ? encode(bytes, as) : format.value(bytes)
  const { topic, partition, offset, timestamp, timestampType } = record
  return {
    topic, partition, offset, timestamp, timestampType, key: part(record.key, formats.key), value: part(record.value, formats.value),
    headers: record.headers.map((header) => ({ key: header.key, value: part(header.value, formats.header, encoding === 'json' ? 'utf8' : encoding) })),
  }
}

const isUnended = (header: Header): boolean => header.key === UNENDED_HEADER

function linePrinter(terminal: Terminal, encoding: Encoding, properties: Readonly<Record<string, string>>, formats: Formats): Printer {
  const on = (name: string, fallback: boolean): boolean => properties[name] === undefined ? fallback : properties[name] === 'true'
  const timestamps = on('print.timestamp', false)
  const partitions = on('print.partition', false)
  const offsets = on('print.offset', false)
  const epochs = on('print.epoch', false)
  const headers = on('print.headers', false)
  const keys = on('print.key', false)
  const values = on('print.value', true)
  const separator = unescape(properties['key.separator'] ?? '\t')
  const lineEnd = unescape(properties['line.separator'] ?? '\n')
  const headersSeparator = unescape(properties['headers.separator'] ?? ',')
  const nothing = Buffer.from(properties['null.literal'] ?? 'null')
  const valueOnly = values && !(timestamps || keys || offsets || epochs || partitions || headers)
  const textEncoding = encoding === 'base64' ? 'base64' : 'utf8'
  const bytesOf = (bytes: Uint8Array | null, format: NumberFormat | null): Uint8Array | string => {
    if (bytes === null) return nothing
    if (format !== null) return format.text(bytes)
    return encoding === 'base64' ? Buffer.from(bytes).toString('base64') : bytes
  }
  const headerValue = (value: Uint8Array): string => formats.header === null ? Buffer.from(value).toString(textEncoding) : formats.header.text(value)
  const headerText = (h: Header): string => `${h.key}:${h.value === null ? nothing.toString() : headerValue(h.value)}`
  const headersText = (list: readonly Header[]): string => list.length === 0 ? 'NO_HEADERS' : list.map(headerText).join(headersSeparator)
  return {
    print(record) {
      if (valueOnly) {
        void terminal.write(bytesOf(record.value, formats.value))
        return record.headers.some(isUnended) ? undefined : terminal.write(lineEnd)
      }
      const parts: (Uint8Array | string)[] = []
      if (timestamps) parts.push(record.timestamp < 0 ? 'NO_TIMESTAMP' : `${record.timestampType}:${record.timestamp}`)
      if (partitions) parts.push(`Partition:${record.partition}`)
      if (offsets) parts.push(`Offset:${record.offset}`)
      if (epochs) parts.push(`Epoch:${record.leaderEpoch < 0 ? 'NOT_PRESENT' : record.leaderEpoch}`)
      if (headers) parts.push(headersText(record.headers))
      if (keys) parts.push(bytesOf(record.key, formats.key))
      if (values) parts.push(bytesOf(record.value, formats.value))
      parts.forEach((part, i) => {
        if (i > 0) void terminal.write(separator)
        void terminal.write(part)
      })
      return terminal.write(lineEnd)
    },
  }
}
