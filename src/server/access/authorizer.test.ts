/** Decisions by ACLs: the index against a plain reading of every ACL, and the rules that Kafka's documentation states. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAbout, type AclBinding, type AclOperation } from '../../common/acl.ts'
import { Authorizer, canonicalHost, type AuthorizerOptions } from './authorizer.ts'

const usual: AuthorizerOptions = { superUsers: new Set(['User:root']), allowEveryoneIfNoAclFound: false }
const acl = (fields: Partial<AclBinding>): AclBinding => ({
  resourceType: 'TOPIC', resourceName: 'orders', patternType: 'LITERAL', principal: 'User:alice', host: '*', operation: 'READ', permission: 'ALLOW', ...fields,
})
const authorizer = (acls: readonly AclBinding[], options: Partial<AuthorizerOptions> = {}): Authorizer => (
  new Authorizer({ revision: 0, all: () => acls }, { ...usual, ...options }))
const alice = { principal: 'User:alice', host: '10.0.0.1' }
const asks = (acls: readonly AclBinding[], operation: AclOperation, name = 'orders', options: Partial<AuthorizerOptions> = {}): boolean => (
  authorizer(acls, options).may(alice, operation, 'TOPIC', name))

describe('an authorizer', () => {
  test('denies what nothing allows, to all but super users', () => {
    expect(asks([], 'READ')).toBe(false)
    expect(asks([acl({ principal: 'User:bob' })], 'READ')).toBe(false)
    expect(asks([acl({ operation: 'WRITE' })], 'READ')).toBe(false)
    expect(authorizer([acl({ principal: 'User:*', operation: 'ALL', permission: 'DENY' })]).may({ principal: 'User:root', host: '::1' }, 'READ', 'TOPIC', 'orders')).toBe(true)
  })

  test.each([
    ['the literal name', {}, true], ['another name', { resourceName: 'order' }, false], ['a beginning', { resourceName: 'ord', patternType: 'PREFIXED' }, true],
    ['the whole name as a beginning', { patternType: 'PREFIXED' }, true], ['another beginning', { resourceName: 'orderz', patternType: 'PREFIXED' }, false],
    ['the wildcard', { resourceName: '*' }, true], ['a star as a beginning', { resourceName: '*', patternType: 'PREFIXED' }, false],
    ['everybody', { principal: 'User:*' }, true], ['a principal of another type', { principal: 'Group:alice' }, false], ['the host', { host: '10.0.0.1' }, true],
    ['another host', { host: '10.0.0.2' }, false], ['all operations', { operation: 'ALL' }, true], ['another type', { resourceType: 'GROUP' }, false],
  ] as [string, Partial<AclBinding>, boolean][])('lets an ACL for %s decide: %o → %s', (_, fields, expected) => {
    expect(asks([acl(fields)], 'READ')).toBe(expected)
    expect(asks([acl({ operation: 'ALL' }), acl({ ...fields, permission: 'DENY' })], 'READ')).toBe(!expected)
  })

  test('takes leave to read, write, delete or alter for leave to describe, but no ban on them for a ban on that', () => {
    for (const operation of ['READ', 'WRITE', 'DELETE', 'ALTER'] as const) {
      expect(asks([acl({ operation })], 'DESCRIBE')).toBe(true)
      expect(asks([acl({ operation: 'DESCRIBE' }), acl({ operation, permission: 'DENY' })], 'DESCRIBE')).toBe(true)
    }
    for (const operation of ['CREATE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'] as const) expect(asks([acl({ operation })], 'DESCRIBE')).toBe(false)
    expect(asks([acl({ operation: 'ALTER_CONFIGS' })], 'DESCRIBE_CONFIGS')).toBe(true)
  })

  test('allows everybody what no ACL is about only where that was asked for', () => {
    const open = { allowEveryoneIfNoAclFound: true }
    expect(asks([], 'READ', 'orders', open)).toBe(true)
    expect(asks([acl({ principal: 'User:bob', operation: 'WRITE' })], 'READ', 'orders', open)).toBe(false)
    expect(asks([acl({ principal: 'User:bob', resourceName: 'ord', patternType: 'PREFIXED' })], 'READ', 'orders', open)).toBe(false)
    expect(asks([acl({ resourceName: 'other' })], 'READ', 'orders', open)).toBe(true)
  })

  test('sees at once that the ACLs have changed', () => {
    const source = { revision: 1, all: (): AclBinding[] => [] }
    const changing = new Authorizer(source, usual)
    expect(changing.may(alice, 'READ', 'TOPIC', 'orders')).toBe(false)
    source.all = () => [acl({})]
    source.revision = 2
    expect(changing.may(alice, 'READ', 'TOPIC', 'orders')).toBe(true)
  })

  test('knows an address of IPv6 in every spelling', () => {
    expect(canonicalHost('::1')).toBe('0:0:0:0:0:0:0:1')
    expect(canonicalHost('0:0:0:0:0:0:0:1')).toBe('0:0:0:0:0:0:0:1')
    expect(canonicalHost('FE80::00a1:2%eth0')).toBe('fe80:0:0:0:0:0:a1:2')
    expect(canonicalHost('127.0.0.1')).toBe('127.0.0.1')
    expect(canonicalHost('*')).toBe('*')
    const v6 = authorizer([acl({ host: '::1' })])
    expect(v6.may({ principal: 'User:alice', host: canonicalHost('0:0:0:0:0:0:0:1') }, 'READ', 'TOPIC', 'orders')).toBe(true)
  })

  // The cases of KIP-679 and of Kafka's AuthorizerTest for authorizeByResourceType.
  test.each([
    ['nothing', [], false], ['a name', [acl({})], true], ['a beginning', [acl({ patternType: 'PREFIXED' })], true], ['all names', [acl({ resourceName: '*' })], true],
    ['another operation', [acl({ operation: 'WRITE' })], false], ['all operations', [acl({ operation: 'ALL' })], true],
    ['a name that is denied', [acl({}), acl({ permission: 'DENY' })], false],
    ['a name whose beginning is denied', [acl({}), acl({ resourceName: 'o', patternType: 'PREFIXED', permission: 'DENY' })], false],
    ['a beginning of which one name is denied', [acl({ patternType: 'PREFIXED' }), acl({ permission: 'DENY' })], true],
    ['a beginning of which a longer one is denied', [acl({ resourceName: 'o', patternType: 'PREFIXED' }), acl({ patternType: 'PREFIXED', permission: 'DENY' })], true],
    ['a name, with all denied', [acl({}), acl({ resourceName: '*', permission: 'DENY' })], false],
    ['all names, with one denied', [acl({ resourceName: '*' }), acl({ permission: 'DENY' })], true],
  ] as [string, AclBinding[], boolean][])('tells whether something can be read at all, given %s: %#', (_, acls, expected) => {
    expect(authorizer(acls).mayOnAny(alice, 'READ', 'TOPIC')).toBe(expected)
    expect(authorizer(acls).mayOnAny({ principal: 'User:root', host: '' }, 'READ', 'TOPIC')).toBe(true)
  })
})

describe('the index', () => {
  const name = fc.stringMatching(/^[ab*]{1,4}$/)
  const operation = fc.constantFrom<AclOperation>('ALL', 'READ', 'WRITE', 'DESCRIBE', 'ALTER_CONFIGS', 'DESCRIBE_CONFIGS')
  const binding = fc.record<AclBinding>({
    resourceType: fc.constantFrom('TOPIC', 'GROUP'), resourceName: name, patternType: fc.constantFrom('LITERAL', 'PREFIXED'),
    principal: fc.constantFrom('User:alice', 'User:bob', 'User:*'), host: fc.constantFrom('*', '10.0.0.1', '10.0.0.2'), operation,
    permission: fc.constantFrom('ALLOW', 'ALLOW', 'DENY'),
  })
  const implied: Readonly<Record<string, readonly string[]>> = { DESCRIBE: ['READ', 'WRITE', 'DELETE', 'ALTER'], DESCRIBE_CONFIGS: ['ALTER_CONFIGS'] }

  /** Every ACL looked at, by the book. */
  function naive(acls: readonly AclBinding[], asked: AclOperation, wanted: string, isOpen: boolean): boolean {
    const about = acls.filter((each) => each.resourceType === 'TOPIC' && isAbout({ ...each, resourceName: each.resourceName }, wanted)
      && !(each.patternType === 'PREFIXED' && !wanted.startsWith(each.resourceName)))
    const mine = about.filter((each) => ['User:alice', 'User:*'].includes(each.principal) && ['*', '10.0.0.1'].includes(each.host))
    if (mine.some((each) => each.permission === 'DENY' && ['ALL', asked].includes(each.operation))) return false
    if (mine.some((each) => each.permission === 'ALLOW' && ['ALL', asked, ...implied[asked] ?? []].includes(each.operation))) return true
    return isOpen && about.length === 0
  }

  test('answers as a look at every ACL does', () => {
    fc.assert(fc.property(fc.array(binding, { maxLength: 12 }), operation.filter((each) => each !== 'ALL'), name, fc.boolean(), (acls, asked, wanted, isOpen) => {
      expect(asks(acls, asked, wanted, { allowEveryoneIfNoAclFound: isOpen })).toBe(naive(acls, asked, wanted, isOpen))
    }), { numRuns: 3000 })
  })
})
