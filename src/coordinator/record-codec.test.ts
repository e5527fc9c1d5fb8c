import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import {
  decodeGroupRecord, decodeTransactionRecord, encodeGroupKey, encodeGroupValue, encodeTransactionKey, encodeTransactionValue, type KnownRecord,
} from './record-codec.ts'
import type { PlainRecord } from './record-schema.ts'

interface Vector { api: number; name: string; kind: string; version: number; hex: string; canonicalHex?: string; json: unknown }

/** Another file of `kafka-oracle gen-requests` may be tried by naming it in OTTLA_MESSAGES. */
const file = process.env['OTTLA_MESSAGES']
const text = file === undefined ? gunzipSync(readFileSync(new URL('../../fixtures/vectors/messages.jsonl.gz', import.meta.url))) : readFileSync(file)
const vectors = text.toString().trim().split('\n').map((line) => JSON.parse(line) as Vector)
const isTransaction = (vector: Vector): boolean => vector.name.startsWith('TransactionLog')

const hex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits, 'hex'))
const int16 = (value: number): string => value.toString(16).padStart(4, '0')

/** As Kafka's JSON converters show bytes; order of fields counts. */
function asJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => each instanceof Uint8Array ? Buffer.from(each).toString('base64') : each)
}

const emptyKeys: Readonly<Record<string, PlainRecord>> = {
  group: { group: 'g', topic: 't', partition: 0, groupId: 'g', memberId: 'm', regularExpression: '' },
  transaction: { transactionalId: 'x' },
}

function decodeKey(vector: Vector): KnownRecord {
  const key = hex(int16(vector.api) + vector.hex)
  return (isTransaction(vector) ? decodeTransactionRecord(key, null) : decodeGroupRecord(key, null)) as KnownRecord
}

function decodeValue(vector: Vector): KnownRecord {
  const value = hex(int16(vector.version) + vector.hex)
  if (isTransaction(vector)) return decodeTransactionRecord(encodeTransactionKey(emptyKeys['transaction']!), value) as KnownRecord
  return decodeGroupRecord(encodeGroupKey(vector.api, emptyKeys['group']!), value) as KnownRecord
}

describe('coordinator records', () => {
  const keys = vectors.filter((vector) => vector.kind === 'coordinator-key')
  const values = vectors.filter((vector) => vector.kind === 'coordinator-value')

  test('keys of every type are read and written as Kafka does', () => {
    expect(new Set(keys.map((vector) => vector.name)).size).toBe(23)
    for (const vector of keys) {
      const { key } = decodeKey(vector)
      expect(asJson(key), vector.name).toBe(asJson(vector.json))
      const bytes = isTransaction(vector) ? encodeTransactionKey(key) : encodeGroupKey(vector.api, key)
      expect(Buffer.from(bytes).toString('hex'), vector.name).toBe(int16(vector.api) + vector.hex)
    }
  })

  test('values of every type and version are read and written as Kafka does, unknown tags skipped', () => {
    expect(new Set(values.map((vector) => `${vector.name} ${vector.version}`)).size).toBe(32)
    for (const vector of values) {
      const label = `${vector.name} v${vector.version} ${vector.hex.slice(0, 80)}`
      const { value } = decodeValue(vector)
      expect(asJson(value), label).toBe(asJson(vector.json))
      const bytes = isTransaction(vector) ? encodeTransactionValue(vector.version, value!) : encodeGroupValue(vector.api, vector.version, value!)
      expect(Buffer.from(bytes).toString('hex'), label).toBe(int16(vector.version) + (vector.canonicalHex ?? vector.hex))
    }
  })

  test('every cut of a value is a CORRUPT_MESSAGE error', () => {
    for (const vector of values) {
      const whole = hex(vector.hex)
      if (whole.length > 300) continue
      for (let cut = 0; cut < whole.length; cut++) {
        try {
          decodeValue({ ...vector, hex: vector.hex.slice(0, cut * 2) })
          throw new Error(`${vector.name}: ${cut} of ${whole.length} bytes were accepted`)
        } catch (error) {
          if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
        }
      }
    }
  })

  test('flipped bytes give a record or an error of ours, never another', () => {
    const small = values.filter((vector) => vector.hex.length < 600)
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(fc.property(fc.nat(small.length - 1), flips, (index, changes) => {
      const vector = small[index]!
      const bytes = Buffer.from(vector.hex, 'hex')
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
      try {
        decodeValue({ ...vector, hex: bytes.toString('hex') })
      } catch (error) {
        if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
      }
    }), { numRuns: 2000 })
  })

  test('a type that nobody knows is told apart, a later version of a value is an UNSUPPORTED_VERSION error', () => {
    expect(decodeGroupRecord(hex('0063'), null)).toEqual({ unknownType: 99 })
    expect(() => decodeGroupRecord(encodeGroupKey(1, emptyKeys['group']!), hex('0005'))).toThrow('Found an unknown record version 5 for 1 type')
    expect(() => decodeGroupRecord(hex('00'), null)).toThrow(OttlaError)
  })
})

