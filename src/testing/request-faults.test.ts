import { beforeEach, describe, expect, test } from 'vitest'
import { apis } from '../protocol/api-registry.ts'
import type { PlainMessage } from '../protocol/schema.ts'
import { ManualScheduler } from './manual-scheduler.ts'
import { RequestFaults } from './request-faults.ts'

const scheduler = new ManualScheduler()
let faults: RequestFaults
let carriedOut: number
beforeEach(() => {
  faults = new RequestFaults(scheduler)
  carriedOut = 0
})

const done = { done: true }

function ask(api: 'heartbeat' | 'produce' | 'fetch', { clientId = 'c', body = {}, signal = new AbortController().signal }: { clientId?: string; body?: PlainMessage; signal?: AbortSignal } = {}) {
  const request = { api: apis[api], version: 0, clientId, body: { acks: -1, topicData: [], topics: [], ...body }, endpoint: { host: 'h', port: 1 }, signal }
  return faults.intercept(request, async () => {
    carriedOut += 1
    return done
  })
}

describe('faults of requests', () => {
  test('an error is given so many times, to its API alone, and nothing is carried out', async () => {
    const fault = faults.fail('Heartbeat', { error: 'NOT_COORDINATOR', times: 2 })
    expect(await ask('produce')).toBe(done)
    for (let i = 0; i < 2; i += 1) expect(await ask('heartbeat')).toMatchObject({ errorCode: 16 })
    expect([fault.hits, fault.left, carriedOut]).toEqual([2, 0, 1])
    expect(await ask('heartbeat')).toBe(done)
    expect([faults.requests('Heartbeat'), faults.requests('Produce'), faults.requests('Fetch')]).toEqual([3, 1, 0])
  })

  test('faults of an API are a script: one a request, in the order in which they were injected', async () => {
    faults.fail('Heartbeat', { error: 27 })
    faults.drop('Heartbeat')
    faults.drop('Heartbeat', { carriedOut: true })
    expect(await ask('heartbeat')).toMatchObject({ errorCode: 27 })
    expect([await ask('heartbeat'), carriedOut]).toEqual(['hang up', 0])
    expect([await ask('heartbeat'), carriedOut]).toEqual(['hang up', 1])
    expect(await ask('heartbeat')).toBe(done)
  })

  test('only requests that the condition names are hit', async () => {
    faults.drop('Produce', { times: Infinity, where: ({ clientId, body }) => clientId === 'victim' && body['acks'] === -1 })
    expect(await ask('produce')).toBe(done)
    expect(await ask('produce', { clientId: 'victim' })).toBe('hang up')
    expect(await ask('produce', { clientId: 'victim', body: { acks: 1 } })).toBe(done)
  })

  test('a delayed answer is made at once and given when its time is up', async () => {
    faults.delay('Heartbeat', { ms: 5000 })
    let answer: unknown
    void ask('heartbeat').then((given) => { answer = given })
    await scheduler.advance(4999)
    expect([carriedOut, answer]).toEqual([1, undefined])
    await scheduler.advance(1)
    expect([carriedOut, answer]).toEqual([1, done])
  })

  test('or when a promise is settled, the fault is cancelled, or the connection goes', async () => {
    let release = (): void => {}
    const gate = new Promise<void>((_, reject) => { release = () => reject(new Error('settled is settled')) })
    const fault = faults.delay('Heartbeat', { until: gate, times: Infinity })
    const gone = new AbortController()
    const answers: string[] = []
    void ask('heartbeat', { signal: gone.signal }).then(() => answers.push('connection'))
    void ask('heartbeat').then(() => answers.push('promise'))
    await fault.hit(2)
    await scheduler.runUntilIdle()
    expect(answers).toEqual([])
    gone.abort()
    await scheduler.runUntilIdle()
    expect(answers).toEqual(['connection'])
    release()
    await scheduler.runUntilIdle()
    expect(answers).toEqual(['connection', 'promise'])

    const other = faults.delay('Produce', { ms: 1e9 })
    const held = ask('produce')
    other.cancel()
    expect(await held).toBe(done)
  })

  test('a cancelled fault hits nothing, and who waits for its hits is told', async () => {
    const fault = faults.fail('Heartbeat', { error: 'NOT_COORDINATOR', times: Infinity })
    expect(await ask('heartbeat')).toMatchObject({ errorCode: 16 })
    await fault.hit()
    const third = fault.hit(3)
    faults.clear()
    await expect(third).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(fault.hit(2)).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await ask('heartbeat')).toBe(done)
    expect(faults.requests('Heartbeat')).toBe(1)
  })

  test('a Fetch in a session gets its error when it has come again without', async () => {
    const fault = faults.fail('Fetch', { error: 'OFFSET_OUT_OF_RANGE' })
    expect(await ask('fetch', { body: { sessionId: 5, sessionEpoch: 2 } })).toMatchObject({ errorCode: 70 })
    expect(fault.hits).toBe(0)
    const topics = [{ topic: 't', partitions: [{ partition: 1 }] }]
    expect(await ask('fetch', { body: { sessionId: 0, sessionEpoch: 0, topics } })).toMatchObject({ responses: [{ partitions: [{ partitionIndex: 1, errorCode: 1 }] }] })
    expect(fault.hits).toBe(1)
  })

  test.each([
    [() => faults.fail('Prodcue' as 'Produce', { error: 1 }), 'did you mean "Produce"?'],
    [() => faults.drop('produce' as 'Produce'), 'did you mean "Produce"?'],
    [() => faults.requests('Nonsense' as 'Produce'), 'there are Produce, Fetch'],
    [() => faults.fail('Produce', { error: 'NOT_LEADER_FOR_PARTITION' as 'CLOSED' }), 'NOT_LEADER_FOR_PARTITION'],
    [() => faults.fail('Produce', { error: 'NOT_LEADER_OR_FOLOWER' as 'CLOSED' }), 'did you mean "NOT_LEADER_OR_FOLLOWER"?'],
    [() => faults.fail('Produce', { error: 'CLOSED' }), 'no error of Kafka'],
    [() => faults.fail('Produce', { error: 0 }), 'no error of Kafka'],
    [() => faults.fail('Produce', { error: 1, times: 0 }), 'times is 0'],
    [() => faults.fail('Produce', { error: 1, tims: 2 } as never), 'no option "tims"'],
    [() => faults.delay('Produce', {}), 'give ms, or until'],
    [() => faults.delay('Produce', { ms: -1 }), 'ms is -1'], [() => faults.delay('Produce', { ms: Object.create(null) as number }), 'ms is an object'],
  ])('%#: what makes no sense is refused with advice', (call, text) => { expect(call).toThrow(text) })
})
