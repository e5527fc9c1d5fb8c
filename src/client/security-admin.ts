/** The part of the admin client that concerns who may do what, and how much of it. */
import { checkAcl, checkAclFilter, type AclBinding, type AclFilter } from '../common/acl.ts'
import { shown } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import { checkQuota, type QuotaChanges, type QuotaEntity, type QuotaEntry } from '../common/quota.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import { throwOnFailure } from './failure.ts'
import type { RequestCaller } from './request-caller.ts'
import type { AclInput } from './types.ts'

export class SecurityAdmin {
  readonly #api: BrokerApi
  readonly #caller: RequestCaller

  constructor(api: BrokerApi, caller: RequestCaller) {
    this.#api = api
    this.#caller = caller
  }

  async createAcls(given: readonly AclInput[]): Promise<void> {
    if (!Array.isArray(given)) throw new OttlaError('INVALID_ARGUMENT', `createAcls(acls): acls is an array, not ${shown(given)}`)
    const acls = given.map(bindingOf)
    await this.#caller.call('creating ACLs', async () => {
      const { results } = await this.#api.createAcls({ acls })
      results.forEach((each, index) => throwOnFailure(each, `creating the ACL of ${acls[index]!.principal} for ${acls[index]!.resourceType} ${acls[index]!.resourceName}`))
    })
  }

  async listAcls(filter: AclFilter = {}): Promise<AclBinding[]> {
    checkAclFilter('listAcls', filter)
    const { acls } = await this.#caller.call('listing ACLs', async () => {
      const answer = await this.#api.describeAcls({ filter })
      throwOnFailure(answer, 'listing ACLs')
      return answer
    })
    return [...acls]
  }

  async deleteAcls(filter: AclFilter): Promise<AclBinding[]> {
    if ((filter as unknown) === undefined) throw new OttlaError('INVALID_ARGUMENT', 'deleteAcls: the filter is missing; {} deletes all of them')
    checkAclFilter('deleteAcls', filter)
    const { results } = await this.#caller.call('deleting ACLs', async () => {
      const answer = await this.#api.deleteAcls({ filters: [filter] })
      for (const each of answer.results) throwOnFailure(each, 'deleting ACLs')
      return answer
    })
    return results.flatMap(({ acls }) => acls)
  }

  async listQuotas(): Promise<QuotaEntry[]> {
    const { entries } = await this.#caller.call('listing quotas', async () => {
      const answer = await this.#api.describeClientQuotas({ strict: false })
      throwOnFailure(answer, 'listing quotas')
      return answer
    })
    return [...entries]
  }

  async alterQuotas(entity: QuotaEntity, changes: QuotaChanges): Promise<void> {
    checkQuota(entity, changes)
    await this.#caller.call('altering quotas', async () => {
      const { results } = await this.#api.alterClientQuotas({ validateOnly: false, entries: [{ entity, changes }] })
      for (const each of results) throwOnFailure(each, 'altering quotas')
    })
  }
}

function bindingOf(given: AclInput): AclBinding {
  const acl: AclBinding = given === null || typeof given !== 'object' ? given : { patternType: 'LITERAL', host: '*', permission: 'ALLOW', ...given }
  checkAcl(acl)
  return acl
}
