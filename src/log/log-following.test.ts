import { describe, expect, test, vi } from 'vitest'
import { findings, openTestLog, text, TestLog, decode, type TestLogOptions } from '../../test/support/test-log.ts'
import { diskWith } from '../../test/support/disk-with.ts'
import type { FileSystem } from '../io/file-system.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import type { AppendResult } from './log-types.ts'

const urgent = { urgent: true } as const
const plain = { 'retention.ms': -1, 'file.delete.delay.ms': 0 } as const

/** What became of an append, without waiting for it. */
interface Watched { state: string; result: AppendResult | null }

function watch(sent: Promise<AppendResult>): Watched {
  const watched: Watched = { state: 'waits', result: null }
  sent.then((result) => { watched.state = 'acked'; watched.result = result }, (error: { code: string }) => { watched.state = error.code })
  return watched
}

interface Harness {
  readonly t: TestLog
  readonly faults: FaultFileSystem
  readonly send: (value: string, fields?: object) => Watched
  readonly idle: () => Promise<void>
  readonly syncs: () => number
  readonly readable: () => Promise<string[]>
}

/** `answering`: the disk, but for some answers. */
async function harness(options: TestLogOptions = {}, answering = (disk: FileSystem): FileSystem => disk): Promise<Harness> {
  const disk = new SimulatedFileSystem()
  const faults = new FaultFileSystem(answering(disk))
  const t = await openTestLog({ config: plain, disk, fileSystem: faults, ...options })
  await t.append(['first'])
  const send = (value: string, fields = {}): Watched => watch(t.send([value], fields, urgent))
  const before = faults.calls('datasync')
  const readable = async (): Promise<string[]> => {
    const { records } = await t.drive(t.log.read(0, { maxBytes: 1_000_000, isolation: 'highWatermark' }))
    return decode(records).map((record) => text(record.value))
  }
  return { t, faults, send, idle: () => t.scheduler.runUntilIdle(), syncs: () => faults.calls('datasync') - before, readable }
}

/** `first` is being synced, `second` has come meanwhile. */
async function two(
  { faults, send, idle }: Pick<Harness, 'faults' | 'send' | 'idle'>, first: string, second: string,
): Promise<{ hold: ReturnType<FaultFileSystem['holdSyncs']>; a: Watched; b: Watched }> {
  const hold = faults.holdSyncs()
  const a = send(first)
  await idle()
  const b = send(second)
  await idle()
  return { hold, a, b }
}

