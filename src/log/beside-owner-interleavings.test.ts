/**
 * A process that only reads (beside-owner.ts), and an owner whose changes of the disk come between its calls: at random, in bursts, and at each call in turn. Whatever
 * comes when, a pass from the start of the log to its end must keep what docs/guide.md and ADR 0031 promise:
 *
 *  - of each key the last record below the end is seen, and whatever the owner never took away
 *  - a record has the key and value that were written at its offset; offsets ascend; none is at or above the end; none was aborted
 *  - nothing is raised but OFFSET_OUT_OF_RANGE, where the start of the log has moved past what was asked for
 *  - the start and the end do not go back, and the end stays where it is unless the log was loaded again; no file stays open behind a close
 */
import { expect, test } from 'vitest'
import { forSeeds } from '../../test/support/beside-changes.ts'
import { latestOf, type Row } from '../../test/support/compaction-kit.ts'
import { consume, readable } from '../../test/support/log-consumer.ts'
import { OwnerReplay, type Pace, type Sights } from '../../test/support/owner-replay.ts'
import { lifeKinds, liveAsOwner, type Entrance, type LifeKind, type OwnersLife, type Written } from '../../test/support/owners-life.ts'
import { TestLog, text } from '../../test/support/test-log.ts'
import { OttlaError } from '../common/errors.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import type { LogState } from './log-state.ts'
import type { OffsetAndTimestamp, ReadIsolation, ReadResult } from './log-types.ts'
// Code that is loaded when it is needed is there from the start, so that a seed tells what happens.
import './beside-owner.ts'
import './interrupted-swap.ts'
import './log-compaction.ts'
import './log-recovery.ts'

const MOST_READS = 3000
const PASSES = 3
/** Seeds, unless `OTTLA_BESIDE` names others. */
const LIVES = 30
const LIVES_BY_CALL = 5
const RUNS_PER_LIFE = 12

interface Course {
  readonly entrance: Entrance
  /** Changes behind the entrance that the owner has made when the reader comes. */
  readonly ahead: number
  readonly pace: Pace
  readonly passes: number
  readonly seed: number
  /** Listings and writes are seen half done. */
  readonly isTorn: boolean
  /** Changes that the owner makes when the reader has read everything, and has it open. Null: he goes on from its first call. */
  readonly asleep: number | null
}

class Run {
  readonly #life: OwnersLife
  readonly #course: Course
  readonly #random: SeededRandom
  readonly #replay: OwnerReplay
  readonly #reader: TestLog
  readonly #isolation: ReadIsolation
  /** How often it closes files. */
  readonly #closing: number

  constructor(life: OwnersLife, course: Course) {
    this.#life = life
    this.#course = course
    const { entrance, ahead, seed, isTorn } = course
    this.#random = new SeededRandom(seed)
    this.#closing = this.#random.pick([0, 0.1, 0.6])
    this.#replay = new OwnerReplay(life, entrance, isTorn ? new SeededRandom(seed + 1) : null)
    this.#replay.advance(ahead)
    this.#isolation = life.kind === 'transactions' ? 'committed' : 'highWatermark'
    this.#reader = new TestLog({ disk: this.#replay.disk, fileSystem: this.#replay.fileSystem, clock: life.clock, config: life.config, readOnly: true, check: false })
  }

