/** One manual clock, a fake broker and the clients over it. */
// Loaded already, so that the first use of them takes no time of the real world.
import '../../src/client/config-admin.ts'
import '../../src/client/consumer-queries.ts'
import '../../src/client/group-admin.ts'
import '../../src/client/group-assignment.ts'
import '../../src/client/security-admin.ts'
import { createClients, type Clients } from '../../src/client/clients.ts'
import type { Ports } from '../../src/common/ports.ts'
import { ManualScheduler } from '../../src/testing/manual-scheduler.ts'
import { RecordingLogger } from '../../src/testing/recording-logger.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { FakeBroker } from './fake-broker.ts'

export interface Harness {
  readonly scheduler: ManualScheduler; readonly logger: RecordingLogger; readonly ports: Ports; readonly broker: FakeBroker; readonly clients: Clients
  /** Lets the world run, without time passing or for `ms`. */
  run(ms?: number): Promise<void>
  /** Runs the world, up to `ms` of its time, until the promise is settled. */
  settle<T>(promise: Promise<T>, ms?: number): Promise<T>
}

export function harness(seed: number = 1, options: { embedded?: boolean } = {}): Harness {
  const scheduler = new ManualScheduler()
  const logger = new RecordingLogger()
  const ports: Ports = { clock: scheduler.clock, scheduler, random: new SeededRandom(seed), logger }
  const broker = new FakeBroker(ports)
  const clients = createClients(broker, ports, { embedded: options.embedded ?? true, nodeId: 1 })
  const run = (ms: number = 0): Promise<void> => scheduler.advance(ms)
  return {
    scheduler, logger, ports, broker, clients, run,
    async settle<T>(promise: Promise<T>, ms: number = 600_000): Promise<T> {
      const state = { settled: false }
      const settle = (): void => { state.settled = true }
      promise.then(settle, settle)
      await run()
      for (let passed = 0, step = 1; !state.settled && passed < ms; passed += step, step = Math.min(step * 2, 1000)) await run(step)
      if (!state.settled) throw new Error(`not settled after ${ms} ms`)
      return promise
    },
  }
}

/** The promise's outcome, as a value: an error's code, or what it resolved to. */
export function outcome<T>(promise: Promise<T>): Promise<T | string> {
  return promise.catch((error: unknown) => (error as { code?: string }).code ?? String(error))
}

/** Counts the bytes of records that the broker answers fetches with from now on. */
export function countFetched(broker: FakeBroker): () => number {
  let bytes = 0
  const { fetch } = broker
  broker.fetch = async (request) => {
    const answer = await fetch.call(broker, request)
    for (const { records } of answer.partitions) bytes += records.length
    return answer
  }
  return () => bytes
}
