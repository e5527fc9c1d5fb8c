/** A compacted log beside a list: random records, shapes of batches, codecs, producers and transactions; rounds with room for few keys; restarts. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { committed, compact, compacting, endTransaction, latestOf, living, put, segmentBases, type Row } from '../../test/support/compaction-kit.ts'
import { findings, openTestLog, TestLog } from '../../test/support/test-log.ts'
import { loadAllCodecs, type CompressionType } from '../record/compression.ts'
import { buildBatch, type BatchFields } from '../record/record-batch-builder.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { readOffsetCheckpoint } from './checkpoint-file.ts'

const DELETE_RETENTION_MS = compacting['delete.retention.ms']!

interface Draft { readonly key: number; readonly size: number | null }
type Operation =
  | { readonly kind: 'append'; readonly drafts: readonly Draft[]; readonly codec: CompressionType; readonly producer: number | null; readonly age: number }
  | { readonly kind: 'keyless'; readonly drafts: readonly Draft[] }
  | { readonly kind: 'transaction'; readonly producer: number; readonly batches: readonly (readonly Draft[])[]; readonly between: readonly Draft[]; readonly type: 'COMMIT' | 'ABORT' }
  | { readonly kind: 'retry'; readonly producer: number }
  | { readonly kind: 'compact' } | { readonly kind: 'wait'; readonly ms: number } | { readonly kind: 'reopen' } | { readonly kind: 'kill'; readonly isForgetful: boolean }
  | { readonly kind: 'stamps'; readonly type: 'CreateTime' | 'LogAppendTime' }

const draft = fc.record({ key: fc.nat(4), size: fc.option(fc.nat(60), { freq: 4 }) })
const drafts = fc.array(draft, { minLength: 1, maxLength: 4 })
const producer = fc.nat(2)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({
    kind: fc.constant('append' as const), drafts, codec: fc.constantFrom('none' as const, 'none' as const, 'gzip' as const, 'snappy' as const, 'lz4' as const, 'zstd' as const),
    producer: fc.option(producer), age: fc.nat(5000),
  }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('keyless' as const), drafts }) },
  { weight: 3, arbitrary: fc.record({
    kind: fc.constant('transaction' as const), producer, batches: fc.array(drafts, { minLength: 0, maxLength: 5 }), between: drafts, type: fc.constantFrom('COMMIT' as const, 'ABORT' as const),
  }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retry' as const), producer }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'compact' } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(1500) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), isForgetful: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stamps' as const), type: fc.constantFrom('CreateTime' as const, 'LogAppendTime' as const) }) },
)

interface Known { sequence: number; last: { readonly fields: BatchFields; readonly count: number; readonly baseOffset: number } | null }

class Pair {
  readonly #keyBytes: number
  #log: TestLog
  /** What committed data there ever was, and when it came. */
  readonly #rows: (Row & { readonly at: number })[] = []
  readonly #producers = new Map<number, Known>()
  #end = 0
  #serial = 0

  constructor(keyBytes: number) {
    this.#keyBytes = keyBytes
    this.#log = this.#made()
  }

  #made(from?: TestLog): TestLog {
    return new TestLog({
      config: compacting, check: false, manager: {
        settings: { 'log.cleaner.enable': false },
        cleaner: {
          'log.cleaner.backoff.ms': 1, 'log.cleaner.dedupe.buffer.size': this.#keyBytes, 'log.cleaner.io.buffer.load.factor': 0.9, 'log.cleaner.io.buffer.size': 1,
        },
      },
      ...(from === undefined ? {} : { disk: from.disk.survivors('keep-all'), clock: new ManualClock(from.clock.now()) }),
    })
  }

  async run(operations: readonly Operation[]): Promise<void> {
    await this.#log.open()
    for (const each of operations) await this.#apply(each)
    await this.#judge()
    await this.#compactAll()
    await this.#log.close()
    expect((await findings(this.#log.disk, '/data')).filter(({ severity }) => severity === 'error')).toEqual([])
  }

  async #apply(op: Operation): Promise<void> {
    if (op.kind === 'append') await this.#append(op.drafts, { compression: op.codec, ...(op.producer === null ? {} : this.#next(op.producer)) }, op.age)
    else if (op.kind === 'keyless') await this.#keyless(op.drafts)
    else if (op.kind === 'transaction') await this.#transaction(op)
    else if (op.kind === 'retry') await this.#retry(op.producer)
    else if (op.kind === 'compact') await this.#compact()
    else if (op.kind === 'wait') this.#log.clock.advance(op.ms)
    else if (op.kind === 'stamps') this.#log.configure({ 'message.timestamp.type': op.type })
    else {
      if (op.kind === 'reopen') await this.#log.reopen()
      else {
        this.#log = this.#made(this.#log)
        // What is known of producers is in the log, too.
        const { disk, directory } = this.#log
        if (op.isForgetful) for (const name of this.#log.fileNames()) if (name.endsWith('.snapshot')) disk.unlink(`${directory}/${name}`)
        await this.#log.open()
      }
      await this.#judge()
    }
  }

  #next(producerId: number): BatchFields { return { producerId, producerEpoch: 0, baseSequence: this.#known(producerId).sequence } }

  #known(producerId: number): Known {
    const known = this.#producers.get(producerId) ?? { sequence: 0, last: null }
    this.#producers.set(producerId, known)
    return known
  }

  #values(list: readonly Draft[]): { key: string; value: string | null }[] {
    return list.map(({ key, size }) => ({ key: `k${key}`, value: size === null ? null : `${this.#serial++} ${'x'.repeat(size)}` }))
  }

  /** Gives the rows, which are not in the model yet if `isOpen`. */
  async #append(list: readonly Draft[], fields: BatchFields, age: number = 0, isOpen: boolean = false): Promise<(Row & { readonly at: number })[]> {
    const values = this.#values(list)
    const { baseOffset } = await this.#log.append(values.map((value) => ({ ...value, timestamp: this.#log.clock.now() - age })), fields)
    expect(baseOffset).toBe(this.#end)
    this.#end += values.length
    if (fields.producerId !== undefined) {
      const known = this.#known(fields.producerId)
      known.sequence += values.length
      known.last = { fields, count: values.length, baseOffset }
    }
    const rows = values.map((value, i) => ({ offset: baseOffset + i, ...value, at: this.#log.clock.now() }))
    if (!isOpen) this.#rows.push(...rows)
    return rows
  }

  /** As an adopted log may have them. */
  async #keyless(list: readonly Draft[]): Promise<void> {
    const values = this.#values(list).map(({ value }) => ({ key: null, value, timestamp: this.#log.clock.now() }))
    const batch = Buffer.from(buildBatch(values, { baseOffset: this.#end, leaderEpoch: 0 }))
    await this.#log.drive(this.#log.log.append(batch, { origin: 'replication', durable: true }))
    for (const { key, value } of values) this.#rows.push({ offset: this.#end++, key, value, at: this.#log.clock.now() })
  }

  async #transaction({ producer: id, batches, between, type }: Extract<Operation, { kind: 'transaction' }>): Promise<void> {
    const rows: (Row & { readonly at: number })[] = []
    for (const [i, batch] of batches.entries()) {
      rows.push(...await this.#append(batch, { ...this.#next(id + 10), isTransactional: true }, 0, true))
      if (i === 1) await this.#append(between, {})
      if (i === 2) await this.#compact()
    }
    const { baseOffset } = await endTransaction(this.#log, id + 10, type)
    expect(baseOffset).toBe(this.#end++)
    if (type === 'COMMIT') this.#rows.push(...rows)
    this.#rows.sort((a, b) => a.offset - b.offset)
  }

  /** The last batch of a producer is recognised, whatever is left of it. */
  async #retry(producerId: number): Promise<void> {
    const last = this.#producers.get(producerId)?.last ?? null
    if (last === null) return
    const again = Array.from({ length: last.count }, () => ({ key: 'k0', value: 'again' }))
    expect(await this.#log.append(again, last.fields)).toMatchObject({ duplicate: true, baseOffset: last.baseOffset })
  }

  async #compact(): Promise<void> {
    await this.#log.drive(this.#log.log.flush())
    await this.#log.drive(this.#log.manager.compact())
    await this.#judge()
  }

  /** With room for one key each round goes on behind the one before; what is cleaned in the end has each key once. */
  async #compactAll(): Promise<void> {
    const t = this.#log
    const cleaned = (): number => t.logger.messages('info').filter((message) => /cleaned a log/.test(message)).length
    for (let rounds = 0; ; rounds++) {
      const before = cleaned()
      await this.#compact()
      if (cleaned() === before) break
      expect(rounds).toBeLessThan(this.#end + 2)
    }
    const cleanedTo = readOffsetCheckpoint(t.disk, '/data/cleaner-offset-checkpoint')[0]?.offset ?? 0
    expect(cleanedTo).toBe(segmentBases(t).at(-1))
    const keys = (await committed(t)).filter(({ offset }) => offset < cleanedTo).map(({ key }) => key)
    expect(keys).toEqual([...new Set(keys)])
    expect(keys).not.toContain(null)
  }

  async #judge(): Promise<void> {
    const t = this.#log
    expect(t.logger.entries.filter(({ level }) => level === 'warn' || level === 'error').map(({ message }) => message)).toEqual([])
    expect({ start: t.log.logStartOffset, end: t.log.logEndOffset }).toEqual({ start: 0, end: this.#end })
    const rows = await committed(t)
    const all = this.#rows.filter(({ offset }) => offset < t.log.lastStableOffset)
    const byOffset = new Map(all.map((row) => [row.offset, row]))
    for (const row of rows) expect(byOffset.get(row.offset)).toMatchObject(row)
    const latest = latestOf(all)
    const found = latestOf(rows)
    const plain = [...living(latest)].map(([key, { offset, value }]) => ({ key, offset, value })).sort((a, b) => a.offset - b.offset)
    expect([...living(found)].map(([key, { offset, value }]) => ({ key, offset, value })).sort((a, b) => a.offset - b.offset)).toEqual(plain)
    for (const [key, { at, value, offset }] of latest) if (value === null && at + DELETE_RETENTION_MS > t.clock.now()) expect({ key, offset: found.get(key)?.offset }).toEqual({ key, offset })
    const active = segmentBases(t).at(-1)!
    expect(rows.filter(({ offset }) => offset >= active)).toHaveLength(all.filter(({ offset }) => offset >= active).length)
  }
}

test('of every key the last committed record stays, whatever was written how', async () => {
  await loadAllCodecs()
  await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40, size: 'max' }), fc.constantFrom(48, 72, 100_000), async (operations, keyBytes) => {
    await new Pair(keyBytes).run(operations)
  }), { numRuns: Number(process.env['OTTLA_MODEL_RUNS'] ?? 40) })
}, 120_000)

test('what a clean stop noted of a producer is not held against a log that has lost the batches since', async () => {
  const t = await openTestLog({ config: compacting })
  const append = (key: string, baseSequence: number): Promise<unknown> => t.append([put(key, 'x'.repeat(60))], { producerId: 1, producerEpoch: 0, baseSequence })
  await append('k', 0)
  await t.reopen()
  for (let i = 1; i < 5; i++) await append('k', i)
  await compact(t)
  expect((await committed(t)).map(({ offset }) => offset)).toEqual([2, 3, 4])
  expect(t.fileNames()).toContain('00000000000000000001.snapshot')
  await t.expectSound()
})