  async run(): Promise<Outcome> {
    const replay = this.#replay
    const { pace, passes, asleep } = this.#course
    try {
      if (asleep === null) replay.pace = pace
      await this.#reader.open()
      if (asleep !== null) {
        await this.#reader.drive(consume(this.#reader.log, 'logEnd', 500))
        replay.advance(asleep)
        replay.pace = pace
      }
      const swapsBefore = replay.sights.swaps
      for (let pass = 0; pass < passes; pass++) await this.#pass()
      const { calls } = replay.sights
      const swapsInPasses = replay.sights.swaps - swapsBefore
      replay.finish()
      await this.#pass()
      expect(replay.disk.stateHash()).toBe(this.#life.stateHash)
      const renewals = this.#state.generation
      await this.#reader.close()
      expect([...replay.openFiles].map(({ path }) => path)).toEqual([])
      return { ...replay.sights, kind: this.#life.kind, calls, swapsInPasses, renewals }
    } catch (error) {
      await this.#reader.close().catch(() => {})
      throw new Error(`${error instanceof Error ? error.message : String(error)}, after:\n${replay.history}`, { cause: error })
    }
  }

  /** Reads as a consumer does that wants all there is, from the start to the end, and further if that moves. */
  async #pass(): Promise<void> {
    const { log } = this.#reader
    const from = log.logStartOffset
    const seen: Row[] = []
    let offset = from
    for (let reads = 0; offset < this.#limit; reads++) {
      if (reads > MOST_READS) throw new Error(`it does not get past ${offset}`)
      const read = await this.#read(offset)
      if (read !== null) seen.push(...this.#shown(read, offset))
      offset = read === null ? log.logStartOffset : Math.max(offset, read.nextOffset)
    }
    expect(offset).toBe(this.#limit)
    expect([...wrong(this.#life, seen, offset), ...missing(this.#life, seen, Math.max(from, log.logStartOffset), offset)]).toEqual([])
  }

  get #limit(): number {
    const { log } = this.#reader
    return this.#isolation === 'committed' ? log.lastStableOffset : log.highWatermark
  }

  get #state(): LogState { return this.#reader.log.insides().state }

  #shown(read: ReadResult, offset: number): Row[] {
    return readable(read, offset, this.#isolation).map(({ record }) => ({ offset: record.offset, key: text(record.key), value: record.value === null ? null : text(record.value) }))
  }

  /** Null: what was asked for is below the start by now. Beside it others may ask. */
  async #read(offset: number): Promise<ReadResult | null> {
    const random = this.#random
    const { log } = this.#reader
    const { generation, offsets: { logStart, logEnd } } = this.#state
    // Of the files that are open some are closed: they may be others when they are opened again.
    const { segments, store } = this.#state
    if (random.chance(this.#closing)) for (const { logPath } of segments.segments) if (random.chance(0.5)) store.fileCache.invalidate(logPath)
    const reading = this.#tryRead(offset)
    const others = [
      ...(random.chance(0.1) ? [this.#latest()] : []), ...(random.chance(0.1) ? [this.#byTime()] : []), ...(random.chance(0.3) ? [this.#elsewhere()] : []),
    ]
    const ends = await this.#reader.drive(Promise.allSettled([reading, ...others]))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    expect(log.logStartOffset).toBeGreaterThanOrEqual(logStart)
    expect(log.logEndOffset).toBeGreaterThanOrEqual(logEnd)
    if (this.#state.generation === generation) expect([log.logStartOffset, log.logEndOffset]).toEqual([logStart, logEnd])
    return reading
  }

  async #tryRead(offset: number): Promise<ReadResult | null> {
    const { log } = this.#reader
    try {
      return await log.read(offset, { maxBytes: this.#random.pick([1, 100, 500, 5000]), isolation: this.#isolation, checkCrc: true })
    } catch (error) {
      if (OttlaError.is(error, 'OFFSET_OUT_OF_RANGE') && offset < log.logStartOffset) return null
      throw error
    }
  }

  async #elsewhere(): Promise<void> {
    const { logStartOffset: start, logEndOffset: end } = this.#reader.log
    const there = start + this.#random.int(end - start + 1)
    const read = await this.#tryRead(there)
    if (read !== null) expect(wrong(this.#life, this.#shown(read, there), Infinity)).toEqual([])
  }

  async #latest(): Promise<void> { this.#judgeFound(await this.#reader.log.maxTimestampOffset(), 0) }

  async #byTime(): Promise<void> {
    const { written } = this.#life
    const { timestamp } = this.#random.pick([...written.values()])
    this.#judgeFound(await this.#reader.log.offsetForTimestamp(timestamp, 'highWatermark'), timestamp)
  }

  /** Compaction may leave nothing to be found. Control records have times, too. */
  #judgeFound(found: OffsetAndTimestamp | null, from: number): void {
    if (found === null) return
    expect(found.timestamp).toBeGreaterThanOrEqual(from)
    const { kind, written } = this.#life
    const record = written.get(found.offset)
    if (record !== undefined || kind !== 'transactions') expect(record).toMatchObject({ offset: found.offset, timestamp: found.timestamp })
  }
}

function wrong({ written }: OwnersLife, seen: readonly Row[], end: number): string[] {
  return seen.flatMap(({ offset, key, value }, i) => {
    const record = written.get(offset)
    return [
      ...(i > 0 && offset <= seen[i - 1]!.offset ? [`${offset} comes behind ${seen[i - 1]!.offset}`] : []),
      ...(offset >= end ? [`${offset} is at or above the end, ${end}`] : []),
      ...(record?.key === key && record.value === value ? [] : [`${offset} was not written as ${key}: ${value}`]),
      ...(record?.isAborted === true ? [`${offset} was aborted`] : []),
    ]
  })
}

function missing({ kind, config, written, kept }: OwnersLife, seen: readonly Row[], start: number, end: number): string[] {
  const there = [...written.values()].filter(({ offset, isAborted }) => offset < end && !isAborted)
  const latest = latestOf(there)
  const mayGo = ({ value }: Written): boolean => value === null && config['delete.retention.ms'] === 0
  const offsets = new Set(seen.map(({ offset }) => offset))
  const isDue = (record: Written): boolean => kind === 'delete' || kept.has(record.offset) || (latest.get(record.key) === record && !mayGo(record))
  return there.filter((record) => record.offset >= start && isDue(record) && !offsets.has(record.offset)).map(({ offset, key }) => `${offset}, ${key}, is missing below ${end}`)
}

type Outcome = Sights & { readonly kind: LifeKind; readonly swapsInPasses: number; readonly renewals: number }

async function runAll(life: OwnersLife, courses: readonly Course[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const course of courses) {
    try {
      outcomes.push(await new Run(life, course).run())
    } catch (error) {
      throw new Error(`${life.kind}, run ${outcomes.length}`, { cause: error })
    }
  }
  return outcomes
}

/** Where the owner stood still, anywhere, or a little before files get the names of others. */
function drawStart({ entrances, changes }: OwnersLife, random: SeededRandom): Pick<Course, 'entrance' | 'ahead'> {
  const first = entrances[0]!.changes
  const swaps = changes.flatMap(({ path }, i) => (i > first && path.endsWith('.log.swap') ? [i] : []))
  const made = random.pick([random.pick(entrances).changes, first + random.int(changes.length - first), swaps.length === 0 ? first : random.pick(swaps) - random.int(12)])
  const entrance = entrances.findLast((each) => each.changes <= made) ?? entrances[0]!
  return { entrance, ahead: Math.max(0, made - entrance.changes) }
}

/** A few changes, some, many, or as far as he comes before he stands still. */
function drawBurst({ entrances, changes }: OwnersLife, random: SeededRandom, made: number): number {
  const left = changes.length - made
  const still = [...entrances.map((each) => each.changes - made).filter((count) => count > 0), left]
  return random.pick([1 + random.int(4), 5 + random.int(20), random.int(left + 1), random.pick(still)])
}

/** At each call he may go on, seldom or often, by little or much; or only where the folder has just been listed. */
async function runAtRandom(seed: number): Promise<Outcome[]> {
  const life = await liveAsOwner(seed)
  const random = new SeededRandom(seed)
  return runAll(life, Array.from({ length: RUNS_PER_LIFE }, () => {
    const start = drawStart(life, random)
    const rarity = random.pick([2, 5, 20, 60])
    const most = random.pick([1, 3, 15, 60])
    const steady: Pace = () => (random.int(rarity) === 0 ? 1 + random.int(most) : 0)
    const fitful: Pace = ({ made }) => (random.int(rarity * 5) === 0 ? drawBurst(life, random, made) : 0)
    const behindLists: Pace = ({ made, isListed }) => (isListed && random.chance(0.3) ? drawBurst(life, random, made) : 0)
    return {
      ...start, pace: random.pick([steady, fitful, behindLists]), passes: PASSES, seed: random.uint32(), isTorn: random.chance(0.5),
      asleep: random.chance(0.3) ? drawBurst(life, random, start.entrance.changes + start.ahead) : null,
    }
  }))
}

/** Of any two calls on end that the reader makes where nobody disturbs it, one in each run is where he goes on: by some changes, or by much of his life. */
async function runAtEachCall(seed: number): Promise<Outcome[]> {
  const life = await liveAsOwner(seed)
  const random = new SeededRandom(seed)
  const start = drawStart(life, random)
  const course: Course = { ...start, pace: () => 0, passes: 1, seed, isTorn: false, asleep: seed % 2 === 0 ? 0 : null }
  const { calls } = await new Run(life, course).run()
  return runAll(life, Array.from({ length: Math.ceil(calls / 2) }, (_, i) => {
    const at = 2 * i + random.int(2)
    const burst = drawBurst(life, random, start.entrance.changes + start.ahead)
    return { ...course, pace: ({ call }) => (call === at ? burst : 0) }
  }))
}

/** What must have been seen, for a run on average: a test of nothing is green, too. A few lives alone may have little to see. */
function expectMuch(lives: readonly (readonly Outcome[])[], usual: number, least: Partial<Record<Exclude<keyof Outcome, 'kind'>, number>>): void {
  if (lives.length < usual) return
  const runs = lives.flat()
  expect(new Set(runs.map(({ kind }) => kind))).toEqual(new Set(lifeKinds))
  for (const [name, count] of Object.entries(least)) {
    expect(runs.reduce((sum, run) => sum + run[name as keyof typeof least], 0) / runs.length, name).toBeGreaterThan(count)
  }
}

test('the last record of every key is read, and nothing else than what was written, whenever the owner goes on', async () => {
  const lives = await forSeeds(LIVES, runAtRandom)
  expectMuch(lives, LIVES, { calls: 250, swapsInPasses: 3, renewals: 0.6, readsOfDeleted: 3, tornListings: 0.6, halfWrites: 10 })
}, 1_200_000)

test('and at whatever call of the reader he does so', async () => {
  const lives = await forSeeds(LIVES_BY_CALL, runAtEachCall)
  expectMuch(lives, LIVES_BY_CALL, { calls: 100, swapsInPasses: 1.5, renewals: 0.4, readsOfDeleted: 4 })
}, 1_200_000)
