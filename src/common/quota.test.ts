import { expect, test } from 'vitest'
import { addressOf } from './quota.ts'

test.each([
  ['10.0.0.1', '10.0.0.1'], ['localhost', '127.0.0.1'], ['::1', '::1'], ['0:0:0:0:0:0:0:1', '::1'], ['2001:DB8::0:1', '2001:db8::1'], ['::ffff:10.0.0.1', '10.0.0.1'], ['::ffff:a00:1', '10.0.0.1'],
])('%s is the address %s', (text, address) => {
  expect(addressOf(text)).toBe(address)
})

test.each(['', '10.0.0', '10.0.0.256', '1.2.3.4.5', 'example.org', '::1]', '::g', '[::1]', '10.0.0.1 ', 'fe80::1%eth0'])('%s is none', (text) => {
  expect(addressOf(text)).toBeNull()
})
