/** Membership of a group. Joins and syncs, which the coordinator answers late, have a lane of their own. */
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi } from '../../protocol/broker-api.ts'
import { askCoordinator, noticeCoordinator } from './coordinator-calls.ts'
import type { Wire } from './wire.ts'

/** Above what the coordinator may take to gather a group, as Kafka's clients allow. */
const JOIN_SLACK_MS = 5000
const NO_MEMBER = ''

export function groupCalls(wire: Wire): Pick<BrokerApi, 'joinGroup' | 'syncGroup' | 'heartbeat' | 'leaveGroup'> {
  return {
    async joinGroup(request) {
      const { groupId, memberId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols } = request
      const timeoutMs = Math.max(wire.requestTimeoutMs, rebalanceTimeoutMs + JOIN_SLACK_MS)
      const answer = await askCoordinator(wire, 'group', groupId, apis.joinGroup, { groupId, memberId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols },
        { timeoutMs, minVersion: groupInstanceId === null ? 0 : 5 })
      noticeCoordinator(wire, groupId, answer.errorCode)
      return answer
    },

    async syncGroup({ groupId, memberId, groupInstanceId, generationId, protocolType, protocolName, assignments }) {
      const answer = await askCoordinator(wire, 'group', groupId, apis.syncGroup, { groupId, memberId, groupInstanceId, generationId, protocolType, protocolName, assignments })
      noticeCoordinator(wire, groupId, answer.errorCode)
      return answer
    },

    /** Whoever waited longer than the session lasts would not look for the next coordinator in time. */
    async heartbeat({ groupId, memberId, groupInstanceId, generationId, sessionTimeoutMs = Infinity }) {
      const timeoutMs = Math.min(wire.requestTimeoutMs, sessionTimeoutMs)
      const { errorCode } = await askCoordinator(wire, 'main', groupId, apis.heartbeat, { groupId, memberId, groupInstanceId, generationId }, { timeoutMs })
      noticeCoordinator(wire, groupId, errorCode)
      return { errorCode }
    },

    async leaveGroup({ groupId, members }) {
      // Before version 3, members leave one by one.
      const answer = await askCoordinator(wire, 'main', groupId, apis.leaveGroup, (version) => (
        { groupId, ...version < 3 ? { memberId: members[0]?.memberId ?? NO_MEMBER } : { members: members.map((each) => ({ ...each, reason: each.reason ?? null })) } }))
      noticeCoordinator(wire, groupId, answer.errorCode)
      return answer
    },
  }
}
