import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { DumpedRecord, DumpLogOptions } from './dump-items.ts'
import { contentDecoder } from './record-decoders.ts'

const FIRST_DAMAGED_OFFSET = 875

function record(fields: Partial<DumpedRecord>): DumpedRecord {
  return { offset: 7, timestamp: 0, keySize: 0, valueSize: 0, sequence: -1, headers: [], key: null, value: null, legacy: null, ...fields }
}

function decode(options: Partial<DumpLogOptions>, fields: Partial<DumpedRecord>): readonly (string | null)[] {
  const contents = contentDecoder({ files: [], ...options })(record(fields))
  return [contents.key, contents.payload]
}

describe('records of the cluster metadata log', () => {
  const vectors = readFileSync(new URL('../../test/data/metadata-records.jsonl', import.meta.url), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { hex: string; text: string })

  test('print as the tool of Kafka 4.1 printed them: every type and version, and damaged ones', () => {
    let damaged = FIRST_DAMAGED_OFFSET
    const printed = vectors.map(({ hex, text }) => decode({ decoder: 'cluster-metadata' }, { value: Buffer.from(hex, 'hex'), offset: text.startsWith('Error at') ? damaged++ : 0 })[1])
    expect(printed).toEqual(vectors.map((v) => v.text))
    expect(vectors.length).toBeGreaterThan(70)
  })
})

describe('records of the share group state', () => {
  const key = Buffer.from('0000' + '000267' + '31' + '00112233445566778899aabbccddeeff' + '00000003', 'hex')

  test('print key and value as JSON, and a missing value as deleted', () => {
    const value = Buffer.from('0000' + '00000001' + '00000002' + '00000003' + '0000000000000004' + '0000000000000005' + '0000000000000006' + '02' + '0000000000000007' + '0000000000000008' + '02' + '0009' + '00' + '00', 'hex')
    const keyText = '{"type":"0","data":{"groupId":"g1","topicId":"ABEiM0RVZneImaq7zN3u_w","partition":3}}'
    expect(decode({ decoder: 'share-group-state' }, { key, value })).toEqual([keyText,
      '{"version":"0","data":{"snapshotEpoch":1,"stateEpoch":2,"leaderEpoch":3,"startOffset":4,"createTimestamp":5,"writeTimestamp":6,' +
      '"stateBatches":[{"firstOffset":7,"lastOffset":8,"deliveryState":2,"deliveryCount":9}]}}'])
    expect(decode({ decoder: 'share-group-state' }, { key })).toEqual([keyText, '<DELETE>'])
  })

  test('of an unknown type or without enough bytes say so', () => {
    expect(decode({ decoder: 'share-group-state' }, { key: Buffer.from('0009', 'hex') })).toEqual(['Unknown record type 9 at offset 7, skipping.', null])
    expect(decode({ decoder: 'share-group-state' }, { key: Buffer.from('00', 'hex') })).toEqual(["Error at offset 7, skipping. Could not read version from key's buffer.", null])
  })
})

describe('plain keys and values', () => {
  test('are text, numbers or base64 by the decoder named; null prints nothing', () => {
    expect(decode({}, { key: Buffer.from('k'), value: null })).toEqual(['k', null])
    expect(decode({ keyDecoder: 'integer', valueDecoder: 'long' }, { key: Buffer.from('fffffffe', 'hex'), value: Buffer.from('8000000000000001', 'hex') })).toEqual(['-2', '-9223372036854775807'])
    expect(decode({ valueDecoder: 'default' }, { value: Buffer.from('fffe', 'hex') })).toEqual([null, '//4='])
  })

  test('of the wrong size for a number are refused in the words of Kafka', () => {
    expect(() => decode({ valueDecoder: 'long' }, { value: Buffer.from('00', 'hex') })).toThrow('Size of data received by LongDeserializer is not 8')
    expect(() => decode({ keyDecoder: 'integer' }, { key: Buffer.from('00', 'hex') })).toThrow('Size of data received by IntegerDeserializer is not 4')
  })
})
