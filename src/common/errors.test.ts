import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { errorCodeName, errorTable, OttlaError, type ErrorCode } from './errors.ts'

const ofKafka = readFileSync(join(import.meta.dirname, '../../fixtures/vectors/errors.jsonl'), 'utf8').trim().split('\n')
  .map((line) => JSON.parse(line) as { errorCode: number; name: string; retriable: boolean })

describe('the table of errors', () => {
  test("has Kafka's numbers, and tries again where its client does", () => {
    const rows = Object.entries(errorTable).filter(([, row]) => row.local !== true).map(([name, { errorCode, retriable }]) => ({ errorCode, name, retriable }))
    expect(rows.length).toBeGreaterThan(70)
    const known = new Map(ofKafka.map((row) => [row.name, row]))
    expect(rows).toEqual(rows.map(({ name }) => known.get(name)))
  })

  test("has codes of its own travel as one of Kafka's, which is read as Kafka's", () => {
    const names = new Map(ofKafka.map(({ errorCode, name }) => [errorCode, name]))
    for (const [code, { errorCode, local }] of Object.entries(errorTable)) {
      if (local === true) expect(names.has(errorCode), code).toBe(true)
      expect(errorCodeName(errorCode), code).toBe(names.get(errorCode))
    }
  })

  test.each([
    ['tried again', ['BUFFER_EXHAUSTED', 'DISK_FULL', 'TOO_MANY_OPEN_FILES']],
    ['not', [
      'INVALID_ARGUMENT', 'CLOSED', 'ABORTED', 'SERIALIZATION_ERROR', 'DIRECTORY_LOCKED', 'DIRECTORY_UNUSABLE', 'LOG_OFFLINE', 'LOG_CORRUPT', 'READ_ONLY', 'DEPENDENCY_MISSING', 'INTERNAL',
    ]],
  ])('of its own are %s: %j', (which, codes) => {
    const local = Object.entries(errorTable).filter(([, row]) => row.local === true && row.retriable === (which === 'tried again'))
    expect(local.map(([code]) => code).sort()).toEqual([...codes].sort())
  })
})

describe('an OttlaError', () => {
  test('has, and prints, no more than it was given', () => {
    const error = new OttlaError('OFFSET_OUT_OF_RANGE', 'no such offset', { topic: 't', partition: 0 })
    expect(Object.keys(error).sort()).toEqual(['code', 'errorCode', 'name', 'partition', 'retriable', 'topic'])
    expect('offset' in error).toBe(false)
    expect(inspect(error)).not.toContain('undefined')
  })

  // Held by the type check of the project.
  test('narrows by the code that is asked for, and stays an OttlaError where it has another', () => {
    const caught: unknown = new OttlaError('CLOSED', 'closed')
    if (OttlaError.is(caught, 'CLOSED')) expectTypeOf(caught.code).toEqualTypeOf<'CLOSED'>()
    if (OttlaError.is(caught)) expectTypeOf(caught.code).toEqualTypeOf<ErrorCode>()
    if (OttlaError.is(caught)) {
      if (OttlaError.is(caught, 'DISK_FULL')) expect.unreachable()
      else expectTypeOf(caught.retriable).toEqualTypeOf<boolean>()
    }
    expect([OttlaError.is(caught, 'CLOSED'), OttlaError.is(caught, 'DISK_FULL'), OttlaError.is(new Error('x'))]).toEqual([true, false, false])
  })
})
