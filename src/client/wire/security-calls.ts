/** ACLs: asked of any broker, changed at the controller. */
import { aclOfCodes, codesOfAcl, codesOfFilter } from '../../protocol/acl-codes.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi, Failure } from '../../protocol/broker-api.ts'
import { askController } from './controller-calls.ts'
import type { Wire } from './wire.ts'

const failureOf = ({ errorCode, errorMessage }: { readonly errorCode: number; readonly errorMessage: string | null }): Failure => (
  { errorCode, errorMessage: errorMessage ?? undefined })

/** ACLs with words that are not known here are left out. */
export function securityCalls(wire: Wire): Pick<BrokerApi, 'describeAcls' | 'createAcls' | 'deleteAcls'> {
  return {
    async describeAcls({ filter }) {
      const answer = await wire.cluster.any((link) => link.call(apis.describeAcls, codesOfFilter(filter)))
      const acls = answer.resources.flatMap(({ resourceType, resourceName, patternType, acls: entries }) => (
        entries.map((entry) => aclOfCodes({ resourceType, resourceName, patternType, ...entry })).filter((acl) => acl !== null)))
      return { ...failureOf(answer), acls }
    },

    async createAcls({ acls }) {
      const creations = acls.map((acl) => {
        const { patternType, ...codes } = codesOfAcl(acl)
        return { ...codes, resourcePatternType: patternType }
      })
      const answer = await askController(wire, apis.createAcls, { creations }, ({ results }) => results.map(({ errorCode }) => errorCode))
      return { results: answer.results.map(failureOf) }
    },

    async deleteAcls({ filters }) {
      const answer = await askController(wire, apis.deleteAcls, { filters: filters.map(codesOfFilter) }, ({ filterResults }) => filterResults.map(({ errorCode }) => errorCode))
      return { results: answer.filterResults.map((each) => ({ ...failureOf(each), acls: each.matchingAcls.map(aclOfCodes).filter((acl) => acl !== null) })) }
    },
  }
}
