import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { systemScheduler } from '../common/scheduler.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { AnswerMemory, AnswerShare } from './answer-memory.ts'
import { defaultLimits } from './connection-limits.ts'
import { PortListener } from './listener.ts'

const MIB = 2 ** 20
const tick = (): Promise<void> => new Promise((resolve) => { systemScheduler.soon(resolve) })

function shares(memory: AnswerMemory, count: number): { share: AnswerShare; gone: AbortController }[] {
  return Array.from({ length: count }, () => {
    const gone = new AbortController()
    return { share: new AnswerShare(memory, gone.signal), gone }
  })
}

test('a fetch may read less, the less is left, but a batch always', async () => {
  const memory = new AnswerMemory(16 * MIB)
  const granted: number[] = []
  for (const { share } of shares(memory, 40)) granted.push(await share.take(8 * MIB))
  expect(granted.slice(0, 3)).toEqual([4 * MIB, 3 * MIB, 2.25 * MIB])
  expect(granted.at(-1)).toBe(65_536)
  expect(memory.used).toBe(granted.reduce((sum, each) => sum + each, 0))
})

test('what a fetch did not read, and what its socket took, can be read by others', async () => {
  const memory = new AnswerMemory(16 * MIB)
  const [a, b] = shares(memory, 2)
  expect(await a!.share.take(1000)).toBe(1000)
  a!.share.give(400)
  expect([a!.share.held, memory.used]).toEqual([600, 600])
  // A first batch comes whole, however large.
  a!.share.give(-5 * MIB)
  expect(memory.used).toBe(600 + 5 * MIB)
  await b!.share.take(10)
  a!.share.clear()
  expect(memory.used).toBe(10)
})

test('at twice the limit fetches wait until there is room, or until nobody waits for them any more', async () => {
  const memory = new AnswerMemory(MIB)
  const [hog, patient, leaving] = shares(memory, 3)
  await hog!.share.take(1)
  hog!.share.give(-2 * MIB)
  let granted = 0
  const waiting = patient!.share.take(MIB).then((bytes) => { granted = bytes })
  const left = leaving!.share.take(MIB)
  await tick()
  expect(granted).toBe(0)
  leaving!.gone.abort()
  await left
  leaving!.share.end()
  expect(granted).toBe(0)
  hog!.share.clear()
  await waiting
  expect(granted).toBe(MIB / 4)
})

test('a connection that is gone holds nothing, whatever its fetch still does', async () => {
  const memory = new AnswerMemory(MIB)
  const { share } = shares(memory, 1)[0]!
  await share.take(1000)
  share.end()
  share.give(1000 - 70_000)
  await share.take(5)
  expect(memory.used).toBe(0)
})

test('where memory is short, connections that do not read are closed, those that do stay', async () => {
  const scheduler = new ManualScheduler(new ManualClock())
  const logger = new RecordingLogger()
  const answers = new AnswerMemory(8 * MIB)
  const listener = await PortListener.open({
    host: '127.0.0.1', port: 0, tls: null, nameOf: String, limits: defaultLimits, maxConnections: 10, maxConnectionsPerAddress: 10, maxPendingBytes: MIB, answers,
    ports: { clock: scheduler.clock, scheduler, logger, random: new SeededRandom(1) },
    newSession: () => {
      const share = new AnswerShare(answers, new AbortController().signal)
      return {
        isAuthenticated: true, farewell: null, isOverlappable: () => false, isParked: () => false, drain() {}, close() { share.end() }, answersTaken() { share.clear() },
        async handle() {
          share.give(-20 * MIB)
          return [Buffer.alloc(20 * MIB)]
        },
      }
    },
  })
  const request = Buffer.from([0, 0, 0, 1, 7])
  const [reader, deaf] = [connect(listener.port, '127.0.0.1'), connect(listener.port, '127.0.0.1')]
  for (const socket of [reader, deaf]) socket.on('error', () => {})
  let read = 0
  reader.on('data', (chunk) => { read += chunk.length })
  reader.write(request)
  while (read < 20 * MIB || answers.used > 0) await tick()
  deaf.pause()
  deaf.write(request)
  while (answers.used === 0) await tick()
  await scheduler.advance(1500)
  expect(listener.connections).toBe(2)
  await scheduler.advance(1500)
  while (listener.connections === 2) await tick()
  expect(answers.used).toBe(0)
  expect(logger.messages()).toEqual([expect.stringMatching(/^closed the connection from .*: it has read none of its answers for \d+ ms, and the memory for answers is short$/)])
  reader.write(request)
  while (read < 40 * MIB) await tick()
  for (const socket of [reader, deaf]) socket.destroy()
  await listener.close(0)
})
