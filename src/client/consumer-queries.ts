/** What a consumer asks the broker besides records: committed offsets, lag, and offsets to seek to. */
import { isDate } from 'node:util/types'
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { TopicPartition, TopicPartitionOffset } from '../common/topic-partition.ts'
import type { ConsumerValues } from '../config/settings.ts'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, type BrokerApi, type ListOffsetsPartition } from '../protocol/broker-api.ts'
import type { ConsumerPartition } from './consumer-partition.ts'
import { throwOnFailure } from './failure.ts'
import { FetchedRecords } from './fetched-records.ts'
import { RequestCaller } from './request-caller.ts'
import type { SeekTarget, TopicPartitionLag } from './types.ts'

type Partition = ConsumerPartition<unknown, unknown>

function timestampFor(target: SeekTarget): number {
  const { topic, partition } = target
  if ('offset' in target) {
    if (target.offset === 'earliest') return EARLIEST_TIMESTAMP
    if (target.offset === 'latest') return LATEST_TIMESTAMP
  } else {
    const time = isDate(target.timestamp) ? target.timestamp.getTime() : target.timestamp
    if (Number.isSafeInteger(time) && time >= 0) return time
  }
  const forms = "an offset (a number, 'earliest' or 'latest') or a timestamp (milliseconds since 1970 or a Date)"
  throw new OttlaError('INVALID_ARGUMENT', `seek takes { topic, partition } with ${forms}`, { topic, partition })
}

export class ConsumerQueries {
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ConsumerValues
  readonly #caller: RequestCaller

  constructor(api: BrokerApi, ports: Ports, values: ConsumerValues) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.#caller = new RequestCaller(ports, values)
  }

  get #isolationLevel(): 0 | 1 { return this.#values['isolation.level'] === 'read_committed' ? 1 : 0 }

  #listOffsets(partitions: readonly TopicPartition[], timestamp: number): Promise<readonly ListOffsetsPartition[]> {
    return this.#caller.call('listing offsets', async () => {
      const asked = partitions.map(({ topic, partition }) => ({ topic, partition, timestamp }))
      const answer = await this.#api.listOffsets({ isolationLevel: this.#isolationLevel, partitions: asked })
      for (const { topic, partition, ...failure } of answer.partitions) {
        throwOnFailure(failure, `listing offsets of ${topic}-${partition}`, { topic, partition })
      }
      return answer.partitions
    })
  }

  /** The offset to go on at. */
  async find(target: SeekTarget): Promise<number> {
    const timestamp = timestampFor(target)
    const found = (await this.#listOffsets([target], timestamp))[0]!.offset
    return found >= 0 ? found : (await this.#listOffsets([target], LATEST_TIMESTAMP))[0]!.offset
  }

  async committed(groupId: string, partitions: readonly TopicPartition[]): Promise<TopicPartitionOffset[]> {
    if (partitions.length === 0) return []
    const answer = await this.#caller.call('fetching committed offsets', async () => {
      const asked = partitions.map(({ topic, partition }) => ({ topic, partition }))
      const found = await this.#api.offsetFetch({ groupId, requireStable: this.#isolationLevel === 1, partitions: asked })
      throwOnFailure(found, `committed offsets of group ${groupId}`)
      for (const { topic, partition, ...failure } of found.partitions) {
        throwOnFailure(failure, `committed offset of group ${groupId} in ${topic}-${partition}`, { topic, partition })
      }
      return found
    })
    return answer.partitions.filter((each) => each.committedOffset >= 0)
      .map(({ topic, partition, committedOffset, committedLeaderEpoch, metadata }) => (
        { topic, partition, offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata }))
  }

  /** Of partitions whose position is known. */
  async lag(partitions: readonly Partition[]): Promise<TopicPartitionLag[]> {
    const known = partitions.filter((each) => each.position >= 0)
    if (known.length === 0) return []
    const positions = known.map((each) => each.position)
    const ends = await this.#listOffsets(known, LATEST_TIMESTAMP)
    return Promise.all(known.map(async (each, i) => {
      const { topic, partition, committed } = each
      // Of what was given up or reset meanwhile, where it stood.
      const position = each.position >= 0 ? each.position : positions[i]!
      const highWatermark = ends.find((end) => end.topic === topic && end.partition === partition)?.offset ?? position
      const lag = Math.max(0, highWatermark - position)
      return { topic, partition, committed, position, highWatermark, lag, ageMs: lag === 0 ? 0 : await this.#age(each, position) }
    }))
  }

  /** How long ago the first unread record was written, by its timestamp; 0 when it has none. */
  async #age(of: Partition, position: number): Promise<number> {
    const timestamp = of.nextTimestamp() ?? await this.#timestampAt(of, position)
    return timestamp === null || timestamp < 0 ? 0 : Math.max(0, this.#ports.clock.now() - timestamp)
  }

  async #timestampAt({ topic, partition }: Partition, offset: number): Promise<number | null> {
    const answer = await this.#api.fetch({
      maxWaitMs: 0, minBytes: 0, maxBytes: 1, isolationLevel: this.#isolationLevel,
      partitions: [{ topic, partition, fetchOffset: offset, partitionMaxBytes: 1 }],
    })
    const mine = answer.partitions[0]
    if (mine === undefined || mine.errorCode !== 0) return null
    const abortedTransactions = this.#isolationLevel === 1 ? mine.abortedTransactions ?? [] : null
    const from = { topic, partition, records: mine.records, highWatermark: mine.highWatermark, abortedTransactions }
    const fetched = new FetchedRecords(from, offset, false, { key: null, value: null })
    try {
      return fetched.take(1)?.timestampAt(0) ?? null
    } catch {
      // Damage is reported to those who read it.
      return null
    }
  }
}
