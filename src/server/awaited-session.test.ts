import { describe, expect, test } from 'vitest'
import { AwaitedSession } from './awaited-session.ts'
import type { Answer } from './connection.ts'
import type { Session } from './listener.ts'

const frame = new Uint8Array([0, 0])

/** A session that answers at once and notes what it is told. */
class NotedSession implements Session {
  readonly calls: string[] = []
  isAuthenticated = false
  farewell: string | null = null
  isOverlappable(): boolean { return true }
  isParked(): boolean { return true }
  isTransient(): boolean { return true }
  handle(): Promise<Answer | null> {
    this.calls.push('handle')
    return Promise.resolve(null)
  }
  drain(): void { this.calls.push('drain') }
  close(): void { this.calls.push('close') }
}

describe('a session whose code is on its way', () => {
  test('is asked about everything once it is there, which the first request waits for', async () => {
    const noted = new NotedSession()
    const session = new AwaitedSession(Promise.resolve(noted), true)
    expect([session.isAuthenticated, session.farewell]).toEqual([true, null])
    expect([session.isOverlappable(frame), session.isParked(frame), session.isTransient(frame)]).toEqual([false, false, false])
    await Promise.all([session.handle(frame), session.handle(frame)])
    await session.handle(frame)
    noted.farewell = 'enough'
    expect([noted.calls, session.isAuthenticated, session.farewell]).toEqual([['handle', 'handle', 'handle'], false, 'enough'])
    expect([session.isOverlappable(frame), session.isParked(frame), session.isTransient(frame)]).toEqual([true, true, true])
    session.drain()
    session.close()
    expect(noted.calls.slice(3)).toEqual(['drain', 'close'])
  })

  test('is not authenticated before it is there, where one must log in', () => {
    expect(new AwaitedSession(Promise.resolve(new NotedSession()), false).isAuthenticated).toBe(false)
  })

  test('hears what was said before it was there', async () => {
    const noted = new NotedSession()
    const session = new AwaitedSession(Promise.resolve(noted), true)
    const answer = session.handle(frame)
    session.drain()
    session.close()
    await answer
    expect(noted.calls).toEqual(['drain', 'close', 'handle'])
  })

  test('fails a request whose code cannot be loaded, and no other way', async () => {
    const session = new AwaitedSession(Promise.reject(new Error('gone')), true)
    await expect(session.handle(frame)).rejects.toThrow('gone')
    session.close()
  })
})
