/** DescribeLogDirs, DescribeProducers, InitProducerId, FindCoordinator: small answers about what the broker holds. */
import { OttlaError } from '../common/errors.ts'
import { checkTopicName } from '../common/topic-partition.ts'
import type {
  DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeProducersRequest, DescribeProducersResponse, FindCoordinatorRequest, FindCoordinatorResponse,
  InitProducerIdRequest, InitProducerIdResponse, ProducerState,
} from '../protocol/broker-api.ts'
import { ADVERTISED_HOST, ADVERTISED_PORT, type BrokerContext } from './broker-context.ts'
import { failure, failureOf } from './failure.ts'
import { answerEach, findLog, mustWrite } from './partition-lookup.ts'

const TRANSACTIONS_MISSING = 'Ottla has no transactions yet: leave transactional.id out'

type DirTopics = DescribeLogDirsResponse['results'][number]['topics'][number]

export function handleDescribeLogDirs(context: BrokerContext, request: DescribeLogDirsRequest): DescribeLogDirsResponse {
  const wanted = request.topics === null ? null : new Set(request.topics.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`)))
  const topics = new Map<string, DirTopics['partitions'][number][]>()
  for (const log of context.logs.logs()) {
    if (wanted?.has(`${log.topic}-${log.partition}`) === false) continue
    const row = { partitionIndex: log.partition, partitionSize: log.size, offsetLag: 0, isFutureKey: false }
    const rows = topics.get(log.topic)
    if (rows === undefined) topics.set(log.topic, [row])
    else rows.push(row)
  }
  const { free, total } = context.space()
  return {
    results: [{
      errorCode: 0, logDir: context.logs.directory, totalBytes: total, usableBytes: free,
      topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
    }],
  }
}

export async function handleDescribeProducers(context: BrokerContext, request: DescribeProducersRequest): Promise<DescribeProducersResponse> {
  const partitions = await answerEach(request.partitions, ({ topic, partition }) => {
    checkTopicName(topic)
    const activeProducers: readonly ProducerState[] = findLog(context, topic, partition).activeProducers()
    return { topic, partition, errorCode: 0, activeProducers }
  }, ({ topic, partition }, why) => ({ topic, partition, ...why, activeProducers: [] as readonly ProducerState[] }))
  return { partitions }
}

/** Producers without transactional id get a fresh id, also when they ask for a new epoch of an old one. */
export async function handleInitProducerId(context: BrokerContext, request: InitProducerIdRequest): Promise<InitProducerIdResponse> {
  try {
    mustWrite(context)
    if (request.transactionalId !== null) throw new OttlaError('UNSUPPORTED_VERSION', TRANSACTIONS_MISSING)
    return { errorCode: 0, producerId: await context.producerIds.take(context.callers === 'process'), producerEpoch: 0 }
  } catch (error) {
    return { ...failureOf(error), producerId: -1, producerEpoch: -1 }
  }
}

export function handleFindCoordinator(context: BrokerContext, request: FindCoordinatorRequest): FindCoordinatorResponse {
  return {
    coordinators: request.keys.map((key) => {
      if (request.keyType !== 0) return { key, nodeId: -1, host: '', port: -1, ...failure('UNSUPPORTED_VERSION', TRANSACTIONS_MISSING) }
      return { key, nodeId: context.nodeId, host: ADVERTISED_HOST, port: ADVERTISED_PORT, errorCode: 0 }
    }),
  }
}
