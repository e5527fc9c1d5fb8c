/**
 * Whatever is done to the files of directories that brokers wrote (all formats, transactions, compaction) and of our own: every tool ends, nothing fails but with an error
 * of ours, what is read was written, and repair leaves a directory that opens, takes appends, and is sound.
 */
import { describe, expect, test } from 'vitest'
import { fixtureNames, loadFixture, writeWhole } from '../../test/support/fixture-files.ts'
import { drive, findings, openTestLog, testConfig } from '../../test/support/test-log.ts'
import { OttlaError } from '../common/errors.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { buildBatch, buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import { ManualClock, ManualScheduler, RecordingLogger, SeededRandom, SimulatedFileSystem } from '../testing/index.ts'
import { checkLog } from './log-check.ts'
import { LogManager } from './log-manager.ts'
import { repairLogs, type RepairStep } from './log-repair.ts'

const ROUNDS = Number(process.env['OTTLA_DAMAGE_ROUNDS'] ?? 240)
const SEED = Number(process.env['OTTLA_SEED'] ?? 20261121)
const ROOT = '/data'

/** Segments of an idempotent and a transactional producer, one transaction aborted, records removed at the start. */
async function ownDirectory(): Promise<SimulatedFileSystem> {
  const t = await openTestLog({ config: { 'segment.bytes': 700, 'index.interval.bytes': 100, 'file.delete.delay.ms': 0 } })
  for (let i = 0; i < 12; i++) {
    t.clock.advance(1000)
    await t.append([`value ${i}`, `more ${i}`], { producerId: 2, producerEpoch: 0, baseSequence: 2 * i, leaderEpoch: i < 6 ? 0 : 3 })
    await t.append([`transaction ${i}`], { producerId: 7, producerEpoch: 0, baseSequence: i, isTransactional: true })
    if (i % 3 === 2) await t.drive(t.log.append(Buffer.from(buildEndTransactionMarker({
      type: i % 2 === 0 ? 'ABORT' : 'COMMIT', producerId: 7, producerEpoch: 0, coordinatorEpoch: 0, timestamp: t.clock.now(),
    })), { origin: 'coordinator', durable: true }))
  }
  await t.drive(t.log.deleteRecordsBefore(5))
  await t.close()
  t.skipCheck()
  return t.disk
}

function filesOf(disk: SimulatedFileSystem, directory: string = ROOT): string[] {
  return disk.readDirectory(directory).flatMap(({ name, kind }) => (kind === 'directory' ? filesOf(disk, `${directory}/${name}`) : [`${directory}/${name}`]))
}

/** Positions at which a batch may begin: enough to damage headers, not only what is between them. */
function batchStart(bytes: Uint8Array, random: SeededRandom): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const starts: number[] = []
  for (let at = 0; at + 17 <= bytes.length;) {
    starts.push(at)
    const size = view.getInt32(at + 8) + 12
    if (size < 14) break
    at += size
  }
  return starts[random.int(Math.max(1, starts.length))] ?? 0
}

const ways: readonly ((bytes: Buffer, at: number, random: SeededRandom) => Buffer | null)[] = [
  (bytes, at) => { if (bytes.length > 0) bytes[at % bytes.length]! ^= 1 << at % 8; return bytes },
  (bytes, at, random) => { if (bytes.length > 0) bytes[(at + random.int(30)) % bytes.length] = random.int(256); return bytes },
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at) => bytes.fill(0, at, Math.min(bytes.length, at + 64)),
  (bytes, at) => bytes.fill(0, at - at % 512, Math.min(bytes.length, at - at % 512 + 512)),
  (bytes, at) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 61)]),
  (bytes, at) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 80), at), bytes.subarray(at)]),
  (bytes) => Buffer.concat([bytes, Buffer.alloc(100)]),
  (bytes, at, random) => Buffer.concat([bytes, Buffer.from(random.bytes(1 + at % 90))]),
  () => Buffer.alloc(0),
  () => null,
]

function damage(disk: SimulatedFileSystem, random: SeededRandom): string {
  const all = filesOf(disk)
  const logs = all.filter((file) => file.endsWith('.log'))
  const file = random.int(3) > 0 ? logs[random.int(logs.length)]! : all[random.int(all.length)]!
  const bytes = Buffer.from(disk.readFile(file))
  const start = file.endsWith('.log') && random.int(2) === 0 ? batchStart(bytes, random) + random.int(62) : random.int(bytes.length + 1)
  const way = file.endsWith('.log') && random.int(4) > 0 ? random.int(9) : random.int(ways.length)
  const changed = ways[way]!(bytes, Math.min(start, bytes.length), random)
  if (changed === null) disk.unlink(file)
  else writeWhole(disk, file, changed)
  return `${file} way ${way} at ${start}`
}

