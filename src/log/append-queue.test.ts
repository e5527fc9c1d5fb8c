import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { AppendQueue, type PendingAppend } from './append-queue.ts'
import type { AppendOptions, AppendResult } from './log-types.ts'

const options = { origin: 'in-process', durable: true } as const
const result: AppendResult = { baseOffset: 0, lastOffset: 0, logAppendTimeMs: -1, logStartOffset: 0, duplicate: false }

function bytes(size: number): Uint8Array { return new Uint8Array(size) }

function pushed(queue: AppendQueue, records: Uint8Array, given: AppendOptions): Promise<AppendResult> {
  return new Promise((resolve, reject) => { queue.push(records, given, resolve, reject) })
}

/** Commits by hand: each group waits until the test finishes it. */
function harness(
  takeAtMost = Number.POSITIVE_INFINITY,
): { scheduler: ManualScheduler; queue: AppendQueue; groups: PendingAppend[][]; finish: () => Promise<void> } {
  const scheduler = new ManualScheduler()
  const groups: PendingAppend[][] = []
  const ends: (() => void)[] = []
  const queue: AppendQueue = new AppendQueue(scheduler, (waiting) => {
    const taken = waiting.slice(0, takeAtMost)
    queue.putBack(waiting.slice(takeAtMost))
    groups.push(taken)
    return new Promise((resolve) => ends.push(() => {
      for (const item of taken) item.resolve(result)
      resolve()
    }))
  })
  const finish = async (): Promise<void> => {
    ends.shift()!()
    await scheduler.runUntilIdle()
  }
  return { scheduler, queue, groups, finish }
}

