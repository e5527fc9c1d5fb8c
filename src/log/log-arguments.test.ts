import { describe, expect, test } from 'vitest'
import { openTestLog } from '../../test/support/test-log.ts'
import { outcome } from '../../test/support/client-harness.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { defaultLogTopicValues, logConfigOf } from './log-config.ts'
import type { AppendOptions } from './log-types.ts'

const batch = (): Uint8Array => Buffer.from(buildBatch([{ timestamp: 5, key: null, value: Buffer.from('v'), headers: [] }], {}))
const append = { origin: 'client', durable: true }
const read = { maxBytes: 100, isolation: 'logEnd' }

type Method = 'append' | 'read' | 'latest' | 'offsetForTimestamp' | 'onAdvance' | 'assignLeaderEpoch' | 'deleteRecordsBefore' | 'truncateTo' | 'truncateFullyAndStartAt' | 'updateConfig'

const wrongCalls: readonly (readonly [method: Method, given: readonly unknown[]])[] = [
  ['append', []], ['append', ['text', append]], ['append', [null, append]], ['append', [new Uint16Array(8), append]],
  ['append', [batch()]], ['append', [batch(), null]],
  ['append', [batch(), {}]], ['append', [batch(), { ...append, origin: 'nobody' }]], ['append', [batch(), { ...append, durable: 1 }]],
  ['append', [batch(), { ...append, urgent: 'no' }]],
  ['append', [batch(), { ...append, leaderEpoch: -1 }]], ['append', [batch(), { ...append, leaderEpoch: 0.5 }]], ['append', [batch(), { ...append, leaderEpoch: 2 ** 31 }]],
  ['read', [0]], ['read', [0, null]], ['read', [0, {}]], ['read', [0, { ...read, maxBytes: Number.NaN }]], ['read', [0, { ...read, isolation: 'x' }]], ['read', [0, { ...read, allocate: 5 }]],
  ['read', ['0', read]], ['read', [0.5, read]], ['read', [Number.NaN, read]], ['read', [undefined, read]],
  ['read', [0, { ...read, allocate: () => { throw new RangeError('no') } }]], ['read', [0, { ...read, allocate: async () => Promise.reject(new RangeError('no')) }]],
  ['read', [0, { ...read, allocate: () => 'text' }]], ['read', [0, { ...read, allocate: () => null }]], ['read', [0, { ...read, allocate: (bytes: number) => Buffer.alloc(bytes - 1) }]],
  ['updateConfig', []], ['updateConfig', [null]], ['updateConfig', [{}]], ['updateConfig', [{ ...logConfigOf(defaultLogTopicValues), retentionMs: '1' }]],
  ['latest', []], ['latest', ['toString']],
  ['offsetForTimestamp', [5]],
  ['onAdvance', []], ['onAdvance', [{}]],
  ['assignLeaderEpoch', ['x']], ['assignLeaderEpoch', [1.5]], ['assignLeaderEpoch', [-1]],
  ['deleteRecordsBefore', []], ['deleteRecordsBefore', ['1']], ['deleteRecordsBefore', [0.5]], ['deleteRecordsBefore', [Number.NaN]],
  ['truncateTo', []], ['truncateTo', ['x']], ['truncateTo', [0.5]], ['truncateTo', [-5]], ['truncateFullyAndStartAt', []], ['truncateFullyAndStartAt', [-1]], ['truncateFullyAndStartAt', [2 ** 60]],
]

describe('what a log should not be given', () => {
  test.each(wrongCalls)('%s(%j) is refused, and nothing is changed', async (method, given) => {
    const t = await openTestLog()
    await t.append(['a', 'b', 'c'])
    const call = t.log[method] as (...args: unknown[]) => unknown
    expect(await outcome(t.drive((async () => call.apply(t.log, [...given]))()))).toBe('INVALID_ARGUMENT')
    expect([t.log.logStartOffset, t.log.logEndOffset, t.log.leaderEpoch]).toEqual([0, 3, 0])
    await t.append(['d'])
    expect(await t.values()).toEqual(['a', 'b', 'c', 'd'])
    await t.reopen()
    expect(await t.values()).toEqual(['a', 'b', 'c', 'd'])
  })

  test('memory for what is read that is too small is not written to, wherever it is read from', async () => {
    const t = await openTestLog()
    await t.append(['a', 'b', 'c'])
    const slab = Buffer.alloc(4096)
    const given = { ...read, isolation: 'logEnd', allocate: () => slab.subarray(0, 10) } as const
    const refused = async (): Promise<unknown> => outcome(t.drive(t.log.read(0, given)))
    expect(await refused()).toBe('INVALID_ARGUMENT')
    await t.reopen()
    expect(await refused()).toBe('INVALID_ARGUMENT')
    expect(slab.every((byte) => byte === 0)).toBe(true)
  })

  test('bytes of a batch that are none are told to whoever has a promise of his own', async () => {
    const t = await openTestLog()
    const told: unknown[] = []
    t.log.appendFor('text' as never, append as AppendOptions, () => { told.push('done') }, (error) => { told.push((error as { code?: unknown }).code) })
    expect(told).toEqual(['INVALID_ARGUMENT'])
    await t.append(['a'])
    expect(await t.values()).toEqual(['a'])
  })

  test.each([
    ['throws', () => { throw new RangeError('no') }], ['is async', async () => { await Promise.resolve(); throw new RangeError('no') }],
  ])('a listener for its end that %s is logged, and holds nobody up', async (_, listener) => {
    const t = await openTestLog()
    let calls = 0
    t.log.onAdvance(listener)
    t.log.onAdvance(() => { calls += 1 })
    await t.append(['a'])
    await t.append(['b'])
    expect([await t.values(), calls]).toEqual([['a', 'b'], 2])
    expect(t.logger.messages('error')).toEqual(Array.from({ length: 2 }, () => 'a listener for the end of a log failed'))
  })
})
