import { expect, test } from 'vitest'
import { controlKey, endTransactionValue, readControlType, readCoordinatorEpoch } from './control-record.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

test('type and coordinator epoch come back', () => {
  for (const type of ['ABORT', 'COMMIT', 'LEADER_CHANGE', 'SNAPSHOT_HEADER', 'SNAPSHOT_FOOTER', 'KRAFT_VERSION', 'KRAFT_VOTERS'] as const) {
    expect(readControlType(controlKey(type))).toBe(type)
  }
  for (const epoch of [0, 3, 255, 65536, 2147483647, -1]) expect(readCoordinatorEpoch(endTransactionValue(epoch))).toBe(epoch)
  expect(Buffer.from(controlKey('COMMIT')).toString('hex') + Buffer.from(endTransactionValue(3)).toString('hex')).toBe('00000001000000000003')
})

test('later versions may append, and unknown types are named so', () => {
  expect(readControlType(hex('00010000ff'))).toBe('ABORT')
  expect(readControlType(hex('00000007'))).toBe('UNKNOWN')
  expect(readControlType(hex('0000ffff'))).toBe('UNKNOWN')
  expect(readCoordinatorEpoch(hex('000100000009ffff'))).toBe(9)
})

test('what is too short, missing or of negative version is refused', () => {
  for (const key of [null, hex(''), hex('000000'), hex('ffff0000')]) expect(() => readControlType(key)).toThrow(/key of a control record/)
  for (const value of [null, hex('0000000000'), hex('800000000000')]) expect(() => readCoordinatorEpoch(value)).toThrow(/value of a control record/)
})