describe('AppendQueue', () => {
  test.each([
    [options, 0], [{ ...options, urgent: true }, 1], [{ ...options, urgent: true, durable: false }, 0],
  ])('of %j starts %i groups inside push', (given, expected) => {
    const { queue, groups } = harness()
    void pushed(queue, bytes(1), given)
    expect(groups).toHaveLength(expected)
  })

  test('starts a group of what is not synced inside push where no more is to come, it is more than is written on the event loop, and nothing runs', async () => {
    const { scheduler, queue, groups, finish } = harness()
    const page = { ...options, durable: false, urgent: true }
    void pushed(queue, bytes(131_072), page)
    void pushed(queue, bytes(1), { ...page, urgent: false })
    expect(groups).toHaveLength(0)
    void pushed(queue, bytes(1), page)
    expect(groups.map((group) => group.length)).toEqual([3])
    void pushed(queue, bytes(200_000), page)
    await scheduler.runUntilIdle()
    expect(groups).toHaveLength(1)
    await finish()
    expect(groups.map((group) => group.length)).toEqual([3, 1])
  })

  test.each([
    ['one group', false, 1], ['one group and one behind another', true, 2],
  ] as const)('starts %s a turn inside push, whatever is urgent, so that timers are not kept waiting', async (_, mayFollow, most) => {
    const scheduler = new ManualScheduler()
    let groups = 0
    const queue = new AppendQueue(scheduler, (taken) => {
      groups++
      for (const item of taken) item.resolve(result)
      return Promise.resolve()
    }, () => mayFollow)
    let turns = 0
    const turn = (): void => { if (turns++ < 100) scheduler.soon(turn) }
    turn()
    const loop = async (): Promise<void> => { for (let i = 0; i < 50; i++) await pushed(queue, bytes(1), { ...options, urgent: true }) }
    let turnsTaken = 0
    const looping = loop().then(() => { turnsTaken = turns })
    await scheduler.runUntilIdle()
    await looping
    expect(groups).toBe(50)
    expect(turnsTaken).toBeGreaterThanOrEqual(25 / most)
  })

  test('starts the next group at once when something urgent has come meanwhile', async () => {
    const { scheduler, queue, groups, finish } = harness()
    void pushed(queue, bytes(1), options)
    await scheduler.runUntilIdle()
    void pushed(queue, bytes(1), options)
    void pushed(queue, bytes(1), { ...options, urgent: true })
    let seen = 0
    scheduler.soon(() => { seen = groups.length })
    await finish()
    expect(seen).toBe(2)
  })

  test('takes no turn of the event loop when it has nothing to do', async () => {
    const scheduler = new ManualScheduler()
    let turns = 0
    const queue = new AppendQueue({ soon: (task) => { turns++; scheduler.soon(task) } }, (taken) => {
      for (const item of taken) item.resolve(result)
      return undefined
    })
    await queue.idle()
    const sent = pushed(queue, bytes(1), options)
    await scheduler.runUntilIdle()
    await sent
    expect([turns, queue.isIdle]).toEqual([1, true])
  })

  test('makes one group of all that arrives while another is being written', async () => {
    const { scheduler, queue, groups, finish } = harness()
    void pushed(queue, bytes(1), options)
    await scheduler.runUntilIdle()
    void pushed(queue, bytes(1), options)
    void pushed(queue, bytes(1), options)
    await scheduler.runUntilIdle()
    expect(groups.map((group) => group.length)).toEqual([1])
    await finish()
    expect(groups.map((group) => group.length)).toEqual([1, 2])
  })

  test('lets those who were just answered join the next group', async () => {
    const { scheduler, queue, groups, finish } = harness()
    const loop = async (): Promise<void> => { for (let i = 0; i < 3; i++) await pushed(queue, bytes(1), options) }
    void Promise.all(Array.from({ length: 8 }, loop))
    await scheduler.runUntilIdle()
    void pushed(queue, bytes(1), options)
    for (let i = 0; i < 3; i++) await finish()
    expect(groups.map((group) => group.length)).toEqual([8, 9, 8])
  })

  test.each(
    [[200_000, 2, 'at once when much waits'], [100, 1, 'in the next turn when little waits']],
  )('starts the next group of %i bytes after %i groups: %s', async (size, expected) => {
    const { scheduler, queue, groups, finish } = harness(1)
    void pushed(queue, bytes(10), options)
    await scheduler.runUntilIdle()
    void pushed(queue, bytes(size), options)
    let seen = 0
    scheduler.soon(() => { seen = groups.length })
    await finish()
    expect(seen).toBe(expected)
    expect(groups).toHaveLength(2)
  })

  test('gives up its turn after a group that was written without waiting, however much is left', async () => {
    const scheduler = new ManualScheduler()
    let groups = 0
    const queue: AppendQueue = new AppendQueue(scheduler, (waiting) => {
      groups++
      waiting.shift()!.resolve(result)
      queue.putBack(waiting)
      return undefined
    })
    for (let i = 0; i < 4; i++) void pushed(queue, bytes(200_000), options)
    const seen: number[] = []
    for (let i = 0; i < 4; i++) scheduler.soon(() => {
      seen.push(groups)
      scheduler.soon(() => { seen.push(groups) })
    })
    await scheduler.runUntilIdle()
    expect(groups).toBe(4)
    expect(Math.min(...seen)).toBe(1)
  })

  test('keeps what a group did not take in front of what came later', async () => {
    const { scheduler, queue, groups, finish } = harness(2)
    for (let i = 1; i <= 3; i++) void pushed(queue, bytes(i), options)
    await scheduler.runUntilIdle()
    void pushed(queue, bytes(4), options)
    await finish()
    expect(groups.map((group) => group.map((item) => item.records.length))).toEqual([[1, 2], [3, 4]])
  })

  test('runs an exclusive section between groups, and hands its error to the caller only', async () => {
    const { scheduler, queue, groups, finish } = harness()
    const first = pushed(queue, bytes(1), options)
    await scheduler.runUntilIdle()
    const order: string[] = []
    const section = queue.exclusive(() => { order.push(`after ${groups.length}`); return 7 })
    const failing = queue.exclusive(() => Promise.reject(new Error('no')))
    failing.catch(() => {})
    const second = pushed(queue, bytes(1), options)
    await finish()
    expect(order).toEqual(['after 1'])
    expect(await section).toBe(7)
    await expect(failing).rejects.toThrow('no')
    await finish()
    await Promise.all([first, second])
  })

  test('fails what waits and what comes later once told to', async () => {
    const { scheduler, queue, finish } = harness(1)
    const running = pushed(queue, bytes(1), options)
    await scheduler.runUntilIdle()
    const waiting = pushed(queue, bytes(1), options)
    waiting.catch(() => {})
    queue.failAll(new OttlaError('LOG_OFFLINE', 'gone'))
    await expect(waiting).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    await expect(pushed(queue, bytes(1), options)).rejects.toMatchObject({ code: 'LOG_OFFLINE' })
    await finish()
    expect(await running).toBe(result)
  })

  test('works off what waits after close, and refuses what comes later', async () => {
    const { scheduler, queue, finish } = harness()
    const waiting = pushed(queue, bytes(1), options)
    queue.close(new OttlaError('CLOSED', 'closed'))
    await expect(pushed(queue, bytes(1), options)).rejects.toMatchObject({ code: 'CLOSED' })
    let idle = false
    void queue.idle().then(() => { idle = true })
    await scheduler.runUntilIdle()
    expect(idle).toBe(false)
    await finish()
    await waiting
    expect(idle).toBe(true)
    expect(queue.isIdle).toBe(true)
  })
})

