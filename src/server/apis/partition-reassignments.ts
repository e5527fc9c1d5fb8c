/**
 * ListPartitionReassignments and AlterPartitionReassignments: a partition can be where it is, on the one broker, and nowhere else, so none is ever on its way.
 */
import { errorTable } from '../../common/errors.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf } from '../../protocol/api.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'
import { partitionCounts, unknownPartition } from './elect-leaders.ts'

type Replicas = RequestOf<Apis['alterPartitionReassignments']>['topics'][number]['partitions'][number]['replicas']
interface Answer { readonly errorCode: number; readonly errorMessage: string | null }

const OK: Answer = { errorCode: NONE, errorMessage: null }
const NO_REASSIGNMENT: Answer = { errorCode: 85, errorMessage: 'No partition reassignment is in progress.' }

export const listPartitionReassignments: WireApi = serve(apis.listPartitionReassignments, 0, 0, async (_, { rights }) => (
  { throttleTimeMs, ...demandOfCluster(rights, 'DESCRIBE') ? OK : clusterRefused, topics: [] }))

export const alterPartitionReassignments: WireApi = serve(apis.alterPartitionReassignments, 0, 1, async ({ topics, allowReplicationFactorChange }, call) => {
  if (!demandOfCluster(call.rights, 'ALTER')) {
    const responses = topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...clusterRefused })) }))
    return { throttleTimeMs, allowReplicationFactorChange, ...clusterRefused, responses }
  }
  const counts = await partitionCounts(call, topics.map(({ name }) => name))
  const { brokers } = await call.unguarded.metadata({ topics: [], allowAutoTopicCreation: false })
  const ids = brokers.map(({ nodeId }) => nodeId)
  return {
    throttleTimeMs, allowReplicationFactorChange, errorCode: NONE, errorMessage: null,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, replicas }) => ({
        partitionIndex, ...partitionIndex >= 0 && partitionIndex < (counts.get(name) ?? 0) ? placed(replicas, ids) : unknownPartition(name, partitionIndex),
      })),
    })),
  }
})

/** Null replicas end a reassignment. */
function placed(replicas: Replicas, ids: readonly number[]): Answer {
  if (replicas === null) return NO_REASSIGNMENT
  const stranger = replicas.find((id) => !ids.includes(id))
  if (stranger !== undefined) return refused(`there is no broker ${stranger}`)
  if (replicas.length === 0) return refused('a partition has at least one replica')
  return new Set(replicas).size < replicas.length ? refused('a broker holds at most one replica of a partition') : OK
}

function refused(errorMessage: string): Answer { return { errorCode: errorTable.INVALID_REPLICA_ASSIGNMENT.errorCode, errorMessage } }
