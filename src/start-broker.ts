/**
 * `startBroker`: a broker for tests, behind a port of loopback that stays while everything behind it is exchanged. Loaded on the first call only, so that who
 * takes but a simulator from `ottla/testing` does not load a server.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OttlaError } from './common/errors.ts'
import { silentLogger, type Logger } from './common/logger.ts'
import { systemPorts } from './common/ports.ts'
import { nodeFileSystem } from './io/node-file-system.ts'
import { open } from './open.ts'
import type { OttlaHandle } from './ottla.ts'
import { openListener, type ListenerParts, type ListenOptions, type MovableListener } from './server/wire-listener.ts'
import { RequestFaults, type DelayOptions, type DropOptions, type FailOptions, type FaultApi, type InjectedFault } from './testing/request-faults.ts'
import type { StartBrokerOptions, TestBroker } from './testing/test-broker.ts'

/** Embedded clients of the test that are still at work when their database goes are given this long. */
const CLOSE_TIMEOUT_MS = 1000

/** A database and what the listener serves of it. */
interface Backing { readonly ottla: OttlaHandle; readonly parts: ListenerParts; end(): Promise<void> }

/** Makes one database after another; `folder` is where their directories go, null for memory. */
interface Recipe { readonly settings: object; readonly logger: Logger; readonly users: Readonly<Record<string, string>>; readonly folder: string | null; readonly faults: RequestFaults }

export async function startTestBroker(options: StartBrokerOptions): Promise<TestBroker> {
  const { temporaryDirectory = false, users = {}, logger = silentLogger, scheduler = systemPorts.scheduler, ...rest } = options
  const { settings, listening } = split(rest)
  if (typeof temporaryDirectory !== 'boolean') throw new OttlaError('INVALID_ARGUMENT', 'startBroker: temporaryDirectory is true or false')
  if (Object.prototype.toString.call(users) !== '[object Object]') throw new OttlaError('INVALID_ARGUMENT', 'startBroker: users are passwords by name, as { alice: "her password" }')
  const folder = temporaryDirectory ? join(tmpdir(), `ottla-test-${Buffer.from(systemPorts.random.bytes(6)).toString('hex')}`) : null
  const faults = new RequestFaults(scheduler)
  const recipe: Recipe = { settings, logger, users, folder, faults }
  const backing = await make(recipe, 0)
  try {
    return new Broker(recipe, backing, await openListener(backing.parts, listening, () => {}))
  } catch (error) {
    await backing.end()
    throw error
  }
}

/** The settings of the broker from the options of the port, which are those of `listen` but for the default port. */
function split({ name, port = 0, host, advertisedHost, advertisedPort, tls, sasl, acls, allowInsecure, ...settings }: ListenOptions): { settings: object; listening: ListenOptions } {
  const given: Readonly<Record<keyof ListenOptions, unknown>> = { name, port, host, advertisedHost, advertisedPort, tls, sasl, acls, allowInsecure }
  return { settings, listening: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
}

async function make({ settings, logger, users, folder, faults }: Recipe, round: number): Promise<Backing> {
  const directory = folder === null ? '' : join(folder, String(round))
  const ottla = await open(directory, { ...settings, logger, inMemory: folder === null }) as OttlaHandle
  for (const [name, password] of Object.entries(users)) await ottla.users.set(name, password)
  faults.nodeId = (await ottla.admin.describeCluster()).controller
  const { parts, release } = ottla.listenerParts()
  return {
    ottla, parts: { ...parts, intercept: faults.intercept },
    async end() {
      release()
      await ottla.close({ timeoutMs: CLOSE_TIMEOUT_MS }).catch((error: unknown) => logger.warn('a database of the test could not be closed', { error }))
      if (folder !== null) await nodeFileSystem.removeDirectory(directory)
    },
  }
}

class Broker implements TestBroker {
  readonly host: string
  readonly port: number
  readonly #recipe: Recipe
  readonly #listener: MovableListener
  #backing: Backing
  #round = 0
  /** The last reset, or the close: they never overlap. */
  #work: Promise<void> = Promise.resolve()
  #closing: Promise<void> | null = null

  constructor(recipe: Recipe, backing: Backing, listener: MovableListener) {
    this.#recipe = recipe
    this.#backing = backing
    this.#listener = listener
    this.host = listener.address
    this.port = listener.port
  }

  get bootstrap(): string { return `${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}` }
  get ottla(): OttlaHandle { return this.#backing.ottla }

  fail(api: FaultApi, options: FailOptions): InjectedFault { return this.#recipe.faults.fail(api, options) }
  delay(api: FaultApi, options: DelayOptions): InjectedFault { return this.#recipe.faults.delay(api, options) }
  drop(api: FaultApi, options?: DropOptions): InjectedFault { return this.#recipe.faults.drop(api, options) }
  requests(api: FaultApi): number { return this.#recipe.faults.requests(api) }
  clearFaults(): void { this.#recipe.faults.clear() }

  reset(): Promise<void> {
    if (this.#closing !== null) return Promise.reject(new OttlaError('CLOSED', 'the broker is closed'))
    const reset = this.#work.then(() => this.#reset())
    this.#work = reset.catch(() => {})
    return reset
  }

  async #reset(): Promise<void> {
    this.#round += 1
    const before = this.#backing
    this.#backing = await make(this.#recipe, this.#round)
    this.#recipe.faults.clear()
    await this.#listener.moveTo(this.#backing.parts)
    await before.end()
  }

  close(): Promise<void> {
    this.#closing ??= this.#work.then(() => this.#close())
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#recipe.faults.clear()
    await this.#listener.close({ timeoutMs: 0 })
    await this.#backing.end()
    if (this.#recipe.folder !== null) await nodeFileSystem.removeDirectory(this.#recipe.folder)
  }

  [Symbol.asyncDispose](): Promise<void> { return this.close() }
}
