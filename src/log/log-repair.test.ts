import { describe, expect, test } from 'vitest'
import { loadFixture, writeWhole } from '../../test/support/fixture-files.ts'
import { openHandles } from '../../test/support/handle-count.ts'
import { decode, drive, findings, openTestLog, testConfig, text, TestLog } from '../../test/support/test-log.ts'
import { silentLogger } from '../common/logger.ts'
import { readInt64 } from '../common/int64.ts'
import { buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { ManualClock, ManualScheduler, SeededRandom, SimulatedFileSystem } from '../testing/index.ts'
import { LogManager } from './log-manager.ts'
import { repairLogs, type RepairStep } from './log-repair.ts'
import { parseSegmentFileName, segmentFileName } from './segment-names.ts'

const ROOT = '/data'
/** Kafka's own directories: codecs, many segments, transactions, compaction, epochs, message formats 0 and 1, no clean stop. */
const fixtureNames = ['01-plain', '02-codecs', '03-segments', '04-txn', '05-compact-after', '06-groups', '08-epochs', '10-old-formats'] as const
const CASES = Number(process.env['OTTLA_REPAIR_CASES'] ?? 12)
const SEED = Number(process.env['OTTLA_SEED'] ?? 1)

interface RawBatch { readonly file: string; readonly position: number; readonly end: number; readonly bytes: Buffer }

async function repair(disk: SimulatedFileSystem, options: Parameters<typeof repairLogs>[3] = {}): Promise<RepairStep[]> {
  const steps: RepairStep[] = []
  const held = openHandles(disk)
  for await (const step of repairLogs(disk, new ManualClock(), ROOT, options)) steps.push(step)
  expect(held()).toEqual([])
  return steps
}

/** As `repairDirectory` does after it; returns what is in every log then, by partition and offset. */
async function open(disk: SimulatedFileSystem): Promise<{ manager: LogManager; scheduler: ManualScheduler }> {
  const scheduler = new ManualScheduler()
  const manager = await drive(scheduler, LogManager.open({
    directory: ROOT, fileSystem: disk, settings: {}, topicConfig: () => testConfig({ 'retention.ms': -1 }),
    ports: { clock: scheduler.clock, scheduler, random: new SeededRandom(7), logger: silentLogger },
  }))
  return { manager, scheduler }
}

async function contents(disk: SimulatedFileSystem): Promise<Map<string, string>> {
  const { manager, scheduler } = await open(disk)
  const found = new Map<string, string>()
  for (const log of manager.logs()) {
    for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
      const { records } = await drive(scheduler, log.read(offset, { maxBytes: 4096, isolation: 'logEnd' }))
      if (records.length === 0) break
      for (const record of decode(records)) found.set(`${log.topic}-${log.partition}@${record.offset}`, JSON.stringify([record.timestamp, record.key, record.value]))
      offset = Math.max(offset + 1, lastOffsetOf(records) + 1)
    }
  }
  await drive(scheduler, manager.close())
  return found
}

function lastOffsetOf(records: Uint8Array): number {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
  let last = -1
  for (let at = 0; at < records.length; at += view.getInt32(at + 8) + 12) last = readInt64(view, at) + (records[at + 16] === 2 ? view.getInt32(at + 23) : 0)
  return last
}

function files(disk: SimulatedFileSystem, directory = ROOT): string[] {
  return disk.readDirectory(directory).flatMap((entry) => {
    const path = `${directory}/${entry.name}`
    return entry.kind === 'directory' ? files(disk, path) : [path]
  })
}

/** By the length fields alone. */
function batchesOf(disk: SimulatedFileSystem, file: string): RawBatch[] {
  const bytes = Buffer.from(disk.readFile(file))
  const batches: RawBatch[] = []
  for (let at = 0; at + 12 <= bytes.length;) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    batches.push({ file, position: at, end, bytes: bytes.subarray(at, end) })
    at = end
  }
  return batches
}

interface Damage { readonly what: string; readonly from: number; readonly to: number; apply(bytes: Buffer): Buffer }

