import { expect, test } from 'vitest'
import { addressOf, quotaProblem, type QuotaEntity } from './quota.ts'

test.each([
  ['10.0.0.1', '10.0.0.1'], ['localhost', '127.0.0.1'], ['::1', '::1'], ['0:0:0:0:0:0:0:1', '::1'], ['2001:DB8::0:1', '2001:db8::1'], ['::ffff:10.0.0.1', '10.0.0.1'], ['::ffff:a00:1', '10.0.0.1'],
])('%s is the address %s', (text, address) => {
  expect(addressOf(text)).toBe(address)
})

test.each(['', '10.0.0', '10.0.0.256', '1.2.3.4.5', 'example.org', '::1]', '::g', '[::1]', '10.0.0.1 ', 'fe80::1%eth0'])('%s is none', (text) => {
  expect(addressOf(text)).toBeNull()
})

test.each([
  [{ user: 'a' }, 'producer_byte_rate', [1, 1e15, 5 + 1e-7], [0, -1, 0.5, 5.5, Number.NaN, Infinity]],
  [{ clientId: null }, 'request_percentage', [0.25, 50.5, 1e300], [0, -0.5, Infinity]],
  [{ user: null, clientId: 'b' }, 'controller_mutation_rate', [0.1, 2.25], [0, Number.NaN]],
  [{ ip: null }, 'connection_creation_rate', [1, 2 ** 31 - 1], [0, 0.5, 2 ** 31]],
] as [QuotaEntity, string, number[], number[]][])('of %j, %s may be %j, and not %j', (entity, key, sound, unsound) => {
  for (const value of sound) expect([value, quotaProblem(entity, { [key]: value })]).toEqual([value, null])
  for (const value of unsound) expect([value, quotaProblem(entity, { [key]: value })]).toEqual([value, expect.stringContaining(key)])
})
