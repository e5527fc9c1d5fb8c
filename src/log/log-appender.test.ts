/** What becomes of those who append, and of the memory that holds their bytes, when a log goes offline under them; and how much goes with one write. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openTestLog, type TestLog } from '../../test/support/test-log.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { TailMemory } from './tail-cache.ts'

const loading = vi.hoisted(() => ({ wait: Promise.resolve() as Promise<unknown> }))

vi.mock('../record/compression.ts', async (importOriginal) => {
  const original = await importOriginal<{ loadCodec(type: string): Promise<void> }>()
  return {
    ...original,
    async loadCodec(type: string) {
      await original.loadCodec(type)
      await loading.wait
    },
  }
})

const urgent = { urgent: true } as const

async function harness(config: Parameters<typeof openTestLog>[0] = {}): Promise<{ t: TestLog; disk: SimulatedFileSystem; faults: FaultFileSystem }> {
  const disk = new SimulatedFileSystem()
  const faults = new FaultFileSystem(disk)
  return { t: await openTestLog({ disk, fileSystem: faults, ...config }), disk, faults }
}

function watch(sent: Promise<unknown>): { state: string } {
  const watched = { state: 'waits' }
  sent.then(() => { watched.state = 'acked' }, (error: { code: string }) => { watched.state = error.code })
  return watched
}

/** Sizes of the memory that caches gave back, from now on. */
function givenBack(): number[] {
  const sizes: number[] = []
  const give = TailMemory.prototype.give
  vi.spyOn(TailMemory.prototype, 'give').mockImplementation(function given(this: TailMemory, chunk) {
    sizes.push(chunk.buffer.length)
    give.call(this, chunk)
  })
  return sizes
}

afterEach(() => {
  vi.restoreAllMocks()
  loading.wait = Promise.resolve()
})

test('an append whose codec is loaded while the log goes offline is told so', async () => {
  const { t, faults } = await harness({ config: { 'segment.bytes': 400, 'retention.ms': -1 } })
  faults.inject({ call: 'datasync', error: 'EIO', path: /\.log$/ })
  const hold = faults.holdSyncs(/\.log$/)
  for (const value of ['x', 'y']) await t.append([value.repeat(300)], {}, { durable: false })
  let loaded = (): void => {}
  loading.wait = new Promise<void>((resolve) => { loaded = resolve })
  const sent = watch(t.send(['z'], { compression: 'gzip' }))
  await t.scheduler.runUntilIdle()
  hold.release()
  await t.scheduler.runUntilIdle()
  expect([t.log.isOffline, sent.state]).toEqual([true, 'waits'])
  loaded()
  await t.scheduler.runUntilIdle()
  expect([sent.state, t.log.logEndOffset]).toEqual(['LOG_OFFLINE', 2])
})

describe('the memory of an append whose sync fails', () => {
  test('is given back', async () => {
    const { t, faults } = await harness()
    const sizes = givenBack()
    faults.inject({ call: 'datasync', error: 'EIO', path: /\.log$/ })
    await expect(t.append(['a'])).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    expect(sizes).toHaveLength(1)
  })

  test('is not given to other logs while what follows it there is still being written', async () => {
    // Stamped, and so copied to that memory.
    const { t, disk, faults } = await harness({ config: { 'message.timestamp.type': 'LogAppendTime' } })
    const open = disk.open.bind(disk)
    let written = (): void => {}
    const mayWrite = new Promise<void>((resolve) => { written = resolve })
    disk.open = (path, mode) => {
      const handle = open(path, mode)
      const write = handle.write.bind(handle)
      handle.write = async (...given) => {
        await mayWrite
        return write(...given)
      }
      return handle
    }
    await t.append(['first'])
    faults.inject({ call: 'datasync', error: 'EIO', path: /\.log$/ })
    const hold = faults.holdSyncs()
    const a = watch(t.send(['a'], {}, urgent))
    await t.scheduler.runUntilIdle()
    const b = watch(t.send(['b'.repeat(300_000)], {}, urgent))
    await t.scheduler.runUntilIdle()
    const sizes = givenBack()
    hold.release()
    await t.scheduler.runUntilIdle()
    expect([a.state, b.state, sizes]).toEqual(['LOG_OFFLINE', 'waits', []])
    written()
    await t.scheduler.runUntilIdle()
    expect([b.state, sizes]).toEqual(['LOG_OFFLINE', [524_288]])
  })
})

test('what is appended in one turn goes with one write, though it is more than a cache begins with', async () => {
  const { t, faults } = await harness()
  const before = faults.calls('write')
  const sent = Array.from({ length: 10 }, (_, i) => t.send([`${i}`.repeat(20_000)], {}, { durable: false }))
  expect((await t.drive(Promise.all(sent))).map(({ baseOffset }) => baseOffset)).toEqual(Array.from({ length: 10 }, (_, i) => i))
  expect(faults.calls('write')).toBe(before + 1)
})
