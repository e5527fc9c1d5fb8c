/**
 * Log, index and recovery: incidents L1–L9 of spec/reliability 2.2, one test each, named after what must not happen here. The wider attacks are in
 * src/log/log-rot.test.ts, log-crash.test.ts and log-fault-enumeration.test.ts. R1–R10 (replication) are about clusters: one node has no follower.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../src/common/logger.ts'
import { OttlaError } from '../../src/common/errors.ts'
import { systemPorts } from '../../src/common/ports.ts'
import { Database } from '../../src/database.ts'
import { replaceFile, replaceFileSync } from '../../src/io/durable-file.ts'
import type { FileSystem } from '../../src/io/file-system.ts'
import { LOCK_NAME } from '../../src/io/directory-lock-contest.ts'
import { nodeFileSystem } from '../../src/io/node-file-system.ts'
import { segmentFileName } from '../../src/log/segment-names.ts'
import { buildBatch, buildEndTransactionMarker } from '../../src/record/record-batch-builder.ts'
import { FaultFileSystem } from '../../src/testing/fault-file-system.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'
import { writeWhole } from '../support/fixture-files.ts'
import { findings, openTestLog, TestLog, text, TOPIC_ID, testConfig, type TestLogOptions } from '../support/test-log.ts'

const tiny = { 'segment.bytes': 420, 'index.interval.bytes': 100, 'file.delete.delay.ms': 0 } as const
const path = (base: number, kind: 'log' | 'index' | 'timeindex' | 'snapshot' = 'log'): string => `/data/t-0/${segmentFileName(base, kind)}`
const values = (count: number): string[] => Array.from({ length: count }, (_, i) => `value ${i}`)

/** A cleanly closed log of several segments, one record a batch, a minute apart; nothing of it is open. */
async function closedLog(count: number = 12): Promise<TestLog> {
  const t = await openTestLog({ config: tiny })
  for (let i = 0; i < count; i++) {
    await t.append([`value ${i}`], { producerId: 2, producerEpoch: 0, baseSequence: i })
    t.clock.advance(60_000)
  }
  await t.close()
  t.skipCheck()
  return t
}

/** What the next process makes of a disk; the clock goes on where the first one stood. */
async function reopen(t: TestLog, disk: SimulatedFileSystem, options: TestLogOptions = {}): Promise<TestLog> {
  const copy = new TestLog({ config: tiny, check: false, clock: t.clock, ...options, disk })
  return copy.open()
}

function edit(disk: SimulatedFileSystem, file: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = Buffer.from(disk.readFile(file))
  writeWhole(disk, file, change(bytes) ?? bytes)
}

const unclean = (disk: SimulatedFileSystem): void => { disk.unlink('/data/.kafka_cleanshutdown') }
const logBases = (t: TestLog): number[] => t.fileNames().filter((name) => name.endsWith('.log')).map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b)

describe('L1 KAFKA-10207, KAFKA-12734: an index file left at its preallocated length, zeros behind its entries', () => {
  test.each([['closed cleanly', false], ['killed', true]] as const)('must not be taken at its word (%s): no wrong answer, no early deletion, no append that fails', async (_how, killed) => {
    const t = await closedLog()
    const disk = t.disk.survivors('keep-all')
    for (const base of logBases(t)) {
      for (const kind of ['index', 'timeindex'] as const) edit(disk, path(base, kind), (bytes) => Buffer.concat([bytes, Buffer.alloc(9600)]))
    }
    if (killed) unclean(disk)
    const copy = await reopen(t, disk)
    const { log } = copy
    for (let offset = 0; offset < 12; offset++) {
      expect(text((await copy.read(offset, { maxBytes: 1 }))[0]!.value)).toBe(`value ${offset}`)
      const timestamp = t.clock.now() - (12 - offset) * 60_000
      expect(await copy.drive(log.offsetForTimestamp(timestamp, 'logEnd'))).toMatchObject({ offset, timestamp })
    }
    expect(await copy.drive(log.applyRetention(copy.clock.now()))).toBe(0)
    await copy.append(['next'])
    expect(await copy.values()).toEqual([...values(12), 'next'])
    await copy.close()
    expect(await findings(disk, '/data')).toEqual([])
  })
})