function drawDamage(random: SeededRandom, size: number): Damage {
  const from = random.int(size)
  const length = 1 + random.int(random.pick([2, 20, 200, 2000]))
  const to = Math.min(size, from + length)
  return random.pick<Damage>([
    { what: 'flip', from, to: from + 1, apply: (bytes) => { bytes[from]! ^= 1 << random.int(8); return bytes } },
    { what: 'zeros', from, to, apply: (bytes) => bytes.fill(0, from, to) },
    { what: 'noise', from, to, apply: (bytes) => { for (let i = from; i < to; i++) bytes[i] = random.int(256); return bytes } },
    { what: 'removed', from, to, apply: (bytes) => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]) },
    { what: 'inserted', from, to: from + 1, apply: (bytes) => Buffer.concat([bytes.subarray(0, from), Buffer.alloc(length, 0x5a), bytes.subarray(from)]) },
    { what: 'cut', from, to: size, apply: (bytes) => bytes.subarray(0, from) },
  ])
}

/**
 * Keys of the records in batches that the damage does not touch. A byte that is missing from a run of equal bytes may be any of them: the range goes on
 * to the first difference.
 */
function untouched(batches: readonly RawBatch[], drawn: Damage, before: Buffer, damaged: Buffer): Set<string> {
  let same = 0
  while (same < before.length && before[same] === damaged[same]) same++
  const damage = { from: drawn.from, to: Math.max(drawn.to, same + 1) }
  const keys = new Set<string>()
  for (const { file, position, end, bytes } of batches) {
    if (position < damage.to && end > damage.from) continue
    const folder = file.split('/').at(-2)!
    for (const record of decode(bytes)) keys.add(`${folder}@${record.offset}`)
  }
  return keys
}

describe.each(fixtureNames)('a directory of Kafka, %s, damaged at random and repaired', (name) => {
  test('passes the full check, has every record that was not hit at its offset, and nothing that was never written', async () => {
    await loadAllCodecs()
    const whole = new SimulatedFileSystem()
    loadFixture(whole, name, ROOT)
    const truth = await contents(whole.survivors('keep-all'))
    const logs = files(whole).filter((file) => parseSegmentFileName(file.split('/').at(-1)!)?.kind === 'log' && whole.stat(file)!.size > 0)
    expect(truth.size).toBeGreaterThan(10)
    for (let number = 0; number < CASES; number++) {
      const random = new SeededRandom(SEED * 1000 + number)
      const disk = whole.survivors('keep-all')
      const file = random.pick(logs)
      const batches = batchesOf(disk, file)
      const damage = drawDamage(random, disk.stat(file)!.size)
      const label = `${name}, case ${number}: ${file}, ${damage.what} ${damage.from}–${damage.to}`
      const before = Buffer.from(disk.readFile(file))
      const damaged = damage.apply(Buffer.from(before))
      writeWhole(disk, file, damaged)
      disk.settle()
      const planned = await repair(disk, { dryRun: true })
      expect(disk.operations, `${label}: a dry run changed something`).toEqual([])
      const steps = await repair(disk)
      const core = (list: readonly RepairStep[]): unknown => list.filter((step) => step.kind !== 'rebuilt').map((step) => ({ ...step, keptAs: null }))
      expect(core(steps), label).toEqual(core(planned))
      expect(accountFor(disk, file, damaged, steps), label).toBe(true)
      const found = await contents(disk)
      const must = untouched(batches, damage, before, damaged)
      for (const key of must) expect(found.get(key), `${label}: ${key}`).toBe(truth.get(key))
      // No checksum covers the offset of a batch: where compaction left holes, a wrong one that fits between its neighbours looks like a right one.
      const hitOffset = name === '05-compact-after' && batches.some(({ position }) => damage.from < position + 8 && damage.to > position)
      if (!hitOffset) for (const [key, value] of found) expect(value, `${label}: ${key}`).toBe(truth.get(key))
      expect(await findings(disk, ROOT), label).toEqual([])
      expect(await repair(disk), `${label}: a second repair`).toEqual([])
    }
  }, 120_000)
})

