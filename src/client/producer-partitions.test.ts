import { describe, expect, test } from 'vitest'
import { harness } from '../../test/support/client-harness.ts'

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
    const made: number[] = []
    const watch = (): void => {
      made.push(broker.calls('produce'))
      if (made.length < 12) scheduler.soon(watch)
    }
    watch()
    await settle(Promise.all(sends))
    const steps = made.map((calls, i) => calls - (made[i - 1] ?? 1)).filter((calls) => calls > 0)
    expect(steps).toEqual([128, 128, 44])
    expect(partitions.map((partition) => partition.values().at(-1))).toEqual(partitions.map(() => 'v'))
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
})
