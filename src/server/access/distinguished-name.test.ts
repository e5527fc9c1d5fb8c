import { expect, test } from 'vitest'
import { distinguishedName } from './distinguished-name.ts'

test('a subject is named as Java names it: the last attribute first', () => {
  // As Node tells it of a certificate made by openssl with /C=DE/O=Acme, Inc/OU=data/CN=alice.
  expect(distinguishedName('C=DE\nO=Acme\\, Inc\nOU=data\nCN=alice')).toBe('CN=alice,OU=data,O=Acme\\, Inc,C=DE')
  expect(distinguishedName('CN=alice')).toBe('CN=alice')
  expect(distinguishedName('')).toBeNull()
})
