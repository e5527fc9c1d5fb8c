/** DescribeAcls, CreateAcls, DeleteAcls: the ACLs as they are kept. Whether a listener heeds them is its own affair. */
import type { AclBinding, AclFilter } from '../common/acl.ts'
import type { CreateAclsResponse, DeleteAclsResponse, DescribeAclsResponse } from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'
import { failureOf, noFailure } from './failure.ts'

type AclContext = Pick<BrokerContext, 'acls'>

export function handleDescribeAcls({ acls }: AclContext, { filter }: { readonly filter: AclFilter }): DescribeAclsResponse {
  return { ...noFailure, acls: acls.list(filter) }
}

/** Each for itself: one that cannot be does not keep the others out. */
export async function handleCreateAcls(context: AclContext, request: { readonly acls: readonly AclBinding[] }): Promise<CreateAclsResponse> {
  const results: CreateAclsResponse['results'][number][] = []
  for (const acl of request.acls) {
    try {
      await context.acls.add(acl)
      results.push(noFailure)
    } catch (error) {
      results.push(failureOf(error))
    }
  }
  return { results }
}

export async function handleDeleteAcls(context: AclContext, { filters }: { readonly filters: readonly AclFilter[] }): Promise<DeleteAclsResponse> {
  const results: DeleteAclsResponse['results'][number][] = []
  for (const filter of filters) {
    try {
      results.push({ ...noFailure, acls: await context.acls.remove(filter) })
    } catch (error) {
      results.push({ ...failureOf(error), acls: [] })
    }
  }
  return { results }
}
