/**
 * Finds where to begin in partitions whose position is not known: at the committed offset of the group, else by `auto.offset.reset`.
 * Works in the background, retries what may pass with backoff, and leaves the rest as the partition's error.
 */
import { resetDurationMs } from '../common/duration.ts'
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { ConsumerValues } from '../config/settings.ts'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, type BrokerApi, type Failure, type ListOffsetsPartition } from '../protocol/broker-api.ts'
import { backoffMs } from './backoff.ts'
import type { ConsumerPartition } from './consumer-partition.ts'
import { errorOf, mayPass } from './failure.ts'
import { PartitionAnswers } from './partition-answers.ts'

type Partition = ConsumerPartition<unknown, unknown>
interface Target { readonly partition: Partition; readonly version: number }

export interface PositionHooks {
  /** A position or an error is there. */
  found(): void
  /** The broker does not know the topic. */
  unknown(topic: string): void
}

export class ConsumerPositions {
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ConsumerValues
  readonly #hooks: PositionHooks
  #running = false
  #waiting = false
  #attempts = 0
  #closed = false

  constructor(api: BrokerApi, ports: Ports, values: ConsumerValues, hooks: PositionHooks) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#hooks = hooks
  }

  close(): void { this.#closed = true }

  /** Looks up what is missing, unless that is under way. `partitions` is asked again for each round. */
  start(partitions: () => Iterable<Partition>): void {
    if (this.#running || this.#waiting || this.#closed || !missing(partitions)) return
    this.#running = true
    this.#round(partitions).then((again) => {
      this.#running = false
      this.#attempts = again ? this.#attempts + 1 : 0
      if (again) {
        this.#waiting = true
        this.#ports.scheduler.after(backoffMs(this.#values, this.#attempts, this.#ports.random), () => {
          this.#waiting = false
          this.start(partitions)
        })
      } else if (missing(partitions)) this.start(partitions)
      this.#hooks.found()
    }, (reason: unknown) => {
      this.#running = false
      this.#ports.logger.error('looking up positions failed', { error: OttlaError.from(reason) })
    })
  }

  /** True when something is left for another try. */
  async #round(partitions: () => Iterable<Partition>): Promise<boolean> {
    const targets: Target[] = []
    for (const partition of partitions()) if (partition.position < 0 && partition.error === null) targets.push({ partition, version: partition.version })
    const groupId = this.#values['group.id']
    let again = false
    let rest = targets
    try {
      if (groupId !== null) {
        const left = await this.#fromCommitted(groupId, targets.filter((each) => !each.partition.resetOnly))
        again = left.again
        rest = [...targets.filter((each) => each.partition.resetOnly), ...left.without]
      }
      if (rest.length > 0 && await this.#byPolicy(rest)) again = true
    } catch (reason) {
      const error = OttlaError.from(reason)
      if (error.retriable) return true
      for (const each of rest) settle(each, error)
    }
    return again
  }

  async #fromCommitted(groupId: string, targets: Target[]): Promise<{ again: boolean; without: Target[] }> {
    if (targets.length === 0) return { again: false, without: [] }
    const answer = await this.#api.offsetFetch({
      groupId, requireStable: this.#values['isolation.level'] === 'read_committed',
      partitions: targets.map(({ partition: { topic, partition } }) => ({ topic, partition })),
    })
    const answers = new PartitionAnswers(answer.partitions)
    const without: Target[] = []
    let again = false
    for (const each of targets) {
      const { topic, partition } = each.partition
      const mine = answers.of(each.partition)
      const failure: Failure = answer.errorCode !== 0 ? answer : mine ?? { errorCode: -1 }
      const error = errorOf(failure, `committed offset of group ${groupId} in ${topic}-${partition}`, { topic, partition })
      if (error?.retriable === true) again = true
      else if (error !== null) settle(each, error)
      else if (mine!.committedOffset < 0) without.push(each)
      else if (each.partition.version === each.version) {
        each.partition.moveTo(mine!.committedOffset)
        each.partition.fetchedEpoch = mine!.committedLeaderEpoch
        each.partition.committed = mine!.committedOffset
      }
    }
    return { again, without }
  }

  async #byPolicy(targets: readonly Target[]): Promise<boolean> {
    const policy = this.#values['auto.offset.reset']
    if (policy === 'none') {
      for (const each of targets) {
        const { topic, partition } = each.partition
        const problem = `${topic}-${partition} has no committed offset, and auto.offset.reset is none: seek to where reading should begin`
        settle(each, new OttlaError('OFFSET_OUT_OF_RANGE', problem, { topic, partition }))
      }
      return false
    }
    const since = resetDurationMs(policy)
    // Asked before: what comes meanwhile is as new as wanted, and lies behind the end as it was.
    const ends = since === null ? null : await this.#offsetsAt(targets, LATEST_TIMESTAMP)
    const answers = await this.#offsetsAt(targets, since !== null ? Math.max(0, this.#ports.clock.now() - since) : policy === 'earliest' ? EARLIEST_TIMESTAMP : LATEST_TIMESTAMP)
    let again = false
    for (const each of targets) {
      const { topic, partition } = each.partition
      const found = answers.of(each.partition)
      const mine = ends !== null && found?.errorCode === 0 && found.offset < 0 ? ends.of(each.partition) : found
      const failure: Failure = mine ?? { errorCode: -1 }
      const error = errorOf(failure, `${policy} offset of ${topic}-${partition}`, { topic, partition })
      if (error !== null && mayPass(failure, error)) {
        again = true
        if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION') this.#hooks.unknown(topic)
      } else if (error !== null) settle(each, error)
      else if (each.partition.version === each.version) each.partition.moveTo(mine!.offset)
    }
    return again
  }

  async #offsetsAt(targets: readonly Target[], timestamp: number): Promise<PartitionAnswers<ListOffsetsPartition>> {
    const answer = await this.#api.listOffsets({
      isolationLevel: this.#values['isolation.level'] === 'read_committed' ? 1 : 0,
      partitions: targets.map(({ partition: { topic, partition } }) => ({ topic, partition, timestamp })),
    })
    return new PartitionAnswers(answer.partitions)
  }
}

function settle({ partition, version }: Target, error: OttlaError): void { if (partition.version === version) partition.error = error }

function missing(partitions: () => Iterable<Partition>): boolean {
  for (const partition of partitions()) if (partition.position < 0 && partition.error === null) return true
  return false
}
