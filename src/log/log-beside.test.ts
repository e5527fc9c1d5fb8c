/**
 * Reads and look-ups beside every kind of change, on a disk that answers in any order: each must give what a list would have given at some moment
 * between its call and its answer.
 */
import { expect, test } from 'vitest'
import { decode, TestLog, text } from '../../test/support/test-log.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'

interface Entry { readonly offset: number; readonly batch: number; readonly value: string; readonly timestamp: number }
interface State { readonly start: number; readonly end: number; readonly entries: readonly Entry[] }
/** `begun` and `over`: how many changes had been begun and were over. */
interface Asked { readonly what: string; readonly over: number; begun: number; readonly isRight: (answer: unknown, state: State) => boolean; answer: unknown }

const READS_AT_A_TIME = 4
const STEPS = 120

class Round {
  readonly #random: SeededRandom
  readonly #clock = new ManualClock()
  readonly #scheduler = new ManualScheduler(this.#clock)
  readonly #held: (() => void)[] = []
  #holding = false
  readonly #log: TestLog
  readonly #states: State[] = [{ start: 0, end: 0, entries: [] }]
  #begun = 0
  readonly #asked: Asked[] = []
  #reading = 0
  #serial = 0
  #changing: Promise<void> | null = null

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    const defer = (complete: () => void): void => { if (this.#holding) this.#held.push(complete); else queueMicrotask(complete) }
    const config = {
      'segment.bytes': 400 + this.#random.int(600), 'index.interval.bytes': this.#random.int(2) * 100, 'segment.index.bytes': 120, 'retention.bytes': 1500,
      'file.delete.delay.ms': this.#random.int(2) * 60_000,
    }
    this.#log = new TestLog({ clock: this.#clock, scheduler: this.#scheduler, disk: new SimulatedFileSystem({ clock: this.#clock, defer }), config, check: false })
  }

  /** Gives how many questions were answered. */
  async run(): Promise<number> {
    await this.#log.open()
    for (let i = 0; i < 12; i++) await this.#append()
    // Nothing of what was written is at hand any more.
    if (this.#random.int(2) === 0) await this.#log.reopen()
    this.#holding = true
    for (let step = 0; step < STEPS; step++) await this.#step()
    while (this.#changing !== null || this.#reading > 0) await this.#answer()
    this.#holding = false
    for (const complete of this.#held.splice(0)) complete()
    await this.#log.close()
    for (const each of this.#asked) this.#judge(each)
    return this.#asked.length
  }

  async #step(): Promise<void> {
    await this.#scheduler.runUntilIdle()
    const chance = this.#random.int(10)
    if (chance < 5 && this.#held.length > 0) await this.#answer()
    else if (chance < 8 && this.#reading < READS_AT_A_TIME) this.#ask()
    else if (this.#changing === null) this.#change()
  }

  async #answer(): Promise<void> {
    if (this.#held.length > 0) this.#held.splice(this.#random.int(this.#held.length), 1)[0]!()
    await this.#scheduler.advance(1)
  }

  #change(): void {
    const { log } = this.#log
    const { start, end, entries } = this.#states.at(-1)!
    const place = start + this.#random.int(end - start + 1)
    // Batches are never split.
    const cut = entries.find((entry) => entry.offset === place)?.batch ?? place
    const from = (offset: number): readonly Entry[] => entries.filter((entry) => entry.offset >= offset)
    const cutBack = (): Promise<State> => log.truncateTo(cut).then(() => ({ start: Math.min(start, cut), end: cut, entries: entries.filter((entry) => entry.offset < cut) }))
    const changes: readonly (() => Promise<State>)[] = [
      () => this.#appended(), () => this.#appended(), () => this.#appended(), cutBack, cutBack,
      () => log.truncateFullyAndStartAt(end + 5).then(() => ({ start: end + 5, end: end + 5, entries: [] })),
      () => log.deleteRecordsBefore(place).then(() => ({ start: place, end, entries: from(place) })),
      () => log.applyRetention(this.#clock.now()).then(() => ({ start: log.logStartOffset, end, entries: from(log.logStartOffset) })),
    ]
    const change = changes[this.#random.int(changes.length)]!
    this.#begun++
    this.#changing = change().then((state) => {
      this.#states.push(state)
      this.#changing = null
    })
  }

  async #append(): Promise<void> {
    this.#begun++
    const state = await this.#log.drive(this.#appended())
    this.#states.push(state)
  }

  async #appended(): Promise<State> {
    const { start, end, entries } = this.#states.at(-1)!
    const values = Array.from({ length: 1 + this.#random.int(3) }, () => `${this.#serial++} ${'x'.repeat(this.#random.int(60))}`)
    const added = values.map((value, index) => ({ offset: end + index, batch: end, value, timestamp: this.#clock.now() + index }))
    this.#clock.advance(10)
    expect(await this.#log.send(added.map(({ value, timestamp }) => ({ value, timestamp })))).toMatchObject({ baseOffset: end })
    return { start, end: end + added.length, entries: [...entries, ...added] }
  }

  #ask(): void {
    const { log } = this.#log
    const { start, end, entries } = this.#states.at(-1)!
    const offset = Math.max(0, start - 2) + this.#random.int(end - start + 5)
    const timestamp = (entries[this.#random.int(Math.max(1, entries.length))]?.timestamp ?? 0) + this.#random.int(3)
    const kind = this.#random.int(4)
    const isolation = this.#random.int(2) === 0 ? 'logEnd' : 'highWatermark'
    if (kind === 0) return this.#note('the latest by time', log.maxTimestampOffset(), isLatest)
    if (kind === 1) return this.#note(`the first from ${timestamp} on`, log.offsetForTimestamp(timestamp, isolation), (answer, state) => isFirstFrom(timestamp, answer, state))
    const reading = log.read(offset, { maxBytes: 1 + this.#random.int(900), isolation })
    this.#note(`a read at ${offset}`, reading.then(({ records }) => decode(records).filter((record) => record.offset >= offset)), (answer, state) => isRun(offset, answer, state))
  }

  #note(what: string, answering: Promise<unknown>, isRight: Asked['isRight']): void {
    const asked: Asked = { what, over: this.#states.length - 1 - 12, begun: Infinity, isRight, answer: undefined }
    this.#asked.push(asked)
    this.#reading++
    void answering.catch((error: unknown) => error).then((answer) => {
      asked.answer = answer
      asked.begun = this.#begun
      this.#reading--
    })
  }

  #judge({ what, over, begun, isRight, answer }: Asked): void {
    const states = this.#states.slice(over + 12, begun + 1)
    if (states.some((state) => isRight(answer, state))) return
    const ends = states.map(({ start, end, entries }) => ({ start, end, last: entries.slice(-5).map((entry) => [entry.offset, entry.timestamp % 100_000]) }))
    expect.fail(`${what}: ${JSON.stringify(answer)} was never so: ${JSON.stringify(ends)}`)
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
  let answered = 0
  const [first, rounds] = (process.env['OTTLA_BESIDE'] ?? '1,200').split(',').map(Number) as [number, number]
  for (let seed = first; seed < first + rounds; seed++) {
    try {
      answered += await new Round(seed).run()
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  expect(answered).toBeGreaterThan(rounds * 10)
}, 120_000)
