/** DescribeClientQuotas and AlterClientQuotas (KIP-546): how kafka-configs and admin clients keep the quotas of users, client ids and addresses. */
import { errorTable } from '../../common/errors.ts'
import { partsOfEntity, quotaEntityTypes, quotaKeys, type QuotaChanges, type QuotaEntity, type QuotaEntityType, type Quotas } from '../../common/quota.ts'
import { repeated } from '../../common/repeated.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf } from '../../protocol/api.ts'
import type { Failure, QuotaFilter } from '../../protocol/broker-api.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { failureFields, serve, throttleTimeMs, toldFields, type WireApi } from '../wire-api.ts'

type Component = RequestOf<Apis['describeClientQuotas']>['components'][number]
type Alteration = RequestOf<Apis['alterClientQuotas']>['entries'][number]

const EXACT = 0
const DEFAULT = 1
const SPECIFIED = 2
type Mutable<T> = { -readonly [field in keyof T]: T[field] }
const invalid = (errorMessage: string): Failure => ({ errorCode: errorTable.INVALID_REQUEST.errorCode, errorMessage })

export const describeClientQuotas: WireApi = serve(apis.describeClientQuotas, 0, 1, async ({ components, strict }, call) => {
  if (!demandOfCluster(call.rights, 'DESCRIBE_CONFIGS')) return { throttleTimeMs, ...clusterRefused, entries: null }
  const filter: Mutable<QuotaFilter> = {}
  for (const component of components) {
    const field = fieldOf(component.entityType)
    if (field === undefined) return { throttleTimeMs, errorCode: errorTable.UNSUPPORTED_VERSION.errorCode, errorMessage: `entities of type ${component.entityType} are not known`, entries: null }
    const wanted = wantedOf(component)
    if (wanted === undefined || field in filter) return { throttleTimeMs, ...failureFields(invalid('the filter makes no sense')), entries: null }
    filter[field] = wanted
  }
  if ('ip' in filter && Object.keys(filter).length > 1) return { throttleTimeMs, ...failureFields(invalid('quotas of addresses have neither user nor client id')), entries: null }
  const { entries, ...failure } = await call.broker.describeClientQuotas({ ...filter, strict })
  return {
    throttleTimeMs, ...toldFields(failure),
    entries: entries.map(({ entity, quotas }) => ({ entity: partsOfEntity(entity), values: valuesOf(quotas) })),
  }
})

function valuesOf(quotas: Quotas): { readonly key: string; readonly value: number }[] {
  return quotaKeys.flatMap((key) => quotas[key] === undefined ? [] : [{ key, value: quotas[key] }])
}

function fieldOf(type: string): keyof QuotaEntity | undefined {
  return Object.hasOwn(quotaEntityTypes, type) ? quotaEntityTypes[type as QuotaEntityType] : undefined
}

/** A name, null for the default, true for any; undefined when it makes no sense. */
function wantedOf({ matchType, match }: Component): string | null | true | undefined {
  if (matchType === EXACT) return match ?? undefined
  if (match !== null) return undefined
  return matchType === DEFAULT ? null : matchType === SPECIFIED ? true : undefined
}

export const alterClientQuotas: WireApi = serve(apis.alterClientQuotas, 0, 1, async ({ entries, validateOnly }, call) => {
  if (!demandOfCluster(call.rights, 'ALTER_CONFIGS')) return { throttleTimeMs, entries: entries.map(({ entity }) => ({ entity, ...clusterRefused })) }
  const twice = repeated(entries.map(({ entity }) => nameOf(entity)))
  // An entity that is named twice is refused, once, and nothing of it is changed: as Kafka has it.
  const once = [...new Map(entries.map((each) => [nameOf(each.entity), each])).values()]
  const wanted = once.map((each) => twice.has(nameOf(each.entity)) ? invalid('the request names this entity twice') : alterationOf(each))
  const { results } = await call.broker.alterClientQuotas({ validateOnly, entries: wanted.filter((each) => 'changes' in each) })
  let next = 0
  return {
    throttleTimeMs,
    entries: once.map(({ entity }, index) => {
      const each = wanted[index]!
      return 'changes' in each ? { entity: partsOfEntity(each.entity), ...failureFields(results[next++]!) } : { entity, ...failureFields(each) }
    }),
  }
})

/** The same for the same parts in whatever order. */
function nameOf(entity: Alteration['entity']): string {
  return entity.map(({ entityType, entityName }) => JSON.stringify([entityType, entityName])).sort().join()
}

function alterationOf({ entity, ops }: Alteration): { readonly entity: QuotaEntity; readonly changes: QuotaChanges } | Failure {
  const found: Mutable<QuotaEntity> = {}
  for (const { entityType, entityName } of entity) {
    const field = fieldOf(entityType)
    if (field === undefined) return invalid(`quotas are for user, client-id and ip, not ${entityType}`)
    if (field in found) return invalid(`the entity names ${entityType} twice`)
    found[field] = entityName
  }
  if (new Set(ops.map(({ key }) => key)).size < ops.length) return invalid('a quota is changed twice')
  return { entity: found, changes: Object.fromEntries(ops.map(({ key, value, remove }) => [key, remove ? null : value])) }
}
