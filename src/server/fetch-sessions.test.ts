import { beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { FetchSessions, type FetchAnswer, type SessionFetch, type SessionRequest, type WantedPartition } from './fetch-sessions.ts'

const ID = 'AAAAAAAAAAAAAAAAAAAAAA'
const wanted = (topic: string, partition: number, fetchOffset = 0): WantedPartition => ({ topic, topicId: ID, partition, currentLeaderEpoch: -1, fetchOffset, partitionMaxBytes: 1000 })
const answer = (fields: Partial<FetchAnswer> = {}): FetchAnswer => ({ errorCode: 0, highWatermark: 5, lastStableOffset: 5, logStartOffset: 0, records: new Uint8Array(0), ...fields })

let clock: ManualClock
let sessions: FetchSessions
beforeEach(() => {
  clock = new ManualClock()
  sessions = new FetchSessions({ clock, random: new SeededRandom(7) })
})

const request = (sessionId: number, sessionEpoch: number, list: readonly WantedPartition[] = [], more: Partial<SessionRequest> = {}): SessionRequest => (
  { sessionId, sessionEpoch, usesTopicIds: false, wanted: list, forgotten: [], ...more })

function begin(...args: Parameters<typeof request>): SessionFetch {
  const fetch = sessions.begin(request(...args))
  if (typeof fetch === 'number') throw new Error(`refused with ${fetch}`)
  return fetch
}
const names = (fetch: SessionFetch): string[] => fetch.wanted.map(({ topic, partition, fetchOffset }) => `${topic}-${partition}@${fetchOffset}`)
const open = (...list: WantedPartition[]): number => begin(0, 0, list).answered(list.map(() => answer())).sessionId

describe('a request without a session', () => {
  test('gets none, and every partition is told', () => {
    const { sessionId, told } = begin(0, -1, [wanted('a', 0)]).answered([answer()])
    expect([sessionId, told(0), sessions.size]).toEqual([0, true, 0])
  })

  test('that names one ends it', () => {
    const id = open(wanted('a', 0))
    begin(id, -1, [wanted('a', 0)])
    expect(sessions.begin(request(id, 1))).toBe(70)
  })
})

describe('a session', () => {
  test('asks for all its partitions with what changed, and tells only news', () => {
    const id = open(wanted('a', 0), wanted('a', 1), wanted('b', 0))
    const second = begin(id, 1, [wanted('a', 1, 4), wanted('c', 0)], { forgotten: [{ topic: 'b', topicId: ID, partitions: [0] }] })
    expect(names(second)).toEqual(['a-0@0', 'a-1@4', 'c-0@0'])
    const { sessionId, told } = second.answered([answer(), answer({ highWatermark: 6 }), answer()])
    expect([sessionId, told(0), told(1), told(2)]).toEqual([id, false, true, true])
    const third = begin(id, 2).answered([answer(), answer({ highWatermark: 6 }), answer({ records: new Uint8Array(3) })])
    expect([third.told(0), third.told(1), third.told(2)]).toEqual([false, false, true])
  })

  test('tells what follows an error, whatever it says', () => {
    const id = open(wanted('a', 0))
    expect(begin(id, 1).answered([answer({ errorCode: 6 })]).told(0)).toBe(true)
    expect(begin(id, 2).answered([answer()]).told(0)).toBe(true)
    expect(begin(id, 3).answered([answer()]).told(0)).toBe(false)
  })

  test('gives partitions that had nothing the first turn', () => {
    const id = open(wanted('a', 0), wanted('a', 1))
    begin(id, 1).answered([answer({ records: new Uint8Array(9) }), answer()])
    expect(names(begin(id, 2))).toEqual(['a-1@0', 'a-0@0'])
  })

  test('refuses a request out of order, one unknown, and one that changes between names and ids', () => {
    const id = open(wanted('a', 0))
    expect(sessions.begin(request(id, 2))).toBe(71)
    expect(sessions.begin(request(id + 1, 1))).toBe(70)
    expect(sessions.begin(request(id, 1, [], { usesTopicIds: true }))).toBe(106)
    expect(names(begin(id, 1))).toEqual(['a-0@0'])
  })

  test('ends when the last partition is forgotten', () => {
    const id = open(wanted('a', 0))
    const last = begin(id, 1, [], { forgotten: [{ topic: 'a', topicId: ID, partitions: [0] }] })
    expect([last.wanted.length, last.answered([]).sessionId, sessions.size]).toEqual([0, 0, 0])
  })

  test('that ends with a request still answers what that request asks for', () => {
    const id = open(wanted('a', 0))
    const last = begin(id, 1, [wanted('a', 0, 4)], { forgotten: [{ topic: 'a', topicId: ID, partitions: [0] }] })
    expect([names(last), last.answered([answer()]).sessionId, sessions.size]).toEqual([['a-0@4'], 0, 0])
  })

  test('may begin without partitions', () => {
    const id = open()
    expect(names(begin(id, 1, [wanted('a', 0)]))).toEqual(['a-0@0'])
  })
})

describe('many sessions', () => {
  test('are bounded: one that is in use does not give way, one that is idle does', () => {
    const ids = Array.from({ length: 1000 }, () => open(wanted('a', 0)))
    expect(new Set(ids).size).toBe(1000)
    expect(open(wanted('a', 0))).toBe(0)
    clock.advance(120_000)
    begin(ids[0]!, 1).answered([answer()])
    expect(open(wanted('a', 0))).not.toBe(0)
    expect(sessions.size).toBe(1000)
    expect(typeof sessions.begin(request(ids[0]!, 2))).toBe('object')
    expect(sessions.begin(request(ids[1]!, 1))).toBe(70)
  })
})
