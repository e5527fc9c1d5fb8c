/** From the flags of kafka-acls to ACLs and filters. Pure. */
import { aclOperations, CLUSTER_NAME, isPrincipal, operationsOf, type AclBinding, type AclFilter, type AclOperation, type AclPermission, type AclResourceType } from '../common/acl.ts'
import { choice } from './arguments.ts'
import { UsageError } from './command.ts'

export interface AclFlags {
  readonly topic: readonly string[]; readonly group: readonly string[]; readonly cluster: boolean; readonly 'transactional-id': readonly string[]
  readonly 'user-principal': readonly string[]
  readonly 'resource-pattern-type': string | undefined
  readonly 'allow-principal': readonly string[]; readonly 'deny-principal': readonly string[]
  readonly 'allow-host': readonly string[]; readonly 'deny-host': readonly string[]
  readonly operation: readonly string[]
  readonly producer: boolean; readonly consumer: boolean; readonly idempotent: boolean
}

export interface AclResource { readonly resourceType: AclResourceType; readonly resourceName: string }

const patternWords = { any: undefined, match: 'MATCH', literal: 'LITERAL', prefixed: 'PREFIXED' } as const

export function resourcesOf(flags: AclFlags): AclResource[] {
  const of = (resourceType: AclResourceType, names: readonly string[]): AclResource[] => names.map((name) => ({ resourceType, resourceName: name.trim() }))
  return [
    ...of('TOPIC', flags.topic), ...of('GROUP', flags.group), ...of('CLUSTER', flags.cluster ? [CLUSTER_NAME] : []), ...of('TRANSACTIONAL_ID', flags['transactional-id']),
    ...of('USER', flags['user-principal']),
  ]
}

/** What `--list` shows, and `--remove` without principals, hosts and operations takes away: one filter a resource. */
export function filtersOf(flags: AclFlags): AclFilter[] {
  const patternType = patternWords[patternOf(flags, ['any', 'match', 'literal', 'prefixed'])]
  const resources = resourcesOf(flags)
  if (resources.length === 0) return [flags['resource-pattern-type'] === undefined ? {} : { patternType }]
  return resources.map((resource) => ({ ...resource, patternType }))
}

function patternOf<const W extends string>(flags: AclFlags, words: readonly W[]): W {
  return choice('resource-pattern-type', (flags['resource-pattern-type'] ?? 'literal').toLowerCase(), words)
}

/** Whether the flags say more than which resources are meant. */
export function namesEntries(flags: AclFlags): boolean {
  return [flags['allow-principal'], flags['deny-principal'], flags['allow-host'], flags['deny-host'], flags.operation].some((list) => list.length > 0)
}

/** The ACLs that the flags spell out. Raises UsageError. */
export function aclsOf(flags: AclFlags): AclBinding[] {
  const patternType = patternWords[patternOf(flags, ['literal', 'prefixed'])]
  for (const kind of ['allow', 'deny'] as const) {
    if (flags[`${kind}-host`].length > 0 && flags[`${kind}-principal`].length === 0) throw new UsageError(`--${kind}-host needs --${kind}-principal: who comes from there`)
  }
  if (flags.idempotent && !flags.producer) throw new UsageError('--idempotent needs --producer')
  const entries = entriesOf(flags)
  if (entries.length === 0) throw new UsageError('give --allow-principal or --deny-principal: who the ACLs are about')
  const rights = flags.producer || flags.consumer ? rightsOfClients(flags) : rightsOfOperations(flags)
  return rights.flatMap(({ resourceType, resourceName, operation }) => entries.map((entry): AclBinding => (
    { resourceType, resourceName, patternType: resourceType === 'CLUSTER' ? 'LITERAL' : patternType, operation, ...entry })))
}

type Right = AclResource & { readonly operation: AclOperation }

function rightsOfOperations(flags: AclFlags): Right[] {
  const resources = resourcesOf(flags)
  if (resources.length === 0) throw new UsageError('give the resources: --topic, --group, --cluster or --transactional-id')
  const operations = flags.operation.length === 0 ? ['ALL' as const] : flags.operation.map(operationOf)
  return resources.flatMap((resource) => operations.map((operation) => {
    const known = operationsOf[resource.resourceType]
    if (operation !== 'ALL' && !known.includes(operation)) throw new UsageError(`--operation ${operation}: resources of type ${resource.resourceType} know ALL, ${known.join(', ')}`)
    return { ...resource, operation }
  }))
}

/** What `--producer` and `--consumer` stand for. */
function rightsOfClients(flags: AclFlags): Right[] {
  if (flags.operation.length > 0) throw new UsageError('--producer and --consumer say the operations themselves: leave --operation out')
  if (flags.topic.length === 0) throw new UsageError('--producer and --consumer need --topic')
  if (flags.consumer && flags.group.length === 0) throw new UsageError('--consumer needs --group')
  const of = (type: AclResourceType, operations: readonly AclOperation[]): Right[] => resourcesOf(flags).filter(({ resourceType }) => resourceType === type)
    .flatMap((resource) => operations.map((operation) => ({ ...resource, operation })))
  const topics = new Set<AclOperation>([...(flags.producer ? ['WRITE', 'DESCRIBE', 'CREATE'] as const : []), ...(flags.consumer ? ['READ', 'DESCRIBE'] as const : [])])
  return [
    ...of('TOPIC', [...topics]), ...(flags.consumer ? of('GROUP', ['READ']) : []), ...(flags.producer ? of('TRANSACTIONAL_ID', ['WRITE', 'DESCRIBE']) : []),
    ...(flags.producer && flags.idempotent ? [{ resourceType: 'CLUSTER', resourceName: CLUSTER_NAME, operation: 'IDEMPOTENT_WRITE' } as const] : []),
  ]
}

function entriesOf(flags: AclFlags): Pick<AclBinding, 'principal' | 'host' | 'permission'>[] {
  const of = (permission: AclPermission, principals: readonly string[], hosts: readonly string[]): Pick<AclBinding, 'principal' | 'host' | 'permission'>[] => {
    const stray = principals.find((each) => !isPrincipal(each))
    if (stray !== undefined) throw new UsageError(`a principal is User:name, not ${JSON.stringify(stray)}`)
    return principals.flatMap((principal) => (hosts.length === 0 ? ['*'] : hosts).map((host) => ({ principal, host, permission })))
  }
  return [...of('ALLOW', flags['allow-principal'], flags['allow-host']), ...of('DENY', flags['deny-principal'], flags['deny-host'])]
}

/** As Kafka's tool writes them (DescribeConfigs), and as its protocol does (DESCRIBE_CONFIGS). */
export function operationOf(text: string): AclOperation {
  const bare = (word: string): string => word.replaceAll('_', '').toLowerCase()
  const found = (Object.keys(aclOperations) as AclOperation[]).find((each) => bare(each) === bare(text.trim()))
  if (found === undefined) throw new UsageError(`--operation ${text} is not known: there are ${Object.keys(aclOperations).join(', ')}`)
  return found
}
