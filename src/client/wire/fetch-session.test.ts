import { expect, test } from 'vitest'
import { FetchSession, type FetchTarget } from './fetch-session.ts'

const target = (partition: number, fetchOffset: number, topic: string = 't'): FetchTarget => ({ topic, partition, fetchOffset, partitionMaxBytes: 100, currentLeaderEpoch: 1 })
const named = (body: ReturnType<FetchSession['next']>): string => [
  `${body.sessionId}/${body.sessionEpoch}`, ...body.topics.flatMap(({ topic, partitions }) => partitions.map((each) => `${topic}-${each.partition}@${each.fetchOffset}`)),
  ...(body.forgottenTopicsData ?? []).flatMap(({ topic, partitions }) => partitions.map((each) => `-${topic}-${each}`)),
].join(' ')

test('a session begins with everything, then names what moved, came or went', () => {
  const session = new FetchSession()
  expect(named(session.next([target(0, 0), target(1, 5)]))).toBe('0/0 t-0@0 t-1@5')
  expect(session.answered(0, 77)).toBe(true)
  expect(named(session.next([target(0, 0), target(1, 9)]))).toBe('77/1 t-1@9')
  session.answered(0, 77)
  expect(named(session.next([target(1, 9), target(2, 3, 'u')]))).toBe('77/2 u-2@3 -t-0')
  session.answered(0, 77)
  expect(named(session.next([target(1, 9), target(2, 3, 'u')]))).toBe('77/3')
  session.answered(0, 77)
  // Else a broker whose log took another turn would say so again and again.
  expect(named(session.next([{ ...target(1, 9), lastFetchedEpoch: 4 }, target(2, 3, 'u')]))).toBe('77/4 t-1@9')
})

test('a broker that keeps no sessions is sent everything every time', () => {
  const session = new FetchSession()
  session.next([target(0, 0)])
  session.answered(0, 0)
  expect(named(session.next([target(0, 0)]))).toBe('0/0 t-0@0')
})

test.each([70, 71, 106])('error %i of the session begins a new one', (code) => {
  const session = new FetchSession()
  session.next([target(0, 0)])
  session.answered(0, 77)
  session.next([target(0, 1)])
  expect(session.answered(code, 0)).toBe(false)
  expect(named(session.next([target(0, 1)]))).toBe('0/0 t-0@1')
})

test('another error is one of the request, and begins a new session too', () => {
  const session = new FetchSession()
  session.next([target(0, 0)])
  session.answered(0, 77)
  session.next([target(0, 0)])
  expect(session.answered(29, 0)).toBe(true)
  expect(named(session.next([target(0, 0)]))).toBe('0/0 t-0@0')
})
