import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { applyEdits, fixtures, loadFixture, readJson, readLines, type Edit, type TruthOffsets } from '../../test/support/fixture-files.ts'
import { consume } from '../../test/support/log-consumer.ts'
import { drive, testConfig } from '../../test/support/test-log.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import type { LogConfig } from './log-config.ts'
import { LogManager } from './log-manager.ts'

const FIXTURE = '09-unclean'
const cases = readdirSync(join(fixtures, FIXTURE, 'recovery')).sort()
/** A few minutes after the broker was killed. */
const NOW = 1_795_228_700_000

/** As the generator made the topics (fixtures/make/Gen.java of the set). */
function topicConfig(topic: string): LogConfig {
  const base = { 'retention.ms': -1, 'segment.ms': 876_000 * 3_600_000 }
  if (topic.startsWith('__')) return testConfig({ ...base, 'segment.bytes': 104_857_600, 'cleanup.policy': 'compact' })
  const segmentBytes = topic === 'u' ? 4000 : topic === 'u.txn' ? 3000 : 1_073_741_824
  return testConfig({ ...base, 'segment.bytes': segmentBytes, 'index.interval.bytes': 400, 'segment.index.bytes': 2048 })
}

interface Served { readonly records: number; readonly asBeforeTheKill?: boolean; readonly offsetRanges?: readonly (readonly [number, number])[] }

function rangesOf(offsets: readonly number[]): [number, number][] {
  const ranges: [number, number][] = []
  for (const offset of offsets) {
    const last = ranges[ranges.length - 1]
    if (last !== undefined && last[1] === offset - 1) last[1] = offset
    else ranges.push([offset, offset])
  }
  return ranges
}

class Broken {
  readonly clock = new ManualClock(NOW)
  readonly scheduler = new ManualScheduler(this.clock)
  readonly logger = new RecordingLogger()
  disk = new SimulatedFileSystem({ clock: this.clock })

  open(readOnly = false): Promise<LogManager> {
    return this.drive(LogManager.open({
      directory: '/data', fileSystem: this.disk, settings: {}, topicConfig, readOnly,
      ports: { clock: this.clock, scheduler: this.scheduler, random: new SeededRandom(3), logger: this.logger },
    }))
  }

  drive<T>(promise: Promise<T>): Promise<T> { return drive(this.scheduler, promise) }
}

async function damaged(name: string): Promise<Broken> {
  await loadAllCodecs()
  const broken = new Broken()
  loadFixture(broken.disk, FIXTURE, '/data')
  applyEdits(broken.disk, '/data', readJson<Edit[]>(FIXTURE, 'recovery', name, 'edits.json'))
  return broken
}

async function expectAsBroker(name: string, manager: LogManager): Promise<void> {
  const offsets = readJson<Record<string, TruthOffsets>>(FIXTURE, 'recovery', name, 'offsets.json')
  const served = readJson<Record<string, Served>>(FIXTURE, 'recovery', name, 'records.json')
  for (const log of manager.logs()) {
    const key = `${log.topic}-${log.partition}`
    const { earliest, latest, latestReadCommitted } = offsets[key]!
    expect({ key, earliest: log.logStartOffset, latest: log.logEndOffset, stable: log.lastStableOffset })
      .toEqual({ key, earliest: earliest.offset, latest: latest.offset, stable: latestReadCommitted.offset })
    for (const [isolation, mode] of [['highWatermark', 'read_uncommitted'], ['committed', 'read_committed']] as const) {
      const expected = served[`${key}.${mode}`]
      if (expected === undefined) continue
      const got: Record<string, unknown>[] = []
      const consuming = consume(log, isolation, 400, got)
      // Rot below the recovery point is served up to, and told: the broker's own consumer fails there too.
      if (name !== 'flip-below-recovery-point' || key !== 'u-0') await consuming
      else await expect(consuming).rejects.toMatchObject({ code: 'LOG_CORRUPT', offset: expected.records, file: '/data/u-0/00000000000000000000.log', position: 710 })
      expect({ key, mode, records: got.length }).toEqual({ key, mode, records: expected.records })
      if (expected.offsetRanges !== undefined) expect(rangesOf(got.map((record) => record['offset'] as number))).toEqual(expected.offsetRanges)
      const records = readLines(FIXTURE, 'recovery', name, 'records', `${key}.${mode}.jsonl`)
      if (records !== null) expect(got).toEqual(records)
    }
  }
}

interface FileFact { readonly file: string; readonly size: number; readonly sha256: string }
interface FilesAfter { readonly removed: readonly string[]; readonly added: readonly FileFact[]; readonly changed: readonly FileFact[] }

function sha256(bytes: Uint8Array): string { return createHash('sha256').update(bytes).digest('hex') }

/** What the broker left after a clean stop: name → sha256. */
function filesOfBroker(name: string): Map<string, string> {
  const files = new Map(readJson<FileFact[]>(FIXTURE, 'files.json').filter((entry) => !entry.file.endsWith('/')).map((entry) => [entry.file, entry.sha256]))
  const after = readJson<FilesAfter>(FIXTURE, 'recovery', name, 'files-after-stop.json')
  for (const file of after.removed) files.delete(file)
  for (const { file, sha256: hash } of [...after.added, ...after.changed]) files.set(file, hash)
  return files
}

function filesOf(disk: SimulatedFileSystem): Map<string, string> {
  const files = new Map<string, string>()
  for (const { name: folder, kind } of disk.readDirectory('/data')) {
    if (kind !== 'directory') continue
    for (const entry of disk.readDirectory(`/data/${folder}`)) files.set(`${folder}/${entry.name}`, sha256(disk.readFile(`/data/${folder}/${entry.name}`)))
  }
  return files
}

function differsOnPurpose(name: string, file: string): boolean {
  // The broker starts a leader epoch of its own at each start.
  if (!file.includes('/') || file.endsWith('leader-epoch-checkpoint')) return true
  // Kafka leaves an empty file where recovery found no aborted transaction any more.
  return name === 'flip-earlier-segment' && file === 'u.txn-0/00000000000000000047.txnindex'
}

describe.each(cases)('recovery of a killed broker\'s directory, %s,', (name) => {
  test('ends where Kafka\'s ended', async () => {
    const broken = await damaged(name)
    const manager = await broken.open()
    await expectAsBroker(name, manager)
    await broken.drive(manager.close())
  })

  test('ends there too when the directory is only read, and no byte changes', async () => {
    const broken = await damaged(name)
    const before = broken.disk.stateHash()
    const manager = await broken.open(true)
    await expectAsBroker(name, manager)
    await broken.drive(manager.close())
    expect(broken.disk.stateHash()).toBe(before)
  })

  // Kafka believes a false clean mark and leaves the torn bytes: what it appends later cannot be read.
  if (name !== 'false-clean-marker-torn') test('leaves the files that Kafka leaves after a clean stop', async () => {
    const broken = await damaged(name)
    const manager = await broken.open()
    await broken.drive(manager.close())
    const ours = filesOf(broken.disk)
    const theirs = filesOfBroker(name)
    const diff: string[] = []
    for (const [file, hash] of theirs) {
      if (ours.get(file) !== hash && !differsOnPurpose(name, file)) diff.push(`${ours.has(file) ? 'differs' : 'missing'} ${file}`)
    }
    for (const file of ours.keys()) if (!theirs.has(file) && !/\.log\.damaged-\d+$/.test(file)) diff.push(`extra ${file}`)
    expect(diff).toEqual([])
  })
})
