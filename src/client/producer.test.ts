import { describe, expect, test } from 'vitest'
import { harness } from '../../test/support/client-harness.ts'

describe('send', () => {
  test('resolves with where the record is', async () => {
    const { clients, broker, settle } = harness()
    broker.createTopic('t', 1)
    const producer = clients.producer()
    expect(await settle(producer.send({ topic: 't', key: 'k', value: 'v', timestamp: 5 }))).toEqual({ topic: 't', partition: 0, offset: 0, timestamp: 5 })
    expect(broker.partition('t', 0).values()).toEqual(['v'])
  })
})
