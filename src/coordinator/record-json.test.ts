import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { RecordCursor } from '../record/record-cursor.ts'
import { loadCodec } from '../record/compression.ts'
import { encodeGroupKey, encodeGroupValue } from './record-codec.ts'
import { formattedRecord, offsetsRecordTexts, transactionRecordTexts } from './record-json.ts'

const fixtures = new URL('../../fixtures/', import.meta.url)

function* partitions(topic: string): Generator<{ name: string; log: Uint8Array; dump: string }> {
  for (const folder of readdirSync(fixtures)) {
    const data = new URL(`${folder}/data/`, fixtures)
    let entries: string[] = []
    try { entries = readdirSync(data) } catch { continue }
    for (const name of entries.filter((entry) => entry.startsWith(`${topic}-`))) {
      let dump: string
      try { dump = gunzipSync(readFileSync(new URL(`${folder}/truth/dump/${name}.txt.gz`, fixtures))).toString() } catch { continue }
      const logs = readdirSync(new URL(`${name}/`, data)).filter((file) => file.endsWith('.log')).sort()
      for (const log of logs) yield { name: `${folder}/${name}/${log}`, log: new Uint8Array(readFileSync(new URL(`${name}/${log}`, data))), dump }
    }
  }
}

/** Offset → "key: … payload: …" as the tool printed it. */
function printed(dump: string): Map<number, string> {
  const lines = [...dump.matchAll(/^\| offset: (\d+) .* headerKeys: \[\] (key: .*)$/gm)]
  return new Map(lines.map((line) => [Number(line[1]), line[2]!]))
}

describe.each([['__consumer_offsets', offsetsRecordTexts], ['__transaction_state', transactionRecordTexts]] as const)('%s', (topic, texts) => {
  test('every record that real brokers wrote prints as the dump tool prints it', async () => {
    await loadCodec('gzip')
    let count = 0
    for (const { name, log, dump } of partitions(topic)) {
      const expected = printed(dump)
      const cursor = new RecordCursor()
      for (let position = 0; position < log.length;) {
        const header = cursor.reset(log, position, log.length)
        position += header.size
        if (header.isControl) continue
        while (cursor.next()) {
          const { key, payload } = texts(cursor.key(), cursor.value(), cursor.offset)
          const line = expected.get(cursor.offset)
          if (line === undefined) continue
          expect(`key: ${key} payload: ${payload}`, `${name} ${cursor.offset}`).toBe(line)
          count++
        }
      }
    }
    expect(count).toBeGreaterThan(topic === '__consumer_offsets' ? 150 : 50)
  })
})

test('damaged records are printed in the words of the dump tool', () => {
  interface Line { readonly decoder: string; readonly offset: number; readonly key: string; readonly value: string | null; readonly text: string }
  const lines = readFileSync(new URL('../../test/data/coordinator-records.jsonl', import.meta.url), 'utf8').trim().split('\n')
  const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
  for (const { decoder, offset, key, value, text } of lines.map((line) => JSON.parse(line) as Line)) {
    const printed = (decoder === 'offsets' ? offsetsRecordTexts : transactionRecordTexts)(bytes(key), value === null ? null : bytes(value), offset)
    expect(`key: ${printed.key}${printed.payload === null ? '' : ` payload: ${printed.payload}`}`).toBe(text)
  }
  expect(lines.length).toBeGreaterThan(200)
})

test('text is escaped as Jackson does', () => {
  const { key } = offsetsRecordTexts(encodeGroupKey(2, { group: 'a"\\/\b\t\n\f\r\u0001\u001f\u007fé🚀' }), null, 0)
  expect(key).toBe('{"type":"2","data":{"group":"a\\"\\\\/\\b\\t\\n\\f\\r\\u0001\\u001F\u007fé🚀"}}')
})

