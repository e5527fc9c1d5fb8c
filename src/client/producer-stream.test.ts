import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../test/support/client-harness.ts'
import type { ProduceRequest } from '../protocol/broker-api.ts'
import type { Producer } from './types.ts'

const KB = Buffer.alloc(1000, 0x61)

/** A producer that has had an answer, and the requests that the broker got after it: whether it was told not to wait for more. */
async function streaming(settings: Parameters<Harness['clients']['producer']>[0] = {}, caching = false) {
  const { clients, broker, settle, scheduler } = harness()
  const [partition] = broker.createTopic('t', 1)
  if (caching) broker.topics.get('t')!.configs.set('write.caching', 'true')
  const producer = clients.producer({ acks: 1, ...settings })
  await settle(producer.send({ topic: 't', value: 'warm' }))
  const requests: boolean[] = []
  broker.faults = (api, request) => {
    if (api === 'produce') requests.push((request as ProduceRequest).urgent === true)
    return undefined
  }
  return { producer, settle, scheduler, requests, partition: partition! }
}

const send = (producer: Producer, count: number) => Array.from({ length: count }, () => producer.send({ topic: 't', value: KB }))
const post = (producer: Producer, count: number) => { for (let i = 0; i < count; i++) producer.post({ topic: 't', value: KB }) }

/** Does `step` in each of the next `turns` of the event loop. */
function each(scheduler: Harness['scheduler'], turns: number, step: (turn: number) => void): Promise<void> {
  return new Promise((resolve) => {
    let turn = 0
    const tick = (): void => {
      step(turn)
      if (++turn < turns) scheduler.soon(tick)
      else resolve()
    }
    scheduler.soon(tick)
  })
}

describe('what another thread writes', () => {
  test.each([
    ['of acks 1', {}, 4], ['of small batches', { 'batch.size': 16_384 }, 16], ['of few requests in flight', { 'max.in.flight.requests.per.connection': 2 }, 0],
    ['of acks 0', { acks: 0 }, 0], ['that is synced', { acks: 'all' }, 0], ['of acks all that is not synced', { acks: 'all' }, 4, true],
  ] as const)('%s goes from within send once it is 256 KB', async (_, settings, expected, caching?: boolean) => {
    const { producer, settle, requests, partition } = await streaming(settings, caching)
    const before = send(producer, 255)
    expect(requests).toHaveLength(0)
    const sends = [...before, ...send(producer, 20)]
    expect(requests).toHaveLength(expected)
    expect((await settle(Promise.all(sends))).map(({ offset }) => offset)).toEqual(sends.map((_, i) => 'acks' in settings && settings.acks === 0 ? -1 : i + 1))
    expect(partition.values()).toHaveLength(276)
  })

  test('waits for its turn where something is in flight', async () => {
    const { producer, settle, requests } = await streaming()
    const sends = send(producer, 1000)
    expect(requests).toEqual([false, false, false, true])
    expect(await settle(Promise.all(sends))).toHaveLength(1000)
  })

  test('of posts gathers while more comes, and goes once nothing does', async () => {
    const { producer, settle, scheduler, requests, partition } = await streaming()
    const byTurn: number[] = []
    await settle(each(scheduler, 8, (turn) => {
      byTurn.push(requests.length)
      if (turn < 3) post(producer, 20)
    }))
    // Three turns of posts, one that sees that no more came.
    expect(byTurn).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
    expect(partition.values()).toHaveLength(61)
  })

  test('of posts goes when it is 256 KB, however many more come', async () => {
    const { producer, settle, scheduler, requests } = await streaming()
    const byTurn: number[] = []
    await settle(each(scheduler, 15, () => {
      byTurn.push(requests.length)
      post(producer, 20)
    }))
    // 64 records fill a batch: the fifth is open when the fourth is full, in the thirteenth turn.
    expect(byTurn.slice(0, 14)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4])
    await settle(producer.flush())
  })

  test.each([
    ['little', (producer: Producer) => { post(producer, 10) }],
    ['what somebody waits for', (producer: Producer) => { post(producer, 20); void producer.send({ topic: 't', value: KB }) }],
    ['a full batch that somebody waits for', (producer: Producer) => { void producer.send({ topic: 't', value: KB }); post(producer, 100) }],
    ['what is flushed', (producer: Producer) => { post(producer, 20); void producer.flush() }],
    ['what is synced', (producer: Producer) => { post(producer, 20) }, { acks: 'all' }],
  ] as const)('does not gather %s', async (_, add, settings?: { acks: 'all' }) => {
    const { producer, settle, scheduler, requests } = await streaming(settings)
    const byTurn: number[] = []
    await settle(each(scheduler, 3, (turn) => {
      byTurn.push(requests.length)
      if (turn === 0) add(producer)
      else post(producer, 1)
    }))
    expect(byTurn[2]).toBeGreaterThan(0)
  })

  test('of posts waits no longer than a millisecond', async () => {
    const { producer, settle, scheduler, requests } = await streaming()
    post(producer, 20)
    let sentAt = -1
    const start = scheduler.clock.monotonic()
    await settle(each(scheduler, 100, (turn) => {
      if (requests.length > 0 && sentAt < 0) sentAt = scheduler.clock.monotonic() - start
      scheduler.clock.advance(0.25)
      if (turn < 99) post(producer, 1)
    }))
    expect(sentAt).toBeLessThanOrEqual(1.5)
    expect(sentAt).toBeGreaterThanOrEqual(1)
  })
})
