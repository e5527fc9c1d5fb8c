/** What is asked of groups from outside: each at its coordinator, and of all brokers which they have. */
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi, DescribedGroup, Failure, ListedGroup } from '../../protocol/broker-api.ts'
import { askCoordinator, noticeCoordinator, perCoordinator } from './coordinator-calls.ts'
import { unanswered, type Wire } from './wire.ts'

export function groupAdminCalls(wire: Wire): Pick<BrokerApi, 'describeGroups' | 'listGroups' | 'deleteGroups'> {
  const { cluster, pool } = wire
  return {
    async describeGroups({ groups }) {
      const described = await perCoordinator<DescribedGroup>(wire, groups, async (groupIds) => {
        const answer = await askCoordinator(wire, 'main', groupIds[0]!, apis.describeGroups, { groups: groupIds })
        const coordinator = await cluster.coordinator(groupIds[0]!)
        for (const each of answer.groups) noticeCoordinator(wire, each.groupId, each.errorCode)
        return answer.groups.map(({ errorMessage, ...group }) => ({ ...group, coordinator, errorMessage: errorMessage ?? undefined }))
      }, (groupId, failure) => ({ groupId, ...failure, groupState: '', protocolType: '', protocolData: '', members: [] }))
      return { groups: described }
    },

    /** Every broker lists the groups that it coordinates. Those that tell of no type know one type only. */
    async listGroups({ statesFilter }) {
      await cluster.metadata([], false)
      const answers = await Promise.all(cluster.nodes.map(async (node) => {
        try {
          return await (await pool.get(node, 'main')).call(apis.listGroups, { statesFilter }, { minVersion: statesFilter.length > 0 ? 4 : 0 })
        } catch (reason) {
          return { ...unanswered(reason), groups: [] as ListedGroup[] }
        }
      }))
      const bad: Failure | undefined = answers.find((each) => each.errorCode !== 0)
      return { errorCode: bad?.errorCode ?? 0, error: bad?.error, groups: answers.flatMap((each) => each.groups).map((each) => ({ ...each, groupType: each.groupType || 'classic' })) }
    },

    async deleteGroups({ groups }) {
      const results = await perCoordinator<Failure & { readonly groupId: string }>(wire, groups, async (groupIds) => {
        const answer = await askCoordinator(wire, 'main', groupIds[0]!, apis.deleteGroups, { groupsNames: groupIds })
        for (const each of answer.results) noticeCoordinator(wire, each.groupId, each.errorCode)
        return answer.results
      }, (groupId, failure) => ({ groupId, ...failure }))
      return { results }
    },
  }
}
