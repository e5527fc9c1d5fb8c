/**
 * Compaction beside everything else that is done to a log, on a disk that answers in any order: each read and look-up gives what a list would have given, but
 * for records that a later one of their key has made obsolete, and the list and the log agree in the end on the last record of every key.
 */
import { expect, test } from 'vitest'
import { BesideChanges, drawQuestion, forSeeds } from '../../test/support/beside-changes.ts'
import { committed, compacting, latestOf, leftovers, living, type Row } from '../../test/support/compaction-kit.ts'
import { decode, findings, TestLog, text } from '../../test/support/test-log.ts'
// Its code is there from the start, so that a seed tells what happens.
import './log-compaction.ts'
import type { LogTopicValues } from './log-config.ts'

interface Entry {
  readonly offset: number; readonly batch: number; readonly key: string; readonly value: string | null; readonly timestamp: number
  /** What made it obsolete was cut off again: it may be gone even so. */
  readonly mayBeGone?: boolean
}
interface State { readonly start: number; readonly end: number; readonly entries: readonly Entry[] }
const READS_AT_A_TIME = 4
const STEPS = 150
const FIRST = 14

class Round {
  readonly #beside: BesideChanges<State>
  readonly #log: TestLog
  #serial = 0
  #compacting: Promise<void> | null = null