describe('records of the format description', () => {
  const groupKey = '0001000267310002743100000003'

  test('offset commits of every version', () => {
    const bytes: Readonly<Record<number, string>> = {
      0: '0000000000000000002a00016d0000018bcfe56800',
      1: '0001000000000000002a00016d0000018bcfe568000000018bcfee8fc0',
      2: '0002000000000000002a00016d0000018bcfe56800',
      3: '0003000000000000002a0000000700016d0000018bcfe56800',
      4: '0004000000000000002a00000007026d0000018bcfe5680000',
    }
    for (const [version, value] of Object.entries(bytes)) {
      const record = decodeGroupRecord(hex(groupKey), hex(value)) as KnownRecord
      expect(record.key).toEqual({ group: 'g1', topic: 't1', partition: 3 })
      expect(record.value).toMatchObject({ offset: 42, metadata: 'm', commitTimestamp: 1700000000000 })
      expect(Buffer.from(encodeGroupValue(1, Number(version), record.value!)).toString('hex')).toBe(value)
    }
  })

  test('group metadata, and transaction state with tagged fields', () => {
    const v3 = ['00030008636f6e73756d657200000001000572616e67650003632d310000018bcfe56800000000010003632d31ffff000163000a2f',
      '3132372e302e302e31000493e00000afc8000000020001000000020002'].join('')
    const record = decodeGroupRecord(hex('000200026731'), hex(v3)) as KnownRecord
    expect(record.value).toMatchObject({ protocolType: 'consumer', generation: 1, protocol: 'range', leader: 'c-1', currentStateTimestamp: 1700000000000 })
    expect(Buffer.from(encodeGroupValue(2, 4, record.value!)).toString('hex')).toBe(
      '000409636f6e73756d6572000000010672616e676504632d310000018bcfe568000204632d310002630b2f3132372e302e302e31000493e00000afc80300010300020000',
    )
    const empty = { protocolType: '', generation: 0, protocol: null, leader: null, currentStateTimestamp: 1700000000000, members: [] }
    expect(Buffer.from(encodeGroupValue(2, 3, empty)).toString('hex')).toBe('0003000000000000ffffffff0000018bcfe5680000000000')
    const tagged = '00010000000000000fa000020000ea600102037431030000000000000003000000018bcfe568010000018bcfe568000200080000000000000f9f02020002'
    const transaction = decodeTransactionRecord(hex('00000003747831'), hex(tagged)) as KnownRecord
    expect(transaction.value).toMatchObject({ producerId: 4000, previousProducerId: 3999, clientTransactionVersion: 2 })
    expect(transaction.value).toMatchObject({ transactionPartitions: [{ topic: 't1', partitionIds: [0, 3] }] })
    expect(Buffer.from(encodeTransactionValue(1, transaction.value!)).toString('hex')).toBe(tagged)
  })
})