describe('an urgent append that comes while the one before is synced', () => {
  test('is written at once, and neither is answered or seen before the sync that covers it', async () => {
    const { t, faults, send, idle, syncs, readable } = await harness()
    const hold = faults.holdSyncs()
    const a = send('a')
    await idle()
    const writes = faults.calls('write')
    const b = send('b')
    await idle()
    expect(faults.calls('write')).toBe(writes + 1)
    expect([a.state, b.state, syncs(), t.log.highWatermark]).toEqual(['waits', 'waits', 1, 1])
    expect(await readable()).toEqual(['first'])

    // The next sync is held as well, and begins with the end of this one.
    hold.step()
    await idle()
    expect([a.state, b.state, syncs(), t.log.highWatermark]).toEqual(['acked', 'waits', 2, 2])
    expect(await readable()).toEqual(['first', 'a'])
    hold.release()
    await idle()
    expect([b.state, syncs(), t.log.highWatermark]).toEqual(['acked', 2, 3])
    expect([a.result!.baseOffset, b.result!.baseOffset]).toEqual([1, 2])
    expect(await readable()).toEqual(['first', 'a', 'b'])
  })

  test.each([['on the event loop', 10], ['by another thread', 200_000]])('is, written %s, being synced when the first hears of its own sync: telling takes time', async (_, length) => {
    const { t, faults, send, idle, syncs } = await harness()
    const hold = faults.holdSyncs()
    let syncsThen = 0
    const told = vi.fn(() => { syncsThen = syncs() })
    t.log.appendFor(Buffer.from(buildBatch([{ value: 'a', timestamp: t.clock.now() }], {})), { origin: 'client', durable: true, ...urgent }, told, () => {})
    await idle()
    const b = send('b'.repeat(length))
    await idle()
    hold.step()
    await idle()
    expect([told.mock.calls.length, syncsThen, b.state]).toEqual([1, 2, 'waits'])
    hold.release()
    await idle()
    expect([b.state, syncs()]).toEqual(['acked', 2])
  })

  test('whose write has not ended by then is synced once it has', async () => {
    let endWrite = (): void => {}
    const written = new Promise<void>((resolve) => { endWrite = resolve })
    const slowly = (disk: FileSystem): FileSystem => diskWith(disk, { open: (path, mode) => {
      const handle = disk.open(path, mode)
      return diskWith(handle, { write: (...call) => written.then(() => handle.write(...call)) })
    } })
    const { t, faults, send, idle, syncs } = await harness({}, slowly)
    const ofAnotherThread = 'x'.repeat(200_000)
    const { hold, a, b } = await two({ faults, send, idle }, 'a', ofAnotherThread)
    hold.release()
    await idle()
    expect([a.state, b.state, syncs(), t.log.highWatermark]).toEqual(['acked', 'waits', 1, 2])
    endWrite()
    await idle()
    expect([b.state, syncs()]).toEqual(['acked', 2])
    expect(await t.values()).toEqual(['first', 'a', ofAnotherThread])
  })

  test('is one at a time: what comes then waits for the first to be answered, in its order', async () => {
    const { t, faults, send, idle, syncs } = await harness()
    const order: string[] = []
    const note = (name: string, watched: Watched): Watched => {
      Object.defineProperty(watched, 'state', { set: (state: string) => { order.push(`${name} ${state}`) } })
      return watched
    }
    const hold = faults.holdSyncs()
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      note(name, send(name))
      await idle()
    }
    expect(syncs()).toBe(1)
    hold.release()
    await idle()
    expect(order).toEqual(['a acked', 'b acked', 'c acked', 'd acked', 'e acked'])
    expect(syncs()).toBe(3)
    expect(await t.values()).toEqual(['first', 'a', 'b', 'c', 'd', 'e'])
  })

  test.each([
    [1, ['LOG_OFFLINE', 'LOG_OFFLINE', 'LOG_OFFLINE'], ['first']], [2, ['acked', 'LOG_OFFLINE', 'LOG_OFFLINE'], ['first', 'a']],
  ] as const)('is told LOG_OFFLINE with all that waits when sync %i fails, and nothing of it is seen', async (failing, states, seen) => {
    const { t, faults, send, idle, syncs, readable } = await harness()
    faults.inject({ call: 'datasync', nth: failing, error: 'EIO' })
    const hold = faults.holdSyncs()
    const watched: Watched[] = []
    for (const name of ['a', 'b', 'c']) {
      watched.push(send(name))
      await idle()
    }
    expect(watched.map(({ state }) => state)).toEqual(['waits', 'waits', 'waits'])
    hold.release()
    await idle()
    expect(watched.map(({ state }) => state)).toEqual(states)
    expect(syncs()).toBe(failing)
    expect(t.log.isOffline).toBe(true)
    const later = send('later')
    await idle()
    expect(later.state).toBe('LOG_OFFLINE')
    expect(await readable()).toEqual(seen)
  })

  test('whose write fails is refused alone; the log goes on behind what was synced', async () => {
    const { t, faults, send, idle } = await harness()
    const hold = faults.holdSyncs()
    const a = send('a')
    await idle()
    faults.inject({ call: 'write', nth: 1, error: 'ENOSPC', written: 20 })
    const b = send('b')
    await idle()
    expect([a.state, b.state]).toEqual(['waits', 'DISK_FULL'])
    faults.heal()
    hold.release()
    await idle()
    expect(a.state).toBe('acked')
    expect((await t.append(['c'])).baseOffset).toBe(2)
    expect(await t.values()).toEqual(['first', 'a', 'c'])
  })

  test('that is a retry of what is being synced is answered with it, not before', async () => {
    const { t, faults, send, idle } = await harness()
    const fields = { producerId: 9, producerEpoch: 0, baseSequence: 0 }
    const hold = faults.holdSyncs()
    const a = send('a', fields)
    await idle()
    const again = send('a', fields)
    const next = send('b', { ...fields, baseSequence: 1 })
    const wrong = send('x', { ...fields, baseSequence: 7 })
    await idle()
    expect([a.state, again.state, next.state]).toEqual(['waits', 'waits', 'waits'])
    hold.release()
    await idle()
    expect([a.state, again.state, next.state, wrong.state]).toEqual(['acked', 'acked', 'acked', 'OUT_OF_ORDER_SEQUENCE_NUMBER'])
    expect(again.result).toMatchObject({ baseOffset: 1, duplicate: true })
    expect(await t.values()).toEqual(['first', 'a', 'b'])
  })

  test('that needs a new segment waits for the sync', async () => {
    const all = await harness({ config: { ...plain, 'segment.bytes': 400 } })
    const { t, idle } = all
    const { hold, a, b } = await two(all, 'a'.repeat(150), 'b'.repeat(150))
    expect([a.state, b.state, t.log.segmentCount]).toEqual(['waits', 'waits', 1])
    hold.release()
    await idle()
    expect([a.state, b.state, t.log.segmentCount]).toEqual(['acked', 'acked', 2])
  })

  test('waits while a segment that was rolled is not on the disk: there may be no handle to sync that with, which is no end of the log', async () => {
    const { t, faults, send, idle } = await harness({ config: { ...plain, 'segment.bytes': 400 } })
    const hold = faults.holdSyncs(/1\.log$/)
    for (const value of ['x'.repeat(300), 'y'.repeat(300), 'z']) await t.drive(t.send([value], {}, { durable: false }))
    faults.inject({ call: 'open', error: 'EMFILE', path: /2\.log$/, sticky: true })
    const a = send('a')
    await idle()
    const b = send('b')
    await idle()
    expect([t.log.segmentCount, a.state, b.state]).toEqual([4, 'waits', 'waits'])
    hold.release()
    await idle()
    faults.heal()
    const c = send('c')
    await idle()
    expect([t.log.isOffline, a.state, b.state, c.state]).toEqual([false, 'TOO_MANY_OPEN_FILES', 'TOO_MANY_OPEN_FILES', 'acked'])
  })

  test('waits where the folder of its file is not on the disk either, for the same reason', async () => {
    const { t, faults, send, idle } = await harness({ config: { ...plain, 'segment.bytes': 1000 } })
    for (const value of ['x', 'y']) await t.drive(t.send([value.repeat(500)], {}, { durable: false }))
    await idle()
    const hold = faults.holdSyncs(/2\.log$/)
    const a = send('a')
    await idle()
    const b = send('b')
    await idle()
    expect([t.log.segmentCount, a.state, b.state]).toEqual([2, 'waits', 'waits'])
    faults.inject({ call: 'syncDirectory', error: 'EMFILE' })
    hold.release()
    await idle()
    expect([t.log.isOffline, a.state, b.state]).toEqual([false, 'TOO_MANY_OPEN_FILES', 'acked'])
  })

  test('is waited for by what changes the log, and by its close', async () => {
    const all = await harness()
    const { t, faults, send, idle } = all
    const { hold, a, b } = await two(all, 'a', 'b')
    const cut = t.log.truncateTo(1)
    const c = send('c')
    await idle()
    expect(t.log.highWatermark).toBe(1)
    hold.release()
    await t.drive(cut)
    await idle()
    expect([a.state, b.state, c.state]).toEqual(['acked', 'acked', 'acked'])
    expect(await t.values()).toEqual(['first', 'c'])
    const again = faults.holdSyncs()
    const d = send('d')
    await idle()
    const e = send('e')
    await idle()
    const closed = t.manager.close()
    await idle()
    again.release()
    await t.drive(closed)
    expect([d.state, e.state]).toEqual(['acked', 'acked'])
    expect(await (await t.open()).values()).toEqual(['first', 'c', 'd', 'e'])
  })

  test('is on the disk when the process ends at once, as is the one before', async () => {
    const all = await harness()
    const { t, send, idle } = all
    const { hold, a, b } = await two(all, 'a', 'b')
    const c = send('c')
    t.log.flushSync()
    expect(await (await t.crash(t.disk.survivors('lose-all'))).values()).toEqual(['first', 'a', 'b', 'c'])
    hold.release()
    await idle()
    expect([a.state, b.state, c.state]).toEqual(['acked', 'acked', 'acked'])
    expect(t.log.highWatermark).toBe(4)
  })

  test.each([false, true])('too large for the event loop is written beside it, in its place (the write fails: %s)', async (fails) => {
    const { t, faults, send, idle } = await harness()
    const hold = faults.holdSyncs()
    const a = send('a')
    await idle()
    if (fails) faults.inject({ call: 'write', nth: 1, error: 'ENOSPC', written: 1000 })
    const b = send('b'.repeat(300_000))
    await idle()
    expect([a.state, b.state]).toEqual(['waits', fails ? 'DISK_FULL' : 'waits'])
    faults.heal()
    hold.release()
    await idle()
    expect([a.state, b.state]).toEqual(['acked', fails ? 'DISK_FULL' : 'acked'])
    await t.append(['c'])
    expect((await t.values()).map((value) => value[0])).toEqual(fails ? ['f', 'a', 'c'] : ['f', 'a', 'b', 'c'])
  })
})