describe('a group in hand', () => {
  test('is not overtaken by one that was to start before it', async () => {
    const { scheduler, queue, groups, finish } = harness()
    void pushed(queue, bytes(1), options)
    void pushed(queue, bytes(2), { ...options, urgent: true })
    expect(groups.map((group) => group.length)).toEqual([2])
    void pushed(queue, bytes(3), options)
    await scheduler.runUntilIdle()
    expect(groups).toHaveLength(1)
    await finish()
    expect(groups.map((group) => group.length)).toEqual([2, 1])
    await finish()
    expect(queue.isIdle).toBe(true)
  })

  test('gives back what did not fit, before what came meanwhile, and it counts as waiting', async () => {
    const { scheduler, queue, groups, finish } = harness(1)
    for (const size of [1, 20, 300]) void pushed(queue, bytes(size), options)
    expect(queue.waitingBytes).toBe(321)
    await scheduler.runUntilIdle()
    expect(queue.waitingBytes).toBe(320)
    void pushed(queue, bytes(4000), options)
    expect(queue.waitingBytes).toBe(4320)
    for (let i = 0; i < 3; i++) await finish()
    expect(groups.map((group) => group.map((item) => item.records.length))).toEqual([[1], [20], [300], [4000]])
    expect(queue.waitingBytes).toBe(0)
  })

  test('may be taken by an exit handler before it starts: who waits for the end is told', async () => {
    const { scheduler, queue, groups } = harness()
    void pushed(queue, bytes(1), options)
    let isIdle = false
    void queue.idle().then(() => { isIdle = true })
    expect(queue.takeWaiting()).toHaveLength(1)
    await scheduler.runUntilIdle()
    expect([isIdle, groups]).toEqual([true, []])
  })
})

test('what is put back comes before what came meanwhile, and nobody is forgotten', async () => {
  const scheduler = new ManualScheduler()
  const groups: number[][] = []
  const queue: AppendQueue = new AppendQueue(scheduler, async (taken) => {
    await Promise.resolve()
    if (groups.length === 0) {
      late.push(pushed(queue, bytes(4), options), pushed(queue, bytes(5), options))
      queue.putBack(taken.splice(1))
      expect(queue.waitingBytes).toBe(2 + 3 + 4 + 5)
    }
    groups.push(taken.map((item) => item.records.length))
    for (const item of taken) item.resolve(result)
  })
  const late: Promise<AppendResult>[] = []
  const sent = [1, 2, 3].map((size) => pushed(queue, bytes(size), options))
  await scheduler.runUntilIdle()
  expect(groups).toEqual([[1], [2, 3, 4, 5]])
  await Promise.all([...sent, ...late])
  expect(queue.waitingBytes).toBe(0)
})

