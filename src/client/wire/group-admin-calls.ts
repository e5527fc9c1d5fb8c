/** What is asked of groups from outside: each at its coordinator, and of all brokers which they have. */
import type { ResponseOf } from '../../protocol/api.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi, DescribedGroup, Failure, ListedGroup } from '../../protocol/broker-api.ts'
import type { BrokerLink } from './broker-link.ts'
import { askCoordinator, noticeCoordinator, perCoordinator } from './coordinator-calls.ts'
import { unanswered, type Wire } from './wire.ts'

/** The first version of ListGroups that tells of states (Kafka 2.6). */
const LISTS_STATES = 4

export function groupAdminCalls(wire: Wire): Pick<BrokerApi, 'describeGroups' | 'listGroups' | 'deleteGroups'> {
  const { cluster, pool } = wire
  const describe = (groups: readonly string[]): Promise<DescribedGroup[]> => perCoordinator<DescribedGroup>(wire, groups, async (groupIds) => {
    const answer = await askCoordinator(wire, 'main', groupIds[0]!, apis.describeGroups, { groups: groupIds })
    const coordinator = await cluster.coordinator(groupIds[0]!)
    for (const each of answer.groups) noticeCoordinator(wire, each.groupId, each.errorCode)
    return answer.groups.map(({ errorMessage, ...group }) => ({ ...group, coordinator, errorMessage: errorMessage ?? undefined }))
  }, (groupId, failure) => ({ groupId, ...failure, groupState: '', protocolType: '', protocolData: '', members: [] }))

  /** The listing of one broker; an older one is asked for the states besides. */
  const list = async (link: BrokerLink, statesFilter: readonly string[]): Promise<ResponseOf<typeof apis.listGroups>> => {
    const tellsStates = link.version(apis.listGroups) >= LISTS_STATES
    const answer = await link.call(apis.listGroups, { statesFilter: tellsStates ? statesFilter : [] })
    if (tellsStates || answer.groups.length === 0) return answer
    const states = new Map((await describe(answer.groups.map((each) => each.groupId))).map(({ groupId, groupState }) => [groupId, groupState]))
    const groups = answer.groups.map((each) => ({ ...each, groupState: states.get(each.groupId) ?? '' }))
    return { ...answer, groups: groups.filter(({ groupState }) => statesFilter.length === 0 || statesFilter.includes(groupState)) }
  }

  return {
    describeGroups: async ({ groups }) => ({ groups: await describe(groups) }),

    /** Every broker lists the groups that it coordinates. Those that tell of no type know one type only. */
    async listGroups({ statesFilter }) {
      await cluster.metadata([], false)
      const answers = await Promise.all(cluster.nodes.map(async (node) => {
        try {
          return await list(await pool.get(node, 'main'), statesFilter)
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
