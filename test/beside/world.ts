/**
 * A database on a simulated disk whose calls take time and come home in any order, and actors that use it side by side. Time is the manual scheduler's; whatever
 * an actor waits for has to come while time passes, or the round names it.
 */
// Loaded already, so that the first use of them takes no time of the real world.
import '../../src/broker/alter-configs-handler.ts'
import '../../src/broker/describe-configs-handler.ts'
import '../../src/broker/record-errors.ts'
import '../../src/client/config-admin.ts'
import '../../src/client/group-admin.ts'
import '../../src/client/group-assignment.ts'
import '../../src/coordinator/group-coordinator.ts'
import '../../src/log/log-check.ts'
import '../../src/protocol/consumer-protocol.ts'
import { Database } from '../../src/database.ts'
import { OttlaHandle, type Ottla } from '../../src/ottla.ts'
import { loadAllCodecs } from '../../src/record/compression.ts'
import type { CrashPolicy } from '../../src/testing/crash-states.ts'
import { FaultFileSystem } from '../../src/testing/fault-file-system.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { ManualScheduler } from '../../src/testing/manual-scheduler.ts'
import { RecordingLogger } from '../../src/testing/recording-logger.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'

/** Nothing that a round does takes longer, in time of the round. */
const LONGEST_MS = 3_600_000

export class World {
  readonly random: SeededRandom
  readonly logger: RecordingLogger = new RecordingLogger()
  scheduler: ManualScheduler = new ManualScheduler()
  disk: SimulatedFileSystem
  /** What the database sees of the disk. */
  faults: FaultFileSystem
  /** A call of the disk takes up to so many milliseconds. */
  latencyMs: number = 0
  ottla!: Ottla
  /** The database is being closed: who uses it is told CLOSED. */
  isClosing: boolean = false
  /** What calls may fail with, since it happened to the disk. */
  readonly tolerated: Set<string> = new Set()
  readonly #waiting = new Map<object, string>()
  #failure: Error | null = null

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
    this.disk = new SimulatedFileSystem({ clock: this.scheduler.clock, defer: this.#defer })
    this.faults = new FaultFileSystem(this.disk)
  }

  readonly #defer = (complete: () => void): void => {
    if (this.latencyMs === 0 || this.random.int(3) === 0) queueMicrotask(complete)
    else this.scheduler.after(this.random.int(this.latencyMs + 1), complete)
  }

  get now(): number { return this.scheduler.clock.monotonic() }

  async open(settings: object = {}): Promise<void> {
    await loadAllCodecs()
    this.isClosing = false
    const { scheduler, logger } = this
    const opening = Database.open({
      directory: '/', fileSystem: this.faults, ports: { clock: scheduler.clock, scheduler, random: this.random, logger }, settings,
      readOnly: false, inMemory: true, allowNetworkFileSystem: false, emit: () => {},
    })
    const database = await this.settle('open', opening)
    this.ottla = new OttlaHandle(database, () => database.close())
  }

  tolerates(error: unknown): boolean {
    const { code = '' } = error as { code?: string }
    return this.tolerated.has(code) || (this.isClosing && (code === 'CLOSED' || code === 'ABORTED'))
  }

  /** What is part of an actor's life, and may fail where others may. */
  async attempt(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (!this.tolerates(error)) throw error
    }
  }

  /** Nothing of this process runs any more; another one finds what is left on the disk. */
  die(policy: CrashPolicy): void {
    this.disk.capacityBytes = Infinity
    this.disk = this.disk.survivors(policy)
    this.faults = new FaultFileSystem(this.disk)
    this.scheduler = new ManualScheduler(new ManualClock(this.scheduler.clock.now()))
    this.#waiting.clear()
    this.tolerated.clear()
  }

  sleep(ms: number): Promise<void> { return new Promise((resolve) => { this.scheduler.after(ms, resolve) }) }

  /** Names the promise among those that are waited for. */
  async watch<T>(what: string, promise: Promise<T>): Promise<T> {
    const key = {}
    this.#waiting.set(key, `${what} (since ${Math.round(this.now)})`)
    try {
      return await promise
    } finally {
      this.#waiting.delete(key)
    }
  }

  fail(what: string): never {
    this.#failure ??= new Error(`at ${Math.round(this.now)} ms: ${what}`)
    throw this.#failure
  }

  expect(holds: boolean, what: () => string): void { if (!holds) this.fail(what()) }

  /** Lets time pass until all are done, or for `ms`. */
  async run(actors: readonly Promise<unknown>[], ms: number = LONGEST_MS): Promise<void> {
    let open = actors.length
    for (const each of actors) {
      each.then(() => { open-- }, (error: unknown) => { this.#failure ??= error as Error })
    }
    for (const end = this.now + ms; open > 0 && this.#failure === null && this.now < end;) await this.scheduler.advance(20)
    if (this.#failure !== null) throw this.#failure
    if (open > 0 && ms === LONGEST_MS) throw new Error(`these wait for ever: ${[...this.#waiting.values()].join('; ')}`)
  }

  /** Something runs on its own: if it fails, so does what is waited for. */
  background<T>(work: Promise<T>): Promise<T> {
    work.catch((error: unknown) => { this.#failure ??= error as Error })
    return work
  }

  async settle<T>(what: string, promise: Promise<T>): Promise<T> {
    await this.run([this.watch(what, promise)])
    return promise
  }

  /** `actors` are in the middle of something, and come to an end. */
  async close(actors: readonly Promise<unknown>[] = []): Promise<void> {
    this.isClosing = true
    await this.settle('close', this.attempt(this.ottla.close()))
    await this.run(actors)
    this.expect(this.scheduler.keepAliveTimers === 0, () => 'timers hold the process after close')
    // Files of deleted segments are left to the next open by those.
    await this.scheduler.advance(60_000)
    const { pendingTimers } = this.scheduler
    this.expect(pendingTimers === 0, () => `${pendingTimers} timers are left after close`)
  }
}

/** The outcome of a call whose failure is a matter of its code. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return ''
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}
