/**
 * BrokerApi over TCP, for one client: requests are split by who leads or coordinates what they name, and the answers put together again. Error numbers
 * come as the brokers gave them; a broker that does not answer is the error of what was asked of it, and of nothing else.
 */
import type { Ports } from '../../common/ports.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi } from '../../protocol/broker-api.ts'
import type { Cluster } from './cluster.ts'
import { clusterCalls } from './cluster-calls.ts'
import { configCalls } from './config-calls.ts'
import { FetchLane } from './fetch-lane.ts'
import { groupAdminCalls } from './group-admin-calls.ts'
import { groupCalls } from './group-calls.ts'
import { groupOffsetCalls } from './group-offset-calls.ts'
import type { LinkPool } from './link-pool.ts'
import { offsetCalls } from './offset-calls.ts'
import { ProduceLane } from './produce-lane.ts'
import { topicCalls } from './topic-calls.ts'
import { securityCalls } from './security-calls.ts'
import type { Wire } from './wire.ts'

export interface WireSettings {
  readonly requestTimeoutMs: number
  readonly maxRequestBytes: number
  readonly maxInFlight: number
  readonly rackId: string
  readonly metadataMaxAgeMs: number
}

export function wireApi(cluster: Cluster, pool: LinkPool, settings: WireSettings, ports: Ports): BrokerApi {
  const wire: Wire = { cluster, pool, requestTimeoutMs: settings.requestTimeoutMs }
  const produceLane = new ProduceLane(cluster, pool, settings, ports.scheduler)
  const fetchLane = new FetchLane(cluster, pool, settings, ports)
  return {
    ...topicCalls(wire), ...configCalls(wire), ...clusterCalls(wire), ...offsetCalls(wire), ...groupCalls(wire), ...groupOffsetCalls(wire), ...groupAdminCalls(wire),
    ...securityCalls(wire),
    metadata: ({ topics, allowAutoTopicCreation }) => cluster.metadata(topics, allowAutoTopicCreation),
    produce: (request) => produceLane.produce(request),
    // A consumer's loop gives a signal; without one it is a single question.
    fetch: (request) => request.signal === undefined ? fetchLane.once(request) : fetchLane.fetch(request),
    initProducerId: (request) => cluster.any((link) => link.call(apis.initProducerId, request)),
    findCoordinator: async ({ keyType, keys }) => ({ coordinators: await cluster.findCoordinators(keyType, keys) }),
  }
}
