/** Large groups: written from where their batches came, and begun before those of the group before are told (docs/adr/0035). */
import { describe, expect, test, vi } from 'vitest'
import { diskWith } from '../../test/support/disk-with.ts'
import { openTestLog, testConfig, text, type TestLog, type TestLogOptions } from '../../test/support/test-log.ts'
import type { AppendResult } from './log-types.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

const page = { origin: 'client', durable: false } as const

interface Harness {
  readonly t: TestLog
  readonly faults: FaultFileSystem
  /** Of each write of the log by another thread, what it was given; it waits for `mayWrite`. */
  readonly writes: (readonly Uint8Array[])[]
  readonly batch: (value: string) => Uint8Array
}

async function harness(options: TestLogOptions = {}, mayWrite = (): Promise<void> => Promise.resolve()): Promise<Harness> {
  const disk = new SimulatedFileSystem()
  const faults = new FaultFileSystem(disk)
  const writes: (readonly Uint8Array[])[] = []
  const note = async (parts: readonly Uint8Array[]): Promise<void> => {
    writes.push(parts)
    await mayWrite()
  }
  const watched = diskWith(faults, { open: (path, mode) => {
    const handle = faults.open(path, mode)
    return diskWith(handle, {
      write: async (...call) => { await note([call[0].subarray(call[1], call[1] + call[2])]); return handle.write(...call) },
      writev: async (...call) => { await note(call[0]); return handle.writev(...call) },
    })
  } })
  const t = await openTestLog({ config: { 'retention.ms': -1 }, disk, fileSystem: watched, ...options })
  await t.append(['first'])
  return { t, faults, writes, batch: (value) => Buffer.from(buildBatch([{ value, timestamp: t.clock.now() }])) }
}

const three = ['a', 'b', 'c'].map((letter) => letter.repeat(100_000))

