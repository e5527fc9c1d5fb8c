/**
 * The open logs of a manager by topic and partition. A look-up makes no key of both and touches little memory: it is done for every batch, and of
 * thousands of partitions nothing is in a cache of the CPU. Used by LogManager alone.
 */
import type { PartitionLog } from './partition-log.ts'

/** By partition, with holes: a folder may claim to be partition 2,000,000,000. */
interface TopicLogs { readonly byPartition: (PartitionLog | undefined)[]; count: number }

export class LogTable {
  readonly #topics = new Map<string, TopicLogs>()
  #lastTopic = ''
  #last: TopicLogs | undefined = undefined

  get(topic: string, partition: number): PartitionLog | undefined {
    if (topic !== this.#lastTopic) {
      this.#lastTopic = topic
      this.#last = this.#topics.get(topic)
    }
    return this.#last?.byPartition[partition]
  }

  /** Of a partition that has none. */
  add(log: PartitionLog): void {
    let logs = this.#topics.get(log.topic)
    if (logs === undefined) {
      logs = { byPartition: [], count: 0 }
      this.#topics.set(log.topic, logs)
      this.#lastTopic = log.topic
      this.#last = logs
    }
    logs.byPartition[log.partition] = log
    logs.count++
  }

  delete(topic: string, partition: number): void {
    const logs = this.#topics.get(topic)
    if (logs?.byPartition[partition] === undefined) return
    logs.byPartition[partition] = undefined
    if (--logs.count > 0) return
    this.#topics.delete(topic)
    if (this.#lastTopic === topic) this.#last = undefined
  }

  /** By topic, then partition. */
  sorted(): PartitionLog[] {
    return [...this.#topics.keys()].sort().flatMap((topic) => Object.values(this.#topics.get(topic)!.byPartition).filter((log) => log !== undefined))
  }
}
