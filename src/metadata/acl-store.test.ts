import { describe, expect, test } from 'vitest'
import type { AclBinding } from '../common/acl.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { ACLS, AclStore } from './acl-store.ts'
import { MemoryMetadataStore } from './memory-metadata-store.ts'

const acl = (fields: Partial<AclBinding> = {}): AclBinding => ({
  resourceType: 'TOPIC', resourceName: 'orders', patternType: 'LITERAL', principal: 'User:alice', host: '*', operation: 'READ', permission: 'ALLOW', ...fields,
})
const logger = new RecordingLogger()
const load = (store: MemoryMetadataStore, readOnly = false): Promise<AclStore> => AclStore.load(store, readOnly, logger)

describe('ACLs', () => {
  test('are there again after loading, each once', async () => {
    const store = new MemoryMetadataStore()
    const acls = await load(store)
    await acls.add(acl())
    await acls.add(acl())
    await acls.add(acl({ operation: 'WRITE' }))
    expect(acls.all()).toEqual([acl(), acl({ operation: 'WRITE' })])
    expect((await load(store)).all()).toEqual(acls.all())
    expect(await store.children(ACLS)).toHaveLength(2)
  })

  test('CVE-2024-27309: removing one keeps the others of its resource', async () => {
    const store = new MemoryMetadataStore()
    const acls = await load(store)
    for (const operation of ['READ', 'WRITE', 'DELETE'] as const) for (const principal of ['User:alice', 'User:bob']) await acls.add(acl({ operation, principal }))
    expect(await acls.remove({ operation: 'READ', principal: 'User:bob' })).toEqual([acl({ operation: 'READ', principal: 'User:bob' })])
    expect(acls.all()).toHaveLength(5)
    expect((await load(store)).all()).toEqual(acls.all())
    await acls.add(acl({ principal: 'User:carol' }))
    expect((await load(store)).all()).toHaveLength(6)
  })

  test('are found by what is known of them, or by what they bear on', async () => {
    const acls = await load(new MemoryMetadataStore())
    const all = [acl(), acl({ resourceName: '*' }), acl({ resourceName: 'or', patternType: 'PREFIXED' }), acl({ resourceName: 'o' }), acl({ resourceType: 'GROUP' })]
    for (const each of all) await acls.add(each)
    expect(acls.list({})).toEqual(all)
    expect(acls.list({ resourceType: 'TOPIC', resourceName: 'orders' })).toEqual([all[0]])
    expect(acls.list({ resourceType: 'TOPIC', resourceName: 'orders', patternType: 'MATCH' })).toEqual(all.slice(0, 3))
    expect(acls.list({ patternType: 'PREFIXED' })).toEqual([all[2]])
    expect(acls.list({ principal: 'User:nobody' })).toEqual([])
  })

  test('change their revision with each change', async () => {
    const acls = await load(new MemoryMetadataStore())
    const seen = [acls.revision]
    await acls.add(acl())
    seen.push(acls.revision)
    await acls.remove({})
    seen.push(acls.revision)
    expect(new Set(seen).size).toBe(3)
  })

  test('that cannot be are refused, and so is every change of a database that is read only', async () => {
    const acls = await load(new MemoryMetadataStore())
    expect(() => acls.add(acl({ principal: 'alice' }))).toThrow('a principal is User:name')
    expect(() => acls.add(acl({ operation: 'LOOK' as never }))).toThrow('operation is "LOOK": give one of ALL, READ')
    expect(() => acls.add(acl({ resourceName: '' }))).toThrow('resourceName')
    expect(() => acls.add(acl({ resourceType: 'CLUSTER', resourceName: 'mine' }))).toThrow('kafka-cluster')
    const closed = await load(new MemoryMetadataStore(), true)
    expect(() => closed.add(acl())).toThrow('readOnly')
    expect(() => closed.remove({})).toThrow('readOnly')
  })

  test('that cannot be read are named in the log, and the others count', async () => {
    const store = new MemoryMetadataStore()
    await (await load(store)).add(acl())
    await store.set(`${ACLS}/7`, Buffer.from('{"version":1,"acl":{"resourceType":"TOPIC"}}'))
    await store.set(`${ACLS}/8`, Buffer.from('nonsense'))
    const acls = await load(store)
    expect(acls.all()).toEqual([acl()])
    expect(logger.messages('error').filter((line) => line.includes('ACL'))).toHaveLength(2)
    await acls.add(acl({ operation: 'WRITE' }))
    expect(await store.children(ACLS)).toEqual(['0', '7', '8', '9'])
  })
})
