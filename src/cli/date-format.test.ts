import { expect, test } from 'vitest'
import { dateFormat } from './date-format.ts'

// What java.text.SimpleDateFormat of Java 17 gave of these times, in English and in the zone that the dates are made in.
const morning = new Date(2026, 0, 5, 7, 4, 9, 3)
const night = new Date(1999, 11, 31, 0, 59, 0, 250)

test.each([
  ['yyyy-MM-dd HH:mm:ss:SSS', '2026-01-05 07:04:09:003', '1999-12-31 00:59:00:250'],
  ['d.M.yy H:m:s.S', '5.1.26 7:4:9.3', '31.12.99 0:59:0.250'],
  ['EEE, dd MMM y h:mm a', 'Mon, 05 Jan 2026 7:04 AM', 'Fri, 31 Dec 1999 12:59 AM'],
  ['EEEE MMMM kk KK u', 'Monday January 07 07 1', 'Friday December 24 00 5'],
  ['yyyy\'T\'\'\'HH \'o\'\'clock\' ', '2026T\'07 o\'clock ', '1999T\'00 o\'clock '],
  ['', '', ''],
])('%j', (pattern, first, second) => {
  const format = dateFormat('date-format', pattern)
  expect([format(morning), format(night)]).toEqual([first, second])
})

test('zones are those of the time, not of today', () => {
  const east = -morning.getTimezoneOffset()
  const rfc = `${east < 0 ? '-' : '+'}${String(Math.trunc(Math.abs(east) / 60)).padStart(2, '0')}${String(Math.abs(east) % 60).padStart(2, '0')}`
  expect(dateFormat('date-format', 'Z')(morning)).toBe(rfc)
  expect(dateFormat('date-format', 'X'.repeat(3))(morning)).toBe(east === 0 ? 'Z' : `${rfc.slice(0, 3)}:${rfc.slice(3)}`)
})

test('what stands for nothing is told', () => {
  expect(() => dateFormat('date-format', 'yyyy-MM-ddTHH')).toThrow('--date-format: T stands for nothing here; there are y, M, d,')
  expect(() => dateFormat('date-format', 'HH \'h')).toThrow('is not closed')
  expect(() => dateFormat('date-format', 'constructor')).toThrow('c stands for nothing')
})
