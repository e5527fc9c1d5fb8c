import { expect, test } from 'vitest'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { MemoryMetadataStore } from './memory-metadata-store.ts'
import { USERS, UserStore, type ScramCredential } from './user-store.ts'

const credential = (byte: number): ScramCredential => ({ salt: Buffer.alloc(4, byte), iterations: 4096 + byte, storedKey: Buffer.alloc(32, byte), serverKey: Buffer.alloc(32, byte + 1) })

test('credentials are there after reopening, whatever the name, and those removed are not', async () => {
  const store = new MemoryMetadataStore()
  const users = await UserStore.load(store, false, new RecordingLogger())
  for (const name of ['alice', '../../etc', 'ü/ber user', 'CN=x,O=y']) await users.set(name, 'SCRAM-SHA-256', credential(1))
  await users.set('alice', 'SCRAM-SHA-512', credential(2))
  await users.set('alice', 'SCRAM-SHA-256', credential(3))
  expect(await users.remove('ü/ber user', 'SCRAM-SHA-256')).toBe(true)
  expect(await users.remove('ü/ber user', 'SCRAM-SHA-256')).toBe(false)
  const again = await UserStore.load(store, true, new RecordingLogger())
  expect(again.list().map(({ name, credentials }) => [name, [...credentials.keys()]])).toEqual([
    ['../../etc', ['SCRAM-SHA-256']], ['CN=x,O=y', ['SCRAM-SHA-256']], ['alice', ['SCRAM-SHA-256', 'SCRAM-SHA-512']],
  ])
  expect(again.find('alice', 'SCRAM-SHA-256')).toEqual(credential(3))
  expect(again.find('alice', 'SCRAM-SHA-512')).toEqual(credential(2))
  expect(again.find('mallory', 'SCRAM-SHA-256')).toBeNull()
  expect(() => again.set('alice', 'SCRAM-SHA-256', credential(1))).toThrow(expect.objectContaining({ code: 'READ_ONLY' }))
})

test('names that cannot be are refused, and nodes that make no sense are told and passed over', async () => {
  const store = new MemoryMetadataStore()
  await store.create(`${USERS}/eA`, Buffer.from('{"version":1,"name":"x","credentials":{"SCRAM-SHA-256":{"iterations":"many"}}}'))
  await store.create(`${USERS}/eQ`, Buffer.from('not json'))
  const logger = new RecordingLogger()
  const users = await UserStore.load(store, false, logger)
  expect(users.list()).toEqual([])
  expect(logger.messages('error')).toHaveLength(2)
  for (const name of ['', 'a\0b', 'x'.repeat(256)]) expect(() => users.set(name, 'SCRAM-SHA-256', credential(1))).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})
