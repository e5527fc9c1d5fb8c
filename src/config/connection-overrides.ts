/** `max.connections.per.ip.overrides`: how many connections of one address there may be, where that is not `max.connections.per.ip`. */
import { addressOf } from '../common/quota.ts'
import type { Setting } from './setting.ts'

/** By address; null for what cannot be. */
export function connectionOverrides(text: string): ReadonlyMap<string, number> | null {
  const overrides = new Map<string, number>()
  for (const word of text.split(',').map((each) => each.trim())) {
    if (word === '') continue
    const [, host = '', most = ''] = /^(.+?)\s*:\s*(\d{1,10})$/.exec(word) ?? []
    const address = addressOf(host)
    if (address === null || Number(most) > 2_147_483_647) return null
    overrides.set(address, Number(most))
  }
  return overrides
}

export const addressCounts: NonNullable<Setting['pattern']> = {
  isValid: (word) => connectionOverrides(word) !== null, type: 'string', text: 'a list of address:connections, like 10.0.0.1:5 (names are not looked up)',
}
