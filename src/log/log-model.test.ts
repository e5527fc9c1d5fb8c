import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findings, TestLog, text } from '../../test/support/test-log.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import type { LogTopicValues } from './log-config.ts'

/** A log as one would explain it: a list. */
interface Model {
  records: { readonly offset: number; readonly value: string; readonly timestamp: number }[]
  start: number
  end: number
  /** Everything below survives a power cut. */
  durable: number
  /** Sequence of the one idempotent producer, and what its last batches were. */
  sequence: number
  recent: { readonly baseSequence: number; readonly count: number; readonly baseOffset: number }[]
}

type Operation =
  | { readonly kind: 'append'; readonly sizes: readonly number[]; readonly durable: boolean; readonly idempotent: boolean; readonly age: number }
  | { readonly kind: 'together'; readonly count: number }
  | { readonly kind: 'retry' } | { readonly kind: 'gap' }
  | { readonly kind: 'deleteRecords'; readonly share: number }
  | { readonly kind: 'retain' } | { readonly kind: 'wait'; readonly minutes: number }
  | { readonly kind: 'truncate'; readonly share: number }
  | { readonly kind: 'reopen' } | { readonly kind: 'kill' } | { readonly kind: 'powerCut'; readonly seed: number }
  | { readonly kind: 'configure'; readonly segmentBytes: number; readonly interval: number }

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant(
    'append' as const,
  ), sizes: fc.array(fc.nat(120), { minLength: 1, maxLength: 4 }), durable: fc.boolean(), idempotent: fc.boolean(), age: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('together' as const), count: fc.integer({ min: 2, max: 6 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'retry' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'gap' } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteRecords' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'retain' } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 90 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'kill' } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('powerCut' as const), seed: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record(
    { kind: fc.constant('configure' as const), segmentBytes: fc.integer({ min: 700, max: 3000 }), interval: fc.constantFrom(0, 50, 300) },
  ) },
)

const base: Partial<LogTopicValues> = {
  'segment.bytes': 900, 'index.interval.bytes': 100, 'segment.index.bytes': 200, 'retention.bytes': 3000, 'retention.ms': 3_600_000,
  'segment.ms': 1_800_000, 'file.delete.delay.ms': 60_000,
}

/** The log and the model side by side. */
class Pair {
  log = new TestLog({ config: base, check: false })
  readonly model: Model = { records: [], start: 0, end: 0, durable: 0, sequence: 0, recent: [] }
  #config: Partial<LogTopicValues> = base
  #serial = 0

  async apply(op: Operation): Promise<void> {
    if (op.kind === 'append') await this.#append(op)
    else if (op.kind === 'together') await this.#together(op.count)
    else if (op.kind === 'retry') await this.#retry()
    else if (op.kind === 'gap') { if (this.model.sequence > 0) await expect(
      this.log.append(['never'], { ...producer, baseSequence: this.model.sequence + 1 }),
    ).rejects.toMatchObject({ code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }) }
    else if (op.kind === 'deleteRecords') await this.#deleteRecords(op.share)
    else if (op.kind === 'retain') await this.#retain()
    else if (op.kind === 'wait') await this.#wait(op.minutes)
    else if (op.kind === 'truncate') await this.#truncate(op.share)
    else if (op.kind === 'reopen') await this.#reopen()
    else if (op.kind === 'kill') await this.#restart('kill')
    else if (op.kind === 'powerCut') await this.#restart(op.seed)
    else this.#configure({ ...base, 'segment.bytes': op.segmentBytes, 'index.interval.bytes': op.interval })
  }

  #value(size: number): string { return `${this.#serial++} ${'x'.repeat(size)}` }

