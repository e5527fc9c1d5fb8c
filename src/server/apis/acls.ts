/** DescribeAcls, CreateAcls, DeleteAcls. A listener that heeds no ACLs answers SECURITY_DISABLED, which tools show as "no authorizer". */
import type { AclBinding } from '../../common/acl.ts'
import { errorTable } from '../../common/errors.ts'
import { aclOfCodes, codesOfAcl, filterOfCodes } from '../../protocol/acl-codes.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { Failure } from '../../protocol/broker-api.ts'
import { demandOfCluster } from '../access/rights.ts'
import { clusterRefused } from '../access/refusals.ts'
import { failureFields, NONE, serve, throttleTimeMs, toldFields, type Call, type WireApi } from '../wire-api.ts'

const disabled: Failure = { errorCode: errorTable.SECURITY_DISABLED.errorCode, errorMessage: 'No Authorizer is configured.' }
const unknownWord: Failure = { errorCode: errorTable.INVALID_REQUEST.errorCode, errorMessage: 'a type, operation or permission is not known' }

/** Why nothing can be said or done about ACLs here, or null. */
function refusal(call: Call, operation: 'DESCRIBE' | 'ALTER'): Failure | null {
  if (!call.hasAcls) return disabled
  return demandOfCluster(call.rights, operation) ? null : clusterRefused
}

export const describeAcls: WireApi = serve(apis.describeAcls, 1, 3, async (request, call) => {
  const refused = refusal(call, 'DESCRIBE')
  const filter = filterOfCodes(request)
  const answer = refused !== null ? { ...refused, acls: [] } : filter === null ? { ...unknownWord, acls: [] } : await call.broker.describeAcls({ filter })
  return { throttleTimeMs, ...toldFields(answer), resources: byResource(answer.acls) }
})

export const createAcls: WireApi = serve(apis.createAcls, 1, 3, async ({ creations }, call) => {
  const refused = refusal(call, 'ALTER')
  if (refused !== null) return { throttleTimeMs, results: creations.map(() => failureFields(refused)) }
  const wanted = creations.map(({ resourcePatternType, ...codes }) => aclOfCodes({ ...codes, patternType: resourcePatternType }))
  const { results } = await call.broker.createAcls({ acls: wanted.filter((acl) => acl !== null) })
  let next = 0
  return { throttleTimeMs, results: wanted.map((acl) => toldFields(acl === null ? unknownWord : results[next++]!)) }
})

export const deleteAcls: WireApi = serve(apis.deleteAcls, 1, 3, async (request, call) => {
  const refused = refusal(call, 'ALTER')
  if (refused !== null) return { throttleTimeMs, filterResults: request.filters.map(() => ({ ...failureFields(refused), matchingAcls: [] })) }
  const filters = request.filters.map(filterOfCodes)
  const { results } = await call.broker.deleteAcls({ filters: filters.filter((filter) => filter !== null) })
  let next = 0
  return {
    throttleTimeMs,
    filterResults: filters.map((filter) => {
      const { acls, ...failure } = filter === null ? { ...unknownWord, acls: [] } : results[next++]!
      return { ...failureFields(failure), matchingAcls: acls.map((acl) => ({ errorCode: NONE, errorMessage: null, ...codesOfAcl(acl) })) }
    }),
  }
})

function byResource(acls: readonly AclBinding[]) {
  const resources = new Map<string, { resourceType: number; resourceName: string; patternType: number; acls: ReturnType<typeof codesOfAcl>[] }>()
  for (const acl of acls) {
    const codes = codesOfAcl(acl)
    const { resourceType, resourceName, patternType } = codes
    const key = `${resourceType} ${patternType} ${resourceName}`
    const known = resources.get(key)
    if (known === undefined) resources.set(key, { resourceType, resourceName, patternType, acls: [codes] })
    else known.acls.push(codes)
  }
  return [...resources.values()]
}
