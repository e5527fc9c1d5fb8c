/** LMDB: pitfalls M1–M7 of spec/reliability 2.7, named after what must not happen here. The wider tests: src/metadata/lmdb-metadata-store.test.ts. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../src/common/logger.ts'
import { systemPorts } from '../../src/common/ports.ts'
import { Database } from '../../src/database.ts'
import { nodeFileSystem } from '../../src/io/node-file-system.ts'
import type { LmdbEnvironment } from '../../src/metadata/lmdb-library.ts'
import { openLmdbStore, type MetadataFile } from '../../src/metadata/lmdb-metadata-store.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'
import { compilePackage, runModule } from '../support/child-process.ts'

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
    path, read: () => (existsSync(path) ? readFileSync(path) : null), keepCopy: () => '', replacementPath: () => `${path}.tmp`, replace: () => {}, prepare: () => {}, syncDirectory: () => {},
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
  const store = await open(() => {
    const real = lmdb.open({ path: file.path, noSubdir: true, keyEncoding: 'binary', encoding: 'binary' })
    return {
      transactionSync: (action) => real.transactionSync(() => {
        action()
        if (isFull) throw Object.assign(new Error('full'), { code })
      }),
      putSync: (key, value) => real.putSync(key, value), removeSync: (key) => real.removeSync(key), close: () => real.close(),
    }
  })
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

describe('LMDB as it is packaged ends the process where its open fails, and its commits fail for ever once a head page could not be written:', () => {
  let entry: string
  beforeAll(() => { entry = compilePackage(`metadata-${process.pid}`) }, 60_000)
  afterAll(() => rmSync(new URL('.', entry), { recursive: true, force: true }))

  /** What making a topic ends in, and making it again after `between`. */
  const outcomes = (before: string, between: string): string => `
    import { mkdirSync, rmdirSync } from 'node:fs'
    const { open, silentLogger } = await import(${JSON.stringify(entry)})
    ${before}
    const ottla = await open(${JSON.stringify(directory)}, { logger: silentLogger })
    const made = async (name) => ottla.admin.createTopic(name).then(() => 'made', (error) => error.code)
    console.log(await made('t'))
    ${between}
    console.log(await made('t'))
    await ottla.close()
    console.log('closed')`

  test.each([1, 4, 7])('a disk that has room for %i KiB of a new metadata file must not end the process, nor leave half a file', async (fileKilobytes) => {
    expect(await runModule(outcomes('', ''), { fileKilobytes })).toEqual({ lines: ['DISK_FULL', 'DISK_FULL', 'closed'], status: 0 })
    expect(existsSync(file.path)).toBe(false)
    expect((await runModule(outcomes('', ''))).lines).toEqual(['made', 'TOPIC_ALREADY_EXISTS', 'closed'])
  })

  test('a lock file that cannot be one must not end the process', async () => {
    const lock = JSON.stringify(`${file.path}-lock`)
    expect(await runModule(outcomes(`mkdirSync(${lock})`, `rmdirSync(${lock})`))).toEqual({ lines: ['DIRECTORY_UNUSABLE', 'made', 'closed'], status: 0 })
  })

  test('a process without file handles must not be ended', async () => {
    const hold = `
      const { closeSync, openSync } = await import('node:fs')
      const held = []
      try { for (;;) held.push(openSync(process.execPath, 'r')) } catch {}
      for (const each of held.splice(0, 3)) closeSync(each)`
    const { lines, status } = await runModule(outcomes('', '').replace("console.log(await made('t'))", `${hold}
      console.log(await made('t'))
      for (const each of held) closeSync(each)`))
    expect({ lines, status }).toEqual({ lines: ['TOO_MANY_OPEN_FILES', 'made', 'closed'], status: 0 })
  })
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
