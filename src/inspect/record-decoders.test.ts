import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { DumpedRecord, DumpLogOptions } from './dump-items.ts'
import { contentDecoder } from './record-decoders.ts'

const FIRST_DAMAGED_OFFSET = 875

function record(fields: Partial<DumpedRecord>): DumpedRecord {
  return { offset: 7, timestamp: 0, keySize: 0, valueSize: 0, sequence: -1, headers: [], key: null, value: null, legacy: null, ...fields }
}

const hexOf = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function decode(options: Partial<DumpLogOptions>, fields: Partial<DumpedRecord>): readonly (string | null)[] {
  const contents = contentDecoder({ files: [], ...options })(record(fields))
  return [contents.key, contents.payload]
}

describe('records of the cluster metadata log', () => {
  const lines = readFileSync(new URL('../../test/data/metadata-records.jsonl', import.meta.url), 'utf8').trim().split('\n')
  const vectors = lines.map((line) => JSON.parse(line) as { hex: string; text: string })

  test('print as the tool of Kafka 4.1 printed them: every type and version, and damaged ones', () => {
    let damaged = FIRST_DAMAGED_OFFSET
    const printed = vectors.map(({ hex, text }) => {
      const offset = text.startsWith('Error at') ? damaged++ : 0
      return decode({ decoder: 'cluster-metadata' }, { value: hexOf(hex), offset })[1]
    })
    expect(printed).toEqual(vectors.map((v) => v.text))
    expect(vectors.length).toBeGreaterThan(70)
  })
})

describe('records of the share group state', () => {
  const key = hexOf('0000 00026731 00112233445566778899aabbccddeeff 00000003')

  test('print key and value as JSON, and a missing value as deleted', () => {
    const batches = '02 0000000000000007 0000000000000008 02 0009 00'
    const value = hexOf(`0000 00000001 00000002 00000003 0000000000000004 0000000000000005 0000000000000006 ${batches} 00`)
    const keyText = '{"type":"0","data":{"groupId":"g1","topicId":"ABEiM0RVZneImaq7zN3u_w","partition":3}}'
    expect(decode({ decoder: 'share-group-state' }, { key, value })).toEqual([keyText,
      '{"version":"0","data":{"snapshotEpoch":1,"stateEpoch":2,"leaderEpoch":3,"startOffset":4,"createTimestamp":5,"writeTimestamp":6,' +
      '"stateBatches":[{"firstOffset":7,"lastOffset":8,"deliveryState":2,"deliveryCount":9}]}}'])
    expect(decode({ decoder: 'share-group-state' }, { key })).toEqual([keyText, '<DELETE>'])
  })

  test('of an unknown type or without enough bytes say so', () => {
    const textOf = (hex: string): readonly (string | null)[] => decode({ decoder: 'share-group-state' }, { key: hexOf(hex) })
    expect(textOf('0009')).toEqual(['Unknown record type 9 at offset 7, skipping.', null])
    expect(textOf('00')).toEqual(["Error at offset 7, skipping. Could not read version from key's buffer.", null])
  })
})

describe('plain keys and values', () => {
  test('are text, numbers or base64 by the decoder named; null prints nothing', () => {
    expect(decode({}, { key: Buffer.from('k'), value: null })).toEqual(['k', null])
    const numbers = { key: hexOf('fffffffe'), value: hexOf('8000000000000001') }
    expect(decode({ keyDecoder: 'integer', valueDecoder: 'long' }, numbers)).toEqual(['-2', '-9223372036854775807'])
    expect(decode({ valueDecoder: 'default' }, { value: hexOf('fffe') })).toEqual([null, '//4='])
  })

  test('longer than a number give the number that they begin with; shorter ones are refused in the words of Kafka', () => {
    const longer = { key: hexOf('0000002a ff'), value: hexOf('000000000000002b 00ff') }
    expect(decode({ keyDecoder: 'integer', valueDecoder: 'long' }, longer)).toEqual(['42', '43'])
    const refused = expect.objectContaining({ kind: 'java.nio.BufferUnderflowException', message: '' })
    expect(() => decode({ valueDecoder: 'long' }, { value: hexOf('00') })).toThrow(refused)
    expect(() => decode({ keyDecoder: 'integer' }, { key: hexOf('000000') })).toThrow(refused)
  })
})