describe('appends that fill a group while the one before is synced', () => {
  const large = 'x'.repeat(340_000)

  test('are written at once, and answered after a sync of their own; fewer wait', async () => {
    const { t, faults, idle, syncs } = await harness()
    const hold = faults.holdSyncs()
    const sent: Watched[] = []
    const writes: number[] = []
    const before = faults.calls('write')
    for (const value of ['a', large, large, large, 'b']) {
      sent.push(watch(t.send([value])))
      await idle()
      writes.push(faults.calls('write') - before)
    }
    expect(writes).toEqual([1, 1, 1, 2, 2])
    expect([sent.map(({ state }) => state), syncs(), t.log.highWatermark]).toEqual([sent.map(() => 'waits'), 1, 1])
    for (const [acked, watermark] of [[1, 2], [4, 5], [5, 6]] as const) {
      hold.step()
      await idle()
      expect([sent.filter(({ state }) => state === 'acked').length, t.log.highWatermark]).toEqual([acked, watermark])
    }
    hold.release()
    expect(await t.values()).toEqual(['first', 'a', large, large, large, 'b'])
  })

  test('and ask for no sync are written at once, answered after it, and not synced', async () => {
    const { t, faults, idle, syncs } = await harness()
    const hold = faults.holdSyncs()
    const sent = [watch(t.send(['a']))]
    await idle()
    sent.push(...[large, large, large].map((value) => watch(t.send([value], {}, { durable: false }))))
    await idle()
    const states = (): string[] => sent.map(({ state }) => state)
    expect(states()).toEqual(['waits', 'waits', 'waits', 'waits'])
    hold.step()
    await idle()
    expect([states(), syncs(), hold.waiting]).toEqual([['acked', 'acked', 'acked', 'acked'], 1, 0])
    hold.release()
  })

  test('and have waited since before the sync began are written with its beginning', async () => {
    const { t, faults, idle } = await harness()
    const hold = faults.holdSyncs()
    const before = faults.calls('write')
    const sent = [large, large, large, large, large, large].map((value) => watch(t.send([value])))
    await idle()
    expect([faults.calls('write') - before, sent.filter(({ state }) => state === 'waits').length]).toEqual([2, 6])
    hold.release()
    await idle()
    expect(sent.map(({ state, result }) => [state, result?.baseOffset])).toEqual([1, 2, 3, 4, 5, 6].map((offset) => ['acked', offset]))
  })
})

