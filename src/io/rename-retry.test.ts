import { describe, expect, test } from 'vitest'
import { systemFault, type SystemCode } from '../testing/system-fault.ts'
import { RETRY_PAUSES_MS, withRetries } from './rename-retry.ts'

function attemptFailing(times: number, code: SystemCode): { attempt: () => void; count: () => number } {
  let count = 0
  return { attempt: () => { if (count++ < times) throw systemFault(code, 'rename') }, count: () => count }
}

describe('a rename on Windows', () => {
  test.each(['EPERM', 'EACCES'] as const)('is repeated while a scanner holds the file (%s), with growing pauses', (code) => {
    const { attempt, count } = attemptFailing(4, code)
    const pauses: number[] = []
    withRetries(attempt, (milliseconds) => pauses.push(milliseconds))
    expect(count()).toBe(5)
    expect(pauses).toEqual(RETRY_PAUSES_MS.slice(0, 4))
  })

  test('fails with the last error after seconds, not minutes', () => {
    const { attempt, count } = attemptFailing(1000, 'EPERM')
    let waited = 0
    expect(() => withRetries(attempt, (milliseconds) => { waited += milliseconds })).toThrow(/EPERM/)
    expect(count()).toBe(RETRY_PAUSES_MS.length + 1)
    expect(waited).toBeGreaterThan(2_000)
    expect(waited).toBeLessThan(10_000)
  })

  test('is not repeated after any other error', () => {
    const { attempt, count } = attemptFailing(1, 'ENOENT')
    expect(() => withRetries(attempt, () => { throw new Error('waited') })).toThrow(/ENOENT/)
    expect(count()).toBe(1)
  })
})
