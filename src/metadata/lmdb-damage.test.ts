import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bytes, directoryOf, newFile, open } from '../../test/support/metadata-files.ts'
import { silentLogger } from '../common/logger.ts'
import { readLmdbFile } from './lmdb-file.ts'
import { damageOfMetadataFile, openLmdbStore, readMetadataFile, type MetadataFile } from './lmdb-metadata-store.ts'

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

  test.each([1, 3, 4, 9])('that another process is writing is looked at four times: sound after %i', async (broken) => {
    const file = newFile()
    const sound = await written(file, 20)
    const torn = Buffer.from(sound)
    torn.fill(0xff, 4096 * 2)
    expect(readLmdbFile(torn).damage).not.toBeNull()
    const writing = (): MetadataFile => {
      let looks = 0
      return { ...file, read: () => (looks++ < broken ? torn : sound) }
    }
    const warnings: string[] = []
    const nodes = readMetadataFile(writing(), { ...silentLogger, warn: (line) => { warnings.push(line) } })
    expect([warnings.length, nodes.paths().length > 19, damageOfMetadataFile(writing()) === null]).toEqual(broken < 4 ? [0, true, true] : [1, false, false])
  })

  test('read only is read as far as possible and left as it is', async () => {
    const file = newFile()
    const sound = await written(file, 20)
    writeFileSync(file.path, sound.subarray(0, sound.length - 4096))
    const before = readdirSync(directoryOf(file))
    const warnings: string[] = []
    readMetadataFile(file, { ...silentLogger, warn: (line) => { warnings.push(line) } })
    expect(warnings.length).toBe(readLmdbFile(sound.subarray(0, sound.length - 4096)).damage === null ? 0 : 1)
    expect(readdirSync(directoryOf(file))).toEqual(before)
    expect(readFileSync(file.path).length).toBe(sound.length - 4096)
  })
})
