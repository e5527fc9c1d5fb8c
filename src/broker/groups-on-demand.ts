/**
 * The consumer groups of a directory, behind their coordinator's calls. Its code and the offsets log are loaded with the first call that is about
 * groups, or soon after the open when there are offsets, so that they expire: an open for producing does without either.
 *
 * Every call waits for the groups to be there. When they cannot be read, calls answer so, as the coordinator does; when its code cannot be loaded
 * they reject with DEPENDENCY_MISSING.
 */
import { loadPart } from '../common/load-part.ts'
import { OttlaError } from '../common/errors.ts'
import type { Timer } from '../common/scheduler.ts'
import type { GroupApi, GroupCoordinator, GroupCoordinatorOptions } from '../coordinator/group-coordinator.ts'
import type { BrokerGroups } from './broker-context.ts'

type Request<M extends Exclude<keyof GroupApi, 'watchGroup'>> = Parameters<GroupApi[M]>[0]
type Response<M extends Exclude<keyof GroupApi, 'watchGroup'>> = ReturnType<GroupApi[M]>

/** Groups of an earlier run are read after this long, when no call has asked for them: what the open is for comes first. */
const READ_AFTER_MS = 250

export class GroupsOnDemand implements BrokerGroups {
  readonly #options: GroupCoordinatorOptions
  readonly #reading: Timer | null
  #coordinator: GroupCoordinator | null = null
  #loading: Promise<GroupCoordinator> | null = null
  #closed = false

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options
    const { scheduler } = options.ports
    // A failure is logged, and met again by the first call.
    this.#reading = this.#hasOffsets && options.readOnly !== true ? scheduler.after(READ_AFTER_MS, () => { this.#load().catch(() => {}) }) : null
  }

  get #hasOffsets(): boolean { return this.#options.offsetsLogs().length > 0 }

  #load(): Promise<GroupCoordinator> {
    if (this.#closed) return Promise.reject(new OttlaError('CLOSED', 'the group coordinator is closed'))
    if (this.#loading === null) {
      const loading = this.#start()
      this.#loading = loading
      loading.catch((error: unknown) => {
        this.#loading = null
        if (!this.#closed) this.#failed(error)
      })
    }
    return this.#loading
  }

  async #start(): Promise<GroupCoordinator> {
    const { GroupCoordinator } = await loadPart('the code for consumer groups', () => import('../coordinator/group-coordinator.ts'))
    if (this.#closed) throw new OttlaError('CLOSED', 'the group coordinator is closed')
    this.#reading?.cancel()
    const coordinator = GroupCoordinator.start(this.#options)
    // Groups that cannot be read must not hide the records.
    await coordinator.loaded.catch((error: unknown) => this.#failed(error))
    this.#coordinator = coordinator
    return coordinator
  }

  #failed(error: unknown): void { this.#options.ports.logger.error('consumer groups could not be loaded: calls about them will fail', { error }) }

  async joinGroup(request: Request<'joinGroup'>): Response<'joinGroup'> { return (this.#coordinator ?? await this.#load()).joinGroup(request) }
  async syncGroup(request: Request<'syncGroup'>): Response<'syncGroup'> { return (this.#coordinator ?? await this.#load()).syncGroup(request) }
  async heartbeat(request: Request<'heartbeat'>): Response<'heartbeat'> { return (this.#coordinator ?? await this.#load()).heartbeat(request) }
  async leaveGroup(request: Request<'leaveGroup'>): Response<'leaveGroup'> { return (this.#coordinator ?? await this.#load()).leaveGroup(request) }
  async offsetCommit(request: Request<'offsetCommit'>): Response<'offsetCommit'> { return (this.#coordinator ?? await this.#load()).offsetCommit(request) }
  async offsetFetch(request: Request<'offsetFetch'>): Response<'offsetFetch'> { return (this.#coordinator ?? await this.#load()).offsetFetch(request) }
  async offsetDelete(request: Request<'offsetDelete'>): Response<'offsetDelete'> { return (this.#coordinator ?? await this.#load()).offsetDelete(request) }
  async describeGroups(request: Request<'describeGroups'>): Response<'describeGroups'> { return (this.#coordinator ?? await this.#load()).describeGroups(request) }
  async listGroups(request: Request<'listGroups'>): Response<'listGroups'> { return (this.#coordinator ?? await this.#load()).listGroups(request) }
  async deleteGroups(request: Request<'deleteGroups'>): Response<'deleteGroups'> { return (this.#coordinator ?? await this.#load()).deleteGroups(request) }

  watchGroup(groupId: string, listener: () => void): () => void {
    if (this.#coordinator !== null) return this.#coordinator.watchGroup(groupId, listener)
    let stop: (() => void) | null = null
    let stopped = false
    this.#load().then((coordinator) => { if (!stopped) stop = coordinator.watchGroup(groupId, listener) }, () => {})
    return () => {
      stopped = true
      stop?.()
    }
  }

  async topicDeleted(topic: string): Promise<void> {
    if (this.#coordinator === null && this.#loading === null && !this.#hasOffsets) return
    await (await this.#load()).topicDeleted(topic)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    this.#reading?.cancel()
    const coordinator = this.#coordinator ?? await this.#loading?.catch(() => null)
    await coordinator?.close()
  }
}
