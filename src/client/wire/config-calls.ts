/** Settings of topics, of groups and of all brokers, asked of any broker and changed at the controller, and of one broker and its loggers, at the broker itself. */
import { OttlaError } from '../../common/errors.ts'
import { formatSetting } from '../../config/setting-value.ts'
import { topicTable } from '../../config/topic-settings.ts'
import type { ResponseOf } from '../../protocol/api.ts'
import { apis } from '../../protocol/api-registry.ts'
import { RESOURCE_BROKER, RESOURCE_BROKER_LOGGER, RESOURCE_TOPIC, type BrokerApi, type ConfigResource, type DescribeConfigsResponse } from '../../protocol/broker-api.ts'
import type { BrokerLink } from './broker-link.ts'
import { askController } from './controller-calls.ts'
import type { Wire } from './wire.ts'

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
    const isOfBroker = each.resourceType === RESOURCE_BROKER || each.resourceType === RESOURCE_BROKER_LOGGER
    const nodeId = isOfBroker && each.resourceName !== '' ? Number(each.resourceName) : -1
    groups.set(nodeId, [...groups.get(nodeId) ?? [], each])
  }
  return [...groups]
}

async function atBroker<T>({ cluster, pool }: Wire, nodeId: number, use: (link: BrokerLink) => Promise<T>): Promise<T> {
  if (nodeId < 0) return cluster.any(use)
  if (cluster.node(nodeId) === undefined) await cluster.metadata([], false)
  const node = cluster.node(nodeId)
  if (node === undefined) throw new OttlaError('BROKER_NOT_AVAILABLE', `there is no broker ${nodeId}: the brokers are ${cluster.nodes.map((each) => each.nodeId).join(', ')}`)
  return use(await pool.get(node, 'main'))
}

export function configCalls(wire: Wire): Pick<BrokerApi, 'describeConfigs' | 'incrementalAlterConfigs'> {
  return {
    async describeConfigs({ resources }) {
      const answers = await Promise.all(byBroker(resources).map(([nodeId, list]) => (
        atBroker(wire, nodeId, (link) => link.call(apis.describeConfigs, { resources: list, includeSynonyms: true, includeDocumentation: true })))))
      return {
        results: answers.flatMap((answer) => answer.results.map(({ errorCode, errorMessage, resourceType, resourceName, configs }) => (
          { errorCode, errorMessage: errorMessage ?? undefined, resourceType, resourceName, configs: configs.map((each) => plainConfig(resourceType, each)) }))),
      }
    },

    async incrementalAlterConfigs({ validateOnly, resources }) {
      const answers = await Promise.all(byBroker(resources).map(([nodeId, list]) => {
        const request = { validateOnly, resources: list }
        if (nodeId < 0) return askController(wire, apis.incrementalAlterConfigs, request, (done) => done.responses.map((each) => each.errorCode))
        return atBroker(wire, nodeId, (link) => link.call(apis.incrementalAlterConfigs, request))
      }))
      return {
        responses: answers.flatMap((answer) => answer.responses.map(({ errorCode, errorMessage, resourceType, resourceName }) => (
          { errorCode, errorMessage: errorMessage ?? undefined, resourceType, resourceName }))),
      }
    },
  }
}
