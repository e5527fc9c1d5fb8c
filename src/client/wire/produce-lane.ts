/**
 * The Produce requests of one producer. Batches for one broker that are ready in the same turn share a request, one batch of a partition in each
 * (spec/wire-protocol 2.3), up to `max.request.size`; up to `max.in.flight.requests.per.connection` requests are on the way, in order.
 *
 * Invariant: batches of a partition leave in the order of the calls, whatever has to be looked up first. What was sent and not answered rejects:
 * whether the broker has it is not known, and the sender asks again under the same sequence numbers.
 */
import { OttlaError } from '../../common/errors.ts'
import type { Scheduler } from '../../common/scheduler.ts'
import { partitionKey } from '../../common/topic-partition.ts'
import type { ResponseOf } from '../../protocol/api.ts'
import type { apis } from '../../protocol/api-registry.ts'
import type { ProducePartition, ProducePartitionResponse, ProduceRequest, ProduceResponse } from '../../protocol/broker-api.ts'
import { nextTurn } from '../waiting.ts'
import type { BrokerLink } from './broker-link.ts'
import type { Cluster, Node } from './cluster.ts'
import type { LinkPool } from './link-pool.ts'
import { byTopic } from './topic-lists.ts'

export interface ProduceSettings { readonly maxRequestBytes: number; readonly maxInFlight: number; readonly requestTimeoutMs: number }

interface Item extends ProducePartition {
  readonly acks: number
  readonly timeoutMs: number
  readonly resolve: (response: ProducePartitionResponse) => void
  readonly reject: (error: OttlaError) => void
}

interface Queue { node: Node; readonly items: Item[]; inFlight: number; isRunning: boolean }

type Answer = ResponseOf<typeof apis.produce>
type PartitionAnswer = Answer['responses'][number]['partitionResponses'][number]

export class ProduceLane {
  readonly #cluster: Cluster
  readonly #pool: LinkPool
  readonly #settings: ProduceSettings
  readonly #scheduler: Scheduler
  /** By topic: what waits until its leaders are known. */
  readonly #unplaced = new Map<string, Item[]>()
  readonly #queues = new Map<number, Queue>()

  constructor(cluster: Cluster, pool: LinkPool, settings: ProduceSettings, scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.#cluster = cluster
    this.#pool = pool
    this.#settings = settings
  }

  async produce(request: ProduceRequest): Promise<ProduceResponse> {
    const { acks, timeoutMs } = request
    const answers = request.partitions.map((each) => new Promise<ProducePartitionResponse>((resolve, reject) => this.#enter({ ...each, acks, timeoutMs, resolve, reject })))
    return { partitions: await Promise.all(answers) }
  }

  #enter(item: Item): void {
    const { topic } = item
    const waiting = this.#unplaced.get(topic)
    if (waiting !== undefined) {
      waiting.push(item)
      return
    }
    const located = this.#cluster.locate([topic])
    if (located === null) {
      this.#place(item)
      return
    }
    const items = [item]
    this.#unplaced.set(topic, items)
    located.then(() => {
      this.#unplaced.delete(topic)
      for (const each of items) this.#place(each)
    }, (reason: unknown) => {
      this.#unplaced.delete(topic)
      for (const each of items) each.reject(OttlaError.from(reason))
    })
  }

  #place(item: Item): void {
    const leader = this.#cluster.leader(item.topic, item.partition)
    if (typeof leader === 'number') {
      this.#cluster.notice(item.topic, leader)
      item.resolve(refused(item, leader))
      return
    }
    const { node } = leader
    let queue = this.#queues.get(node.nodeId)
    if (queue === undefined) this.#queues.set(node.nodeId, queue = { node, items: [], inFlight: 0, isRunning: false })
    queue.node = node
    queue.items.push(item)
    if (!queue.isRunning) void this.#run(queue)
  }

  async #run(queue: Queue): Promise<void> {
    queue.isRunning = true
    try {
      // What is entered in this turn of the event loop goes along.
      await nextTurn(this.#scheduler)
      while (queue.items.length > 0 && queue.inFlight < this.#settings.maxInFlight) {
        const link = await this.#pool.get(queue.node, 'main')
        await link.ready()
        this.#send(queue, link)
      }
    } catch (reason) {
      const error = OttlaError.from(reason)
      this.#cluster.lost(queue.node.nodeId, error)
      for (const each of queue.items.splice(0)) each.reject(error)
    }
    queue.isRunning = false
  }

  #send(queue: Queue, link: BrokerLink): void {
    const items = this.#take(queue)
    const { acks, timeoutMs } = items[0]!
    const topicData = byTopic(items, (each) => ({ index: each.partition, records: each.records })).map(({ topic, list }) => ({ name: topic, partitionData: list }))
    queue.inFlight += 1
    const send = async (): Promise<Answer | null> => link.produce({ transactionalId: null, acks, timeoutMs, topicData }, this.#settings.requestTimeoutMs)
    send().then((answer) => this.#answered(items, answer), (reason: unknown) => {
      const error = OttlaError.from(reason)
      this.#cluster.lost(queue.node.nodeId, error)
      for (const each of items) each.reject(error)
    }).finally(() => {
      queue.inFlight -= 1
      if (!queue.isRunning && queue.items.length > 0) void this.#run(queue)
    })
  }

  /** The next batch of each partition, while there is room. */
  #take(queue: Queue): Item[] {
    const taken: Item[] = []
    const left: Item[] = []
    const partitions = new Set<string>()
    let bytes = 0
    for (const item of queue.items) {
      const key = partitionKey(item.topic, item.partition)
      const fits = taken.length === 0 || (bytes + item.records.length <= this.#settings.maxRequestBytes && item.acks === taken[0]!.acks)
      if (fits && !partitions.has(key)) {
        taken.push(item)
        bytes += item.records.length
      } else left.push(item)
      // What follows in the partition stays behind what is left of it.
      partitions.add(key)
    }
    queue.items.splice(0, queue.items.length, ...left)
    return taken
  }

  #answered(items: readonly Item[], answer: Answer | null): void {
    if (answer === null) {
      for (const each of items) each.resolve({ topic: each.topic, partition: each.partition, errorCode: 0, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 })
      return
    }
    const found = new Map<string, PartitionAnswer>()
    for (const { name, partitionResponses } of answer.responses) for (const each of partitionResponses) found.set(partitionKey(name, each.index), each)
    for (const item of items) {
      const mine = found.get(partitionKey(item.topic, item.partition))
      if (mine === undefined) {
        item.reject(new OttlaError('UNKNOWN_SERVER_ERROR', `the broker did not answer for ${item.topic}-${item.partition}`, item))
        continue
      }
      this.#cluster.notice(item.topic, mine.errorCode)
      const { errorCode, baseOffset, logAppendTimeMs, logStartOffset } = mine
      item.resolve({ topic: item.topic, partition: item.partition, errorCode, errorMessage: messageOf(mine), baseOffset, logAppendTimeMs, logStartOffset })
    }
  }
}

function messageOf({ errorMessage, recordErrors }: PartitionAnswer): string | undefined {
  const records = recordErrors.map(({ batchIndex, batchIndexErrorMessage }) => `record ${batchIndex}${batchIndexErrorMessage === null ? '' : `: ${batchIndexErrorMessage}`}`)
  return [...errorMessage === null ? [] : [errorMessage], ...records.slice(0, 3)].join('; ') || undefined
}

function refused({ topic, partition }: ProducePartition, errorCode: number): ProducePartitionResponse {
  return { topic, partition, errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }
}
