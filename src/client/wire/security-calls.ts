/** ACLs and quotas: asked of any broker, changed at the controller. */
import { aclOfCodes, codesOfAcl, codesOfFilter } from '../../protocol/acl-codes.ts'
import { apis } from '../../protocol/api-registry.ts'
import { partsOfEntity, quotaEntityTypes, quotaKeys, type QuotaEntity, type QuotaEntityPart, type QuotaKey, type Quotas } from '../../common/quota.ts'
import type { BrokerApi, Failure } from '../../protocol/broker-api.ts'
import { askController } from './controller-calls.ts'
import type { Wire } from './wire.ts'

const failureOf = ({ errorCode, errorMessage }: { readonly errorCode: number; readonly errorMessage: string | null }): Failure => (
  { errorCode, errorMessage: errorMessage ?? undefined })

/** ACLs with words that are not known here are left out. */
export function securityCalls(wire: Wire): Pick<BrokerApi, 'describeAcls' | 'createAcls' | 'deleteAcls' | 'describeClientQuotas' | 'alterClientQuotas'> {
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

    async describeClientQuotas({ strict, ...filter }) {
      const components = Object.entries(quotaEntityTypes).flatMap(([type, field]) => componentOf(type, filter[field]))
      const answer = await wire.cluster.any((link) => link.call(apis.describeClientQuotas, { components, strict }))
      return { ...failureOf(answer), entries: (answer.entries ?? []).map(({ entity, values }) => ({ entity: entityOf(entity), quotas: quotasOf(values) })) }
    },

    async alterClientQuotas({ validateOnly, entries }) {
      const answer = await askController(wire, apis.alterClientQuotas, {
        validateOnly,
        entries: entries.map(({ entity, changes }) => ({
          entity: partsOfEntity(entity),
          ops: Object.entries(changes).map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
        })),
      }, (done) => done.entries.map(({ errorCode }) => errorCode))
      return { results: answer.entries.map(failureOf) }
    },

    async deleteAcls({ filters }) {
      const answer = await askController(wire, apis.deleteAcls, { filters: filters.map(codesOfFilter) }, ({ filterResults }) => filterResults.map(({ errorCode }) => errorCode))
      return { results: answer.filterResults.map((each) => ({ ...failureOf(each), acls: each.matchingAcls.map(aclOfCodes).filter((acl) => acl !== null) })) }
    },
  }
}

interface Component { readonly entityType: string; readonly matchType: number; readonly match: string | null }

function componentOf(entityType: string, wanted: string | null | true | undefined): Component[] {
  if (wanted === undefined) return []
  return [wanted === null ? { entityType, matchType: 1, match: null } : wanted === true ? { entityType, matchType: 2, match: null } : { entityType, matchType: 0, match: wanted }]
}

function entityOf(parts: readonly QuotaEntityPart[]): QuotaEntity {
  return Object.fromEntries(Object.entries(quotaEntityTypes).flatMap(([type, field]) => {
    const part = parts.find(({ entityType }) => entityType === type)
    return part === undefined ? [] : [[field, part.entityName]]
  }))
}

/** Those that are known here. */
function quotasOf(values: readonly { readonly key: string; readonly value: number }[]): Quotas {
  return Object.fromEntries(values.filter(({ key }) => quotaKeys.includes(key as QuotaKey)).map(({ key, value }) => [key, value]))
}
