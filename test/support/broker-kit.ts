/** A broker over real logs on a simulated disk, with time in the test's hands. */
// Loaded already, so that the first call about groups takes no time of the real world.
import './loaded-parts.ts'
import '../../src/coordinator/group-coordinator.ts'
import type { Broker } from '../../src/broker/broker.ts'
import { Database } from '../../src/database.ts'
import { buildBatch, type BatchFields } from '../../src/record/record-batch-builder.ts'
import { ManualScheduler } from '../../src/testing/manual-scheduler.ts'
import { RecordingLogger } from '../../src/testing/recording-logger.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'

export interface BrokerKit {
  readonly database: Database
  readonly broker: Broker
  readonly disk: SimulatedFileSystem
  readonly scheduler: ManualScheduler
  readonly logger: RecordingLogger
  readonly events: string[]
  /** Lets everything that is due run until `promise` has settled. */
  settle<T>(promise: Promise<T>): Promise<T>
}

export async function openBroker(settings: object = {}): Promise<BrokerKit> {
  const scheduler = new ManualScheduler()
  const disk = new SimulatedFileSystem({ clock: scheduler.clock })
  const logger = new RecordingLogger()
  const events: string[] = []
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    const state = { isDone: false }
    promise.then(() => { state.isDone = true }, () => { state.isDone = true })
    // So many, because code that is loaded with its first use takes real time, which is the machine's to choose.
    for (let turn = 0; !state.isDone && turn < 1_000_000; turn += 1) await scheduler.runUntilIdle()
    if (!state.isDone) throw new Error('the promise does not settle without time passing')
    return promise
  }
  const database = await settle(Database.open({
    directory: '/', fileSystem: disk, ports: { clock: scheduler.clock, scheduler, random: new SeededRandom(1), logger }, settings,
    readOnly: false, inMemory: true, allowNetworkFileSystem: false, emit: (...event) => { events.push(event[0]) },
  }))
  return { database, broker: database.newBroker(), disk, scheduler, logger, events, settle }
}

/** One batch with a record per value. */
export function batchOf(values: readonly (string | null)[], fields: BatchFields & { timestamp?: number; key?: string } = {}): Uint8Array {
  const { timestamp = 1_704_067_200_000, key, ...rest } = fields
  return buildBatch(values.map((value) => ({ timestamp, key: key === undefined ? null : Buffer.from(key), value: value === null ? null : Buffer.from(value) })), rest)
}