  constructor(seed: number) {
    this.#beside = new BesideChanges<State>(seed, { start: 0, end: 0, entries: [] })
    const { random, clock, scheduler, disk } = this.#beside
    this.#log = new TestLog({
      clock, scheduler, disk, config: this.#config(), check: false,
      manager: {
        settings: { 'log.cleaner.enable': false },
        cleaner: {
          'log.cleaner.backoff.ms': 1, 'log.cleaner.dedupe.buffer.size': random.pick([48, 96, 10_000]), 'log.cleaner.io.buffer.load.factor': 0.9,
          'log.cleaner.io.buffer.size': 1,
        },
      },
    })
  }

  #config(): Partial<LogTopicValues> {
    const { random } = this.#beside
    return {
      ...compacting, 'cleanup.policy': ['compact', 'delete'], 'segment.bytes': 400 + random.int(600), 'index.interval.bytes': random.int(2) * 100,
      'segment.index.bytes': 120, 'retention.bytes': 2500, 'file.delete.delay.ms': random.int(2) * 60_000,
    }
  }

  /** Gives how many rounds of compaction ended, and questions were answered. */
  async run(): Promise<{ readonly cleaned: number; readonly answered: number }> {
    const beside = this.#beside
    await this.#log.open()
    for (let i = 0; i < FIRST; i++) await this.#log.drive(beside.change(() => this.#appended()))
    if (beside.random.int(2) === 0) await this.#log.reopen()
    beside.hold()
    for (let step = 0; step < STEPS; step++) await this.#step()
    while (beside.isChanging || beside.asking > 0 || this.#compacting !== null) await beside.answer()
    beside.release()
    await this.#judgeAll()
    return { cleaned: this.#log.logger.messages('info').filter((each) => /cleaned a log/.test(each)).length, answered: beside.askedCount }
  }

  async #judgeAll(): Promise<void> {
    this.#beside.judge(({ start, end, entries }) => ({ start, end, last: entries.slice(-8) }))
    const t = this.#log
    expect(t.logger.entries.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
    await this.#judgeEnd()
    await t.drive(t.manager.compact())
    await this.#judgeEnd()
    expect({ uncleanable: t.manager.uncleanableCount, leftovers: leftovers(t) }).toEqual({ uncleanable: 0, leftovers: [] })
    await t.reopen()
    expect(t.manager.recoveryReports.flatMap(({ notes }) => notes)).toEqual([])
    await this.#judgeEnd()
    await t.close()
    expect((await findings(t.disk, '/data')).filter((finding) => finding.severity === 'error')).toEqual([])
  }

  async #judgeEnd(): Promise<void> {
    const { start, end, entries } = this.#beside.state
    const { log } = this.#log
    expect({ start: log.logStartOffset, end: log.logEndOffset }).toEqual({ start, end })
    const rows = await committed(this.#log)
    const rowOf = ({ offset, key, value }: Entry): Row => ({ offset, key, value })
    for (const row of rows) expect(entries.map(rowOf)).toContainEqual(row)
    const unsure = new Set([...latestOf(entries).values()].filter((entry) => isObsolete(entry, [])).map(({ key }) => key))
    const sure = (each: Row): boolean => !unsure.has(each.key!)
    expect(living(latestOf(rows.filter(sure)))).toEqual(living(latestOf(entries.map(rowOf).filter(sure))))
    for (const [key, row] of latestOf(rows)) if (unsure.has(key)) expect(row).toEqual(latestOf(entries.map(rowOf)).get(key))
  }

  async #step(): Promise<void> {
    const beside = this.#beside
    await beside.scheduler.runUntilIdle()
    const chance = beside.random.int(20)
    if (chance < 10 && beside.heldCount > 0) await beside.answer()
    else if (chance < 14 && beside.asking < READS_AT_A_TIME) this.#ask()
    else if (chance < 16) this.#compact()
    else if (chance < 17) beside.clock.advance(beside.random.int(1500))
    else if (!beside.isChanging) this.#change()
  }

  #compact(): void {
    this.#compacting ??= this.#log.manager.compact().then(() => { this.#compacting = null })
  }

  #change(): void {
    const { log } = this.#log
    const { random, clock, state: { start, end, entries } } = this.#beside
    const place = start + random.int(end - start + 1)
    // Batches are never split, and what is below the start is no end.
    const batch = entries.find((entry) => entry.offset === place)?.batch ?? place
    const cut = start > 0 && batch <= start ? end : batch
    const from = (offset: number): readonly Entry[] => entries.filter((entry) => entry.offset >= offset)
    const left = (): Entry[] => entries.filter((entry) => entry.offset < cut).map((entry) => ({ ...entry, mayBeGone: isObsolete(entry, entries) }))
    // One that is empty then may begin where it ends.
    const startLeft = (): number => (left().every((entry) => isObsolete(entry, [])) ? log.logStartOffset : Math.min(start, cut))
    const cutBack = (): Promise<State> => log.truncateTo(cut).then(() => ({ start: startLeft(), end: cut, entries: left() }))
    const appended = (): Promise<State> => this.#appended()
    const changes: readonly (() => Promise<State>)[] = [
      appended, appended, appended, appended, appended, appended, appended, appended, cutBack,
      () => log.truncateFullyAndStartAt(end + 5).then(() => ({ start: end + 5, end: end + 5, entries: [] })),
      () => log.deleteRecordsBefore(place).then(() => ({ start: place, end, entries: from(place) })),
      () => log.applyRetention(clock.now()).then(() => ({ start: log.logStartOffset, end, entries: from(log.logStartOffset) })),
      async () => {
        this.#log.configure(this.#config())
        return { start, end, entries }
      },
    ]
    void this.#beside.change(changes[random.int(changes.length)]!)
  }

  async #appended(): Promise<State> {
    const { random, clock, state: { start, end, entries } } = this.#beside
    const added = Array.from({ length: 1 + random.int(3) }, (_, index): Entry => ({
      offset: end + index, batch: end, key: `k${random.int(5)}`, value: random.int(5) === 0 ? null : `${this.#serial++} ${'x'.repeat(random.int(60))}`,
      timestamp: clock.now() + index - random.int(3) * random.int(50),
    }))
    clock.advance(10)
    // Of an idempotent producer the last batch stays, though nothing may be in it.
    const known = this.#log.log.activeProducers().find(({ producerId }) => producerId === 5)
    const fields = random.int(3) === 0 ? { producerId: 5, producerEpoch: 0, baseSequence: (known?.lastSequence ?? -1) + 1 } : {}
    expect(await this.#log.send(added.map(({ key, value, timestamp }) => ({ key, value, timestamp })), fields)).toMatchObject({ baseOffset: end })
    return { start, end: end + added.length, entries: [...entries, ...added] }
  }

  #ask(): void {
    const { log } = this.#log
    const { random, state } = this.#beside
    const { offset, timestamp, kind } = drawQuestion(random, state)
    const isolation = random.int(2) === 0 ? 'logEnd' : 'committed'
    if (kind === 0) return this.#beside.ask('the latest by time', log.maxTimestampOffset(), isLatest)
    if (kind === 1) return this.#beside.ask(`the first from ${timestamp} on`, log.offsetForTimestamp(timestamp, isolation), (answer, state) => isFirstFrom(timestamp, answer, state))
    const reading = log.read(offset, { maxBytes: random.int(2) === 0 ? 1 + random.int(300) : 100_000, isolation })
    this.#beside.ask(`a read at ${offset}`, reading, (answer, state) => isRun(offset, answer, state))
  }
}

