/** What the settings of `connect` do to connections and calls: sockets are real, time is the test's. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ScriptedBroker } from '../test/support/scripted-broker.ts'
import { silentLogger } from './common/logger.ts'
import { systemScheduler, type Scheduler } from './common/scheduler.ts'
import { nextTurn } from './client/waiting.ts'
import { apis } from './protocol/api-registry.ts'
import { connectKafka } from './remote-kafka.ts'
import { ManualClock } from './testing/manual-clock.ts'
import { SeededRandom } from './testing/seeded-random.ts'
import type { RemoteKafka } from './connect.ts'

/** Timers go off at once, and take their time with them, where `passes` says so; the others never do. */
class QuickTime implements Scheduler {
  readonly clock = new ManualClock()
  readonly asked: number[] = []
  passes: (delayMs: number) => boolean = () => false

  after(delayMs: number, task: () => void): { cancel(): void } {
    this.asked.push(delayMs)
    let isCancelled = false
    if (this.passes(delayMs)) {
      systemScheduler.soon(() => {
        if (isCancelled) return
        this.clock.advance(delayMs)
        task()
      })
    }
    return { cancel: () => { isCancelled = true } }
  }

  every(): { cancel(): void } { return { cancel: () => {} } }
  soon(task: () => void): void { systemScheduler.soon(task) }
}

let broker: ScriptedBroker
let time: QuickTime
let kafka: RemoteKafka
beforeEach(async () => {
  broker = await ScriptedBroker.open()
  time = new QuickTime()
  broker.on(apis.metadata, ({ body }) => ({
    errorCode: 0, brokers: [{ nodeId: 0, host: '127.0.0.1', port: broker.port, rack: null }], controllerId: 0, clusterId: 'c',
    topics: (body.topics ?? []).map(({ name }) => ({ errorCode: 0, name, topicId: 'ASNFZ4mrze_-3LqYdlQyEA', isInternal: false, partitions: [
      { errorCode: 0, partitionIndex: 0, leaderId: 0, leaderEpoch: 0, replicaNodes: [0], isrNodes: [0], offlineReplicas: [] }] })),
  }))
})
afterEach(async () => {
  await kafka.close()
  await broker.close()
})

async function connected(settings: object): Promise<RemoteKafka> {
  kafka = await connectKafka(`127.0.0.1:${broker.port}`, { logger: silentLogger, ...settings }, { clock: time.clock, scheduler: time, random: new SeededRandom(1), logger: silentLogger })
  return kafka
}

const codeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', (error: unknown) => (error as { code: string }).code)
const until = async (holds: () => boolean): Promise<void> => { while (!holds()) await nextTurn(systemScheduler) }

test('connecting takes socket.connection.setup.timeout.ms at most, twice as long after each failure, up to socket.connection.setup.timeout.max.ms', async () => {
  const { admin } = await connected({ 'socket.connection.setup.timeout.ms': 701, 'socket.connection.setup.timeout.max.ms': 1003, 'reconnect.backoff.ms': 1, 'reconnect.backoff.max.ms': 1 })
  broker.on(apis.apiVersions, () => 'silence').cut()
  time.passes = (ms) => ms <= 1003
  expect(await codeOf(admin.listTopics())).not.toBe('none')
  expect(time.asked.filter((ms) => ms > 600 && ms <= 10_000).slice(0, 4)).toEqual([701, 701, 1003, 1003])
})

test('a broker that cannot be reached is left alone for reconnect.backoff.ms, twice as long each time, up to reconnect.backoff.max.ms', async () => {
  const { admin } = await connected({ 'reconnect.backoff.ms': 1000, 'reconnect.backoff.max.ms': 3000, 'retry.backoff.ms': 1, 'retry.backoff.max.ms': 1 })
  broker.on(apis.apiVersions, () => 'cut').cut()
  time.passes = (ms) => ms <= 3000
  expect(await codeOf(admin.listTopics())).not.toBe('none')
  const pauses = time.asked.filter((ms) => ms > 10 && ms <= 3000).slice(0, 5)
  // A fifth more or less, and less what the call itself waited; the first is that of a connection that was lost.
  const bounds = [[900, 1000], [790, 1200], [1590, 2400], [2390, 3000], [2390, 3000]] as const
  expect(pauses.map((ms, i) => ms >= bounds[i]![0] && ms <= bounds[i]![1])).toEqual([true, true, true, true, true])
})

test('a call that fails is repeated after pauses of up to retry.backoff.max.ms, for default.api.timeout.ms', async () => {
  const { admin } = await connected({ 'default.api.timeout.ms': 20_000, 'retry.backoff.ms': 100, 'retry.backoff.max.ms': 4000 })
  broker.on(apis.listGroups, () => ({ errorCode: 14, groups: [] }))
  let seen = broker.asked.length
  // What is asked for after an answer, not what bounds the wait for it.
  time.passes = (ms) => {
    if (ms > 4000 || broker.asked.length === seen) return false
    seen = broker.asked.length
    return true
  }
  const began = time.clock.monotonic()
  expect(await codeOf(admin.listGroups())).toBe('COORDINATOR_LOAD_IN_PROGRESS')
  const pauses = time.asked.filter((ms) => ms <= 4000)
  expect(Math.max(...pauses)).toBeGreaterThan(3000)
  expect(time.clock.monotonic() - began).toBeGreaterThan(15_000)
  expect(time.clock.monotonic() - began).toBeLessThanOrEqual(20_000)
})

test('a connection that was not used for connections.max.idle.ms is closed', async () => {
  time.passes = (ms) => ms === 5123
  await connected({ 'connections.max.idle.ms': 5123 })
  await until(() => broker.open === 0)
  expect(time.asked).toContain(5123)
})

test('who leads is asked again after metadata.max.age.ms', async () => {
  broker.on(apis.deleteRecords, () => ({ throttleTimeMs: 0, topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: 0, lowWatermark: 1 }] }] }))
  const { admin } = await connected({ 'metadata.max.age.ms': 5000 })
  const askedFor = async (): Promise<number> => {
    const before = broker.bodies(apis.metadata).length
    await admin.deleteRecords('t', [{ partition: 0, offset: 1 }])
    return broker.bodies(apis.metadata).length - before
  }
  expect(await askedFor()).toBe(1)
  time.clock.advance(4900)
  expect(await askedFor()).toBe(0)
  time.clock.advance(101)
  expect(await askedFor()).toBe(1)
})
