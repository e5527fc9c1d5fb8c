/**
 * Items of `dump-log` as one JSON object a line, for programs. Keys and values stand decoded: text (JSON values of internal topics as they are), with
 * `null` for null. Problems carry `"error": true`; everything goes to standard output.
 */
import { controlText } from './control-text.ts'
import type { DumpItem, DumpLogOptions } from './dump-items.ts'
import { printsContents } from './dump-log.ts'
import { isTrouble, timestampTypeOf, type LineFormat } from './dump-text.ts'
import { contentDecoder, type ContentDecoder, type RecordContents } from './record-decoders.ts'

export function jsonFormat(options: DumpLogOptions): LineFormat {
  const decoder = printsContents(options) ? contentDecoder(options) : null
  return { line: (item) => ({ stream: 'out', text: itemJson(item, decoder) }) }
}

type RecordItem = Extract<DumpItem, { type: 'record' }>

function itemJson(item: DumpItem, decoder: ContentDecoder | null): string {
  if (item.type === 'record') return recordJson(item, decoder)
  if (item.type === 'batch') {
    const { position: _position, ...header } = item.header
    const timestampType = timestampTypeOf(item.header)
    return JSON.stringify({ type: 'batch', position: item.position, ...header, ...item.odd, timestampType, isValid: item.isValid })
  }
  return JSON.stringify(isTrouble(item) ? { ...item, error: true } : item)
}

function recordJson(item: RecordItem, decoder: ContentDecoder | null): string {
  const { record, header } = item
  const fields = {
    type: 'record', offset: record.offset, timestamp: record.timestamp, timestampType: timestampTypeOf(header),
    keySize: record.keySize, valueSize: record.valueSize, sequence: record.sequence, headerKeys: record.headers.map((h) => h.key), ...record.legacy,
    ...(header.isControl ? { control: controlText(record).trim() } : {}),
  }
  const text = JSON.stringify(fields)
  if (decoder === null || header.isControl) return text
  const contents = decoder(record)
  return `${text.slice(0, -1)},"key":${part(contents.key, contents)},"value":${part(contents.payload, contents)}}`
}

/** JSON of internal topics is put in as it stands, so that 64-bit integers stay exact. */
function part(text: string | null, contents: RecordContents): string {
  if (text === null || (contents.isJson && text === '<DELETE>')) return 'null'
  return contents.isJson ? text : JSON.stringify(text)
}