/** What stands in the file now and what was kept aside make up the file as it was found. */
function accountFor(disk: SimulatedFileSystem, file: string, found: Buffer, steps: readonly RepairStep[]): boolean {
  const now = Buffer.from(disk.readFile(file))
  const pieces: Buffer[] = []
  let at = 0
  let from = 0
  for (const step of steps) {
    if (step.file !== file || step.position === null) continue
    const kept = Buffer.from(disk.readFile(step.keptAs!))
    pieces.push(now.subarray(at, at + step.position - from), kept)
    at += step.position - from + (step.kind === 'mended' ? kept.length : 0)
    from = step.position + kept.length
  }
  pieces.push(now.subarray(at))
  return Buffer.concat(pieces).equals(found)
}

const tiny = { 'segment.bytes': 500, 'index.interval.bytes': 100, 'file.delete.delay.ms': 0, 'retention.ms': -1 } as const

async function closedLog(batches = 8): Promise<TestLog> {
  const t = await openTestLog({ config: tiny })
  for (let i = 0; i < batches; i++) await t.append([`value ${i}`, `more ${i}`], { producerId: 2, producerEpoch: 0, baseSequence: i * 2 })
  await t.close()
  t.skipCheck()
  return t
}

const path = (base: number, kind: Parameters<typeof segmentFileName>[1] = 'log'): string => `${ROOT}/t-0/${segmentFileName(base, kind)}`

