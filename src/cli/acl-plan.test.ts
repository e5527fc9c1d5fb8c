import { describe, expect, test } from 'vitest'
import { aclsOf, filtersOf, type AclFlags } from './acl-plan.ts'

const none: AclFlags = {
  topic: [], group: [], cluster: false, 'transactional-id': [], 'user-principal': [], 'resource-pattern-type': undefined, 'allow-principal': [], 'deny-principal': [],
  'allow-host': [], 'deny-host': [], operation: [], producer: false, consumer: false, idempotent: false,
}
const acls = (flags: Partial<AclFlags>): string[] => aclsOf({ ...none, ...flags }).map((acl) => (
  `${acl.permission} ${acl.principal}@${acl.host} ${acl.operation} ${acl.patternType} ${acl.resourceType} ${acl.resourceName}`))
const alice = { 'allow-principal': ['User:alice'] }

describe('the flags of kafka-acls', () => {
  test('spell out an ACL for each principal, host, operation and resource', () => {
    expect(acls({ ...alice, topic: ['a', 'b'], operation: ['Read', 'DESCRIBE_CONFIGS'] })).toEqual([
      'ALLOW User:alice@* READ LITERAL TOPIC a', 'ALLOW User:alice@* DESCRIBE_CONFIGS LITERAL TOPIC a',
      'ALLOW User:alice@* READ LITERAL TOPIC b', 'ALLOW User:alice@* DESCRIBE_CONFIGS LITERAL TOPIC b',
    ])
    expect(acls({ 'deny-principal': ['User:*'], 'deny-host': ['10.0.0.1', '10.0.0.2'], group: ['g'], 'resource-pattern-type': 'prefixed' })).toEqual([
      'DENY User:*@10.0.0.1 ALL PREFIXED GROUP g', 'DENY User:*@10.0.0.2 ALL PREFIXED GROUP g',
    ])
  })

  // As AclCommand of Kafka 4.1 printed them.
  test('stand for what a producer and a consumer need', () => {
    expect(acls({ ...alice, producer: true, topic: ['t'], idempotent: true })).toEqual([
      'ALLOW User:alice@* WRITE LITERAL TOPIC t', 'ALLOW User:alice@* DESCRIBE LITERAL TOPIC t', 'ALLOW User:alice@* CREATE LITERAL TOPIC t',
      'ALLOW User:alice@* IDEMPOTENT_WRITE LITERAL CLUSTER kafka-cluster',
    ])
    expect(acls({ ...alice, consumer: true, topic: ['t'], group: ['g'] })).toEqual([
      'ALLOW User:alice@* READ LITERAL TOPIC t', 'ALLOW User:alice@* DESCRIBE LITERAL TOPIC t', 'ALLOW User:alice@* READ LITERAL GROUP g',
    ])
  })

  test('make filters of resources, and one for all where none is named', () => {
    expect(filtersOf(none)).toEqual([{}])
    expect(filtersOf({ ...none, topic: ['t'], cluster: true, 'resource-pattern-type': 'match' })).toEqual([
      { resourceType: 'TOPIC', resourceName: 't', patternType: 'MATCH' }, { resourceType: 'CLUSTER', resourceName: 'kafka-cluster', patternType: 'MATCH' },
    ])
    expect(filtersOf({ ...none, topic: ['t'] })).toEqual([{ resourceType: 'TOPIC', resourceName: 't', patternType: 'LITERAL' }])
  })

  test.each([
    ['no principal', { topic: ['t'] }, 'give --allow-principal'], ['a bare name', { 'allow-principal': ['alice'], topic: ['t'] }, 'User:name'],
    ['no resource', alice, '--topic'], ['an operation that is none', { ...alice, topic: ['t'], operation: ['Look'] }, 'Look is not known'],
    ['an operation that the resource does not know', { ...alice, group: ['g'], operation: ['Write'] }, 'resources of type GROUP know ALL, READ'],
    ['a consumer without a group', { ...alice, consumer: true, topic: ['t'] }, '--consumer needs --group'],
    ['a pattern that is for looking only', { ...alice, topic: ['t'], 'resource-pattern-type': 'any' }, 'literal or prefixed'],
  ] as [string, Partial<AclFlags>, string][])('are refused with %s', (_, flags, message) => { expect(() => acls(flags)).toThrow(message) })
})