describe('L2: a batch torn at the tail', () => {
  test('must not take the batch before it along, at whatever byte it was torn, nor stay in the way of the next append', async () => {
    const t = await openTestLog({ config: tiny })
    await t.append(['a'])
    const start = t.disk.stat(path(0))!.size
    await t.append(['b'])
    const end = t.disk.stat(path(0))!.size
    for (let size = start; size < end; size++) {
      const disk = t.disk.survivors('keep-all')
      edit(disk, path(0), (bytes) => bytes.subarray(0, size))
      const copy = await reopen(t, disk)
      expect(await copy.values(), `cut at ${size}`).toEqual(['a'])
      expect(await copy.append(['c'])).toMatchObject({ baseOffset: 1 })
      await (await copy.reopen()).close()
      expect(await findings(disk, '/data')).toEqual([])
    }
  })

  test('must not be believed because its length is right: bytes that never arrived are not a record', async () => {
    const t = await openTestLog({ config: tiny })
    await t.append(['a'])
    const start = t.disk.stat(path(0))!.size
    await t.append(['b'.repeat(20)], {}, { durable: false })
    for (let at = start + 21; at < t.disk.stat(path(0))!.size; at++) {
      const disk = t.disk.survivors('keep-all')
      edit(disk, path(0), (bytes) => { bytes[at]! ^= 0x10 })
      const copy = await reopen(t, disk)
      expect(await copy.values(), `flipped at ${at}`).toEqual(['a'])
      await copy.close()
    }
  })
})

describe('L3: rot in the middle of a log', () => {
  test('must not make it silently shorter, nor give a wrong record; the error says file, position and offset, and other partitions go on', async () => {
    const t = await openTestLog({ config: tiny })
    await t.drive(t.manager.create('other', 0, TOPIC_ID, testConfig(tiny)))
    for (let i = 0; i < 12; i++) await t.append([`value ${i}`])
    await t.close()
    t.skipCheck()
    const victim = logBases(t)[1]!
    const size = t.disk.stat(path(victim))!.size
    let loud = 0
    for (let at = 0; at < size; at += 3) {
      for (const killed of [false, true]) {
        const disk = t.disk.survivors('keep-all')
        edit(disk, path(victim), (bytes) => { bytes[at]! ^= 1 << at % 8 })
        if (killed) unclean(disk)
        const copy = await reopen(t, disk)
        expect(copy.log.logEndOffset).toBe(12)
        expect(disk.stat(path(victim))!.size).toBe(size)
        for (let offset = 0; offset < 12; offset++) {
          try {
            expect(text((await copy.read(offset, { maxBytes: 1 }))[0]!.value)).toBe(`value ${offset}`)
          } catch (error) {
            if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
            loud++
            expect(error).toMatchObject({ file: path(victim), position: expect.any(Number) as number, offset: expect.any(Number) as number })
          }
        }
        const other = copy.manager.get('other', 0)!
        const batch = buildBatch([{ value: 'fine', timestamp: t.clock.now() }])
        expect(await copy.drive(other.append(Buffer.from(batch), { origin: 'in-process', durable: true }))).toMatchObject({ baseOffset: 0 })
        await copy.close()
      }
    }
    expect(loud).toBeGreaterThan(size / 3)
  }, 60_000)
})

describe('L4: checkpoint files of no length, half written, gone or full of rubbish', () => {
  const files = ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint', 'cleaner-offset-checkpoint', 't-0/leader-epoch-checkpoint', 't-0/partition.metadata']
  const damages: [string, (bytes: Buffer) => Buffer | null][] = [
    ['empty', () => Buffer.alloc(0)], ['half', (bytes) => bytes.subarray(0, bytes.length >> 1)], ['gone', () => null], ['rubbish', () => Buffer.from('\0\0\0ÿ\n')],
  ]
  test.each(files.flatMap((file) => damages.map(([name, damage]) => [file, name, damage] as const)))('%s, %s: must not cost a record', async (file, _name, damage) => {
    const t = await closedLog()
    for (const killed of [false, true]) {
      const disk = t.disk.survivors('keep-all')
      const full = `/data/${file}`
      const found = disk.stat(full) === null ? Buffer.alloc(0) : Buffer.from(disk.readFile(full))
      const bytes = damage(found)
      if (bytes === null) disk.unlink(full)
      else writeWhole(disk, full, bytes)
      if (killed) unclean(disk)
      const copy = await reopen(t, disk)
      expect(await copy.values()).toEqual(values(12))
      expect(copy.log).toMatchObject({ logStartOffset: 0, leaderEpoch: 0 })
      await copy.append(['next'])
      await copy.close()
      expect((await findings(disk, '/data')).filter((each) => each.severity === 'error')).toEqual([])
    }
  })

  test('must not keep a log from opening whose last segment is a few torn bytes', async () => {
    const t = await closedLog()
    const last = logBases(t).at(-1)!
    for (const size of [1, 11, 16, 17, 60]) {
      const disk = t.disk.survivors('keep-all')
      edit(disk, path(last), (bytes) => bytes.subarray(0, size))
      disk.unlink('/data/t-0/leader-epoch-checkpoint')
      unclean(disk)
      const copy = await reopen(t, disk)
      expect(await copy.values()).toEqual(values(last))
      await copy.close()
    }
  })

  test.each([
    ['blocking', async (disk: SimulatedFileSystem, bytes: Buffer): Promise<void> => { replaceFileSync(disk, '/d/f', bytes) }],
    ['off the event loop', (disk: SimulatedFileSystem, bytes: Buffer): Promise<void> => replaceFile(disk, '/d/f', bytes)],
  ] as const)('must not be left so by a power cut: a file that is replaced (%s) is the old or the new one at every moment', async (_how, replace) => {
    const disk = new SimulatedFileSystem()
    disk.makeDirectory('/d')
    const [old, young] = [Buffer.alloc(1300, 'o'), Buffer.alloc(1700, 'n')]
    await replace(disk, old)
    disk.settle()
    await replace(disk, young)
    disk.mark('new')
    let states = 0
    for (const state of disk.crashStates({ maxExhaustive: 256, maxSubsets: 100 })) {
      states++
      const found = Buffer.from(state.restore().readFile('/d/f'))
      expect(found.equals(young) || (found.equals(old) && !state.marks.includes('new')), state.describe()).toBe(true)
    }
    expect(states).toBeGreaterThan(10)
  })
})

