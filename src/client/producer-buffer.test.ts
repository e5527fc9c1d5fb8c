import { describe, expect, test } from 'vitest'
import { harness, outcome } from '../../test/support/client-harness.ts'
import type { OttlaError } from '../common/errors.ts'

describe('back-pressure', () => {
  const bytes = (partition: { batches: { bytes: Uint8Array }[] }): number => partition.batches.reduce((sum, each) => sum + each.bytes.length, 0)

  test('sends wait for buffer.memory and go on in order', async () => {
    const { clients, broker, settle, run } = harness()
    const [partition] = broker.createTopic('t', 1)
    broker.faults = (api) => api === 'produce' ? { delayMs: 10 } : undefined
    const producer = clients.producer({ 'buffer.memory': 4000, 'batch.size': 1000, 'enable.idempotence': false, 'max.in.flight.requests.per.connection': 1 })
    const values = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(200, '.'))
    const sends = Promise.all(values.map((value) => producer.send({ topic: 't', value })))
    await run(5)
    expect(bytes(partition!)).toBeLessThan(1100)
    await settle(sends)
    expect(partition!.values()).toEqual(values)
  })

  test('a thousand partitions with some records each share it: none is sent, or waits, for want of room for whole batches', async () => {
    const { clients, broker, settle, run } = harness()
    const partitions = broker.createTopic('t', 1000)
    const producer = clients.producer({ 'buffer.memory': 4_000_000, 'batch.size': 65_536, 'linger.ms': 50 })
    await settle(producer.send({ topic: 't', partition: 0, value: 'warm' }))
    const sends = Array.from({ length: 10_000 }, (_, i) => producer.send({ topic: 't', partition: i % 1000, value: `${i}` }))
    await run(1)
    expect(broker.calls('produce')).toBe(1)
    await settle(Promise.all(sends))
    expect(partitions.slice(1).every((partition) => partition.batches.length === 1)).toBe(true)
    expect(partitions.map((partition) => partition.values().filter((value) => value !== 'warm')))
      .toEqual(Array.from({ length: 1000 }, (_, at) => Array.from({ length: 10 }, (__, i) => `${at + 1000 * i}`)))
  })

  test('batches that would have to grow beyond it go as they are', async () => {
    const { clients, broker, settle } = harness()
    const partitions = broker.createTopic('t', 4)
    const producer = clients.producer({ 'buffer.memory': 10_000, 'batch.size': 65_536, 'linger.ms': 50 })
    const values = Array.from({ length: 160 }, (_, i) => `${i}`.padEnd(400, '.'))
    await settle(Promise.all(values.map((value, i) => producer.send({ topic: 't', partition: i % 4, value }))))
    expect(partitions.map((partition) => partition.values())).toEqual([0, 1, 2, 3].map((at) => values.filter((_, i) => i % 4 === at)))
    for (const partition of partitions) for (const { bytes } of partition.batches) expect(bytes.length).toBeLessThan(10_000)
  })

  test('with nothing moving, sends fail after max.block.ms and others after delivery.timeout.ms', async () => {
    const { clients, broker, run } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'buffer.memory': 2000, 'batch.size': 1000, 'max.block.ms': 3000, 'delivery.timeout.ms': 30_000,
      'request.timeout.ms': 20_000 })
    broker.faults = (api) => api === 'produce' ? { silent: true } : undefined
    const codes: unknown[] = []
    const sends = Array.from({ length: 30 }, () => producer.send({ topic: 't', value: 'x'.repeat(200) }).catch((error: OttlaError) => codes.push(error.code)))
    await run(2900)
    expect(codes).toEqual([])
    await run(200)
    expect(new Set(codes)).toEqual(new Set(['BUFFER_EXHAUSTED']))
    const exhausted = codes.length
    expect(exhausted).toBeGreaterThan(15)
    await run(30_000)
    expect(codes).toHaveLength(30)
    expect(new Set(codes.slice(exhausted))).toEqual(new Set(['REQUEST_TIMED_OUT']))
    await Promise.all(sends)
  })

  test('with max.block.ms 0 a full buffer fails at once', async () => {
    const { clients, broker, run } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer({ 'buffer.memory': 1000, 'batch.size': 1000, 'max.block.ms': 0 })
    const metadata = outcome(producer.send({ topic: 't', value: 'v' }))
    await run(0)
    expect(await metadata).toMatchObject({ offset: 0 })
    broker.faults = (api) => api === 'produce' ? { silent: true } : undefined
    const sends = [500, 500, 1].map((length) => outcome(producer.send({ topic: 't', value: Buffer.alloc(length) })))
    await run(0)
    expect(await sends[1]).toBe('BUFFER_EXHAUSTED')
    expect(await sends[2]).toBe('BUFFER_EXHAUSTED')
    await run(200_000)
    expect(await sends[0]).toBe('REQUEST_TIMED_OUT')
  })

  test('16 k promises are out at most, over all producers; the rest waits and arrives', async () => {
    const { clients, broker, settle, run } = harness()
    const [first] = broker.createTopic('a', 1)
    const [second] = broker.createTopic('b', 1)
    const one = clients.producer()
    const two = clients.producer()
    await settle(Promise.all([one.send({ topic: 'a', value: 'v' }), two.send({ topic: 'b', value: 'v' })]))
    broker.faults = (api) => api === 'produce' ? { delayMs: 100 } : undefined
    const sends = [
      ...Array.from({ length: 16_384 }, () => one.send({ topic: 'a', value: 'v' })),
      ...Array.from({ length: 1000 }, () => two.send({ topic: 'b', value: 'v' })),
    ]
    await run(50)
    expect(second!.records()).toHaveLength(1)
    await settle(Promise.all(sends))
    expect(first!.records()).toHaveLength(16_385)
    expect(second!.records()).toHaveLength(1001)
  })

  test('does not wait for linger when memory is what others wait for', async () => {
    const { clients, broker, settle, scheduler } = harness()
    broker.createTopic('t', 3)
    const producer = clients.producer({ 'buffer.memory': 2000, 'batch.size': 1000, 'linger.ms': 50_000 })
    const start = scheduler.clock.monotonic()
    const sends = [0, 1, 2, 0].map((partition) => producer.send({ topic: 't', value: 'v'.repeat(600), partition }))
    await settle(Promise.all(sends.slice(0, 2)))
    expect(scheduler.clock.monotonic() - start).toBeLessThan(5000)
    await settle(producer.flush())
    await Promise.all(sends)
  })

  test('what waits is bounded too', async () => {
    const { clients, broker, run } = harness()
    broker.createTopic('t', 1)
    broker.faults = (api) => api === 'produce' ? { silent: true } : undefined
    const producer = clients.producer({ 'buffer.memory': 1_100_000, 'batch.size': 10_000 })
    const value = Buffer.alloc(1_000_000)
    const codes = Array.from({ length: 100 }, () => outcome(producer.send({ topic: 't', value })))
    await run(0)
    const early = await Promise.all(codes.map((code) =>
      Promise.race([code, new Promise((resolve) => { queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => resolve('open')))) })])))
    expect(early.filter((code) => code === 'BUFFER_EXHAUSTED').length).toBeGreaterThan(30)
    await run(200_000)
    await Promise.all(codes)
  })
})