/** Of a later record of its key, or of a tombstone, nothing needs to be left. */
function isObsolete(entry: Entry, entries: readonly Entry[]): boolean {
  return entry.value === null || entry.mayBeGone === true || entries.some(({ offset, key }) => key === entry.key && offset > entry.offset)
}

function isRun(offset: number, answer: unknown, { start, end, entries }: State): boolean {
  if (answer instanceof Error) return (answer as { code?: string }).code === 'OFFSET_OUT_OF_RANGE' && (offset < start || offset > end)
  if (offset < start || offset > end) return false
  const { records, nextOffset } = answer as { records: Uint8Array; nextOffset: number }
  const found = decode(records).filter((record) => record.offset >= offset)
  const asked = entries.filter((entry) => entry.offset >= offset && entry.offset < nextOffset)
  const byOffset = new Map(found.map((record) => [record.offset, record]))
  if (byOffset.size !== found.length || found.some((record, i) => i > 0 && record.offset <= found[i - 1]!.offset)) return false
  if (nextOffset > end || (nextOffset === offset && offset < end && entries.some((entry) => entry.offset >= offset))) return false
  if (found.some((record) => !asked.some((entry) => entry.offset === record.offset))) return false
  return asked.every((entry) => {
    const record = byOffset.get(entry.offset)
    if (record === undefined) return isObsolete(entry, entries)
    return text(record.key) === entry.key && (record.value === null ? null : text(record.value)) === entry.value && record.timestamp === entry.timestamp
  })
}

const isEntry = (answer: Entry, entries: readonly Entry[]): boolean => entries.some((entry) => entry.offset === answer.offset && entry.timestamp === answer.timestamp)

function isLatest(answer: unknown, { start, entries }: State): boolean {
  if (answer instanceof Error) return false
  const must = entries.filter((entry) => !isObsolete(entry, entries))
  if (answer === null) return must.length === 0
  const found = answer as Entry
  // It may be one that was deleted, as in Kafka: their segment is still there.
  if (found.offset < start) return true
  return isEntry(found, entries) ? must.every((entry) => entry.timestamp <= found.timestamp) : must.length === 0
}

function isFirstFrom(timestamp: number, answer: unknown, { entries }: State): boolean {
  if (answer instanceof Error) return false
  const must = entries.find((entry) => entry.timestamp >= timestamp && !isObsolete(entry, entries))
  // Where all records of a segment went, the time of its file answers for it, as in Kafka.
  if (answer === null) return must === undefined || entries.some((entry) => entry.offset < must.offset && isObsolete(entry, entries))
  const found = answer as Entry
  return found.timestamp >= timestamp && isEntry(found, entries) && (must === undefined || found.offset <= must.offset)
}

test('compaction beside changes and reads', async () => {
  const outcomes = await forSeeds(100, (seed) => new Round(seed).run())
  const sum = (of: (outcome: typeof outcomes[number]) => number): number => outcomes.reduce((total, outcome) => total + of(outcome), 0)
  expect(sum(({ cleaned }) => cleaned)).toBeGreaterThan(outcomes.length)
  expect(sum(({ answered }) => answered)).toBeGreaterThan(outcomes.length * 10)
}, 120_000)
