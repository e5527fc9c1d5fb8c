import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { OttlaError } from './errors.ts'

describe('an OttlaError', () => {
  test('has, and prints, no more than it was given', () => {
    const error = new OttlaError('OFFSET_OUT_OF_RANGE', 'no such offset', { topic: 't', partition: 0 })
    expect(Object.keys(error).sort()).toEqual(['code', 'errorCode', 'name', 'partition', 'retriable', 'topic'])
    expect('offset' in error).toBe(false)
    expect(inspect(error)).not.toContain('undefined')
  })
})
