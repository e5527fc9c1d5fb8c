/**
 * Commits offsets for a consumer: explicit ones, and what the application has finished with. Requests go one after another, so that an
 * older offset never lands on a newer one. A commit during a rebalance waits for the new generation, within `default.api.timeout.ms`.
 *
 * What is tried again is tried for the same member and the same hold on its partitions: whoever was put out of the group and is in it anew, or has given a
 * partition up meanwhile, would set back what others have committed there.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { TopicPartition, TopicPartitionOffset } from '../common/topic-partition.ts'
import type { ConsumerValues } from '../config/settings.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import { Mutex } from '../common/mutex.ts'
import { backoffMs } from './backoff.ts'
import type { ConsumerPartition } from './consumer-partition.ts'
import { errorOf } from './failure.ts'
import { sleep, within } from './waiting.ts'

/** Who commits: generation −1 and no member id without membership. */
export interface CommitIdentity { readonly memberId: string; readonly generationId: number; readonly groupInstanceId: string | null }

export interface CommitHooks {
  identity(): CommitIdentity
  /** Whether it commits as a member of the group only: nobody's commits are taken while the group has no members, and would set back what was committed. */
  isSubscribed(): boolean
  /** What stands for an assigned partition, for as long as it is held without a break; undefined when it is not assigned. */
  holder(partition: TopicPartition): unknown
  /** The coordinator says that the member is fenced, or rebalancing. */
  fenced(error: OttlaError): void
}

const fencing: ReadonlySet<string> = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID'])

export class OffsetCommits {
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ConsumerValues
  readonly #groupId: string
  readonly #hooks: CommitHooks
  readonly #order = new Mutex()

  constructor(api: BrokerApi, ports: Ports, values: ConsumerValues, groupId: string, hooks: CommitHooks) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#groupId = groupId
    this.#hooks = hooks
  }

  /** Raises what the coordinator said; ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID and the like mean that the partitions are another's by now. */
  commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    if (offsets.length === 0) return Promise.resolve()
    const { memberId } = this.#hooks.identity()
    const holders = offsets.map((each) => this.#hooks.holder(each))
    const isStillMine = (): boolean => {
      const now = this.#hooks.identity()
      const isIn = now.memberId === memberId && (now.generationId >= 0 || !this.#hooks.isSubscribed())
      return isIn && offsets.every((each, i) => this.#hooks.holder(each) === holders[i])
    }
    return this.#order.run(() => this.#attempts(offsets, isStillMine))
  }

  async #attempts(offsets: readonly TopicPartitionOffset[], isStillMine: () => boolean): Promise<void> {
    const end = this.#ports.clock.monotonic() + this.#values['default.api.timeout.ms']
    let last: OttlaError | undefined
    for (let attempt = 1; ; attempt++) {
      if (!isStillMine()) throw new OttlaError('ILLEGAL_GENERATION', `the consumer has lost its place in group ${this.#groupId}: what it wants to commit may be another's by now`)
      const identity = this.#hooks.identity()
      const error = await this.#once(offsets, identity, end, last)
      if (error === null) return
      const isFormer = this.#hooks.identity().generationId !== identity.generationId
      if (!isFormer && (fencing.has(error.code) || error.code === 'REBALANCE_IN_PROGRESS')) this.#hooks.fenced(error)
      const delayMs = backoffMs(this.#values, attempt, this.#ports.random)
      const again = error.code === 'REBALANCE_IN_PROGRESS' || (isFormer && error.code === 'ILLEGAL_GENERATION') || (error.retriable && error.code !== 'UNKNOWN_TOPIC_OR_PARTITION')
      if (!again || this.#ports.clock.monotonic() + delayMs >= end) throw error
      last = error
      await sleep(this.#ports.scheduler, delayMs)
    }
  }

  async #once(offsets: readonly TopicPartitionOffset[], identity: CommitIdentity, end: number, last: OttlaError | undefined): Promise<OttlaError | null> {
    const request = this.#api.offsetCommit({
      groupId: this.#groupId, ...identity,
      partitions: offsets.map((each) => ({
        topic: each.topic, partition: each.partition, committedOffset: each.offset,
        committedLeaderEpoch: each.leaderEpoch ?? -1, committedMetadata: each.metadata ?? '',
      })),
    })
    try {
      const answer = await within(this.#ports.scheduler, end - this.#ports.clock.monotonic(), 'commit', request, this.#values['default.api.timeout.ms'], last)
      for (const { topic, partition, ...failure } of answer.partitions) {
        const error = errorOf(failure, `commit of ${topic}-${partition} for group ${this.#groupId}`, { topic, partition })
        if (error !== null) return error
      }
      return null
    } catch (reason) {
      return OttlaError.from(reason)
    }
  }

  /** What the application has finished with in `partitions` and that is not committed yet. */
  async commitFinished(partitions: Iterable<ConsumerPartition<unknown, unknown>>): Promise<void> {
    const due = [...partitions].filter((each) => each.finished >= 0 && each.finished !== each.committed)
      .map((partition) => ({ partition, offset: partition.finished, version: partition.version }))
    await this.commit(due.map(({ partition: { topic, partition, leaderEpoch }, offset }) => ({ topic, partition, offset, leaderEpoch })))
    for (const { partition, offset, version } of due) if (partition.version === version) partition.committed = offset
  }
}
