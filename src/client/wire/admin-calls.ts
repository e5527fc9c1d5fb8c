/** The calls about topics, configs and the cluster: changes go to the controller, questions about a broker to that broker, the rest to any. */
import { OttlaError } from '../../common/errors.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import { formatSetting } from '../../config/setting-value.ts'
import { topicTable } from '../../config/topic-settings.ts'
import type { Api, ResponseOf } from '../../protocol/api.ts'
import { apis } from '../../protocol/api-registry.ts'
import { RESOURCE_BROKER, RESOURCE_TOPIC, type BrokerApi, type ConfigResource, type DescribeConfigsResponse, type DescribeLogDirsResponse } from '../../protocol/broker-api.ts'
import type { BrokerLink, RequestFor } from './broker-link.ts'
import type { Wire } from './wire.ts'

type Calls = Pick<BrokerApi, 'createTopics' | 'deleteTopics' | 'createPartitions' | 'describeConfigs' | 'incrementalAlterConfigs' | 'describeCluster' | 'describeLogDirs'>

const NOT_CONTROLLER = 41
const DEFAULT_CONFIG = 5
const configTypes = ['UNKNOWN', 'BOOLEAN', 'STRING', 'INT', 'SHORT', 'LONG', 'DOUBLE', 'LIST', 'CLASS', 'PASSWORD']

type WireConfig = ResponseOf<typeof apis.describeConfigs>['results'][number]['configs'][number]

/** Kafka gives the default of some topic settings in other units (log.retention.hours), as no value. */
function defaultOf(resourceType: number, { name, value, configSource, synonyms }: WireConfig): string | null {
  const given = configSource === DEFAULT_CONFIG ? value : synonyms.find((each) => each.source === DEFAULT_CONFIG)?.value ?? null
  if (given !== null || resourceType !== RESOURCE_TOPIC || !Object.hasOwn(topicTable, name)) return given
  return formatSetting(topicTable[name]!.default)
}

function plainConfig(resourceType: number, config: WireConfig): DescribeConfigsResponse['results'][number]['configs'][number] {
  const { name, value, readOnly, isSensitive, configSource, synonyms, configType, documentation } = config
  return {
    name, value, readOnly, isSensitive, configSource, synonyms, documentation: documentation ?? '', type: configTypes[configType] ?? 'UNKNOWN',
    defaultValue: defaultOf(resourceType, config),
  }
}

/** By the broker that each resource is about; −1: any will do. */
function byBroker<T extends ConfigResource>(resources: readonly T[]): [number, T[]][] {
  const groups = new Map<number, T[]>()
  for (const each of resources) {
    const nodeId = each.resourceType === RESOURCE_BROKER && each.resourceName !== '' ? Number(each.resourceName) : -1
    groups.set(nodeId, [...groups.get(nodeId) ?? [], each])
  }
  return [...groups]
}