describe('a group of large batches', () => {
  test('is written with one call from where they came, and read as it was sent', async () => {
    const { t, writes, batch } = await harness()
    const batches = three.map(batch)
    const results = await t.drive(Promise.all(batches.map((bytes) => t.log.append(bytes, page))))
    expect(results.map(({ baseOffset }) => baseOffset)).toEqual([1, 2, 3])
    expect(writes.map((parts) => parts.map(({ buffer, byteOffset, length }) => [buffer, byteOffset, length]))).toEqual([
      batches.map(({ buffer, byteOffset, length }) => [buffer, byteOffset, length]),
    ])
    expect(await t.values()).toEqual(['first', ...three])
    await t.append(['small'])
    expect(await t.values()).toEqual(['first', ...three, 'small'])
    expect(await (await t.reopen()).values()).toEqual(['first', ...three, 'small'])
  })

  test.each([
    ['small ones are', 8000, {}],
    ['stamped ones are', 100_000, { 'message.timestamp.type': 'LogAppendTime' }],
  ] as const)('where %s copied into one place', async (_, size, config) => {
    const { t, writes, batch } = await harness({ config: { 'retention.ms': -1, ...config } })
    const batches = Array.from({ length: Math.ceil(200_000 / size) }, (_, i) => batch(String.fromCharCode(97 + i).repeat(size)))
    await t.drive(Promise.all(batches.map((bytes) => t.log.append(bytes, page))))
    expect(writes.map((parts) => parts.length)).toEqual([1])
    expect(batches.map(({ buffer }) => buffer)).not.toContain(writes[0]![0]!.buffer)
  })

  test('that is as little as the event loop writes is, too', async () => {
    const { t, writes, batch } = await harness()
    await t.drive(Promise.all([50_000, 60_000].map((size) => t.log.append(batch('x'.repeat(size)), page))))
    expect(writes).toEqual([])
  })

  test('ends with what fits a group; the rest is the next', async () => {
    const { t, writes, batch } = await harness()
    const values = Array.from({ length: 12 }, (_, i) => `${i}`.repeat(100_000).slice(0, 100_000))
    await t.drive(Promise.all(values.map((value) => t.log.append(batch(value), page))))
    expect(writes.map((parts) => parts.length)).toEqual([10, 2])
    expect(await t.values()).toEqual(['first', ...values])
  })

  test.each([
    ['several', three], ['one that no memory of the log holds', ['y'.repeat(3_000_000)]],
  ])('(%s) whose write fails part of the way leaves nothing, and its bytes can be sent again', async (_, values) => {
    const { t, faults, batch } = await harness({ config: { 'retention.ms': -1, 'max.message.bytes': 4_000_000 } })
    const batches = values.map(batch)
    const before = batches.map((bytes) => Buffer.from(bytes))
    const append = async (): Promise<unknown[]> => (await t.drive(Promise.allSettled(batches.map((bytes) => t.log.append(bytes, page)))))
      .map((settled) => (settled.status === 'fulfilled' ? settled.value.baseOffset : (settled.reason as { code: string }).code))
    faults.inject({ call: 'write', error: 'ENOSPC', written: 150_000 })
    expect(await append()).toEqual(values.map(() => 'DISK_FULL'))
    expect(batches.map((bytes, i) => before[i]!.equals(bytes))).toEqual(values.map(() => true))
    expect([t.log.logEndOffset, await t.values()]).toEqual([1, ['first']])
    await t.append(['between'])
    expect(await append()).toEqual(values.map((_, i) => 2 + i))
    expect(await (await t.reopen()).values()).toEqual(['first', 'between', ...values])
  })

  test('of another log that could not be written keeps its offsets, and is taken when it comes again', async () => {
    const { t, faults } = await harness()
    const batches = three.map((value, i) => Buffer.from(buildBatch([{ value, timestamp: t.clock.now() }], { baseOffset: 5 + 2 * i, leaderEpoch: 3 })))
    const sent = [Buffer.concat(batches.slice(0, 2)), batches[2]!]
    const before = sent.map((bytes) => Buffer.from(bytes))
    const append = (): Promise<PromiseSettledResult<AppendResult>[]> => (
      t.drive(Promise.allSettled(sent.map((bytes) => t.log.append(bytes, { origin: 'replication', durable: false })))))
    faults.inject({ call: 'write', error: 'EIO', written: 250_000 })
    expect((await append()).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(sent).toEqual(before)
    expect(await append()).toMatchObject([{ value: { baseOffset: 5, lastOffset: 7 } }, { value: { baseOffset: 9, lastOffset: 9 } }])
    expect((await t.readAll()).map(({ offset, value }) => [offset, text(value)])).toEqual([[0, 'first'], ...three.map((value, i) => [5 + 2 * i, value])])
  })

  test.each([false, true])('is on the disk when the process ends while it is written (a sync was asked for: %s)', async (durable) => {
    let written = (): void => {}
    const mayWrite = new Promise<void>((resolve) => { written = resolve })
    const { t, batch, writes } = await harness({}, () => mayWrite)
    const acked = vi.fn<() => void>()
    for (const value of three) void t.log.append(batch(value), { ...page, durable }).then(acked)
    await t.scheduler.runUntilIdle()
    expect([writes.length, acked.mock.calls.length]).toEqual([1, 0])
    t.log.flushSync()
    expect(await (await t.crash(t.disk.survivors('lose-all'))).values()).toEqual(['first', ...three])
    written()
    await t.scheduler.runUntilIdle()
    expect(acked).toHaveBeenCalledTimes(3)
  })

  test('is all that is there when the process ends while a write waits for its thread: that finds the bytes it was given, whatever is written meanwhile', async () => {
    let written = (): void => {}
    const mayWrite = new Promise<void>((resolve) => { written = resolve })
    const { t, batch, writes } = await harness({}, () => mayWrite)
    const other = await t.drive(t.manager.create('u', 0, 'BSNFZ4mrze_-3LqYdlQyEA', testConfig()))
    const small = Array.from({ length: 30 }, (_, i) => `${i} `.padEnd(7000, 'x'))
    for (const value of small) void t.log.append(batch(value), page)
    await t.scheduler.runUntilIdle()
    expect(writes.map((parts) => parts.length)).toEqual([1])
    for (const value of three) void t.log.append(batch(value), page)
    for (const value of small) void other.append(batch(value.toUpperCase()), page)
    t.manager.flushSync()
    written()
    await t.scheduler.runUntilIdle()
    expect(await (await t.crash(t.disk.survivors('keep-all'))).values()).toEqual(['first', ...small, ...three])
  })
})

describe('where as much waits as a group takes when one that another thread wrote has ended', () => {
  const large = 'x'.repeat(340_000)

  /** Writes that had begun when each of the first group was told; the first group is being written when `next` are sent. */
  async function whenTold(next: readonly string[], options = page, before: (t: TestLog) => void = () => {}): Promise<number[]> {
    let written = (): void => {}
    const mayWrite = new Promise<void>((resolve) => { written = resolve })
    const { t, writes, batch } = await harness({}, () => mayWrite)
    const begun: number[] = []
    const told: string[] = []
    for (const name of ['a', 'b']) void t.log.append(batch(large), options).then(() => { begun.push(writes.length); told.push(name) })
    await t.scheduler.runUntilIdle()
    for (const value of next) t.log.appendFor(batch(value), options, () => { told.push('next') }, () => {})
    before(t)
    await t.scheduler.runUntilIdle()
    written()
    await t.scheduler.runUntilIdle()
    expect(told).toEqual(['a', 'b', ...next.map(() => 'next')])
    expect((await t.values()).slice(-2 - next.length)).toEqual([large, large, ...next])
    return begun
  }

  test('the next is being written when the first are told', async () => {
    expect(await whenTold([large, large, large])).toEqual([2, 2])
  })

  test('less is not: those who are told may add to it', async () => {
    expect(await whenTold([large])).toEqual([1, 1])
  })

  test('the first are told first, too, where the next ends at once: the segment has room for no more than its first batch', async () => {
    let written = (): void => {}
    const mayWrite = new Promise<void>((resolve) => { written = resolve })
    const { t, batch } = await harness({ config: { 'retention.ms': -1, 'segment.bytes': 1_100_000 } }, () => mayWrite)
    const told: string[] = []
    const send = (name: string, size: number): void => { t.log.appendFor(batch(name.repeat(size)), page, () => { told.push(name) }, () => {}) }
    send('a', 340_000)
    send('b', 340_000)
    await t.scheduler.runUntilIdle()
    send('c', 1)
    send('d', 1_000_000)
    await t.scheduler.runUntilIdle()
    written()
    await t.scheduler.runUntilIdle()
    expect(told).toEqual(['a', 'b', 'c', 'd'])
  })

  test('what was to run between groups still does', async () => {
    let ran = 0
    const begun = await whenTold([large, large, large], page, (t) => { void t.log.deleteRecordsBefore(1).then(() => { ran = t.log.logEndOffset }) })
    expect([begun, ran]).toEqual([[1, 1], 3])
  })
})

describe('appends of all sizes, durable or not, with full disks and ends of the process between', () => {
  const sizes = [30, 5000, 9000, 70_000, 140_000, 345_000, 1_000_000]

  /** What is acknowledged is there, in the order in which it was sent, and nothing else but what was never answered. */
  async function run(seed: number): Promise<{ acked: number; refused: number; writes: number }> {
    const random = new SeededRandom(seed)
    const pick = <T>(from: readonly T[]): T => from[random.int(from.length)]!
    const config = pick([{}, {}, { 'segment.bytes': 2_000_000 }, { 'message.timestamp.type': 'LogAppendTime' }, { preallocate: true }] as const)
    const { t, faults, writes, batch } = await harness({ config: { 'retention.ms': -1, 'file.delete.delay.ms': 0, ...config } })
    const offsets = new Map<string, number>([['first', 0]])
    const answers: string[] = []
    let sent = 0
    let refused = 0
    for (let round = 0; round < 25; round++) {
      if (random.int(6) === 0) faults.inject({ call: 'write', nth: 1 + random.int(3), error: 'ENOSPC', written: random.int(300_000) })
      const hold = random.int(3) === 0 ? faults.holdSyncs() : null
      const largest = 1 + random.int(sizes.length)
      for (let count = random.int(8); count >= 0; count--) {
        const name = `${sent++}`
        const options = { origin: 'client', durable: random.int(2) === 0, urgent: random.int(2) === 0 } as const
        t.log.appendFor(batch(`${name} `.padEnd(sizes[random.int(largest)]!, 'x')), options, ({ baseOffset }) => {
          offsets.set(name, baseOffset)
          answers.push(name)
        }, () => { refused++ })
        if (random.int(4) === 0) await t.scheduler.runUntilIdle()
      }
      hold?.step()
      if (random.int(3) === 0) await t.scheduler.runUntilIdle()
      hold?.release()
      if (random.int(3) > 0) await t.scheduler.runUntilIdle()
    }
    await t.scheduler.runUntilIdle()
    faults.heal()
    const names = async (log: TestLog): Promise<string[]> => (await log.readAll({ maxBytes: 5_000_000 })).map(({ offset, value }) => `${offset} ${text(value).split(' ')[0]!}`)
    const expected = [...offsets].map(([name, offset]) => `${offset} ${name}`).sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    expect(answers, `seed ${seed}`).toEqual(answers.toSorted((a, b) => Number(a) - Number(b)))
    expect(await names(t), `seed ${seed}`).toEqual(expected)
    expect(offsets.size - 1 + refused).toBe(sent)
    if (random.int(2) === 0) expect(await names(await t.reopen()), `seed ${seed}`).toEqual(expected)
    else expect(await names(await t.crash()), `seed ${seed}`).toEqual(expected)
    return { acked: answers.length, refused, writes: writes.filter((parts) => parts.length > 1).length }
  }

  test('are there if they were acknowledged, in order, and whole', async () => {
    const total = { acked: 0, refused: 0, writes: 0 }
    for (let seed = 1; seed <= 12; seed++) {
      const { acked, refused, writes } = await run(seed)
      total.acked += acked
      total.refused += refused
      total.writes += writes
    }
    expect([total.acked > 800, total.refused > 10, total.writes > 40], JSON.stringify(total)).toEqual([true, true, true])
  }, 120_000)
})
