import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { bytes, directoryOf, newFile, open } from '../../test/support/metadata-files.ts'
import { OttlaError } from '../common/errors.ts'
import { silentLogger } from '../common/logger.ts'
import { metadataStoreContract } from '../testing/contracts/metadata-store-contract.ts'
import { readLmdbFile } from './lmdb-file.ts'
import { emptyLmdbFile, LOCK_BYTES, openLmdb, type LmdbEnvironment } from './lmdb-library.ts'
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

  test('an empty file is, page for page, what LMDB makes', async () => {
    const environment = openLmdb(file.path)
    const made = readFileSync(file.path)
    await environment.close()
    const pageSize = made.readUInt32LE(48)
    const pages = Buffer.concat([made.subarray(0, 4096), made.subarray(pageSize, pageSize + 4096)])
    for (const at of [48, 4096 + 48]) pages.writeUInt32LE(4096, at)
    expect(made).toHaveLength(2 * pageSize)
    expect(Buffer.compare(emptyLmdbFile(), pages)).toBe(0)
    expect(readLmdbFile(emptyLmdbFile())).toEqual({ nodes: new Map(), damage: null })
  })

  test('a lock file is as long as LMDB makes it', async () => {
    await openLmdb(file.path).close()
    expect(statSync(`${file.path}-lock`).size).toBe(LOCK_BYTES)
  })

  /** As LMDB where a head page cannot be written: what it puts there instead is half old, and whatever follows is refused. */
  function failingOnce(events: string[], changes: number): (path: string) => LmdbEnvironment {
    let left = changes
    return (path) => {
      const real = openLmdb(path)
      let isBroken = false
      events.push('opened')
      return {
        transactionSync: (action) => {
          if (isBroken) throw Object.assign(new Error('Invalid argument'), { code: 22 })
          real.transactionSync(action)
          left -= 1
          if (left !== 0) return
          isBroken = true
          const pages = readFileSync(path)
          const newest = pages.readUInt32LE(152) > pages.readUInt32LE(4096 + 152) ? 152 : 4096 + 152
          pages.writeUInt32LE(pages.readUInt32LE(newest) - 2, newest)
          writeFileSync(path, pages)
          throw Object.assign(new Error('Input/output error'), { code: 5 })
        },
        putSync: (key, value) => real.putSync(key, value), removeSync: (key) => real.removeSync(key),
        close: async () => {
          await real.close()
          events.push('closed')
        },
      }
    }
  }

  test('after a commit that left half a head page the next change finds a file that is whole again, with all that was there', async () => {
    const events: string[] = []
    const store = await openLmdbStore({ file, logger: silentLogger, openEnvironment: failingOnce(events, 4) })
    for (const name of ['a', 'b', 'c']) await store.set(`/${name}`, bytes(name))
    await expect(store.set('/a', bytes('lost'))).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR', message: expect.stringContaining('Input/output error') as string })
    expect(readLmdbFile(readFileSync(file.path)).damage).not.toBeNull()
    const both = await Promise.all([store.create('/d', bytes('d')), store.create('/d', bytes('again')), store.set('/a', bytes('new'), 0)])
    expect(both).toEqual([true, false, 1])
    expect(events).toEqual(['opened', 'closed', 'opened', 'closed', 'opened'])
    await store.close()
    expect(readLmdbFile(readFileSync(file.path)).damage).toBeNull()
    const again = await open(file)
    expect((await again.entries('/')).map(({ name, node }) => `${name}=${Buffer.from(node.value).toString()}`)).toEqual(['a=new', 'b=b', 'c=c', 'd=d'])
    await again.close()
  })

  test('that is closed while a change waits does not begin it', async () => {
    const store = await open(file)
    const changes = [store.set('/a', bytes('1')), store.create('/b', bytes('1')), store.delete('/a')].map(async (each) => each.catch((error: unknown) => (error as OttlaError).code))
    await store.close()
    const codes = await Promise.all(changes)
    expect(existsSync(file.path)).toBe(codes.some((each) => each !== 'CLOSED'))
    await (await open(file)).close()
  })

  test('changes that stood in line behind a commit that failed find it mended, too', async () => {
    const store = await openLmdbStore({ file, logger: silentLogger, openEnvironment: failingOnce([], 2) })
    await store.set('/a', bytes('1'))
    const given = [store.set('/b', bytes('2')), store.create('/c', bytes('3')), store.delete('/a')]
    expect((await Promise.allSettled(given)).map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as OttlaError).code))).toEqual(['KAFKA_STORAGE_ERROR', true, true])
    await store.close()
    expect([...readLmdbFile(readFileSync(file.path)).nodes.keys()]).toEqual(['/c'])
  })

  test('a change that came before the close is made, or refused as closed: it does not meet what is closing', async () => {
    const store = await open(file)
    await store.set('/a', bytes('1'))
    const given = [store.set('/b', bytes('2')), store.create('/c', bytes('3')), store.delete('/a')]
    await store.close()
    expect(await Promise.all(given)).toEqual([0, true, true])
    const again = await open(file)
    expect(await again.children('/')).toEqual(['b', 'c'])
    await again.close()
  })

  test.each([['at once', 1], ['after another change', 2]])('what was refused is not there %s, whatever of it had come to the file', async (_when, changes) => {
    let isFailing = true
    const store = await open({ ...file, syncDirectory: () => { if (isFailing) throw Object.assign(new Error('Input/output error'), { code: 'EIO' }) } })
    await expect(store.set('/refused', bytes('1'))).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    isFailing = false
    if (changes === 2) await store.set('/a', bytes('2'))
    await store.close()
    const again = await open(file)
    expect(await again.children('/')).toEqual(changes === 2 ? ['a'] : [])
    await again.close()
  })

  test('where the file was put in its place again, but its directory not synced, the next change syncs it', async () => {
    const events: string[] = []
    let isFailing = true
    const replace = (): void => {
      file.replace()
      if (isFailing) throw Object.assign(new Error('Input/output error'), { code: 'EIO' })
    }
    const store = await openLmdbStore({ file: { ...file, replace, syncDirectory: () => { events.push('synced') } }, logger: silentLogger, openEnvironment: failingOnce([], 3) })
    await store.set('/a', bytes('1'))
    await store.set('/a', bytes('2'))
    for (let i = 0; i < 2; i += 1) await expect(store.set('/a', bytes('3'))).rejects.toMatchObject({ code: i === 0 ? 'KAFKA_STORAGE_ERROR' : 'EIO' })
    isFailing = false
    expect(await store.set('/a', bytes('4'))).toBe(2)
    expect(events).toEqual(['synced', 'synced'])
    await store.close()
  })

  test('is whole when it is closed after such a commit', async () => {
    const store = await openLmdbStore({ file, logger: silentLogger, openEnvironment: failingOnce([], 2) })
    await store.set('/a', bytes('1'))
    await expect(store.delete('/a')).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    await store.close()
    expect(readLmdbFile(readFileSync(file.path))).toMatchObject({ damage: null, nodes: new Map([['/a', expect.anything()]]) })
  })

  test('what stands in the way of a change is told for as long as it does', async () => {
    let isFull = true
    const full: MetadataFile = { ...file, prepare: (...given) => { if (isFull) throw new OttlaError('DISK_FULL', 'full'); file.prepare(...given) } }
    const store = await open(full)
    for (let i = 0; i < 3; i += 1) await expect(store.set('/a', bytes('1'))).rejects.toMatchObject({ code: 'DISK_FULL' })
    isFull = false
    expect(await store.set('/a', bytes('1'))).toBe(0)
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
