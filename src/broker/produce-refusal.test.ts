import { expect, test, vi } from 'vitest'
import { batchOf, openBroker } from '../../test/support/broker-kit.ts'

vi.mock('./record-errors.ts', () => { throw new Error('no such file') })

test('a batch is refused without naming records where the code that looks for them is not to be had', async () => {
  const { broker, settle } = await openBroker()
  const topic = { name: 'compacted', numPartitions: 1, replicationFactor: -1, assignments: [], configs: [{ name: 'cleanup.policy', value: 'compact' }] }
  await settle(broker.createTopics({ validateOnly: false, topics: [topic] }))
  const partitions = [{ topic: 'compacted', partition: 0, records: batchOf(['without a key']) }]
  const [answer] = (await settle(broker.produce({ acks: -1, timeoutMs: 1000, partitions }))).partitions
  expect(answer).toMatchObject({ errorCode: 87, baseOffset: -1 })
  expect(answer).not.toHaveProperty('recordErrors')
})