async function tolerate<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    if (!OttlaError.is(error) || error.code === 'INTERNAL') throw error
    return null
  }
}

/** Opens, reads every log through (errors of ours are allowed), optionally appends; false: it did not open. */
async function use(disk: SimulatedFileSystem, readOnly: boolean): Promise<boolean> {
  const clock = new ManualClock(1_900_000_000_000)
  const scheduler = new ManualScheduler(clock)
  const manager = await tolerate(() => drive(scheduler, LogManager.open({
    directory: ROOT, fileSystem: disk, settings: { 'producer.id.expiration.ms': 1e15 }, readOnly, topicConfig: () => testConfig({ 'retention.ms': -1, 'segment.bytes': 4096 }),
    ports: { clock, scheduler, random: new SeededRandom(7), logger: new RecordingLogger() },
  })))
  if (manager === null) return false
  for (const log of manager.logs()) {
    let offset = log.logStartOffset
    for (let turn = 0; turn < 300 && offset < log.logEndOffset; turn++) {
      const at = offset
      const read = await tolerate(() => drive(scheduler, log.read(at, { maxBytes: 2000, isolation: turn % 2 === 0 ? 'logEnd' : 'committed' })))
      const size = read === null || read.records.length === 0 ? 0 : new DataView(read.records.buffer, read.records.byteOffset).getInt32(8) + 12
      if (read !== null && size > 0) expect(size).toBeLessThanOrEqual(read.records.length)
      offset += 7
    }
    await tolerate(() => drive(scheduler, log.offsetForTimestamp(clock.now() - 1e12, 'logEnd')))
    await tolerate(() => drive(scheduler, log.maxTimestampOffset()))
    if (readOnly) continue
    const batch = buildBatch([{ value: 'afterwards', timestamp: clock.now() }])
    const end = log.logEndOffset
    const result = await tolerate(() => drive(scheduler, log.append(Buffer.from(batch), { origin: 'in-process', durable: true })))
    if (result !== null) expect(result.baseOffset).toBe(end)
  }
  await tolerate(() => drive(scheduler, manager.close()))
  return true
}

describe('a damaged directory', () => {
  test(`is checked, read, recovered and repaired without a surprise (${ROUNDS} kinds of damage, seed ${SEED})`, async () => {
    await loadAllCodecs()
    const random = new SeededRandom(SEED)
    const bases = new Map<string, SimulatedFileSystem>()
    for (const name of fixtureNames) {
      const disk = new SimulatedFileSystem()
      disk.makeDirectory(ROOT)
      loadFixture(disk, name, ROOT)
      bases.set(name, disk)
    }
    bases.set('own', await ownDirectory())
    const names = ['own', 'own', 'own', '04-txn', '10-old-formats', ...bases.keys()]
    let steps = 0
    let repaired = 0
    for (let round = 0; round < ROUNDS; round++) {
      const name = names[random.int(names.length)]!
      const disk = bases.get(name)!.survivors('keep-all')
      const what = [name, ...Array.from({ length: 1 + random.int(3) }, () => damage(disk, random))].join('; ')
      if (random.int(3) === 0 && disk.stat(`${ROOT}/.kafka_cleanshutdown`) !== null) disk.unlink(`${ROOT}/.kafka_cleanshutdown`)
      try {
        for await (const finding of checkLog(disk, ROOT, { deep: random.int(2) === 0 })) expect(finding.message.length).toBeGreaterThan(0)
        await use(disk.survivors('keep-all'), true)
        if (random.int(2) === 0) await use(disk.survivors('keep-all'), false)
        const taken: RepairStep[] = []
        for (let again = 0; again < 2; again++) for await (const step of repairLogs(disk, new ManualClock(), ROOT)) taken.push(step)
        steps += taken.length
        if (taken.length > 0) repaired++
        // The open makes again what repair has renamed aside.
        if (await use(disk, false)) await use(disk, false)
        expect((await findings(disk, ROOT)).filter((each) => each.severity === 'error').map((each) => `${each.code} ${each.file}`)).toEqual([])
      } catch (error) {
        throw new Error(`round ${round}, ${what}: ${String(error)}`, { cause: error })
      }
    }
    expect(steps).toBeGreaterThan(ROUNDS / 2)
    expect(repaired).toBeGreaterThan(ROUNDS / 4)
  }, 120_000)
})
