/** The calls about groups, as far as one may: members need READ of the group, lookers DESCRIBE, and offsets the same of their topics besides. */
import { CLUSTER_NAME, type AclOperation } from '../../common/acl.ts'
import type { BrokerApi, OffsetFetchPartition } from '../../protocol/broker-api.ts'
import { askAllowed, groupRefused, onceEach, topicRefused, transactionRefused } from './refusals.ts'
import type { Rights } from './rights.ts'

type GroupCalls = Pick<BrokerApi, 'findCoordinator' | 'joinGroup' | 'syncGroup' | 'heartbeat' | 'leaveGroup' | 'offsetCommit' | 'offsetFetch' | 'offsetDelete'
  | 'describeGroups' | 'listGroups' | 'deleteGroups'>

const GROUP_KEY = 0
const notJoined = { generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId: '', members: [] }
const undescribed = { groupState: '', protocolType: '', protocolData: '', members: [] }
const NO_BYTES = new Uint8Array(0)

interface Place { readonly topic: string; readonly partition: number }

export function guardedGroups(inner: GroupCalls, rights: Rights): GroupCalls {
  const onGroup = (operation: AclOperation, group: string): boolean => rights.demand(operation, 'GROUP', group)
  const onTopics = (operation: AclOperation): ((place: Place) => boolean) => {
    const isAllowed = onceEach((topic) => rights.demand(operation, 'TOPIC', topic))
    return ({ topic }) => isAllowed(topic)
  }
  const refused = ({ topic, partition }: Place): Place & typeof topicRefused => ({ topic, partition, ...topicRefused })
  return {
    findCoordinator: async ({ keyType, keys }) => ({
      coordinators: await askAllowed(keys,
        (key) => keyType === GROUP_KEY ? onGroup('DESCRIBE', key) : rights.demand('DESCRIBE', 'TRANSACTIONAL_ID', key),
        async (allowed) => (await inner.findCoordinator({ keyType, keys: allowed })).coordinators,
        (key) => ({ key, nodeId: -1, host: '', port: -1, ...keyType === GROUP_KEY ? groupRefused : transactionRefused })),
    }),

    joinGroup: async (request) => onGroup('READ', request.groupId) ? inner.joinGroup(request) : { ...notJoined, ...groupRefused },
    syncGroup: async (request) => onGroup('READ', request.groupId) ? inner.syncGroup(request)
      : { protocolType: null, protocolName: null, assignment: NO_BYTES, ...groupRefused },
    heartbeat: async (request) => onGroup('READ', request.groupId) ? inner.heartbeat(request) : groupRefused,
    leaveGroup: async (request) => onGroup('READ', request.groupId) ? inner.leaveGroup(request) : { members: [], ...groupRefused },

    async offsetCommit(request) {
      if (!onGroup('READ', request.groupId)) return { partitions: request.partitions.map(({ topic, partition }) => ({ topic, partition, ...groupRefused })) }
      return {
        partitions: await askAllowed(request.partitions, onTopics('READ'), async (partitions) => (await inner.offsetCommit({ ...request, partitions })).partitions, refused),
      }
    },

    async offsetFetch(request) {
      if (!onGroup('DESCRIBE', request.groupId)) return { partitions: [], ...groupRefused }
      if (request.partitions === null) {
        const response = await inner.offsetFetch(request)
        const isSeen = onceEach((topic) => rights.may('DESCRIBE', 'TOPIC', topic))
        return { ...response, partitions: response.partitions.filter(({ topic }) => isSeen(topic)) }
      }
      const isAllowed = onTopics('DESCRIBE')
      const flags = request.partitions.map(isAllowed)
      // Asked even when none is left, for the group itself may be the problem.
      const response = await inner.offsetFetch({ ...request, partitions: request.partitions.filter((_, index) => flags[index]) })
      const hidden = request.partitions.filter((_, index) => !flags[index])
        .map((place): OffsetFetchPartition => ({ ...refused(place), committedOffset: -1, committedLeaderEpoch: -1, metadata: '' }))
      return { ...response, partitions: [...response.partitions, ...hidden] }
    },

    async offsetDelete(request) {
      if (!onGroup('DELETE', request.groupId)) return { partitions: [], ...groupRefused }
      const isAllowed = onTopics('READ')
      const flags = request.partitions.map(isAllowed)
      const response = await inner.offsetDelete({ ...request, partitions: request.partitions.filter((_, index) => flags[index]) })
      return { ...response, partitions: [...response.partitions, ...request.partitions.filter((_, index) => !flags[index]).map(refused)] }
    },

    describeGroups: async ({ groups }) => ({
      groups: await askAllowed(groups, (group) => onGroup('DESCRIBE', group), async (allowed) => (await inner.describeGroups({ groups: allowed })).groups,
        (groupId) => ({ groupId, ...undescribed, ...groupRefused })),
    }),

    async listGroups(request) {
      const response = await inner.listGroups(request)
      if (rights.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) return response
      return { ...response, groups: response.groups.filter(({ groupId }) => rights.may('DESCRIBE', 'GROUP', groupId)) }
    },

    deleteGroups: async ({ groups }) => ({
      results: await askAllowed([...new Set(groups)], (group) => onGroup('DELETE', group), async (allowed) => (await inner.deleteGroups({ groups: allowed })).results,
        (groupId) => ({ groupId, ...groupRefused })),
    }),
  }
}
