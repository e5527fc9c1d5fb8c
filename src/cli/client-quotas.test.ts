import { expect, test } from 'vitest'
import { quotaEntityOf, type QuotaFlags } from './client-quotas.ts'

const none: QuotaFlags = { 'entity-type': [], 'entity-name': [], 'entity-default': false, user: undefined, client: undefined, ip: undefined,
  'user-defaults': false, 'client-defaults': false, 'ip-defaults': false }

test.each([
  ['--entity-type topics', { 'entity-type': ['topics'] }, null],
  ['--entity-type users --entity-name a', { 'entity-type': ['users'], 'entity-name': ['a'] }, { user: 'a' }],
  ['--entity-type users --entity-default', { 'entity-type': ['users'], 'entity-default': true }, { user: null }],
  ['--entity-type users --entity-name a --entity-type clients --entity-name b', { 'entity-type': ['users', 'clients'], 'entity-name': ['a', 'b'] }, { user: 'a', clientId: 'b' }],
  ['--entity-type users --entity-name a --entity-type clients --entity-default', { 'entity-type': ['users', 'clients'], 'entity-name': ['a'], 'entity-default': true }, { user: 'a', clientId: null }],
  ['--user a --client b', { user: 'a', client: 'b' }, { user: 'a', clientId: 'b' }],
  ['--user-defaults --client b', { 'user-defaults': true, client: 'b' }, { user: null, clientId: 'b' }],
  ['--entity-type ips --entity-name 10.0.0.1', { 'entity-type': ['ips'], 'entity-name': ['10.0.0.1'] }, { ip: '10.0.0.1' }],
  ['--entity-type ips --entity-default', { 'entity-type': ['ips'], 'entity-default': true }, { ip: null }],
  ['--ip 10.0.0.1', { ip: '10.0.0.1' }, { ip: '10.0.0.1' }],
  ['--ip-defaults', { 'ip-defaults': true }, { ip: null }],
  ['--entity-type clients', { 'entity-type': ['clients'] }, {}],
] as [string, Partial<QuotaFlags>, object | null][])('%s names whom kafka-configs means by it', (_, flags, entity) => {
  expect(quotaEntityOf({ ...none, ...flags })?.entity ?? null).toEqual(entity)
})

test('users and topics do not go together', () => {
  expect(() => quotaEntityOf({ ...none, 'entity-type': ['users', 'topics'] })).toThrow('users and clients go together')
})

test('addresses and users do not go together', () => {
  expect(() => quotaEntityOf({ ...none, ip: '10.0.0.1', user: 'a' })).toThrow('no other')
})
