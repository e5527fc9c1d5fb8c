/** LMDB: pitfalls M1–M7 of spec/reliability 2.7, named after what must not happen here. The wider tests: src/metadata/lmdb-metadata-store.test.ts. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../src/common/logger.ts'
import { systemPorts } from '../../src/common/ports.ts'
import { Database } from '../../src/database.ts'
import { nodeFileSystem } from '../../src/io/node-file-system.ts'
import type { LmdbEnvironment } from '../../src/metadata/lmdb-library.ts'
import { openLmdbStore, type MetadataFile } from '../../src/metadata/lmdb-metadata-store.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'

interface RawLmdb { open(options: Record<string, unknown>): LmdbEnvironment & { readerList(): string } }
const lmdb = createRequire(import.meta.url)('lmdb') as RawLmdb
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
let directory: string
let file: MetadataFile

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ottla-m-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'ottla-metadata.mdb')
  file = {
    path, read: () => (existsSync(path) ? readFileSync(path) : null), keepCopy: () => '', replacementPath: () => `${path}.tmp`, replace: () => {}, syncDirectory: () => {},
  }
})

const open = (openEnvironment?: (path: string) => LmdbEnvironment): Promise<MetadataStore> => (
  openLmdbStore({ file, logger: silentLogger, ...(openEnvironment === undefined ? {} : { openEnvironment }) }))

/** A process that does `work` on the raw environment, says so, and waits to be killed. */
async function processThat(work: string): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, ['-e', `
    const { open } = require(${JSON.stringify(createRequire(import.meta.url).resolve('lmdb'))})
    const db = open({ path: ${JSON.stringify(file.path)}, noSubdir: true, keyEncoding: 'binary', encoding: 'binary', maxReaders: 8, maxDbs: 1 })
    ${work}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => { child.stdout.once('data', resolve) })
  return () => new Promise((resolve) => { child.once('close', () => resolve()); child.kill('SIGKILL') })
}
const say = 'require("fs").writeSync(1, "ready\\n");'
const forever = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'

test('M1: a file that is open in this process must not be opened again, by whatever copy of the code: closing one would drop the locks of the other', async () => {
  const store = await open()
  await store.set('/a', bytes('1'))
  await expect(open()).rejects.toMatchObject({ code: 'DIRECTORY_LOCKED' })
  const paths = (globalThis as unknown as Record<symbol, Set<string>>)[Symbol.for('ottla.metadata')]!
  expect([...paths]).toContain(file.path)
  await store.close()
  const again = await open()
  expect(await again.get('/a')).toMatchObject({ value: bytes('1') })
  await again.close()
})

test.each([['MDB_MAP_FULL', -30792], ['ENOSPC', 28]] as const)('M2 %s: a commit without room must not change anything, nor be the last one', async (_name, code) => {
  let isFull = false
  const real = lmdb.open({ path: file.path, noSubdir: true, keyEncoding: 'binary', encoding: 'binary' })
  const store = await open(() => ({
    transactionSync: (action) => real.transactionSync(() => {
      action()
      if (isFull) throw Object.assign(new Error('full'), { code })
    }),
    putSync: (key, value) => real.putSync(key, value), removeSync: (key) => real.removeSync(key), close: () => real.close(),
  }))
  await store.set('/a', bytes('1'))
  isFull = true
  await expect(store.set('/a', bytes('2'))).rejects.toMatchObject({ code: 'DISK_FULL', retriable: true })
  expect(await store.get('/a')).toEqual({ value: bytes('1'), version: 0 })
  isFull = false
  expect(await store.set('/a', bytes('3'))).toBe(1)
  await store.close()
  const again = await open()
  expect(await again.get('/a')).toEqual({ value: bytes('3'), version: 1 })
  await again.close()
})

test('M3: a reader that stays must not keep old pages: the file does not grow with the number of changes', async () => {
  const store = await open()
  for (let i = 0; i < 1500; i++) {
    await store.set('/a', bytes(`${i} ${'.'.repeat(1000)}`))
    await store.get('/a')
    await store.entries('/')
  }
  await store.close()
  expect(readFileSync(file.path).length).toBeLessThan(200_000)
})

test('M4: readers of killed processes must not use up the slots: of eight there are, twelve are killed, and the store works', async () => {
  const first = await open()
  await first.set('/a', bytes('1'))
  await first.close()
  for (let i = 0; i < 12; i++) await (await processThat(`const t = db.useReadTransaction(); db.getBinary(Buffer.from('/a'), { transaction: t }); ${say} ${forever}`))()
  const store = await open()
  expect(await store.set('/a', bytes('2'))).toBe(1)
  await store.close()
  const again = await open()
  expect(await again.get('/a')).toEqual({ value: bytes('2'), version: 1 })
  await again.close()
}, 60_000)

test('M5: a process killed inside a write transaction must not hold the lock: the next commit goes through within a second, and sees nothing of it', async () => {
  const first = await open()
  await first.set('/a', bytes('1'))
  await first.close()
  const kill = await processThat(`db.transactionSync(() => { db.putSync(Buffer.from('/b'), Buffer.from('never')); ${say} ${forever} })`)
  const store = await open()
  await kill()
  const began = performance.now()
  await store.set('/a', bytes('2'))
  expect(performance.now() - began).toBeLessThan(1000)
  await store.close()
  const again = await open()
  expect(await again.children('/')).toEqual(['a'])
  await again.close()
}, 60_000)

test('M6: a network file system, where neither locks nor syncs can be trusted, must not be opened unasked', async () => {
  const disk = new SimulatedFileSystem()
  disk.makeDirectory('/d')
  const fileSystem = new Proxy(disk, { get: (target, name) => {
    if (name === 'info') return () => ({ kind: 'network', name: 'nfs', freeBytes: 1e9 })
    const member: unknown = Reflect.get(target, name, target)
    return typeof member === 'function' ? (member as (...args: unknown[]) => unknown).bind(target) : member
  } })
  const options = { directory: '/d', fileSystem, ports: { ...systemPorts, logger: silentLogger }, settings: {}, readOnly: false, inMemory: true, emit: () => {} }
  await expect(Database.open({ ...options, allowNetworkFileSystem: false })).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
  expect(disk.readDirectory('/d')).toEqual([])
  expect(nodeFileSystem.info(tmpdir()).kind).not.toBe('network')
})

describe('M7: a commit', () => {
  test('must not be answered before it is in the file, nor may what was not synced be trusted because the machine has not been restarted', async () => {
    const asked: Record<string, unknown>[] = []
    const genuine = lmdb.open
    lmdb.open = (options) => { asked.push(options); return genuine.call(lmdb, options) }
    onTestFinished(() => { lmdb.open = genuine })
    const store = await open()
    await store.set('/a', bytes('1'))
    const seen = readFileSync(file.path).includes('/a')
    await store.close()
    expect(seen).toBe(true)
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({ safeRestore: true, overlappingSync: false })
    for (const shortcut of ['noSync', 'noMetaSync', 'mapAsync', 'useWritemap', 'separateFlushed']) expect(asked[0]).not.toHaveProperty(shortcut, true)
  })
})
