/**
 * The open logs of a manager by topic and partition. A look-up makes no key of both and touches little memory: it is done for every batch, and of
 * thousands of partitions nothing is in a cache of the CPU. Used by LogManager alone.
 */
import type { PartitionLog } from './partition-log.ts'

export class LogTable {
  readonly #topics = new Map<string, (PartitionLog | undefined)[]>()
  #lastTopic = ''
  #lastLogs: (PartitionLog | undefined)[] | undefined = undefined

  get(topic: string, partition: number): PartitionLog | undefined {
    if (topic !== this.#lastTopic) {
      this.#lastTopic = topic
      this.#lastLogs = this.#topics.get(topic)
    }
    return this.#lastLogs?.[partition]
  }

  set(log: PartitionLog): void {
    const logs = this.#topics.get(log.topic)
    if (logs !== undefined) {
      logs[log.partition] = log
      return
    }
    const first: PartitionLog[] = []
    first[log.partition] = log
    this.#topics.set(log.topic, first)
    this.#lastTopic = log.topic
    this.#lastLogs = first
  }

  delete(topic: string, partition: number): void {
    const logs = this.#topics.get(topic)
    if (logs === undefined) return
    logs[partition] = undefined
    if (present(logs).length === 0) this.#forget(topic)
  }

  #forget(topic: string): void {
    this.#topics.delete(topic)
    if (this.#lastTopic === topic) this.#lastLogs = undefined
  }

  /** By topic, then partition. */
  sorted(): PartitionLog[] {
    return [...this.#topics.keys()].sort().flatMap((topic) => present(this.#topics.get(topic)!))
  }
}

/** Not by index: a folder may claim to be partition 2,000,000,000. */
function present(logs: readonly (PartitionLog | undefined)[]): PartitionLog[] { return Object.values(logs).filter((log) => log !== undefined) }