describe('L5: a crash in the middle of a roll', () => {
  test('must not lose what was acknowledged nor leave a log that cannot go on, whichever call to the disk was the last', async () => {
    let rolls = 0
    for (let nth = 1; ; nth++) {
      const disk = new SimulatedFileSystem()
      const faults = new FaultFileSystem(disk)
      const t = new TestLog({ config: tiny, disk, fileSystem: faults, check: false })
      await t.open()
      const acked: string[] = []
      while (t.log.segmentCount === 1 && t.log.logEndOffset < 4) acked.push(`value ${(await t.append([`value ${acked.length}`])).baseOffset}`)
      // From here on the process is as good as dead after so many calls.
      faults.inject({ call: 'any', nth, error: 'EIO', sticky: true })
      await t.append([`value ${acked.length}`]).then(({ baseOffset }) => acked.push(`value ${baseOffset}`), () => {})
      await t.append([`value ${acked.length}`]).then(({ baseOffset }) => acked.push(`value ${baseOffset}`), () => {})
      if (faults.injected === 0) break
      if (t.log.segmentCount > 1) rolls++
      for (const how of ['keep-all', 'lose-all'] as const) {
        const copy = await reopen(t, disk.survivors(how))
        expect((await copy.values()).slice(0, acked.length), `call ${nth}, ${how}`).toEqual(acked)
        await copy.append(['next'])
        await copy.close()
        expect((await findings(copy.disk, '/data')).filter((each) => each.severity === 'error')).toEqual([])
      }
    }
    expect(rolls).toBeGreaterThan(2)
  })
})

describe('L6: files named .cleaned, .swap and .deleted that a dead process left', () => {
  const kinds = ['', '.cleaned', '.swap', '.cleaned.swap', '.deleted'] as const
  test.each(kinds.flatMap((first) => kinds.map((second) => [first, second] as const)))(
    'must not mix old and new, nor leave a hole (%s beside the first segment, %s beside the second)', async (first, second) => {
      const t = await closedLog()
      const bases = logBases(t)
      const disk = t.disk.survivors('keep-all')
      for (const [i, states] of [first, second].entries()) {
        const base = bases[i]!
        for (const suffix of states.split('.').filter((each) => each !== '')) {
          // A cleaning that was not finished has half a file; one that was has all that the segment should hold.
          const bytes = Buffer.from(disk.readFile(path(base)))
          writeWhole(disk, `${path(base)}.${suffix}`, suffix === 'cleaned' ? bytes.subarray(0, 50) : bytes)
        }
      }
      const copy = await reopen(t, disk)
      expect(await copy.values()).toEqual(values(12))
      expect(copy.fileNames().filter((name) => /\.(cleaned|swap|deleted)$/.test(name))).toEqual([])
      await copy.close()
      expect((await findings(disk, '/data')).filter((each) => each.severity === 'error')).toEqual([])
    })
})

test('L7 KAFKA-6264: offsets more than 2^31 above the start of a segment must not overflow its indexes', async () => {
  const t = await openTestLog({ config: { 'index.interval.bytes': 1 } })
  const at = (baseOffset: number): Buffer => Buffer.from(buildBatch([{ value: `at ${baseOffset}`, timestamp: t.clock.now() }], { baseOffset, leaderEpoch: 0 }))
  const offsets = [0, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 33]
  for (const offset of offsets) await t.drive(t.log.append(at(offset), { origin: 'replication', durable: true }))
  await t.reopen()
  for (const offset of offsets) expect((await t.read(offset))[0]).toMatchObject({ offset })
  expect(logBases(t)).toEqual([0, 2 ** 31, 2 ** 33])
})

