import { expect, test } from 'vitest'
import type { AclBinding } from '../common/acl.ts'
import { OttlaError } from '../common/errors.ts'
import { AclStore } from '../metadata/acl-store.ts'
import { MemoryMetadataStore } from '../metadata/memory-metadata-store.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { handleCreateAcls, handleDeleteAcls } from './acl-handlers.ts'

const acl = (fields: Partial<AclBinding> = {}): AclBinding => ({
  resourceType: 'TOPIC', resourceName: 'orders', patternType: 'LITERAL', principal: 'User:alice', host: '*', operation: 'READ', permission: 'ALLOW', ...fields,
})

test('what cannot be made or taken back is refused in its place, and the others are done', async () => {
  const store = new MemoryMetadataStore()
  const acls = await AclStore.load(store, false, new RecordingLogger())
  const created = await handleCreateAcls({ acls }, { acls: [acl(), acl({ principal: 'alice' }), acl({ operation: 'WRITE' })] })
  expect(created.results.map(({ errorCode }) => errorCode)).toEqual([0, 42, 0])
  expect(acls.all()).toHaveLength(2)

  const remove = store.delete.bind(store)
  store.delete = () => {
    store.delete = remove
    throw new OttlaError('DISK_FULL', 'no room')
  }
  const deleted = await handleDeleteAcls({ acls }, { filters: [{ operation: 'READ' }, { operation: 'WRITE' }] })
  expect(deleted.results).toMatchObject([{ errorCode: 56, acls: [] }, { errorCode: 0, acls: [acl({ operation: 'WRITE' })] }])
  expect(acls.all()).toEqual([acl()])
})