test('integers beyond 2^53 are printed exactly', () => {
  const value = encodeGroupValue(1, 3, { offset: '9223372036854775807', leaderEpoch: -1, metadata: '', commitTimestamp: '-9223372036854775808' })
  const texts = offsetsRecordTexts(encodeGroupKey(1, { group: 'g', topic: 't', partition: 0 }), value, 5)
  expect(texts.payload).toBe('{"version":"3","data":{"offset":9223372036854775807,"leaderEpoch":-1,"metadata":"","commitTimestamp":-9223372036854775808}}')
})

test('subscriptions that do not parse, or of another protocol, stay base64', () => {
  const member = {
    memberId: 'm', groupInstanceId: null, clientId: '', clientHost: '', rebalanceTimeout: 1, sessionTimeout: 2,
    subscription: new Uint8Array([0, 3, 0, 9]), assignment: new Uint8Array(),
  }
  const group = { generation: 1, protocol: 'p', leader: 'm', currentStateTimestamp: 7, members: [member] }
  const value = (protocolType: string): Uint8Array => encodeGroupValue(2, 3, { protocolType, ...group })
  const key = encodeGroupKey(2, { group: 'g' })
  for (const type of ['consumer', 'connect']) expect(offsetsRecordTexts(key, value(type), 0).payload).toContain('"subscription":"AAMACQ==","assignment":""')
})

test('records that nobody can decode are named, not raised', () => {
  expect(offsetsRecordTexts(new Uint8Array([0, 99]), null, 8)).toEqual({ key: 'Unknown record type 99 at offset 8, skipping.', payload: null })
  const cut = offsetsRecordTexts(new Uint8Array([0, 1, 0, 5]), null, 9)
  expect(cut.payload).toBeNull()
  expect(cut.key).toMatch(/^Error at offset 9, skipping\. /)
  expect(() => offsetsRecordTexts(null, null, 10)).toThrow(/offset 10 .*missing key/)
})

// As kafka-console-consumer 4.1 printed such a record with GroupMetadataMessageFormatter.
test('the console consumer\'s formatters print a record of their types with nothing decoded within, others not at all', () => {
  const member = {
    memberId: 'm', groupInstanceId: null, clientId: 'c', clientHost: '/127.0.0.1', rebalanceTimeout: 300_000, sessionTimeout: 45_000,
    subscription: Buffer.from('AAMAAAABAAJ0Mv////8AAAAA////////', 'base64'), assignment: Buffer.from('AAMAAAABAAJ0MgAAAAMAAAAAAAAAAQAAAAL/////', 'base64'),
  }
  const value = encodeGroupValue(2, 3, { protocolType: 'consumer', generation: 1, protocol: 'range', leader: 'm', currentStateTimestamp: 1795314466418, members: [member] })
  const key = encodeGroupKey(2, { group: 'g1' })
  expect(formattedRecord('offsets', [2], key, value)).toBe('{"key":{"type":2,"data":{"group":"g1"}},"value":{"version":3,"data":{"protocolType":"consumer","generation":1,"protocol":"range",'
    + '"leader":"m","currentStateTimestamp":1795314466418,"members":[{"memberId":"m","groupInstanceId":null,"clientId":"c","clientHost":"/127.0.0.1","rebalanceTimeout":300000,'
    + '"sessionTimeout":45000,"subscription":"AAMAAAABAAJ0Mv////8AAAAA////////","assignment":"AAMAAAABAAJ0MgAAAAMAAAAAAAAAAQAAAAL/////"}]}}}')
  expect(formattedRecord('offsets', [2], key, null)).toBe('{"key":{"type":2,"data":{"group":"g1"}},"value":null}')
  expect(formattedRecord('offsets', [0, 1], key, value)).toBeNull()
  expect(formattedRecord('offsets', [99], new Uint8Array([0, 99]), null)).toBeNull()
  expect(() => formattedRecord('offsets', [2], key, value.subarray(0, 9))).toThrow('Could not read record with version 3 from value\'s buffer due to: ')
  expect(() => formattedRecord('transactions', [0], new Uint8Array([0]), null)).toThrow('Could not read version from key\'s buffer.')
})
