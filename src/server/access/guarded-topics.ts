/** The calls about topics and settings, as far as one may. What one may not describe is left out of lists, and refused whether it exists or not. */
import { CLUSTER_NAME, type AclOperation } from '../../common/acl.ts'
import { ZERO_UUID } from '../../common/uuid.ts'
import { RESOURCE_TOPIC, type BrokerApi, type ConfigResource, type Failure, type MetadataRequest, type MetadataResponse, type TopicMetadata } from '../../protocol/broker-api.ts'
import type { ServedBroker } from '../wire-api.ts'
import { askAllowed, clusterRefused, groupRefused, onceEach, topicRefused } from './refusals.ts'
import type { Rights } from './rights.ts'

type TopicCalls = Pick<BrokerApi, 'metadata' | 'createTopics' | 'deleteTopics' | 'createPartitions' | 'describeConfigs' | 'incrementalAlterConfigs'>

const RESOURCE_GROUP = 32
/** Brokers, their loggers, and what clients are asked to measure. */
const clusterResources = new Set([4, 8, 16])
const notMade = { topicId: ZERO_UUID, numPartitions: -1, replicationFactor: -1, ...topicRefused, errorMessage: 'Authorization failed.' }

export function guardedTopics(inner: ServedBroker, rights: Rights): TopicCalls {
  const onCluster = (operation: AclOperation): boolean => rights.may(operation, 'CLUSTER', CLUSTER_NAME)
  const onTopic = (operation: AclOperation) => (name: string): boolean => rights.demand(operation, 'TOPIC', name)
  return {
    metadata: (request) => metadata(inner, rights, request),

    async createTopics(request) {
      const isAllowed = onCluster('CREATE') ? () => true : onceEach(onTopic('CREATE'))
      return {
        topics: await askAllowed(request.topics, ({ name }) => isAllowed(name), async (topics) => (await inner.createTopics({ ...request, topics })).topics,
          ({ name }) => ({ name, ...notMade })),
      }
    },

    /** Who may describe a topic learns that it is not there; who may not, nothing. */
    async deleteTopics(request) {
      const isAllowed = onCluster('DELETE') ? () => true
        : onceEach((name) => rights.demand('DESCRIBE', 'TOPIC', name) && (inner.topicId(name) === null || rights.demand('DELETE', 'TOPIC', name)))
      return {
        topics: await askAllowed(request.names, isAllowed, async (names) => (await inner.deleteTopics({ ...request, names })).topics, (name) => ({ name, ...topicRefused })),
      }
    },

    createPartitions: async (request) => ({
      topics: await askAllowed(request.topics, ({ name }) => rights.demand('ALTER', 'TOPIC', name),
        async (topics) => (await inner.createPartitions({ ...request, topics })).topics, ({ name }) => ({ name, errorCode: topicRefused.errorCode })),
    }),

    describeConfigs: async (request) => ({
      results: await askAllowed(request.resources, (each) => refusalOfConfig(rights, 'DESCRIBE_CONFIGS', each) === null,
        async (resources) => (await inner.describeConfigs({ resources })).results,
        ({ resourceType, resourceName }) => ({ resourceType, resourceName, ...configRefusals(resourceType), configs: [] })),
    }),

    incrementalAlterConfigs: async (request) => ({
      responses: await askAllowed(request.resources, (each) => refusalOfConfig(rights, 'ALTER_CONFIGS', each) === null,
        async (resources) => (await inner.incrementalAlterConfigs({ ...request, resources })).responses,
        ({ resourceType, resourceName }) => ({ resourceType, resourceName, ...configRefusals(resourceType) })),
    }),
  }
}

async function metadata(inner: ServedBroker, rights: Rights, request: MetadataRequest): Promise<MetadataResponse> {
  if (request.topics === null) {
    const response = await inner.metadata(request)
    return { ...response, topics: response.topics.filter(({ name }) => rights.may('DESCRIBE', 'TOPIC', name)) }
  }
  const names = [...new Set(request.topics)]
  const mayMakeAll = !request.allowAutoTopicCreation || !inner.autoCreatesTopics() || rights.may('CREATE', 'CLUSTER', CLUSTER_NAME)
  const isAllowed = (name: string): boolean => rights.demand('DESCRIBE', 'TOPIC', name)
    && (mayMakeAll || inner.topicId(name) !== null || rights.demand('CREATE', 'TOPIC', name))
  let response: MetadataResponse | null = null
  const topics = await askAllowed(names, isAllowed, async (allowed) => {
    response = await inner.metadata({ ...request, topics: allowed })
    return response.topics
  }, refusedTopic)
  // Brokers are told to everybody, as they must be to connect at all.
  return { ...(response ?? await inner.metadata({ topics: [], allowAutoTopicCreation: false })), topics }
}

function refusedTopic(name: string): TopicMetadata { return { name, topicId: ZERO_UUID, isInternal: false, partitions: [], ...topicRefused } }

function configRefusals(resourceType: number): Failure {
  return resourceType === RESOURCE_TOPIC ? topicRefused : resourceType === RESOURCE_GROUP ? groupRefused : clusterRefused
}

/** What settings are of none of the known types is refused for that, further on. */
function refusalOfConfig(rights: Rights, operation: AclOperation, { resourceType, resourceName }: ConfigResource): Failure | null {
  const isAllowed = resourceType === RESOURCE_TOPIC ? rights.demand(operation, 'TOPIC', resourceName)
    : resourceType === RESOURCE_GROUP ? rights.demand(operation, 'GROUP', resourceName)
      : !clusterResources.has(resourceType) || rights.demand(operation, 'CLUSTER', CLUSTER_NAME)
  return isAllowed ? null : configRefusals(resourceType)
}
