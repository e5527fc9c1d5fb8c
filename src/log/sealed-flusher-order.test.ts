/** The order in which rolled segments become durable, on segments that only tell what they were asked. */
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import type { LogState } from './log-state.ts'
import { isSyncFailure, SealedFlusher } from './sealed-flusher.ts'
import type { Segment } from './segment.ts'
import { SyncGate } from './sync-gate.ts'

class Call {
  readonly what: string
  readonly end: () => void
  readonly fail: (error: Error) => void
  constructor(what: string, end: () => void, fail: (error: Error) => void) {
    this.what = what
    this.end = end
    this.fail = fail
  }
}

class Scene {
  readonly calls: Call[] = []
  readonly failures: unknown[] = []
  readonly logger = new RecordingLogger()
  readonly synced: string[] = []
  readonly points: number[] = []
  readonly state = {
    name: 't-0', offline: null as OttlaError | null, durableEnd: 0, sharing: { syncGate: new SyncGate(), ports: { logger: this.logger } },
    producers: { syncSnapshot: (path: string) => this.#call(`snapshot ${path}`) }, offsets: {
      raiseRecoveryPoint: (offset: number) => { this.points.push(offset) },
    },
  }
  readonly flusher = new SealedFlusher(this.state as unknown as LogState, (error) => { this.failures.push(error) })

  #call(what: string): Promise<void> { return new Promise((resolve, reject) => { this.calls.push(new Call(what, resolve, reject)) }) }

  segment(name: string): Segment {
    const datasyncSync = (): void => { this.synced.push(name) }
    return { datasync: () => this.#call(`log ${name}`), flush: () => this.#call(`indexes ${name}`), datasyncSync } as unknown as Segment
  }

  /** Ends the calls that wait, one after the other, and tells them; `fail` instead of the first. */
  async turn(fail: Error | null = null): Promise<string[]> {
    for (let i = 0; i < 20; i++) await Promise.resolve()
    const calls = this.calls.splice(0)
    calls.forEach((call, i) => (fail !== null && i === 0 ? call.fail(fail) : call.end()))
    for (let i = 0; i < 20; i++) await Promise.resolve()
    return calls.map((call) => call.what)
  }
}

const emfile = new OttlaError('TOO_MANY_OPEN_FILES', 'no')
const outcomeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'fulfilled', () => 'rejected')

describe('rolled segments', () => {
  test('become durable oldest first: log, snapshot, indexes; the recovery point follows each, and at last the durable end', async () => {
    const scene = new Scene()
    scene.state.durableEnd = 25
    expect([scene.flusher.isEmpty, scene.flusher.firstEnd]).toEqual([true, Number.POSITIVE_INFINITY])
    scene.flusher.add(scene.segment('a'), 10, 'p')
    scene.flusher.add(scene.segment('b'), 20, null)
    expect([scene.flusher.isEmpty, scene.flusher.firstEnd]).toEqual([false, 10])
    const turns: string[][] = []
    for (let i = 0; i < 5; i++) turns.push(await scene.turn())
    expect(turns).toEqual([['log a'], ['log b'], ['snapshot p'], ['indexes a'], ['indexes b']])
    expect(scene.points).toEqual([10, 20, 25])
    expect(scene.flusher.isEmpty).toBe(true)
    await scene.flusher.settled()
    await scene.flusher.logsDurable()
    expect(await scene.turn()).toEqual([])
  })

  test('are waited for as far as their logs go, by any number of callers', async () => {
    const scene = new Scene()
    scene.flusher.add(scene.segment('a'), 10, null)
    const told: string[] = []
    void scene.flusher.logsDurable().then(() => told.push('logs'))
    void scene.flusher.logsDurable().then(() => told.push('logs'))
    void scene.flusher.settled().then(() => told.push('settled'))
    expect(await scene.turn()).toEqual(['log a'])
    expect(told).toEqual(['logs', 'logs'])
    expect(await scene.turn()).toEqual(['indexes a'])
    expect(told).toEqual(['logs', 'logs', 'settled'])
    await scene.flusher.logsDurable()
  })

  test('whose log cannot be synced take everything with them', async () => {
    const scene = new Scene()
    scene.flusher.add(scene.segment('a'), 10, null)
    const durable = outcomeOf(scene.flusher.logsDurable())
    const error = new Error('EIO')
    await scene.turn(error)
    expect([await durable, scene.failures]).toEqual(['rejected', [error]])
    expect([scene.points, scene.flusher.isEmpty]).toEqual([[], false])
  })

  test('whose file cannot be opened for it are tried again', async () => {
    const scene = new Scene()
    scene.flusher.add(scene.segment('a'), 10, null)
    const durable = outcomeOf(scene.flusher.logsDurable())
    await scene.turn(emfile)
    expect([await durable, scene.failures]).toEqual(['rejected', []])
    scene.flusher.settleInBackground()
    expect(await scene.turn()).toEqual(['log a'])
    expect(await scene.turn()).toEqual(['indexes a'])
    expect(scene.points).toEqual([10, 0])
    expect([isSyncFailure(emfile), isSyncFailure(new Error('EIO'))]).toEqual([false, true])
  })

  test('whose indexes cannot be written wait, with a warning, and the recovery point with them', async () => {
    const scene = new Scene()
    scene.flusher.add(scene.segment('a'), 10, null)
    await scene.turn()
    expect(await scene.turn(new Error('ENOSPC'))).toEqual(['indexes a'])
    expect(scene.logger.entries).toMatchObject([{ level: 'warn', fields: { log: 't-0' } }])
    expect([scene.flusher.firstEnd, scene.points, scene.failures]).toEqual([10, [], []])
    const settled = outcomeOf(scene.flusher.settled())
    expect(await scene.turn()).toEqual(['indexes a'])
    expect([await settled, scene.points]).toEqual(['fulfilled', [10, 0]])
  })

  test('of a log that is offline are no news', async () => {
    const scene = new Scene()
    scene.flusher.add(scene.segment('a'), 10, null)
    scene.state.offline = emfile
    await scene.turn(new Error('EIO'))
    expect(scene.logger.entries).toEqual([])
  })

  test.each([[new Error('EIO')], [null]])('that are deleted meanwhile are nobody\'s concern (%s)', async (error) => {
    // While the log is synced.
    const first = new Scene()
    const segment = first.segment('a')
    first.flusher.add(segment, 10, null)
    first.flusher.add(first.segment('b'), 20, null)
    const durable = outcomeOf(first.flusher.logsDurable())
    first.flusher.forget(segment)
    await first.turn(error)
    expect(await first.turn()).toEqual(['log b'])
    expect([await durable, first.failures]).toEqual(['fulfilled', []])
    expect([await first.turn(), await first.turn()]).toEqual([['indexes a'], ['indexes b']])
    expect(first.points).toEqual([20, 0])
    // While its indexes are.
    const second = new Scene()
    const other = second.segment('a')
    second.flusher.add(other, 10, null)
    const settled = outcomeOf(second.flusher.settled())
    await second.turn()
    second.flusher.forget(other)
    expect(await second.turn(error)).toEqual(['indexes a'])
    expect([await settled, second.points, second.logger.entries]).toEqual(['fulfilled', [0], []])
  })

  test('are synced in an exit handler, each once', async () => {
    const scene = new Scene()
    scene.flusher.add(scene.segment('a'), 10, null)
    await scene.turn()
    scene.flusher.add(scene.segment('b'), 20, null)
    scene.flusher.syncLogsNow()
    scene.flusher.syncLogsNow()
    expect(scene.synced).toEqual(['b'])
  })
})
