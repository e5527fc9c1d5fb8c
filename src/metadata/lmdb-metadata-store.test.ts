import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { bytes, directoryOf, newFile, open } from '../../test/support/metadata-files.ts'
import { OttlaError } from '../common/errors.ts'
import { silentLogger } from '../common/logger.ts'
import { metadataStoreContract } from '../testing/contracts/metadata-store-contract.ts'
import { readLmdbFile } from './lmdb-file.ts'
import type { LmdbEnvironment } from './lmdb-library.ts'
import { openLmdbStore, type MetadataFile } from './lmdb-metadata-store.ts'

metadataStoreContract('the LMDB store', () => open(newFile()))

describe('the LMDB store', () => {
  let file: MetadataFile
  beforeEach(() => { file = newFile() })

  test('gives everything back after reopening', async () => {
    const first = await open(file)
    for (let i = 0; i < 300; i += 1) await first.set(`/topics/t${i}`, bytes('x'.repeat(i * 20)))
    for (let i = 0; i < 300; i += 3) await first.delete(`/topics/t${i}`)
    await first.set('/topics/t1', bytes('again'))
    await first.close()
    const second = await open(file)
    const entries = await second.entries('/topics')
    expect(entries).toHaveLength(200)
    expect(entries.find((each) => each.name === 't1')?.node).toEqual({ value: bytes('again'), version: 1 })
    expect(entries.find((each) => each.name === 't299')?.node.value).toHaveLength(5980)
    await second.close()
  })

  test('makes the directory entry durable with the first change to a new file', async () => {
    let synced = 0
    const watched: MetadataFile = { ...file, syncDirectory: () => { synced += existsSync(file.path) ? 1 : 0 } }
    const store = await open(watched)
    await store.set('/a', bytes('1'))
    await store.set('/b', bytes('1'))
    await store.close()
    expect(synced).toBe(1)
  })

  test('touches no file before the first change', async () => {
    const store = await open(file)
    await store.get('/a')
    await store.close()
    expect(readdirSync(directoryOf(file))).toEqual([])
  })

  test('is opened once at a time in a process', async () => {
    const store = await open(file)
    await expect(open(file)).rejects.toMatchObject({ code: 'DIRECTORY_LOCKED', file: file.path })
    await store.close()
    await (await open(file)).close()
  })

  test('a change that has resolved is in the file at once', async () => {
    const store = await open(file)
    await store.set('/a', bytes('1'))
    expect([...readLmdbFile(readFileSync(file.path)).nodes.keys()]).toEqual(['/a'])
    await store.close()
  })

  test.each([
    ['ENOSPC', 'DISK_FULL'], [28, 'DISK_FULL'], [27, 'DISK_FULL'], ['EIO', 'KAFKA_STORAGE_ERROR'], [13, 'DIRECTORY_UNUSABLE'],
  ])('a commit that fails with %s raises %s, changes nothing, and later ones go on', async (code, expected) => {
    let failing = false
    const environment: LmdbEnvironment = {
      transactionSync: (action) => {
        action()
        if (failing) throw Object.assign(new Error('commit failed'), { code })
      },
      putSync: () => {}, removeSync: () => {}, close: async () => {},
    }
    const store = await openLmdbStore({ file, logger: silentLogger, openEnvironment: () => environment })
    await store.set('/a', bytes('1'))
    failing = true
    await expect(store.set('/a', bytes('2'))).rejects.toMatchObject({ code: expected, file: file.path })
    await expect(store.create('/b', bytes('2'))).rejects.toMatchObject({ code: expected })
    await expect(store.delete('/a')).rejects.toMatchObject({ code: expected })
    failing = false
    expect(await store.get('/a')).toEqual({ value: bytes('1'), version: 0 })
    expect(await store.get('/b')).toBeNull()
    expect(await store.set('/a', bytes('3'))).toBe(1)
    await store.close()
  })

  test('does not grow with the number of changes: no reader holds old pages', async () => {
    const store = await open(file)
    for (let i = 0; i < 1000; i += 1) {
      await store.get('/a')
      await store.set('/a', bytes(`${i} ${'.'.repeat(1000)}`))
    }
    await store.close()
    expect(readFileSync(file.path).length).toBeLessThan(200_000)
  })

  test('a library that cannot be loaded is one clear error at the first change', async () => {
    const store = await openLmdbStore({ file, logger: silentLogger, openEnvironment: () => { throw new OttlaError('DEPENDENCY_MISSING', 'lmdb') } })
    expect(await store.get('/a')).toBeNull()
    await expect(store.set('/a', bytes('1'))).rejects.toMatchObject({ code: 'DEPENDENCY_MISSING' })
    await store.close()
  })
})
