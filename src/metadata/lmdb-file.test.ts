import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { endianness, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readLmdbFile } from './lmdb-file.ts'

interface Environment { transactionSync(action: () => void): void; putSync(key: Buffer, value: Buffer): void; removeSync(key: Buffer): void; close(): Promise<void> }
const lmdb = createRequire(import.meta.url)('lmdb') as { open(options: object): Environment }
const little = endianness() === 'LE'
const root = mkdtempSync(join(tmpdir(), 'ottla-lmdb-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const key = (i: number): string => `/topics/t${String(i).padStart(3, '0')}`
let sound: Buffer
let truth: Map<string, string>

beforeAll(async () => {
  const path = join(root, 'x.mdb')
  const environment = lmdb.open({ path, noSubdir: true, overlappingSync: false, keyEncoding: 'binary', encoding: 'binary' })
  truth = new Map()
  for (let round = 0; round < 3; round += 1) {
    for (let i = 0; i < 120; i += 1) {
      const value = `${round} ${i} ${'v'.repeat(i % 10 === 0 ? 9000 : 100)}`
      environment.transactionSync(() => environment.putSync(Buffer.from(key(i)), Buffer.from(value)))
      truth.set(key(i), value)
    }
  }
  for (let i = 0; i < 120; i += 4) {
    environment.transactionSync(() => environment.removeSync(Buffer.from(key(i))))
    truth.delete(key(i))
  }
  await environment.close()
  sound = readFileSync(path)
})

const u16 = (bytes: Buffer, at: number): number => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
const u32 = (bytes: Buffer, at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
const setU16 = (bytes: Buffer, at: number, value: number): number => (little ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at))
const low = (at: number): number => (little ? at : at + 4)

/** Where the newest snapshot's trees begin, in bytes. */
function roots(bytes: Buffer): { free: number; main: number; meta: number } {
  const size = u32(bytes, 24 + 24)
  const meta = u32(bytes, low(24 + 128)) > u32(bytes, low(size + 24 + 128)) ? 24 : size + 24
  return { meta, free: u32(bytes, low(meta + 24 + 40)) * size, main: u32(bytes, low(meta + 72 + 40)) * size }
}
const pointer = (bytes: Buffer, page: number, i: number): number => page + 24 + u16(bytes, page + 24 + 2 * i)

describe('an LMDB file', () => {
  test('is read as LMDB wrote it, through branches and over overflow pages', () => {
    const { nodes, damage } = readLmdbFile(sound)
    expect(damage).toBeNull()
    expect(new Map([...nodes].map(([name, value]) => [name, Buffer.from(value).toString()]))).toEqual(truth)
  })

  test.each<[string, RegExp, (bytes: Buffer) => void]>([
    ['two branches that lead to one page', /is used twice/, (bytes) => {
      const { main } = roots(bytes)
      for (const at of [0, 2]) setU16(bytes, pointer(bytes, main, 1) + at, u16(bytes, pointer(bytes, main, 0) + at))
    }],
    ['keys out of order', /keys out of order/, (bytes) => {
      const { main } = roots(bytes)
      const leaf = u16(bytes, pointer(bytes, main, 0)) * 4096
      const [first, second] = [u16(bytes, leaf + 24), u16(bytes, leaf + 26)]
      setU16(bytes, leaf + 24, second)
      setU16(bytes, leaf + 26, first)
    }],
    ['a page in use that is listed as free', /in use and listed as free/, (bytes) => {
      const { free, main } = roots(bytes)
      const node = pointer(bytes, free, 0)
      const list = node + 8 + 8
      for (let i = 1; i <= u32(bytes, low(list)); i += 1) {
        bytes.fill(0, list + 8 * i, list + 8 * i + 8)
        setU16(bytes, low(list + 8 * i), main / 4096)
      }
    }],
    ['a page of another number', /carries another number/, (bytes) => { setU16(bytes, low(roots(bytes).main), 3) }],
    ['a page of the wrong kind', /wrong kind/, (bytes) => { setU16(bytes, roots(bytes).main + 18, 2) }],
    ['bounds that cannot be', /impossible bounds/, (bytes) => { setU16(bytes, roots(bytes).main + 20, 0x7001) }],
    ['an entry outside its page', /entry outside it/, (bytes) => { setU16(bytes, roots(bytes).main + 24, 0xfff0) }],
    ['a branch to a page outside the file', /outside the file/, (bytes) => { setU16(bytes, pointer(bytes, roots(bytes).main, 1), 0xffff) }],
    ['a count of entries that is wrong', /entries instead of/, (bytes) => { const { meta } = roots(bytes); setU16(bytes, low(meta + 72 + 32), 7) }],
    ['an absurd depth', /claims a depth of/, (bytes) => { const { meta } = roots(bytes); setU16(bytes, meta + 72 + 6, 200) }],
    ['a value larger than its page', /value outside it/, (bytes) => {
      const leaf = u16(bytes, pointer(bytes, roots(bytes).main, 1)) * 4096
      setU16(bytes, pointer(bytes, leaf, 0) + 2, 9)
    }],
  ])('with %s is found damaged', (_, message, change) => {
    const bytes = Buffer.from(sound)
    change(bytes)
    // Both snapshots share most pages: whichever is read, the newest one's damage is named.
    expect(readLmdbFile(bytes).damage).toMatch(message)
  })

  test('with one unreadable head page is damaged, for that page may have been the newest', () => {
    for (const at of [0, 4096]) {
      const bytes = Buffer.from(sound)
      bytes.fill(0, at, at + 4096)
      expect(readLmdbFile(bytes).damage).toBe('one of the two head pages is damaged')
    }
  })

  test('that is short, empty or something else is damaged', () => {
    expect(readLmdbFile(new Uint8Array(0)).damage).toContain('less than its two head pages')
    expect(readLmdbFile(new Uint8Array(8191)).damage).toContain('less than its two head pages')
    expect(readLmdbFile(Buffer.alloc(100_000, 'x')).damage).toBe('neither head page is one of LMDB')
  })
})
