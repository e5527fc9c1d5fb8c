/** DescribeLogDirs, DescribeProducers: what the logs hold. Loaded when somebody asks. */
import { checkTopicName } from '../common/topic-partition.ts'
import type { DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeProducersRequest, DescribeProducersResponse, ProducerState } from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'
import { answerEach, findLog } from './partition-lookup.ts'

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
