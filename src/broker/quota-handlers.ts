/** DescribeClientQuotas and AlterClientQuotas: the quotas as they are kept. Listeners hold clients to them; programs that opened the database have none. */
import type { AlterClientQuotasRequest, AlterClientQuotasResponse, DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'
import { failureOf, noFailure } from './failure.ts'

type QuotaContext = Pick<BrokerContext, 'quotas'>

export function handleDescribeClientQuotas({ quotas }: QuotaContext, { user, clientId, ip, strict }: DescribeClientQuotasRequest): DescribeClientQuotasResponse {
  const fits = (wanted: string | null | true | undefined, is: string | null | undefined): boolean => (
    wanted === undefined ? !strict || is === undefined : wanted === true ? is !== undefined : is === wanted)
  return { ...noFailure, entries: quotas.all().filter(({ entity }) => fits(user, entity.user) && fits(clientId, entity.clientId) && fits(ip, entity.ip)) }
}

export async function handleAlterClientQuotas({ quotas }: QuotaContext, { entries, validateOnly }: AlterClientQuotasRequest): Promise<AlterClientQuotasResponse> {
  const results: AlterClientQuotasResponse['results'][number][] = []
  for (const { entity, changes } of entries) {
    try {
      await quotas.alter(entity, changes, validateOnly)
      results.push(noFailure)
    } catch (error) {
      results.push(failureOf(error))
    }
  }
  return { results }
}
