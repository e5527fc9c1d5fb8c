/** What is wrong with a resource whose settings are to be altered, before anybody looks at the settings; null: nothing. The same of both APIs that alter. */
import { errorTable } from '../../common/errors.ts'
import { repeated } from '../../common/repeated.ts'
import { RESOURCE_BROKER, type ConfigResource, type Failure } from '../../protocol/broker-api.ts'

interface Alteration<C> extends ConfigResource { readonly configs: readonly C[] }

/** `twice`: of all resources of the request, from `namedTwice`. */
export function resourceProblem<C extends { readonly name: string }>(resource: Alteration<C>, twice: ReadonlySet<string>, lacksValue: (config: C) => boolean): string | null {
  const { configs } = resource
  if (twice.has(keyOf(resource))) return 'the request names this resource twice'
  if (new Set(configs.map(({ name }) => name)).size < configs.length) return 'the request names a setting twice'
  const lacking = configs.filter(lacksValue).map(({ name }) => name)
  return lacking.length === 0 ? null : `these have no value: ${lacking.join(', ')}`
}

function keyOf({ resourceType, resourceName }: ConfigResource): string { return `${resourceType} ${resourceName}` }

export function namedTwice(resources: readonly ConfigResource[]): ReadonlySet<string> { return repeated(resources.map(keyOf)) }

/** A setting of a broker that cannot be is an invalid request to Kafka, not an invalid setting as everywhere else. */
export function asKafka(resourceType: number, failure: Failure): Failure {
  const isSetting = resourceType === RESOURCE_BROKER && failure.errorCode === errorTable.INVALID_CONFIG.errorCode
  return isSetting ? { ...failure, errorCode: errorTable.INVALID_REQUEST.errorCode } : failure
}
