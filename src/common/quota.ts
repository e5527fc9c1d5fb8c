/**
 * The vocabulary of client quotas, as in Kafka (KIP-13, KIP-55, KIP-546): how many bytes a second a user, a client id, or the two together may produce and
 * consume. Of the quotas that a connection falls under, the most specific counts.
 */
import { callOptions, shown } from './call-options.ts'
import { OttlaError } from './errors.ts'

/** Bytes a second. Others that Kafka knows (request_percentage, controller_mutation_rate) are refused: what is not held to must not look as if it were. */
export const quotaKeys = ['producer_byte_rate', 'consumer_byte_rate'] as const
export type QuotaKey = (typeof quotaKeys)[number]

/** Whom a quota is for. Null: everybody without one of their own; left out: whoever it is. At least one of the two is there. */
export interface QuotaEntity { readonly user?: string | null; readonly clientId?: string | null }
export type Quotas = Partial<Readonly<Record<QuotaKey, number>>>
export interface QuotaEntry { readonly entity: QuotaEntity; readonly quotas: Quotas }
/** Null: back to none. */
export type QuotaChanges = Readonly<Partial<Record<QuotaKey, number | null>>>

const MAX_NAME = 4096

/** The same text for the same entity. */
export function entityKey({ user, clientId }: QuotaEntity): string { return JSON.stringify([user === undefined ? 0 : [user], clientId === undefined ? 0 : [clientId]]) }

/** Why a change cannot be, or null. */
export function quotaProblem(entity: QuotaEntity, changes: QuotaChanges): string | null {
  if (entity.user === undefined && entity.clientId === undefined) return 'a quota is for a user, a client id, or both'
  for (const [name, value] of Object.entries(entity) as [string, unknown][]) {
    const isSound = value === undefined || value === null || (typeof value === 'string' && value !== '' && value.length <= MAX_NAME)
    if (!isSound) return `${name} is ${shown(value)}: give a name, or null for everybody without a quota of their own`
  }
  for (const [key, value] of Object.entries(changes)) {
    if (!quotaKeys.includes(key as QuotaKey)) return `quotas are ${quotaKeys.join(' and ')}, not ${shown(key)}`
    if (value !== null && value !== undefined && !(Number.isSafeInteger(value) && value > 0)) return `${key} is ${value}: give whole bytes a second, from 1`
  }
  return null
}

/** Raises INVALID_ARGUMENT. */
export function checkQuota(entity: QuotaEntity, changes: QuotaChanges): void {
  callOptions('the entity of a quota', entity, ['user', 'clientId'])
  if (changes === null || typeof changes !== 'object') throw new OttlaError('INVALID_ARGUMENT', `quotas are an object of names and numbers, not ${shown(changes)}`)
  const problem = quotaProblem(entity, changes)
  if (problem !== null) throw new OttlaError('INVALID_ARGUMENT', problem)
}
