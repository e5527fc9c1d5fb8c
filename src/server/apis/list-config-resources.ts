/** ListConfigResources: what kafka-configs can describe. Version 0 asks for client metrics only (KIP-714). */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { NONE, serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

const TOPIC = 2
const BROKER = 4
const BROKER_LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32
const all = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP]

export const listConfigResources: WireApi = serve(apis.listConfigResources, 0, 1, async ({ resourceTypes }, call) => {
  if (!demandOfCluster(call.rights, 'DESCRIBE_CONFIGS')) return { throttleTimeMs, errorCode: clusterRefused.errorCode, configResources: [] }
  const asked = call.version === 0 ? [CLIENT_METRICS] : resourceTypes.length === 0 ? all : [...new Set(resourceTypes)]
  if (asked.some((type) => !all.includes(type))) return { throttleTimeMs, errorCode: errorTable.UNSUPPORTED_VERSION.errorCode, configResources: [] }
  const lists = await Promise.all(asked.map(async (resourceType) => (await namesOf(resourceType, call)).map((resourceName) => ({ resourceName, resourceType }))))
  return { throttleTimeMs, errorCode: NONE, configResources: lists.flat() }
})

/** Of groups and client metrics, those for which something was set. */
async function namesOf(type: number, { unguarded }: Call): Promise<readonly string[]> {
  if (type === CLIENT_METRICS || type === GROUP) return unguarded.configured(type === GROUP ? 'groups' : 'clientMetrics')
  const { topics, brokers } = await unguarded.metadata({ topics: type === TOPIC ? null : [], allowAutoTopicCreation: false })
  return type === TOPIC ? topics.map(({ name }) => name) : brokers.map(({ nodeId }) => String(nodeId))
}
