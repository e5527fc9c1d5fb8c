import { inspect } from 'node:util'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { OttlaError, type ErrorCode } from './errors.ts'

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