  #take(values: readonly string[], baseOffset: number, timestamp: number): void {
    expect(baseOffset).toBe(this.model.end)
    for (const value of values) this.model.records.push({ offset: this.model.end++, value, timestamp })
  }

  async #append({ sizes, durable, idempotent, age }: Extract<Operation, { kind: 'append' }>): Promise<void> {
    const { model } = this
    const values = sizes.map((size) => this.#value(size))
    const timestamp = this.log.clock.now() - age * 60_000
    const fields = idempotent ? { ...producer, baseSequence: model.sequence } : {}
    const { baseOffset } = await this.log.append(values.map((value) => ({ value, timestamp })), fields, { durable })
    if (idempotent) {
      model.recent = [...model.recent, { baseSequence: model.sequence, count: values.length, baseOffset }].slice(-5)
      model.sequence += values.length
    }
    this.#take(values, baseOffset, timestamp)
    if (durable) model.durable = model.end
  }

  async #together(count: number): Promise<void> {
    const sent = Array.from({ length: count }, () => this.#value(10))
    const timestamp = this.log.clock.now()
    const results = await this.log.drive(Promise.all(sent.map((value, i) => this.log.send([value], {}, { durable: i % 2 === 0 }))))
    results.forEach(({ baseOffset }, i) => this.#take([sent[i]!], baseOffset, timestamp))
    // The last durable one covers those before it; a roll may have put those behind it into a later group.
    const lastDurable = results[count % 2 === 1 ? count - 1 : count - 2]!
    this.model.durable = Math.max(this.model.durable, lastDurable.lastOffset + 1)
  }

  /** Any of the last five batches sent again gets its first offsets, as long as the log remembers it. */
  async #retry(): Promise<void> {
    const last = this.model.recent[this.model.recent.length - 1]
    if (last === undefined) return
    const values = Array.from({ length: last.count }, () => 'again')
    expect(await this.log.append(values, { ...producer, baseSequence: last.baseSequence })).toMatchObject({ duplicate: true, baseOffset: last.baseOffset })
    this.model.durable = Math.max(this.model.durable, last.baseOffset + last.count)
  }

  async #deleteRecords(share: number): Promise<void> {
    const { model } = this
    const offset = model.start + Math.floor((model.end - model.start) * share)
    expect(await this.log.drive(this.log.log.deleteRecordsBefore(offset))).toBe(offset)
    model.start = offset
  }

  async #retain(): Promise<void> {
    await this.log.drive(this.log.log.applyRetention(this.log.clock.now()))
    this.#adoptStart()
  }

  async #wait(minutes: number): Promise<void> {
    await this.log.drive(this.log.scheduler.advance(minutes * 60_000))
    this.#adoptStart()
  }

  /** Retention takes from the start only, never more than is there, and nothing that is younger than both limits. */
  #adoptStart(): void {
    const { model } = this
    const start = this.log.log.logStartOffset
    expect(start).toBeGreaterThanOrEqual(model.start)
    expect(start).toBeLessThanOrEqual(model.end)
    const kept = model.records.filter((record) => record.offset >= start)
    const gone = model.records.filter((record) => record.offset >= model.start && record.offset < start)
    const keptBytes = kept.reduce((sum, record) => sum + record.value.length, 0)
    for (const record of gone) if (this.log.clock.now() - record.timestamp <= 3_600_000) expect(keptBytes + this.log.log.size).toBeGreaterThan(2500)
    model.start = start
  }

  async #truncate(share: number): Promise<void> {
    const { model } = this
    const offset = model.start + Math.floor((model.end - model.start) * share)
    await this.log.drive(this.log.log.truncateTo(offset))
    // A batch is never split: what is left of the one that holds the offset is gone too.
    const left = (await this.log.readAll()).map((record) => record.offset)
    model.records = model.records.filter((record) => record.offset < model.start || left.includes(record.offset))
    expect(left.every((each) => each < offset)).toBe(true)
    model.end = Math.min(model.end, offset)
    if (left.length === 0) model.start = this.log.log.logStartOffset
    expect(model.start).toBeLessThanOrEqual(model.end)
    model.durable = Math.min(model.durable, model.end)
    this.#forgetProducer()
  }

  /** Whatever the log knows of the producer now is where it goes on. */
  #forgetProducer(): void {
    const known = this.log.log.activeProducers().find((each) => each.producerId === producer.producerId)
    this.model.sequence = (known?.lastSequence ?? -1) + 1
    this.model.recent = this.model.recent.filter((batch) => batch.baseSequence + batch.count === this.model.sequence && known !== undefined)
  }

  async #reopen(): Promise<void> {
    await this.log.reopen()
    expect(this.log.manager.recoveryReports).toEqual([])
    this.model.durable = this.model.end
    this.#forgetProducer()
  }

  async #restart(cut: 'kill' | number): Promise<void> {
    const { model } = this
    const disk = this.log.disk.survivors(cut === 'kill' ? 'keep-all' : cut % 3 === 0 ? 'lose-all' : { seed: cut })
    this.log = new TestLog({ config: this.#config, check: false, disk, clock: new ManualClock(this.log.clock.now()) })
    await this.log.open()
    const { log } = this.log
    const found = await this.log.readAll()
    if (cut === 'kill') expect(log.logEndOffset).toBe(model.end)
    expect(log.logEndOffset).toBeGreaterThanOrEqual(model.durable)
    expect(log.logStartOffset).toBe(Math.min(model.start, log.logEndOffset))
    const offsets = new Set(found.map((record) => record.offset))
    for (const record of model.records) if (record.offset >= log.logStartOffset && record.offset < model.durable) expect(offsets.has(record.offset)).toBe(true)
    model.records = model.records.filter((record) => record.offset < log.logStartOffset || offsets.has(record.offset))
    model.start = log.logStartOffset
    model.end = log.logEndOffset
    model.durable = log.recoveryPoint
    this.#forgetProducer()
  }

  #configure(config: Partial<LogTopicValues>): void {
    this.#config = config
    this.log.configure(config)
  }

  async compare(): Promise<void> {
    const { model } = this
    const { log } = this.log
    expect({ start: log.logStartOffset, end: log.logEndOffset }).toEqual({ start: model.start, end: model.end })
    const visible = model.records.filter((record) => record.offset >= model.start)
    expect((await this.log.readAll()).map((record) => ({ offset: record.offset, value: text(record.value), timestamp: record.timestamp }))).toEqual(visible)
    const probe = visible[Math.floor(visible.length / 2)]
    if (probe === undefined) return
    expect((await this.log.read(probe.offset, { maxBytes: 1 }))[0]).toMatchObject({ offset: probe.offset })
    const first = visible.find((record) => record.timestamp >= probe.timestamp)!
    expect(await this.log.drive(log.offsetForTimestamp(probe.timestamp, 'logEnd'))).toMatchObject({ offset: first.offset, timestamp: first.timestamp })
    const newest = visible.reduce((best, record) => (record.timestamp > best.timestamp ? record : best))
    const largest = await this.log.drive(log.maxTimestampOffset())
    expect(largest!.timestamp).toBeGreaterThanOrEqual(newest.timestamp)
  }
}

const producer = { producerId: 77, producerEpoch: 0 }

describe('the log beside a list', () => {
  test('holds the same records at the same offsets, whatever is done to it', async () => {
    await fc.assert(fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 30 }), async (operations) => {
      const pair = new Pair()
      await pair.log.open()
      for (const op of operations) {
        await pair.apply(op)
        await pair.compare()
      }
      await pair.log.close()
      expect((await findings(pair.log.disk, '/data')).filter((finding) => finding.severity === 'error')).toEqual([])
    }), { numRuns: Number(process.env['OTTLA_MODEL_RUNS'] ?? 120) })
  }, 120_000)
})