describe('a repair', () => {
  test('of a sound directory does nothing', async () => {
    const t = await closedLog()
    t.disk.settle()
    expect(await repair(t.disk)).toEqual([])
    expect(t.disk.operations).toEqual([])
  })

  test('gives a batch whose leader epoch became negative that of its neighbours', async () => {
    const t = await closedLog()
    const bytes = Buffer.from(t.disk.readFile(path(0)))
    bytes[batchesOf(t.disk, path(0))[1]!.position + 12]! ^= 0x80
    writeWhole(t.disk, path(0), bytes)
    expect((await findings(t.disk, ROOT)).map((finding) => finding.code)).toContain('EPOCH_GOES_BACK')
    expect(await repair(t.disk)).toMatchObject([{ kind: 'mended' }])
    expect((await contents(t.disk)).size).toBe(16)
    expect(await findings(t.disk, ROOT)).toEqual([])
  })

  test.each([['became one that cannot be', 0, 0x40], ['is negative now', 0, 0x80], ['became far too high', 4, 0x10]] as const)(
    'gives a batch back its offset, which %s', async (_what, byte, mask) => {
      const t = await closedLog()
      const before = await contents(t.disk.survivors('keep-all'))
      const bytes = Buffer.from(t.disk.readFile(path(0)))
      bytes[batchesOf(t.disk, path(0))[1]!.position + byte]! ^= mask
      writeWhole(t.disk, path(0), bytes)
      expect((await findings(t.disk, ROOT)).some(({ severity }) => severity === 'error')).toBe(true)
      expect(await repair(t.disk)).toMatchObject([{ kind: 'mended', firstOffset: 2, lastOffset: 3 }])
      expect(await contents(t.disk)).toEqual(before)
      expect(await findings(t.disk, ROOT)).toEqual([])
    })

  test('does not give out again the offsets of a lost end', async () => {
    const t = await closedLog()
    const bases = t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))
    const last = bases.at(-1)!
    writeWhole(t.disk, path(last), Buffer.alloc(t.disk.stat(path(last))!.size, 0x11))
    const steps = await repair(t.disk)
    expect(steps.map((step) => step.kind)).toEqual(['taken-out', 'end-kept'])
    const again = new TestLog({ config: tiny, disk: t.disk })
    await again.open()
    expect(again.log.logEndOffset).toBe(16)
    expect(await again.append(['next'])).toMatchObject({ baseOffset: 16 })
    expect(await again.values()).toEqual([...Array.from({ length: last / 2 }, (_, i) => [`value ${i}`, `more ${i}`]).flat(), 'next'])
    await again.close()
    expect(await findings(t.disk, ROOT)).toEqual([])
  })

  test.each(['index', 'timeindex', 'snapshot'] as const)('makes a %s that is wrong anew', async (kind) => {
    const t = await closedLog()
    const base = t.fileNames().filter((name) => name.endsWith(`.${kind}`)).map((name) => Number.parseInt(name, 10)).at(-1)!
    const size = t.disk.stat(path(base, kind))!.size
    const values = await contents(t.disk.survivors('keep-all'))
    const noise = Buffer.from(t.disk.readFile(path(base, kind)))
    noise[Math.min(7, size - 1)]! ^= 1
    writeWhole(t.disk, path(base, kind), noise)
    expect((await findings(t.disk, ROOT)).length).toBeGreaterThan(0)
    expect(await repair(t.disk)).toMatchObject([{ kind: 'rebuilt', file: path(base, kind) }])
    expect(await contents(t.disk)).toEqual(values)
    expect(await findings(t.disk, ROOT)).toEqual([])
  })

  test('keeps a log from being put aside by a log start behind its end', async () => {
    const t = await closedLog()
    writeWhole(t.disk, `${ROOT}/log-start-offset-checkpoint`, Buffer.from('0\n1\nt 0 900\n'))
    expect(await repair(t.disk)).toMatchObject([{ kind: 'checkpoint', firstOffset: 900 }])
    expect((await contents(t.disk)).size).toBe(16)
    expect(await findings(t.disk, ROOT)).toEqual([])
  })

  test('keeps what a sound transaction index knows of a transaction whose end was lost', async () => {
    const t = await openTestLog({ config: { ...tiny, 'segment.bytes': 100_000 } })
    const marker = (type: 'ABORT' | 'COMMIT'): Buffer => Buffer.from(
      buildEndTransactionMarker({ type, timestamp: t.clock.now(), producerId: 4, producerEpoch: 0, coordinatorEpoch: 0 }),
    )
    const end = (type: 'ABORT' | 'COMMIT'): Promise<unknown> => t.drive(t.log.append(marker(type), { origin: 'coordinator', durable: true }))
    await t.append(['given up'], { producerId: 4, producerEpoch: 0, baseSequence: 0, isTransactional: true })
    await end('ABORT')
    await t.append(['valid'], { producerId: 4, producerEpoch: 0, baseSequence: 1, isTransactional: true })
    await end('COMMIT')
    await t.close()
    t.skipCheck()
    const bytes = Buffer.from(t.disk.readFile(path(0)))
    const abort = batchesOf(t.disk, path(0))[1]!
    bytes[abort.position + 70]! ^= 1
    writeWhole(t.disk, path(0), bytes)
    expect(await repair(t.disk)).toMatchObject([{ kind: 'taken-out', position: abort.position, firstOffset: 1, lastOffset: 1 }])
    const again = new TestLog({ config: tiny, disk: t.disk })
    await again.open()
    const { abortedTransactions, lastStableOffset } = await again.drive(again.log.read(0, { maxBytes: 1, isolation: 'committed' }))
    expect(abortedTransactions).toEqual([{ producerId: 4, firstOffset: 0 }])
    expect(lastStableOffset).toBe(4)
    expect((await again.readAll()).map((record) => text(record.value))).toEqual(['given up', 'valid'])
    await again.close()
    expect(await findings(t.disk, ROOT)).toEqual([])
  })

  test('that is cut short by a power loss at any moment is finished by the next one, and nothing is lost on the way', async () => {
    const t = await closedLog()
    const base = t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10))[1]!
    const bytes = Buffer.from(t.disk.readFile(path(base)))
    bytes[80]! ^= 1
    writeWhole(t.disk, path(base), bytes)
    t.disk.settle()
    const reference = t.disk.survivors('keep-all')
    const steps = await repair(reference)
    expect(steps).toMatchObject([{ kind: 'taken-out', firstOffset: base, lastOffset: base + 1 }])
    const want = await contents(reference)
    await repair(t.disk)
    let states = 0
    for (const state of t.disk.crashStates({ maxExhaustive: 64, maxSubsets: 20 })) {
      states++
      const disk = state.restore()
      await repair(disk)
      expect(await contents(disk), state.describe()).toEqual(want)
      expect(await findings(disk, ROOT), state.describe()).toEqual([])
      const kept = disk.readFile(`${path(base)}.damaged-0`)
      expect(Buffer.from(kept).equals(bytes.subarray(0, kept.length)), state.describe()).toBe(true)
    }
    expect(states).toBeGreaterThan(15)
  })
})