describe('post', () => {
  test('sends, and says when the buffer is full', async () => {
    const { clients, broker, settle, run } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ 'buffer.memory': 20_000, 'batch.size': 1000 })
    expect(producer.post({ topic: 't', value: 'first' })).toBe(false) // waits for metadata
    await settle(producer.drained())
    let posted = 1
    for (let more = true; more; posted++) more = producer.post({ topic: 't', value: 'x'.repeat(100) })
    expect(posted).toBeGreaterThan(50)
    const drained = producer.drained()
    await settle(drained)
    await settle(producer.flush())
    expect(partition!.records()).toHaveLength(posted)
    await run(0)
  })

  test('counts what records take, not the room their batches reserve, and drained waits until half of it went', async () => {
    const { clients, broker, settle, run } = harness()
    const partitions = broker.createTopic('t', 100)
    const producer = clients.producer({ 'buffer.memory': 60_000, 'batch.size': 1000, 'enable.idempotence': false, 'max.in.flight.requests.per.connection': 1 })
    await settle(Promise.all(partitions.map((_, partition) => producer.send({ topic: 't', partition, value: 'w' }))))
    broker.faults = (api) => api === 'produce' ? { delayMs: 10 } : undefined
    // A hundred batches of 512 bytes are reserved, and 8 kB used.
    for (let partition = 0; partition < 100; partition++) expect(producer.post({ topic: 't', partition, value: 'v' })).toBe(true)
    await settle(producer.flush())
    // Each of these is a batch, and they go one after another.
    let posted = 0
    for (let more = true; more; posted++) more = producer.post({ topic: 't', partition: 0, value: Buffer.alloc(900) })
    expect(posted).toBeGreaterThanOrEqual(30)
    let sent = 0
    void producer.drained().then(() => { sent = partitions[0]!.batches.length - 2 })
    await run(2000)
    expect(sent).toBeGreaterThanOrEqual(posted / 2 - 2)
    expect(sent).toBeLessThanOrEqual(posted / 2 + 2)
  })

  test('asks for a turn of the event loop after 512 KiB, whether the broker has answered or not', async () => {
    const { clients, broker, settle, run } = harness()
    const [partition] = broker.createTopic('t', 1)
    const producer = clients.producer({ acks: 1 })
    await settle(producer.send({ topic: 't', value: 'first' }))
    broker.faults = (api) => api === 'produce' ? { delayMs: 1000 } : undefined
    const value = Buffer.alloc(1000)
    const burst = (): number => {
      for (let count = 1; ; count++) if (!producer.post({ topic: 't', value, timestamp: 5 })) return count
    }
    let posted = 0
    for (let bursts = 0; bursts < 4; bursts++) {
      const count = burst()
      expect(count).toBeGreaterThan(500)
      expect(count).toBeLessThanOrEqual(524)
      posted += count
      let hasTurned = false
      void producer.drained().then(() => { hasTurned = true })
      for (let i = 0; i < 20; i++) await Promise.resolve()
      expect(hasTurned).toBe(false)
      await run(0)
      expect(hasTurned).toBe(true)
      // Nothing was posted since: at once.
      await producer.drained()
    }
    expect(broker.calls('produce')).toBeGreaterThan(1)
    // A turn that came by itself counts.
    for (let i = 0; i < 30; i++) {
      for (let more = 0; more < 100; more++) expect(producer.post({ topic: 't', value })).toBe(true)
      await run(0)
    }
    await settle(producer.flush())
    expect(partition!.records()).toHaveLength(1 + posted + 3000)
  })

  test('tells failures by the error event, each record once', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    broker.faults = (api) => api === 'produce' ? { errorCode: 87 } : undefined
    const producer = clients.producer()
    const seen: unknown[] = []
    const listener = (error: Error, record: object): void => { seen.push([(error as OttlaError).code, record]) }
    expect(producer.on('error', listener)).toBe(producer)
    producer.post({ topic: 't', value: 'a' })
    producer.post({ topic: 't', value: 'b' })
    producer.post({ topic: 't', value: 7 as never })
    await settle(producer.flush())
    expect(seen).toEqual([['INVALID_ARGUMENT', { topic: 't', partition: -1 }], ['INVALID_RECORD', { topic: 't', partition: 0 }],
      ['INVALID_RECORD', { topic: 't', partition: 0 }]])
    producer.off('error', listener)
    producer.post({ topic: 't', value: 'c' })
    await settle(producer.flush())
    expect(seen).toHaveLength(3)
  })
  test('without a listener logs; a listener that throws harms nothing', async () => {
    const { clients, broker, settle, logger } = harness()
    broker.createTopic('t', 1)
    broker.faults = (api) => api === 'produce' ? { errorCode: 87 } : undefined
    const producer = clients.producer()
    producer.post({ topic: 't', value: 'a' })
    await settle(producer.flush())
    expect(logger.entries.filter((entry) => entry.level === 'error')).toMatchObject([{ fields: { topic: 't', partition: 0, count: 1 } }])
    producer.on('error', () => { throw new Error('mine') })
    producer.post({ topic: 't', value: 'a' })
    await settle(producer.flush())
    expect(logger.messages('error').at(-1)).toMatch(/listener .* threw/)
    expect(() => producer.on('data' as never, () => {})).toThrow(/one event, 'error'/)
  })
})