/** Every disk that a power cut may leave after any call: what was acknowledged is there, nothing is that was not tried, and no file is wrong. */
async function expectNothingLost(disk: SimulatedFileSystem, config: NonNullable<TestLogOptions['config']>, leastStates: number): Promise<void> {
  let states = 0
  for (const state of disk.crashStates({ maxExhaustive: 12, maxSubsets: 6 })) {
    states++
    const after = new TestLog({ config, check: false, disk: state.restore() })
    await after.open()
    const values = (await after.values()).map((value) => value.slice(0, 20).trim())
    const named = (kind: string): string[] => state.marks.filter((mark) => mark.startsWith(kind)).map((mark) => mark.slice(4))
    expect(named('ack ').filter((value) => !values.includes(value)), state.describe()).toEqual([])
    expect(values.filter((value) => value !== 'first' && !named('try ').includes(value)), state.describe()).toEqual([])
    await after.close()
    expect((await findings(after.disk, '/data')).filter(({ severity }) => severity === 'error'), state.describe()).toEqual([])
  }
  expect(states).toBeGreaterThan(leastStates)
}

describe('after a power cut at any moment what was acknowledged is there', () => {
  test.each([[plain], [{ ...plain, preallocate: true, 'segment.bytes': 700 }]])('of urgent appends in turns: %j', async (config) => {
    const disk = new SimulatedFileSystem()
    const t = await openTestLog({ config, disk, check: false })
    await t.append(['first'])
    disk.settle()
    let sent = 0
    const sender = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        const value = `value ${++sent}`
        disk.mark(`try ${value}`)
        await t.log.append(Buffer.from(buildBatch([{ value, timestamp: t.clock.now() }])), { origin: 'client', durable: true, urgent: true })
        disk.mark(`ack ${value}`)
        await new Promise<void>((resolve) => { t.scheduler.soon(resolve) })
      }
    }
    await t.drive(Promise.all([sender(), sender(), sender()]))
    await expectNothingLost(disk, config, 50)
  }, 60_000)

  test.each([[plain], [{ ...plain, 'segment.bytes': 1_500_000 }]])('of groups that follow each other full: %j', async (config) => {
    const disk = new SimulatedFileSystem()
    const t = await openTestLog({ config, disk, check: false })
    await t.append(['first'])
    disk.settle()
    const sent = Array.from({ length: 8 }, async (_, i) => {
      const value = `value ${i}`
      disk.mark(`try ${value}`)
      await t.send([value.padEnd(340_000)])
      disk.mark(`ack ${value}`)
    })
    await t.drive(Promise.all(sent))
    await expectNothingLost(disk, config, 20)
  }, 60_000)
})