test('T7: what is known of aborted transactions must not go with a truncation behind them, nor with the reopening after it', async () => {
  const t = await openTestLog({ config: { 'segment.bytes': 100_000 } })
  const fields = { producerId: 6, producerEpoch: 0, isTransactional: true } as const
  await t.append(['before'])
  await t.append(['aborted'], { ...fields, baseSequence: 0 })
  const marker = buildEndTransactionMarker({ type: 'ABORT', producerId: 6, producerEpoch: 0, coordinatorEpoch: 0, timestamp: t.clock.now() })
  await t.drive(t.log.append(Buffer.from(marker), { origin: 'coordinator', durable: true }))
  await t.append(['kept'])
  await t.append(['cut'])
  await t.drive(t.log.truncateTo(4))
  for (let opening = 0; opening < 2; opening++) {
    const { abortedTransactions } = await t.drive(t.log.read(0, { maxBytes: 1e6, isolation: 'committed' }))
    expect(abortedTransactions).toEqual([{ producerId: 6, firstOffset: 1 }])
    expect(t.log.logEndOffset).toBe(4)
    await t.reopen()
  }
})

test('L8: an unclean open must not read more because the log is larger', async () => {
  const bytesRead = async (segments: number): Promise<number> => {
    const t = await openTestLog({ config: tiny })
    while (t.log.segmentCount < segments) await t.append([`value ${t.log.logEndOffset}`])
    await t.drive(t.scheduler.advance(61_000))
    t.skipCheck()
    let bytes = 0
    const disk = t.disk.survivors('keep-all')
    const counting = new Proxy<FileSystem>(disk, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        if (name !== 'open') return (member as (...args: unknown[]) => unknown).bind(target)
        return (file: string, mode: 'read') => {
          const handle = target.open(file, mode)
          const read = handle.readSync.bind(handle)
          const readAsync = handle.read.bind(handle)
          handle.readSync = (...args) => { const count = read(...args); bytes += count; return count }
          handle.read = async (...args) => { const count = await readAsync(...args); bytes += count; return count }
          return handle
        }
      },
    })
    const copy = await reopen(t, disk, { fileSystem: counting })
    expect(copy.log.segmentCount).toBe(segments)
    await copy.close()
    return bytes
  }
  const [small, large] = [await bytesRead(4), await bytesRead(40)]
  expect(small).toBeGreaterThan(0)
  expect(large).toBeLessThan(small * 1.2 + 100)
})

describe('L9: two writers in one directory', () => {
  async function directory(): Promise<string> {
    const made = mkdtempSync(join(tmpdir(), 'ottla-l9-'))
    onTestFinished(() => rmSync(made, { recursive: true, force: true }))
    return made
  }
  const open = (where: string): Promise<Database> => Database.open({
    directory: where, fileSystem: nodeFileSystem, ports: { ...systemPorts, logger: silentLogger }, settings: {}, readOnly: false, inMemory: false,
    allowNetworkFileSystem: false, emit: () => {},
  })

  test('must not be let in, and the second is told at once', async () => {
    const where = await directory()
    const first = await open(where)
    await expect(open(where)).rejects.toMatchObject({ code: 'DIRECTORY_LOCKED' })
    await first.close()
    await (await open(where)).close()
  })

  test('must not be seen where the first was killed: its lock dies with it', async () => {
    const where = await directory()
    const lock = join(where, LOCK_NAME)
    const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(lock)}, () => console.log('locked'))`], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => { child.kill('SIGKILL') })
    await new Promise((resolve) => { child.stdout.once('data', resolve) })
    await expect(open(where)).rejects.toMatchObject({ code: 'DIRECTORY_LOCKED' })
    child.kill('SIGKILL')
    await new Promise((resolve) => { child.once('close', resolve) })
    expect(nodeFileSystem.stat(lock)).not.toBeNull()
    await (await open(where)).close()
  })
})

test('a false clean mark must not survive the open: a killed process is one that recovers', async () => {
  const t = await closedLog(4)
  const copy = await reopen(t, t.disk.survivors('keep-all'))
  expect(copy.disk.stat('/data/.kafka_cleanshutdown')).toBeNull()
  await copy.append(['x'], {}, { durable: false })
  const killed = await reopen(t, copy.disk.survivors('keep-all'))
  expect(killed.manager.wasClean).toBe(false)
  expect(await killed.values()).toEqual([...values(4), 'x'])
  await killed.close()
})
