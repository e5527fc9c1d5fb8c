/** ACLs and filters between words and the numbers of DescribeAcls, CreateAcls and DeleteAcls. On the wire 1 is "any", in the pattern type 2 is "match". */
import {
  aclOperations, aclPatternTypes, aclPermissions, aclResourceTypes, wordOf, type AclBinding, type AclFilter,
} from '../common/acl.ts'

const ANY = 1
const filterPatterns = { MATCH: 2, ...aclPatternTypes }

export interface AclCodes {
  readonly resourceType: number; readonly resourceName: string; readonly patternType: number
  readonly principal: string; readonly host: string; readonly operation: number; readonly permissionType: number
}
export interface AclFilterCodes {
  readonly resourceTypeFilter: number; readonly resourceNameFilter: string | null; readonly patternTypeFilter: number
  readonly principalFilter: string | null; readonly hostFilter: string | null; readonly operation: number; readonly permissionType: number
}

export function codesOfAcl({ resourceType, resourceName, patternType, principal, host, operation, permission }: AclBinding): AclCodes {
  return {
    resourceType: aclResourceTypes[resourceType], resourceName, patternType: aclPatternTypes[patternType], principal, host,
    operation: aclOperations[operation], permissionType: aclPermissions[permission],
  }
}

/** Null where a number has no word. */
export function aclOfCodes({ resourceName, principal, host, ...codes }: AclCodes): AclBinding | null {
  const resourceType = wordOf(aclResourceTypes, codes.resourceType)
  const patternType = wordOf(aclPatternTypes, codes.patternType)
  const operation = wordOf(aclOperations, codes.operation)
  const permission = wordOf(aclPermissions, codes.permissionType)
  if (resourceType === undefined || patternType === undefined || operation === undefined || permission === undefined) return null
  return { resourceType, resourceName, patternType, principal, host, operation, permission }
}

export function codesOfFilter(filter: AclFilter): AclFilterCodes {
  const codeOf = <W extends string>(table: Readonly<Record<W, number>>, word: W | null | undefined): number => word === undefined || word === null ? ANY : table[word]
  return {
    resourceTypeFilter: codeOf(aclResourceTypes, filter.resourceType), resourceNameFilter: filter.resourceName ?? null,
    patternTypeFilter: codeOf(filterPatterns, filter.patternType), principalFilter: filter.principal ?? null, hostFilter: filter.host ?? null,
    operation: codeOf(aclOperations, filter.operation), permissionType: codeOf(aclPermissions, filter.permission),
  }
}

/** Null where a number has no word. */
export function filterOfCodes(codes: AclFilterCodes): AclFilter | null {
  const wordIn = <W extends string>(table: Readonly<Record<W, number>>, code: number): W | null | undefined => code === ANY ? null : wordOf(table, code)
  const resourceType = wordIn(aclResourceTypes, codes.resourceTypeFilter)
  const patternType = wordIn(filterPatterns, codes.patternTypeFilter)
  const operation = wordIn(aclOperations, codes.operation)
  const permission = wordIn(aclPermissions, codes.permissionType)
  if (resourceType === undefined || patternType === undefined || operation === undefined || permission === undefined) return null
  return { resourceType, resourceName: codes.resourceNameFilter, patternType, principal: codes.principalFilter, host: codes.hostFilter, operation, permission }
}