describe('while the disk syncs a group, one more', () => {
  /** Each group runs until the test ends it; by default any number could follow. */
  function pipelined(mayFollow = () => true) {
    const scheduler = new ManualScheduler()
    const ends: (() => void)[] = []
    const queue: AppendQueue = new AppendQueue(scheduler, (taken) => new Promise((resolve) => ends.push(() => {
      for (const item of taken) item.resolve(result)
      resolve()
    })), mayFollow)
    const push = async (size = 1, urgent = true): Promise<void> => {
      void pushed(queue, bytes(size), { ...options, urgent })
      await scheduler.runUntilIdle()
    }
    return { scheduler, queue, ends, push }
  }

  test('is started, but never a third', async () => {
    const { scheduler, ends, push } = pipelined()
    for (const expected of [1, 2, 2, 2]) {
      await push()
      expect(ends).toHaveLength(expected)
    }
    ends[0]!()
    await scheduler.runUntilIdle()
    expect(ends).toHaveLength(3)
  })

  test('is started in the turn, too, in which the first was started for what had waited, but only one', async () => {
    let mayFollow = false
    const { scheduler, queue, ends, push } = pipelined(() => mayFollow)
    await push()
    await push()
    expect(ends).toHaveLength(1)
    mayFollow = true
    const endThenPush = async (...ended: number[]): Promise<void> => {
      for (const i of ended) ends[i]!()
      await Promise.resolve()
      await Promise.resolve()
      void pushed(queue, bytes(1), { ...options, urgent: true })
    }
    await endThenPush(0)
    expect(ends).toHaveLength(3)
    await endThenPush(1)
    expect(ends).toHaveLength(3)
    await scheduler.runUntilIdle()
    await endThenPush(2)
    expect(ends).toHaveLength(5)
  })

  test('is not started for what is only enough for another thread to write', async () => {
    const { queue, push, ends, scheduler } = pipelined()
    await push()
    void pushed(queue, bytes(400_000), { ...options, durable: false, urgent: true })
    await scheduler.runUntilIdle()
    expect(ends).toHaveLength(1)
  })

  test('is started for what is not urgent once it is as much as a group takes', async () => {
    const { push, ends } = pipelined()
    await push(1, false)
    for (const [size, expected] of [[400_000, 1], [400_000, 1], [200_000, 2], [1_048_576, 2]] as const) {
      await push(size, false)
      expect([size, ends.length]).toEqual([size, expected])
    }
  })

  test('takes all that comes in the turn in which it fills', async () => {
    const { scheduler, queue, ends, push } = pipelined()
    await push(1, false)
    for (let i = 0; i < 3; i++) void pushed(queue, bytes(500_000), options)
    expect([ends.length, queue.waitingBytes]).toEqual([1, 1_500_000])
    await scheduler.runUntilIdle()
    expect([ends.length, queue.waitingBytes]).toEqual([2, 0])
  })

  test('is not started for what somebody else has taken meanwhile', async () => {
    const { scheduler, queue, ends, push } = pipelined()
    await push(1, false)
    void pushed(queue, bytes(1_000_000), options)
    queue.takeWaiting()
    await scheduler.runUntilIdle()
    expect(ends).toHaveLength(1)
  })

  test('is waited for by those who wait for the end', async () => {
    const { scheduler, queue, ends, push } = pipelined()
    await push()
    await push()
    let idle = false
    void queue.idle().then(() => { idle = true })
    ends[0]!()
    await scheduler.runUntilIdle()
    expect([idle, queue.isIdle]).toEqual([false, false])
    ends[1]!()
    await scheduler.runUntilIdle()
    expect([idle, queue.isIdle]).toEqual([true, true])
  })

  test('is not started where a section waits: that comes first', async () => {
    const { scheduler, queue, ends, push } = pipelined()
    await push()
    const order: string[] = []
    const section = queue.exclusive(() => { order.push(`after ${ends.length}`) })
    await push()
    expect(ends).toHaveLength(1)
    ends[0]!()
    await scheduler.runUntilIdle()
    await section
    await scheduler.runUntilIdle()
    expect([order, ends.length]).toEqual([['after 1'], 2])
  })
})
