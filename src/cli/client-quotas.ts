/** The part of `ottla configs` that concerns users, client ids and addresses: their quotas, by the flags of kafka-configs. */
import type { QuotaEntity } from '../index.ts'
import { UsageError } from './command.ts'
import { fractionText } from './fraction-text.ts'
import type { Source } from './session.ts'
import type { Terminal } from './terminal.ts'

export interface QuotaFlags {
  readonly 'entity-type': readonly string[]; readonly 'entity-name': readonly string[]; readonly 'entity-default': boolean
  readonly user: string | undefined; readonly client: string | undefined; readonly ip: string | undefined
  readonly 'user-defaults': boolean; readonly 'client-defaults': boolean; readonly 'ip-defaults': boolean
}

const fields = { users: 'user', clients: 'clientId', ips: 'ip' } as const

/** Whom the flags name, null for the default of all; null in place of all of it when they are about something else. Raises UsageError. */
export function quotaEntityOf(flags: QuotaFlags): { readonly entity: QuotaEntity; readonly types: readonly (keyof QuotaEntity)[] } | null {
  const types = flags['entity-type'].filter((type) => type in fields)
  const isShort = [flags.user, flags.client, flags.ip].some((name) => name !== undefined) || flags['user-defaults'] || flags['client-defaults'] || flags['ip-defaults']
  if (types.length === 0 && !isShort) return null
  if (types.length < flags['entity-type'].length) throw new UsageError(`--entity-type users and clients go together, but with nothing else (${flags['entity-type'].join(', ')})`)
  checkNames(flags, types)
  const entity: { user?: string | null; clientId?: string | null; ip?: string | null } = {}
  types.forEach((type, index) => {
    const name = flags['entity-name'][index] ?? (flags['entity-default'] ? null : undefined)
    if (name !== undefined) entity[fields[type as keyof typeof fields]] = name
  })
  if (flags.user !== undefined || flags['user-defaults']) entity.user = flags.user ?? null
  if (flags.client !== undefined || flags['client-defaults']) entity.clientId = flags.client ?? null
  if (flags.ip !== undefined || flags['ip-defaults']) entity.ip = flags.ip ?? null
  const named = Object.keys(entity) as (keyof QuotaEntity)[]
  const all = [...new Set([...types.map((type) => fields[type as keyof typeof fields]), ...named])]
  if (all.includes('ip') && all.length > 1) throw new UsageError('quotas of addresses (--entity-type ips) go together with no other')
  return { entity, types: all }
}

/** Nothing is named twice, or without being of a type. */
function checkNames(flags: QuotaFlags, types: readonly string[]): void {
  const names = flags['entity-name']
  if (types.length === 0 && (names.length > 0 || flags['entity-default'])) {
    throw new UsageError(`--entity-${names.length > 0 ? 'name' : 'default'} needs --entity-type: what kind of entity ${names[0] ?? 'it'} is`)
  }
  if (names.length > types.length) throw new UsageError(`--entity-name is given ${names.length} times for ${types.length === 1 ? 'one' : types.length} --entity-type`)
  for (const [type, short] of [['users', 'user'], ['clients', 'client'], ['ips', 'ip']] as const) {
    const isNamed = flags[short] !== undefined
    if (isNamed && flags[`${short}-defaults`]) throw new UsageError(`--${short} and --${short}-defaults exclude each other`)
    const index = types.indexOf(type)
    if (index < 0 || (!isNamed && !flags[`${short}-defaults`])) continue
    if (names[index] !== undefined) throw new UsageError(`the ${short} is named twice, by --entity-name and by --${short}${isNamed ? '' : '-defaults'}`)
  }
}

/** Those of the entity, or where a type stands without a name of all entities of the types; of users what they log in with, too. */
export async function describeQuotas(kafka: Source, terminal: Terminal, { entity, types }: NonNullable<ReturnType<typeof quotaEntityOf>>, json: boolean): Promise<void> {
  for (const entry of await kafka.admin.listQuotas()) {
    const isMeant = types.every((type) => entry.entity[type] !== undefined && (entity[type] === undefined || entity[type] === entry.entity[type]))
    if (!isMeant || Object.keys(entry.entity).length > types.length) continue
    if (json) await terminal.json(entry)
    else await terminal.line(`Quota configs for ${labelOf(entry.entity)} are ${Object.entries(entry.quotas).map(([name, value]) => `${name}=${fractionText(value, Number)}`).sort().join(', ')}`)
  }
  if (types.length !== 1 || types[0] !== 'user') return
  for (const { name, mechanisms } of await kafka.users.list()) {
    if (entity.user !== undefined && entity.user !== name) continue
    if (json) await terminal.json({ entity: { user: name }, mechanisms })
    else await terminal.line(`SCRAM credential configs for user-principal '${name}' are ${mechanisms.map((each) => `${each.mechanism}=iterations=${each.iterations}`).join(', ')}`)
  }
}

export async function alterQuotas(kafka: Source, terminal: Terminal, entity: QuotaEntity, changes: Readonly<Record<string, string | null>>): Promise<void> {
  if (Object.keys(entity).length === 0) throw new UsageError('--entity-name NAME or --entity-default is required: whose quota to change')
  const scram = Object.keys(changes).find((name) => name.startsWith('SCRAM-'))
  const advice = 'passwords are not given on the command line here: "ottla users --set NAME" reads one from standard input, "ottla users --remove NAME" takes it away'
  if (scram !== undefined) throw new UsageError(`${scram}: ${advice}`)
  const stray = Object.entries(changes).find(([, value]) => value !== null && (value.trim() === '' || Number.isNaN(Number(value))))
  if (stray !== undefined) throw new UsageError(`--add-config ${stray[0]} needs a number, not ${JSON.stringify(stray[1])}`)
  await kafka.admin.alterQuotas(entity, Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value === null ? null : Number(value)])))
  await terminal.line(completedText(entity))
}

/** Of a user and a client together kafka-configs tells of the user. */
function completedText({ user, clientId, ip }: QuotaEntity): string {
  const [kind, name] = user !== undefined ? ['user', user] : clientId !== undefined ? ['client', clientId] : ['ip', ip]
  return name === null ? `Completed updating default config for ${kind}s in the cluster.` : `Completed updating config for ${kind} ${name}.`
}

function labelOf({ user, clientId, ip }: QuotaEntity): string {
  const label = (type: string, name: string | null | undefined): string[] => name === undefined ? [] : [name === null ? `the default ${type}` : `${type} '${name}'`]
  return [...label('user-principal', user), ...label('client-id', clientId), ...label('ip', ip)].join(', ')
}
