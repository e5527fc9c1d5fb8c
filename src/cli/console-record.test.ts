import { describe, expect, test } from 'vitest'
import { encode, lineLayout, parseJsonLine, parseLine, type LineRecord } from './console-record.ts'

const text = (bytes: Uint8Array | string | null | undefined): string | null | undefined => bytes instanceof Uint8Array ? Buffer.from(bytes).toString() : bytes

function parsed(line: string, properties: Record<string, string>): object {
  const record: LineRecord = parseLine(Buffer.from(line), lineLayout(properties), 3)
  return {
    ...('key' in record ? { key: text(record.key) } : {}), value: text(record.value),
    ...(record.headers === undefined ? {} : { headers: record.headers.map((h) => [h.key, text(h.value)]) }),
  }
}

test.each([
  [{ 'parse.headers': 'true', 'headers.delimiter': ',' }, 'headers.delimiter and headers.separator'],
  [{ 'parse.headers': 'true', 'headers.key.separator': '\\t' }, 'headers.delimiter and headers.key.separator'],
  [{ 'null.marker': '\\t' }, 'null.marker and key.separator'],
])('%j would be one thing and another at once', (properties, names) => {
  expect(() => lineLayout(properties)).toThrow(`--property: ${names} must not be the same`)
  expect(() => lineLayout({ ...properties, 'parse.headers': 'true', 'headers.delimiter': '|', 'headers.separator': ';', 'headers.key.separator': '=', 'null.marker': 'N' })).not.toThrow()
})

describe('a line becomes a record as in kafka-console-producer', () => {
  test.each([
    ['a value alone', 'k:v', {}, { value: 'k:v' }],
    ['an empty value', '', {}, { value: '' }],
    ['a key before a tab', 'k\tv\tw', { 'parse.key': 'true' }, { key: 'k', value: 'v\tw' }],
    ['a separator of several characters', 'k::v', { 'parse.key': 'true', 'key.separator': '::' }, { key: 'k', value: 'v' }],
    ['a tab written as shells pass it on', 'k\tv', { 'parse.key': 'true', 'key.separator': '\\t' }, { key: 'k', value: 'v' }],
    ['an empty key', ':v', { 'parse.key': 'true', 'key.separator': ':' }, { key: '', value: 'v' }],
    ['headers first', 'a:1,b:2\tv', { 'parse.headers': 'true' }, { headers: [['a', '1'], ['b', '2']], value: 'v' }],
    ['headers, key and value', 'a:1:2\tk\tv', { 'parse.headers': 'true', 'parse.key': 'true' }, { headers: [['a', '1:2']], key: 'k', value: 'v' }],
    ['no headers', '\tv', { 'parse.headers': 'true' }, { value: 'v' }],
    [
      'own separators', 'a=1;b=2|v', { 'parse.headers': 'true', 'headers.delimiter': '|', 'headers.separator': ';', 'headers.key.separator': '=' },
      { headers: [['a', '1'], ['b', '2']], value: 'v' },
    ],
    [
      'marked nulls', 'a:NULL\tNULL\tNULL', { 'parse.headers': 'true', 'parse.key': 'true', 'null.marker': 'NULL' },
      { headers: [['a', null]], key: null, value: null },
    ],
    ['a line without key, where that is let pass', 'v', { 'parse.key': 'true', 'ignore.error': 'true' }, { value: 'v' }],
  ] as [string, string, Record<string, string>, object][])('%s', (_, line, properties, expected) => { expect(parsed(line, properties)).toEqual(expected) })

  test('bytes that are no text stay as they are', () => {
    const record = parseLine(Buffer.from('ff3afe', 'hex'), lineLayout({ 'parse.key': 'true', 'key.separator': ':' }), 1)
    expect([Buffer.from(record.key!).toString('hex'), Buffer.from(record.value!).toString('hex')]).toEqual(['ff', 'fe'])
  })

  test('a missing separator is an error that names line and separator', () => {
    expect(() => parsed('v', { 'parse.key': 'true' })).toThrow('no key separator "\\t" on line 3: "v"')
    expect(() => parsed('a\tv', { 'parse.headers': 'true' })).toThrow('no header key separator ":" in "a" on line 3')
  })
})

describe('bytes in JSON', () => {
  test('are text, base64 or the JSON they hold; null is null', () => {
    const bytes = Buffer.from('{"a":[1,null]}')
    expect([encode(bytes, 'utf8'), encode(bytes, 'base64'), encode(bytes, 'json'), encode(null, 'json')])
      .toEqual(['{"a":[1,null]}', 'eyJhIjpbMSxudWxsXX0=', { a: [1, null] }, null])
    expect(encode(Buffer.from('truck_1'), 'json')).toBe('truck_1')
  })

  test('of consume --json come back as the record they were', () => {
    const line = JSON.stringify({
      topic: 't', partition: 2, offset: 9, timestamp: 5, timestampType: 'CreateTime', key: 'aw==', value: null,
      headers: [{ key: 'h', value: '/w==' }, { key: 'i', value: null }],
    })
    const record = parseJsonLine(Buffer.from(line), 'base64', 1)
    const headers = [{ key: 'h', value: Buffer.from('ff', 'hex') }, { key: 'i', value: null }]
    expect(record).toEqual({ topic: 't', timestamp: 5, key: Buffer.from('k'), value: null, headers })
    expect(parseJsonLine(Buffer.from('{"value":{"a":1}}'), 'json', 1)).toEqual({ key: null, value: Buffer.from('{"a":1}'), headers: [] })
  })

  test('that are none are refused with their line', () => {
    expect(() => parseJsonLine(Buffer.from('{'), 'utf8', 4)).toThrow(/^line 4 is not JSON/)
    expect(() => parseJsonLine(Buffer.from('[]'), 'utf8', 4)).toThrow('line 4 is not an object')
  })
})
