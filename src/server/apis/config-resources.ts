/** What is wrong with a resource whose settings are to be altered, before anybody looks at the settings; null: nothing. The same of both APIs that alter. */
import { errorTable } from '../../common/errors.ts'
import { repeated } from '../../common/repeated.ts'
import { brokerTable } from '../../config/broker-settings.ts'
import { parseSetting } from '../../config/setting-value.ts'
import { RESOURCE_BROKER, type ConfigResource, type Failure } from '../../protocol/broker-api.ts'

interface Alteration<C> extends ConfigResource { readonly configs: readonly C[] }
interface Change { readonly name: string; readonly configOperation: number; readonly value: string | null }

/** Above it: append and subtract. */
const DELETE = 1

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

/** A value that a setting of a broker cannot have is an invalid request to Kafka, not an invalid setting as everywhere else. What cannot be done to the setting is one. */
export function asKafka(resource: Alteration<Change>, failure: Failure): Failure {
  if (resource.resourceType !== RESOURCE_BROKER || failure.errorCode !== errorTable.INVALID_CONFIG.errorCode) return failure
  const isForbidden = resource.configs.some(({ name, configOperation }) => configOperation > DELETE && brokerTable[name]?.type !== 'list')
    || (resource.configs.every(isValid) && resource.configs.some(({ name, configOperation }) => name === 'min.insync.replicas' && (resource.resourceName !== '' || configOperation === DELETE)))
  return isForbidden ? failure : { ...failure, errorCode: errorTable.INVALID_REQUEST.errorCode }
}

/** Of a setting of brokers: something that it may be while the broker runs. */
function isValid({ name, configOperation, value }: Change): boolean {
  const setting = Object.hasOwn(brokerTable, name) ? brokerTable[name] : undefined
  if (configOperation === DELETE || setting === undefined) return configOperation === DELETE
  if (setting.fixed === true) return false
  try {
    parseSetting(name, setting, value)
    return true
  } catch {
    return false
  }
}
