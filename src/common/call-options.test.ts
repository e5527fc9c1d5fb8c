import { describe, expect, test } from 'vitest'
import { callOptions, checkSignal, shown } from './call-options.ts'
import { OttlaError } from './errors.ts'

const codeOf = (call: () => unknown): string => {
  try {
    call()
  } catch (error) {
    return OttlaError.is(error) ? error.code : `not ours: ${String(error)}`
  }
  return 'none'
}

describe('the options of a call', () => {
  test('nothing given is an empty object, what is given comes back', () => {
    expect(callOptions<{ a?: number }>('call', undefined, ['a'])).toEqual({})
    expect(callOptions<{ a?: number }>('call', { a: 1 }, ['a'])).toEqual({ a: 1 })
  })

  test.each([[null], [[]], [1], ['x'], [Symbol('s')]])('%p is no options object', (given) => {
    expect(codeOf(() => callOptions('call', given as object, []))).toBe('INVALID_ARGUMENT')
  })

  test('an unknown field is told, with those there are', () => {
    expect(() => callOptions<{ timeoutMs?: number }>('poll', { timeout: 1 } as object, ['timeoutMs'])).toThrow('poll has no option "timeout": it takes timeoutMs')
  })

  test('a signal must be one that can be listened to', () => {
    expect(codeOf(() => checkSignal('call', new AbortController().signal))).toBe('none')
    for (const given of [null, true, {}, { aborted: false }, () => {}]) expect(codeOf(() => checkSignal('call', given))).toBe('INVALID_ARGUMENT')
  })
})

test('anything can be shown, also what has no text of its own', () => {
  expect([undefined, null, 1, 2n, 'a', Symbol('s'), Object.create(null), [Symbol('s')]].map(shown))
    .toEqual(['undefined', 'null', '1', '2', '"a"', 'Symbol(s)', 'an object', 'an object'])
})
