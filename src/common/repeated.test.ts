import { expect, test } from 'vitest'
import { repeated } from './repeated.ts'

test('what stands more than once is told once, in the order in which it was met again', () => {
  expect([...repeated(['b', 'a', 'c', 'a', 'b', 'a'])]).toEqual(['a', 'b'])
  expect([...repeated([])]).toEqual([])
})
