import { expect, test } from 'vitest'
import { bytesText, countText, table } from './table.ts'

test('columns are as wide as their widest cell', () => {
  expect(table(['A', 'BB'], [['x', '1'], ['long', '22']])).toBe('A    BB\nx    1\nlong 22')
  expect(table(['A', 'B'], [])).toBe('A B')
  expect(table(['A', 'B', 'C'], [['1', '2', '3']], [3, 0])).toBe('A   B C\n1   2 3')
  expect(table(['A', 'B'], [['1', '']], [3, 2])).toBe('A   B \n1     ')
})

test('sizes and counts are for people', () => {
  expect([0, 1023, 1024, 1536, 5 * 1024 ** 3].map(bytesText)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '5.0 GiB'])
  expect([7, 1234567.8].map(countText)).toEqual(['7', '1,234,568'])
})
