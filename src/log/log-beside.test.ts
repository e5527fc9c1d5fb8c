/**
 * Reads and look-ups beside every kind of change, on a disk that answers in any order: each must give what a list would have given at some moment
 * between its call and its answer.
 */
import { expect, test } from 'vitest'
import { BesideChanges, drawQuestion, forSeeds } from '../../test/support/beside-changes.ts'
import { decode, TestLog, text } from '../../test/support/test-log.ts'

interface Entry { readonly offset: number; readonly batch: number; readonly value: string; readonly timestamp: number }
interface State { readonly start: number; readonly end: number; readonly entries: readonly Entry[] }
const READS_AT_A_TIME = 4
const STEPS = 120

class Round {
  readonly #beside: BesideChanges<State>
  readonly #log: TestLog
  #serial = 0

  constructor(seed: number) {
    this.#beside = new BesideChanges<State>(seed, { start: 0, end: 0, entries: [] })
    const { random, clock, scheduler, disk } = this.#beside
    const config = {
      'segment.bytes': 400 + random.int(600), 'index.interval.bytes': random.int(2) * 100, 'segment.index.bytes': 120, 'retention.bytes': 1500,
      'file.delete.delay.ms': random.int(2) * 60_000,
    }
    this.#log = new TestLog({ clock, scheduler, disk, config, check: false })
  }

  /** Gives how many questions were answered. */
  async run(): Promise<number> {
    const beside = this.#beside
    await this.#log.open()
    for (let i = 0; i < 12; i++) await this.#log.drive(beside.change(() => this.#appended()))
    // Nothing of what was written is at hand any more.
    if (beside.random.int(2) === 0) await this.#log.reopen()
    beside.hold()
    for (let step = 0; step < STEPS; step++) await this.#step()
    while (beside.isChanging || beside.asking > 0) await beside.answer()
    beside.release()
    await this.#log.close()
    beside.judge(({ start, end, entries }) => ({ start, end, last: entries.slice(-5).map((entry) => [entry.offset, entry.timestamp % 100_000]) }))
    return beside.askedCount
  }

  async #step(): Promise<void> {
    const beside = this.#beside
    await beside.scheduler.runUntilIdle()
    const chance = beside.random.int(10)
    if (chance < 5 && beside.heldCount > 0) await beside.answer()
    else if (chance < 8 && beside.asking < READS_AT_A_TIME) this.#ask()
    else if (!beside.isChanging) this.#change()
  }

  #change(): void {
    const { log } = this.#log
    const { random, clock, state: { start, end, entries } } = this.#beside
    const place = start + random.int(end - start + 1)
    // Batches are never split.
    const cut = entries.find((entry) => entry.offset === place)?.batch ?? place
    const from = (offset: number): readonly Entry[] => entries.filter((entry) => entry.offset >= offset)
    const cutBack = (): Promise<State> => log.truncateTo(cut).then(() => ({ start: Math.min(start, cut), end: cut, entries: entries.filter((entry) => entry.offset < cut) }))
    const changes: readonly (() => Promise<State>)[] = [
      () => this.#appended(), () => this.#appended(), () => this.#appended(), cutBack, cutBack,
      () => log.truncateFullyAndStartAt(end + 5).then(() => ({ start: end + 5, end: end + 5, entries: [] })),
      () => log.deleteRecordsBefore(place).then(() => ({ start: place, end, entries: from(place) })),
      () => log.applyRetention(clock.now()).then(() => ({ start: log.logStartOffset, end, entries: from(log.logStartOffset) })),
    ]
    void this.#beside.change(changes[random.int(changes.length)]!)
  }

  async #appended(): Promise<State> {
    const { random, clock, state: { start, end, entries } } = this.#beside
    const values = Array.from({ length: 1 + random.int(3) }, () => `${this.#serial++} ${'x'.repeat(random.int(60))}`)
    const added = values.map((value, index) => ({ offset: end + index, batch: end, value, timestamp: clock.now() + index }))
    clock.advance(10)
    expect(await this.#log.send(added.map(({ value, timestamp }) => ({ value, timestamp })))).toMatchObject({ baseOffset: end })
    return { start, end: end + added.length, entries: [...entries, ...added] }
  }

  #ask(): void {
    const { log } = this.#log
    const { random, state } = this.#beside
    const { offset, timestamp, kind } = drawQuestion(random, state)
    const isolation = random.int(2) === 0 ? 'logEnd' : 'highWatermark'
    if (kind === 0) return this.#beside.ask('the latest by time', log.maxTimestampOffset(), isLatest)
    if (kind === 1) return this.#beside.ask(`the first from ${timestamp} on`, log.offsetForTimestamp(timestamp, isolation), (answer, state) => isFirstFrom(timestamp, answer, state))
    const reading = log.read(offset, { maxBytes: 1 + random.int(900), isolation })
    this.#beside.ask(`a read at ${offset}`, reading.then(({ records }) => decode(records).filter((record) => record.offset >= offset)), (answer, state) => isRun(offset, answer, state))
  }
}

function isRun(offset: number, answer: unknown, { start, end, entries }: State): boolean {
  if (answer instanceof Error) return (answer as { code?: string }).code === 'OFFSET_OUT_OF_RANGE' && (offset < start || offset > end)
  if (offset < start || offset > end) return false
  const records = answer as ReturnType<typeof decode>
  const expected = entries.filter((entry) => entry.offset >= offset)
  if (records.length > expected.length || (records.length === 0 && expected.length > 0)) return false
  return records.every((record, index) => {
    const entry = expected[index]!
    return record.offset === entry.offset && text(record.value) === entry.value && record.timestamp === entry.timestamp
  })
}

/** Of a log whose records were all deleted it may be one of them, as in Kafka: their segment is still there. */
function isLatest(answer: unknown, { entries }: State): boolean {
  const last = entries.at(-1)
  return last === undefined ? !(answer instanceof Error) : (answer as Entry | null)?.offset === last.offset && (answer as Entry).timestamp === last.timestamp
}

function isFirstFrom(timestamp: number, answer: unknown, { entries }: State): boolean {
  const first = entries.find((entry) => entry.timestamp >= timestamp)
  return first === undefined ? answer === null : (answer as Entry | null)?.offset === first.offset
}

test('reads and look-ups beside changes tell of one moment', async () => {
  const answered = await forSeeds(200, (seed) => new Round(seed).run())
  expect(answered.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(answered.length * 10)
}, 120_000)
