import { describe, expect, test } from 'vitest'
import { findings, openTestLog, TestLog, type TestLogOptions } from '../../test/support/test-log.ts'
import type { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

const tiny = { 'segment.bytes': 400, 'index.interval.bytes': 100, 'file.delete.delay.ms': 0, 'retention.ms': -1 } as const

/** Opens a disk as the next process would, and everything that must hold of it whatever was lost. */
async function recover(disk: SimulatedFileSystem, options: TestLogOptions = {}): Promise<TestLog> {
  const t = new TestLog({ config: tiny, check: false, ...options, disk })
  await t.open()
  return t
}

interface Promised { readonly acked: readonly string[]; readonly attempted: readonly string[] }

function promised(marks: readonly string[]): Promised {
  return { acked: marks.filter(
    (mark) => mark.startsWith('ack '),
  ).map((mark) => mark.slice(4)), attempted: marks.filter((mark) => mark.startsWith('try ')).map((mark) => mark.slice(4)) }
}

/**
 * What was acknowledged as durable is there, and everything before it. What is there was attempted, in that order. (Of appends that asked for no
 * durability the end of a segment may be gone and the next one be there, as in Kafka: their offsets are not given out again.)
 */
function expectPromise(values: readonly string[], marks: readonly string[], describeState: () => string): void {
  const { acked, attempted } = promised(marks)
  expect(values.slice(0, acked.length), describeState()).toEqual(attempted.slice(0, acked.length))
  expect(attempted.filter((value) => values.includes(value)), describeState()).toEqual(values)
}

async function workload(durable: (i: number) => boolean, count: number, config: NonNullable<TestLogOptions['config']> = tiny): Promise<TestLog> {
  const t = await openTestLog({ config })
  t.disk.settle()
  for (let i = 0; i < count; i++) {
    const value = `value ${i} ${'x'.repeat(i * 7 % 60)}`
    t.disk.mark(`try ${value}`)
    await t.append([value], { producerId: 5, producerEpoch: 0, baseSequence: i }, { durable: durable(i) })
    if (durable(i)) for (const mark of promised(marksOf(t.disk)).attempted.slice(promised(marksOf(t.disk)).acked.length)) t.disk.mark(`ack ${mark}`)
  }
  return t
}

function marksOf(disk: SimulatedFileSystem): string[] {
  return disk.operations.filter((operation) => operation.kind === 'mark').map((operation) => operation.path)
}

describe('after a power cut at any moment', () => {
  test.each([
    ['durable appends through several rolls', (): boolean => true, tiny],
    ['appends of which every fourth is durable', (i: number): boolean => i % 4 === 3, tiny],
    ['durable appends over zeros', (): boolean => true, { ...tiny, preallocate: true }],
    ['appends of which every third is durable and over zeros', (i: number): boolean => i % 3 === 2, { ...tiny, preallocate: true }],
  ] as const)('%s: what was promised is there, what is there was written, and the files are sound', async (_name, durable, config) => {
    const t = await workload(durable, 12, config)
    let states = 0
    for (const state of t.disk.crashStates({ maxExhaustive: 16, maxSubsets: 6 })) {
      states++
      const disk = state.restore()
      const reader = await recover(state.restore(), { config, readOnly: true })
      const readOnly = await reader.values()
      await reader.close()
      const after = await recover(disk, { config })
      const values = await after.values()
      expectPromise(values, state.marks, () => state.describe())
      expect(readOnly, state.describe()).toEqual(values)
      await after.close()
      expect((await findings(disk, '/data')).filter((finding) => finding.severity === 'error'), state.describe()).toEqual([])
      const settled = disk.stateHash()
      const again = await recover(disk)
      expect(await again.values()).toEqual(values)
      await again.close()
      expect(disk.stateHash(), state.describe()).toBe(settled)
    }
    expect(states).toBeGreaterThan(200)
  }, 60_000)

  test('and another one while the first is being recovered', async () => {
    const t = await workload((i) => i % 3 === 0, 7)
    let nested = 0
    for (const state of t.disk.crashStates({ at: t.disk.operations.length, maxExhaustive: 8, maxSubsets: 4 })) {
      const disk = state.restore()
      const first = await recover(disk)
      const values = await first.values()
      for (const inner of disk.crashStates({ maxExhaustive: 4, maxSubsets: 3 })) {
        nested++
        const after = await recover(inner.restore())
        expectPromise(await after.values(), state.marks, () => `${state.describe()}\nthen\n${inner.describe()}`)
        expect((await after.values()).length).toBeLessThanOrEqual(values.length)
        await after.close()
      }
    }
    expect(nested).toBeGreaterThan(30)
  }, 60_000)
})

test('indexes of a segment that was rolled at the recovery point are made anew when a power cut tore them', async () => {
  const t = await openTestLog({ config: tiny, check: false })
  for (let i = 0; i < 3; i++) await t.append([`value ${i}`])
  await t.drive(t.manager.checkpoint())
  t.configure({ ...tiny, 'segment.bytes': 200 })
  await t.append(['rolls'], {}, { durable: false })
  const index = `${t.directory}/00000000000000000000.index`
  // The cut comes when the roll has written the index and nothing has synced it.
  const written = t.disk.operations.findIndex((operation) => operation.kind === 'write' && operation.path === index)
  expect(written).toBeGreaterThan(0)
  let damaged = 0
  for (const state of t.disk.crashStates({ from: written + 3, maxExhaustive: 1, maxSubsets: 100, damage: true })) {
    const after = await recover(state.restore())
    expect((await after.values()).slice(0, 3)).toEqual(['value 0', 'value 1', 'value 2'])
    await after.close()
    expect((await findings(after.disk, '/data')).filter((finding) => finding.severity === 'error'), state.describe()).toEqual([])
    damaged++
  }
  expect(damaged).toBeGreaterThan(50)
})
