import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../test/support/client-harness.ts'
import type { ProduceRequest } from '../protocol/broker-api.ts'

/** How many requests to produce were made in each of the next `turns` of the event loop, but for those in which there were none. */
function producesByTurn({ broker, scheduler }: Pick<Harness, 'broker' | 'scheduler'>, turns: number): () => number[] {
  const made: number[] = [broker.calls('produce')]
  const watch = (): void => {
    made.push(broker.calls('produce'))
    if (made.length <= turns) scheduler.soon(watch)
  }
  watch()
  return () => made.slice(1).map((calls, i) => calls - made[i]!).filter((calls) => calls > 0)
}

describe('batches of many partitions', () => {
  test('of linger 0: gather while records keep coming to many partitions, and go once nobody adds', async () => {
    const { clients, broker, settle, scheduler } = harness()
    const partitions = broker.createTopic('t', 40)
    const producer = clients.producer()
    await settle(Promise.all(partitions.map((_, partition) => producer.send({ topic: 't', partition, value: 'warm' }))))
    let turns = 0
    const sends: Promise<unknown>[] = []
    const tick = (): void => {
      for (let partition = 0; partition < 40; partition++) sends.push(producer.send({ topic: 't', partition, value: `${turns}` }))
      if (++turns < 12) scheduler.soon(tick)
    }
    tick()
    await settle(new Promise((resolve) => { scheduler.soon(() => resolve(null)) }))
    await settle(Promise.all(sends))
    expect(partitions.map((partition) => partition.batches.map(({ header }) => header.count))).toEqual(partitions.map(() => [1, 12]))
    expect(scheduler.clock.monotonic()).toBeLessThan(50)
  })

  test('of linger 0: those of many partitions go slice by slice, in their order, and the event loop has its turns in between', async () => {
    const { clients, broker, settle, scheduler } = harness()
    const partitions = broker.createTopic('t', 300)
    const producer = clients.producer({ 'enable.idempotence': false })
    await settle(producer.send({ topic: 't', partition: 0, value: 'warm' }))
    const sends = partitions.map((_, partition) => producer.send({ topic: 't', partition, value: 'v' }))
    const steps = producesByTurn({ broker, scheduler }, 12)
    await settle(Promise.all(sends))
    expect(steps()).toEqual([128, 128, 44])
    expect(partitions.map((partition) => partition.values().at(-1))).toEqual(partitions.map(() => 'v'))
  })

  test('of linger 0: a producer whose id comes while many wait sends one slice of them a turn, too', async () => {
    const { clients, broker, settle, scheduler } = harness()
    const partitions = broker.createTopic('t', 900)
    const producer = clients.producer()
    const sends = partitions.map((_, partition) => producer.send({ topic: 't', partition, value: 'v' }))
    const steps = producesByTurn({ broker, scheduler }, 60)
    await settle(Promise.all(sends))
    expect([steps().length, Math.max(...steps())]).toEqual([8, 128])
    expect(partitions.map((partition) => partition.values())).toEqual(partitions.map(() => ['v']))
  })

  test('of linger 0: nobody who waits for what he sent is kept waiting for company', async () => {
    const { clients, broker, settle, scheduler } = harness()
    const partitions = broker.createTopic('t', 40)
    const producer = clients.producer()
    await settle(Promise.all(partitions.map((_, partition) => producer.send({ topic: 't', partition, value: 'warm' }))))
    const start = scheduler.clock.monotonic()
    await settle(Promise.all(partitions.map((_, partition) => producer.send({ topic: 't', partition, value: 'v' }))))
    expect(scheduler.clock.monotonic()).toBe(start)
  })

  test('of linger 0: those that no producer id is given for fail, some listed to go or not, and later ones are sent', async () => {
    const { clients, broker, settle } = harness()
    const partitions = broker.createTopic('t', 700)
    broker.faults = (api) => api === 'initProducerId' ? { errorCode: 31 } : undefined
    const producer = clients.producer()
    const refused = await settle(Promise.allSettled(partitions.map((_, partition) => producer.send({ topic: 't', partition, value: 'v' }))))
    expect(refused).toEqual(partitions.map(() => ({ status: 'rejected', reason: expect.objectContaining({ code: 'CLUSTER_AUTHORIZATION_FAILED' }) })))
    broker.faults = () => undefined
    expect(await settle(producer.send({ topic: 't', partition: 3, value: 'later' }))).toMatchObject({ offset: 0 })
    expect(await settle(Promise.all(partitions.map((_, partition) => producer.send({ topic: 't', partition, value: 'all' }))))).toHaveLength(700)
  })

  test('of linger 0: those that have their producer id go, although none is given to another', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const { clients, broker, settle, scheduler } = harness()
      const partitions = broker.createTopic('t', 300)
      const producer = clients.producer()
      await settle(Promise.all(partitions.map((_, partition) => producer.send({ topic: 't', partition, value: 'warm' }))))
      broker.faults = (api, request) => {
        if (api === 'initProducerId') return { errorCode: 31 }
        return api === 'produce' && (request as ProduceRequest).partitions[0]!.partition === 0 ? { errorCode: 47 } : undefined
      }
      const start = scheduler.clock.monotonic()
      const first = Promise.allSettled([producer.send({ topic: 't', partition: 0, value: 'v' })])
      const others = new Promise((resolve, reject) => {
        const after = (left: number): void => {
          if (left > 0) scheduler.soon(() => { after(left - 1) })
          else Promise.all(partitions.slice(1).map((_, i) => producer.send({ topic: 't', partition: i + 1, value: 'v' }))).then(resolve, reject)
        }
        after(turns)
      })
      expect(await settle(others)).toHaveLength(299)
      expect(await settle(first)).toMatchObject([{ status: 'rejected' }])
      expect(scheduler.clock.monotonic() - start, `${turns}`).toBeLessThan(1000)
    }
  })
})
