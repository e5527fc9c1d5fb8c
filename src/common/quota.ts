/**
 * The vocabulary of client quotas, as in Kafka (KIP-13, KIP-55, KIP-124, KIP-546, KIP-599, KIP-612): how much a user, a client id, or the two together may
 * produce, consume, ask for and change, and how many connections an address may open. Of the quotas that a connection falls under, the most specific counts.
 */
import { callOptions, shown } from './call-options.ts'
import { OttlaError } from './errors.ts'

export type QuotaKey = ClientQuotaKey | AddressQuotaKey
/** Bytes a second; percents of the time of one thread; partitions made and removed a second, saved up for eleven seconds. */
type ClientQuotaKey = 'producer_byte_rate' | 'consumer_byte_rate' | 'request_percentage' | 'controller_mutation_rate'
/** New connections a second. */
type AddressQuotaKey = 'connection_creation_rate'
interface Kind { readonly whole: boolean; readonly most: number }

/** In the order in which Kafka tells up to three of them: that of its hash table, to which clients' own tests hold it. */
const ofClients: Readonly<Record<ClientQuotaKey, Kind>> = {
  consumer_byte_rate: { whole: true, most: 2 ** 63 }, controller_mutation_rate: { whole: false, most: Number.MAX_VALUE },
  request_percentage: { whole: false, most: Number.MAX_VALUE }, producer_byte_rate: { whole: true, most: 2 ** 63 },
}
const ofAddresses: Readonly<Record<AddressQuotaKey, Kind>> = { connection_creation_rate: { whole: true, most: 2 ** 31 - 1 } }
export const quotaKeys: readonly QuotaKey[] = [...Object.keys(ofClients) as ClientQuotaKey[], ...Object.keys(ofAddresses) as AddressQuotaKey[]]

/** Whom a quota is for: an address, or a user, a client id or both. Null: everybody without one of their own; left out: whoever it is. */
export interface QuotaEntity { readonly user?: string | null; readonly clientId?: string | null; readonly ip?: string | null }
export type Quotas = Partial<Readonly<Record<QuotaKey, number>>>
export interface QuotaEntry { readonly entity: QuotaEntity; readonly quotas: Quotas }
/** Null: back to none. */
export type QuotaChanges = Readonly<Partial<Record<QuotaKey, number | null>>>

const MAX_NAME = 4096
/** Kafka takes what is that close to a whole number for one. */
const WHOLE = 1e-6

/** What parts of an entity are called in requests; in the order in which Kafka names them. */
export const quotaEntityTypes = { 'client-id': 'clientId', user: 'user', ip: 'ip' } as const
export type QuotaEntityType = keyof typeof quotaEntityTypes
export interface QuotaEntityPart { readonly entityType: string; readonly entityName: string | null }

export function partsOfEntity(entity: QuotaEntity): QuotaEntityPart[] {
  return (Object.entries(quotaEntityTypes)).flatMap(([entityType, field]) => {
    const entityName = entity[field]
    return entityName === undefined ? [] : [{ entityType, entityName }]
  })
}

/** The same text for the same entity. */
export function entityKey({ user, clientId, ip }: QuotaEntity): string {
  if (ip !== undefined) return JSON.stringify({ ip: ip === null ? null : addressOf(ip) })
  return JSON.stringify([user === undefined ? 0 : [user], clientId === undefined ? 0 : [clientId]])
}

/** Why a change cannot be, or null. */
export function quotaProblem(entity: QuotaEntity, changes: QuotaChanges): string | null {
  const { user, clientId, ip } = entity
  if (user === undefined && clientId === undefined && ip === undefined) return 'a quota is for a user, a client id, or both, or for an address'
  if (ip !== undefined && (user !== undefined || clientId !== undefined)) return 'a quota is for an address, or for a user and a client id, not for all of them'
  for (const [name, value] of Object.entries(entity) as [string, unknown][]) {
    const isSound = value === undefined || value === null || (typeof value === 'string' && value !== '' && value.length <= MAX_NAME)
    if (!isSound) return `${name} is ${shown(value)}: give a name, or null for everybody without a quota of their own`
  }
  if (typeof ip === 'string' && addressOf(ip) === null) return `${shown(ip)} is no address: give an IP address, or localhost`
  const known: Readonly<Record<string, Kind>> = ip === undefined ? ofClients : ofAddresses
  for (const [key, value] of Object.entries(changes)) {
    if (!Object.hasOwn(known, key)) return `quotas of ${ip === undefined ? 'users and clients' : 'addresses'} are ${Object.keys(known).join(', ')}, not ${shown(key)}`
    if (value === null || value === undefined) continue
    const { whole, most } = known[key]!
    if (typeof value !== 'number' || !(value > 0 && value <= most)) return `${key} is ${shown(value)}: give a number above 0${most < 2 ** 63 ? ` and up to ${most}` : ''}`
    if (whole && value % 1 > WHOLE) return `${key} is ${value}: give a whole number, from 1`
  }
  return null
}

/** The one way to write an IP address, or null for what is none. */
export function addressOf(text: string): string | null {
  if (text === 'localhost') return '127.0.0.1'
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return text.split('.').every((part) => Number(part) <= 255) ? text.split('.').map(Number).join('.') : null
  if (!/^[\da-f:.]+$/i.test(text) || !URL.canParse(`http://[${text}]`)) return null
  const plain = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(plain)
  if (mapped === null) return plain
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** Raises INVALID_ARGUMENT. */
export function checkQuota(entity: QuotaEntity, changes: QuotaChanges): void {
  const given = callOptions('the entity of a quota', entity, ['user', 'clientId', 'ip'])
  if (changes === null || typeof changes !== 'object') throw new OttlaError('INVALID_ARGUMENT', `quotas are an object of names and numbers, not ${shown(changes)}`)
  const problem = quotaProblem(given, changes)
  if (problem !== null) throw new OttlaError('INVALID_ARGUMENT', problem)
}
