import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { silentLogger } from '../common/logger.ts'
import { metadataStoreContract } from '../testing/contracts/metadata-store-contract.ts'
import type { LmdbEnvironment } from './lmdb-library.ts'
import { openLmdbStore, damageOfMetadataFile, readMetadataFile, type MetadataFile } from './lmdb-metadata-store.ts'
import { readLmdbFile } from './lmdb-file.ts'

const root = mkdtempSync(join(tmpdir(), 'ottla-metadata-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let number = 0
let directory: string
function newFile(): MetadataFile {
  number += 1
  directory = mkdtempSync(join(root, `${number}-`))
  return fileIn(directory)
}

function fileIn(where: string): MetadataFile {
  const path = join(where, 'ottla-metadata.mdb')
  return {
    path,
    read: () => (existsSync(path) ? readFileSync(path) : null),
    keepCopy: (bytes) => { writeFileSync(`${path}.damaged-0`, bytes); return `${path}.damaged-0` },
    replacementPath: () => { rmSync(`${path}.tmp`, { force: true }); return `${path}.tmp` },
    replace: () => { renameSync(`${path}.tmp`, path); for (const lock of [`${path}.tmp-lock`, `${path}-lock`]) rmSync(lock, { force: true }) },
    syncDirectory: () => {},
  }
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const open = (file: MetadataFile): ReturnType<typeof openLmdbStore> => openLmdbStore({ file, logger: silentLogger })

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
    expect(readdirSync(directory)).toEqual([])
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

describe('a damaged metadata file', () => {
  async function written(file: MetadataFile, count: number): Promise<Buffer> {
    const store = await open(file)
    for (let i = 0; i < count; i += 1) await store.set(`/topics/t${i}`, bytes(`value ${i} ${'.'.repeat(i % 7 === 0 ? 9000 : 120)}`))
    for (let i = 0; i < count; i += 5) await store.set(`/topics/t${i}`, bytes(`second ${i}`))
    await store.close()
    return readFileSync(file.path)
  }

  test('is made anew from what can be read, a copy is kept, and the log says so', async () => {
    const file = newFile()
    const sound = await written(file, 60)
    const broken = Buffer.from(sound)
    broken.fill(0xff, broken.length - 4096)
    writeFileSync(file.path, broken)
    const lines: string[] = []
    const store = await openLmdbStore({ file, logger: { ...silentLogger, error: (line) => { lines.push(line) } } })
    const damage = readLmdbFile(broken).damage
    if (damage === null) expect(lines).toEqual([])
    else {
      expect(lines[0]).toContain('damaged')
      expect(readFileSync(`${file.path}.damaged-0`).equals(broken)).toBe(true)
    }
    await store.set('/after', bytes('1'))
    await store.close()
    const again = await open(file)
    expect(await again.get('/after')).toEqual({ value: bytes('1'), version: 0 })
    await again.close()
  })

  test('cut at any page never gives a wrong value, and opens', async () => {
    const file = newFile()
    const sound = await written(file, 40)
    const truth = readLmdbFile(sound).nodes
    for (let size = 0; size < sound.length; size += 1024) {
      const contents = readLmdbFile(sound.subarray(0, size))
      for (const [path, value] of contents.nodes) expect(Buffer.from(value).equals(truth.get(path)!)).toBe(true)
      // Without its last pages the file is still whole when they are all free.
      if (contents.damage === null) expect(contents.nodes.size).toBe(truth.size)
    }
    writeFileSync(file.path, sound.subarray(0, 10_000))
    const store = await open(file)
    await store.set('/after', bytes('1'))
    await store.close()
    expect(readLmdbFile(readFileSync(file.path)).damage).toBeNull()
  })

  test('with any one bit flipped is either read as it was or known to be damaged; no flip gives a wrong value', async () => {
    const file = newFile()
    const sound = await written(file, 24)
    const table = (content: Uint8Array): Map<string, string> => {
      const nodes = readMetadataFile({ ...file, read: () => content }, silentLogger)
      return new Map(nodes.paths().map((path) => [path, Buffer.from(nodes.get(path)!.value).toString('latin1')]))
    }
    const truth = table(sound)
    for (let at = 0; at < sound.length; at += 17) {
      const flipped = Buffer.from(sound)
      flipped[at] = flipped[at]! ^ (1 << (at % 8))
      for (const [path, value] of table(flipped)) {
        if (truth.get(path) !== value) expect(value).toBe(`value ${path.slice(9)} `.padEnd(value.length, '.')) // an older snapshot of the node
      }
    }
  })

  test('with any bit of a head page flipped never shows an older snapshot in silence, and gives up nothing that can be reached', async () => {
    const file = newFile()
    const sound = await written(file, 12)
    const show = (content: Uint8Array): { damage: string | null; nodes: string } => {
      const flipped = { ...file, read: () => content }
      const nodes = readMetadataFile(flipped, silentLogger)
      return { damage: damageOfMetadataFile(flipped), nodes: JSON.stringify(nodes.paths().map((path) => [path, Buffer.from(nodes.get(path)!.value).toString('latin1')])) }
    }
    const truth = show(sound)
    expect(truth.damage).toBeNull()
    let damaged = 0
    for (let bit = 0; bit < 2 * 4096 * 8; bit++) {
      const at = bit >> 3
      if (at % 4096 >= 24 + 136) continue
      const flipped = Buffer.from(sound)
      flipped[at]! ^= 1 << bit % 8
      const shown = show(flipped)
      if (shown.damage === null) expect(shown.nodes, `bit ${bit}`).toBe(truth.nodes)
      else damaged++
    }
    expect(damaged).toBeGreaterThan(200)
  })

  test('a file of something else is kept aside', async () => {
    const file = newFile()
    writeFileSync(file.path, Buffer.alloc(20_000, 'not a database '))
    const store = await open(file)
    expect(await store.children('/')).toEqual([])
    await store.close()
    expect(readFileSync(`${file.path}.damaged-0`, 'latin1').startsWith('not a database')).toBe(true)
  })

  test('read only is read as far as possible and left as it is', async () => {
    const file = newFile()
    const sound = await written(file, 20)
    writeFileSync(file.path, sound.subarray(0, sound.length - 4096))
    const before = readdirSync(directory)
    const warnings: string[] = []
    readMetadataFile(file, { ...silentLogger, warn: (line) => { warnings.push(line) } })
    expect(warnings.length).toBe(readLmdbFile(sound.subarray(0, sound.length - 4096)).damage === null ? 0 : 1)
    expect(readdirSync(directory)).toEqual(before)
    expect(readFileSync(file.path).length).toBe(sound.length - 4096)
  })
})
