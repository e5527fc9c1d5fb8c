/** What is wrong with a resource whose settings are to be altered, before anybody looks at the settings; null: nothing. The same of both APIs that alter. */
import type { ConfigResource } from '../../protocol/broker-api.ts'

interface Alteration<C> extends ConfigResource { readonly configs: readonly C[] }

export function resourceProblem<C extends { readonly name: string }>(resource: Alteration<C>, all: readonly Alteration<C>[], lacksValue: (config: C) => boolean): string | null {
  const { resourceType, resourceName, configs } = resource
  if (all.some((each) => each !== resource && each.resourceType === resourceType && each.resourceName === resourceName)) return 'the request names this resource twice'
  if (new Set(configs.map(({ name }) => name)).size < configs.length) return 'the request names a setting twice'
  const lacking = configs.filter(lacksValue).map(({ name }) => name)
  return lacking.length === 0 ? null : `these have no value: ${lacking.join(', ')}`
}