export function adminCalls({ cluster, pool, requestTimeoutMs: timeoutMs }: Wire): Calls {
  async function change<A extends Api>(api: A, request: RequestFor<A>, codes: (answer: ResponseOf<A>) => readonly number[]): Promise<ResponseOf<A>> {
    try {
      const answer = await cluster.controller((link) => link.call(api, request))
      if (codes(answer).includes(NOT_CONTROLLER)) cluster.forgetController()
      return answer
    } catch (reason) {
      cluster.forgetController()
      throw reason
    }
  }

  async function atBroker<T>(nodeId: number, use: (link: BrokerLink) => Promise<T>): Promise<T> {
    if (nodeId < 0) return cluster.any(use)
    if (cluster.node(nodeId) === undefined) await cluster.metadata([], false)
    const node = cluster.node(nodeId)
    if (node === undefined) throw new OttlaError('BROKER_NOT_AVAILABLE', `there is no broker ${nodeId}: the brokers are ${cluster.nodes.map((each) => each.nodeId).join(', ')}`)
    return use(await pool.get(node, 'main'))
  }

  return {
    async createTopics({ validateOnly, topics }) {
      // Before version 4, counts are not left to the broker.
      const counted = topics.map((each) => each.assignments.length > 0 ? each
        : { ...each, numPartitions: Math.max(1, each.numPartitions), replicationFactor: Math.max(1, each.replicationFactor) })
      const answer = await change(apis.createTopics, (version) => ({ validateOnly, timeoutMs, topics: version >= 4 ? topics : counted }),
        (made) => made.topics.map((each) => each.errorCode))
      return {
        topics: answer.topics.map(({ name, topicId, errorCode, errorMessage, numPartitions, replicationFactor }) => (
          { name, topicId, errorCode, errorMessage: errorMessage ?? undefined, numPartitions, replicationFactor })),
      }
    },

    async deleteTopics({ names }) {
      const answer = await change(apis.deleteTopics, (version) => (
        version >= 6 ? { topics: names.map((name) => ({ name, topicId: ZERO_UUID })), timeoutMs } : { topicNames: names, timeoutMs }), (done) => done.responses.map((each) => each.errorCode))
      return { topics: answer.responses.map(({ name, errorCode, errorMessage }) => ({ name: name ?? '', errorCode, errorMessage: errorMessage ?? undefined })) }
    },

    async createPartitions({ validateOnly, topics }) {
      const request = { validateOnly, timeoutMs, topics: topics.map((each) => ({ ...each, assignments: null })) }
      const answer = await change(apis.createPartitions, request, (done) => done.results.map((each) => each.errorCode))
      return { topics: answer.results.map(({ name, errorCode, errorMessage }) => ({ name, errorCode, errorMessage: errorMessage ?? undefined })) }
    },

    async describeConfigs({ resources }) {
      const answers = await Promise.all(byBroker(resources).map(([nodeId, list]) => (
        atBroker(nodeId, (link) => link.call(apis.describeConfigs, { resources: list, includeSynonyms: true, includeDocumentation: true })))))
      return {
        results: answers.flatMap((answer) => answer.results.map(({ errorCode, errorMessage, resourceType, resourceName, configs }) => (
          { errorCode, errorMessage: errorMessage ?? undefined, resourceType, resourceName, configs: configs.map((each) => plainConfig(resourceType, each)) }))),
      }
    },

    async incrementalAlterConfigs({ validateOnly, resources }) {
      const answers = await Promise.all(byBroker(resources).map(([nodeId, list]) => {
        const request = { validateOnly, resources: list }
        if (nodeId < 0) return change(apis.incrementalAlterConfigs, request, (done) => done.responses.map((each) => each.errorCode))
        return atBroker(nodeId, (link) => link.call(apis.incrementalAlterConfigs, request))
      }))
      return {
        responses: answers.flatMap((answer) => answer.responses.map(({ errorCode, errorMessage, resourceType, resourceName }) => (
          { errorCode, errorMessage: errorMessage ?? undefined, resourceType, resourceName }))),
      }
    },

    /** Brokers before 2.8 do not know the question; their metadata says the same. */
    async describeCluster() {
      try {
        const answer = await cluster.any((link) => link.call(apis.describeCluster, { includeClusterAuthorizedOperations: false }))
        if (answer.errorCode === 0) return answer
      } catch (error) {
        if (!OttlaError.is(error, 'UNSUPPORTED_VERSION')) throw error
      }
      const { clusterId, controllerId, brokers } = await cluster.metadata([], false)
      return { clusterId, controllerId, brokers: brokers.map(({ nodeId, ...place }) => ({ brokerId: nodeId, ...place })) }
    },

    /** Every broker tells of its own. */
    async describeLogDirs({ topics }) {
      await cluster.metadata([], false)
      const answers = await Promise.all(cluster.nodes.map(async (node): Promise<DescribeLogDirsResponse['results']> => {
        const answer = await (await pool.get(node, 'main')).call(apis.describeLogDirs, { topics })
        if (answer.errorCode === 0) return answer.results
        return [{ errorCode: answer.errorCode, logDir: '', totalBytes: -1, usableBytes: -1, topics: [] }]
      }))
      return { results: answers.flat() }
    },
  }
}
