/** `ottla verify --repair` as a process of its own, on a directory that Kafka wrote. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { open } from '../src/index.ts'
import { silentLogger } from '../src/common/logger.ts'
import { build, jsonLines, ottla, root } from './support/cli.ts'

let data: string
beforeAll(build, 180_000)
beforeEach(() => {
  data = join(mkdtempSync(join(tmpdir(), 'ottla-repair-')), 'data')
  cpSync(join(root, 'fixtures/03-segments/data'), data, { recursive: true })
})
afterEach(() => rmSync(join(data, '..'), { recursive: true, force: true }))

const victim = (): string => join(data, 'seg.ooo-0/00000000000000000000.log')

function damage(position: number): Buffer {
  const bytes = readFileSync(victim())
  bytes[position]! ^= 8
  writeFileSync(victim(), bytes)
  return bytes
}

test('a repair says what it took out and kept, leaves a directory without findings, and can be looked at before', async () => {
  const found = damage(6884)
  const planned = await ottla(['verify', '--data', data, '--repair', '--dry-run'])
  expect(planned.code).toBe(1)
  expect(planned.text).toContain(`would be taken out: ${victim()} bytes 6520–6932, offsets 55–58 lost: the checksum does not match`)
  expect(readFileSync(victim()).equals(found)).toBe(true)

  const done = await ottla(['verify', '--data', data, '--repair', '--json'])
  expect(done.code).toBe(0)
  const [step] = jsonLines(done)
  const keptAs = `${victim()}.damaged-6520`
  expect(step).toMatchObject({ kind: 'taken-out', topic: 'seg.ooo', partition: 0, position: 6520, bytes: 413, firstOffset: 55, lastOffset: 58, keptAs })
  expect(readFileSync(keptAs).equals(found.subarray(6520, 6933))).toBe(true)
  expect(done.error).toContain('1 step, 4 offsets lost')
  expect(done.error).toContain('0 errors, 0 warnings')

  const again = await ottla(['verify', '--data', data, '--repair'])
  expect([again.code, again.error.includes('nothing to repair')]).toEqual([0, true])
})

test('a damaged metadata file is found, and repaired from what can be read', async () => {
  const first = await open(data, { logger: silentLogger })
  await first.admin.createTopic('made-here', { partitions: 1 })
  await first.close()
  const file = join(data, 'ottla-metadata.mdb')
  const bytes = readFileSync(file)
  bytes.fill(0xee, 0, 8192)
  writeFileSync(file, bytes)
  const found = await ottla(['verify', '--data', data])
  expect(found.code).toBe(1)
  expect(found.text).toMatch(/^error: .*ottla-metadata\.mdb: .*\[METADATA_DAMAGED\]$/m)
  expect((await ottla(['verify', '--data', data, '--repair'])).code).toBe(0)
  expect(existsSync(`${file}.damaged-0`)).toBe(true)
})

test('a repair refuses while somebody has the directory, and --dry-run alone makes no sense', async () => {
  damage(6884)
  const owner = await open(data, { logger: silentLogger })
  try {
    const refused = await ottla(['verify', '--data', data, '--repair'])
    expect([refused.code, refused.error.includes('DIRECTORY_LOCKED') || refused.error.includes('is in use by')]).toEqual([1, true])
    expect(readdirSync(join(data, 'seg.ooo-0')).filter((name) => name.includes('damaged'))).toEqual([])
  } finally {
    await owner.close()
  }
  expect((await ottla(['verify', '--data', data, '--dry-run'])).code).toBe(2)
})
