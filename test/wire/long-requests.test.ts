/** Requests that name very many things: they may take time for each of them, but not for each pair. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apis } from '../../src/protocol/api-registry.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

let kit: WireKit
let client: RawClient
beforeAll(async () => {
  kit = await listening()
  client = await RawClient.open(kit.port)
})
afterAll(async () => {
  client.end()
  await kit.ottla.close()
})

const FEW = 500
const MANY = 80 * FEW
const common = { validateOnly: true, timeoutMs: 1000 }
const topicOf = (name: string) => ({ resourceType: 2, resourceName: name, configs: [] })
const asks: Readonly<Record<string, (names: readonly string[]) => Promise<unknown>>> = {
  DeleteTopics: (topicNames) => client.call(apis.deleteTopics, 5, { ...common, topicNames }),
  CreateTopics: (names) => client.call(apis.createTopics, 5, {
    ...common, topics: names.map((name) => ({ name: `!${name}`, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })),
  }),
  CreatePartitions: (names) => client.call(apis.createPartitions, 3, { ...common, topics: names.map((name) => ({ name, count: 2, assignments: null })) }),
  AlterConfigs: (names) => client.call(apis.alterConfigs, 1, { ...common, resources: names.map(topicOf) }),
  IncrementalAlterConfigs: (names) => client.call(apis.incrementalAlterConfigs, 1, { ...common, resources: names.map(topicOf) }),
}

test.each(Object.keys(asks))('%s of eighty times as many names does not take thousands of times as long', async (name) => {
  // Of the process, not of the clock: what else runs on the machine does not count.
  const cpuMs = async (count: number): Promise<number> => {
    const began = process.cpuUsage()
    await asks[name]!(Array.from({ length: count }, (_, index) => `t${index}`))
    const { user, system } = process.cpuUsage(began)
    return (user + system) / 1000
  }
  await cpuMs(FEW)
  const few = await cpuMs(FEW)
  const many = await cpuMs(MANY)
  expect(many).toBeLessThan(120 * few + 1000)
}, 120_000)
