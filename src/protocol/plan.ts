/**
 * What is to be read and written for one version of one message, worked out once and kept: which fields stand there in which order, how
 * each is encoded, the least bytes that each takes (so that counts can be checked before anything is allocated) and what it weighs in memory.
 */
import { OttlaError } from '../common/errors.ts'
import { defaultsOf, parseFields, parseVersions, type Field, type FieldValue, type MessageSchema, type PlainMessage, type VersionRange } from './schema.ts'

/** How a value is encoded; numbers, for the switch of the hot paths. */
export const KIND = {
  int8: 0, int16: 1, uint16: 2, int32: 3, int64: 4, float64: 5, boolean: 6, uuid: 7, string: 8, bytes: 9, records: 10, struct: 11,
  clamped64: 12,
} as const

export interface FieldPlan {
  readonly name: string
  readonly kind: number
  readonly isArray: boolean
  readonly isNullable: boolean
  readonly isTagged: boolean
  readonly tag: number
  readonly defaultValue: FieldValue
  readonly struct: StructPlan | null
  /** Least bytes of one element of the array. */
  readonly elementSize: number
}

export interface StructPlan {
  readonly name: string
  readonly isFlexible: boolean
  /** In wire order. */
  readonly fields: readonly FieldPlan[]
  /** By rising tag. */
  readonly tagged: readonly FieldPlan[]
  /** Every field of every version at its default: what a decoded struct starts as. */
  readonly template: PlainMessage
  /** Least bytes that it takes on the wire, and about what it takes in memory. */
  readonly size: number
  readonly weight: number
}

export interface MessageVersions extends VersionRange { readonly flexibleSince: number }

const fixedSizes: Readonly<Record<string, number>> = { int8: 1, boolean: 1, int16: 2, uint16: 2, int32: 4, int64: 8, clamped64: 8, float64: 8, uuid: 16 }

function isIn(range: VersionRange, version: number): boolean { return version >= range.first && version <= range.last }

/** Least bytes of one value, or of one element of an array. */
function valueSize(field: Field, struct: StructPlan | null, isFlexible: boolean): number {
  if (struct !== null) return struct.size
  return fixedSizes[field.type] ?? (isFlexible ? 1 : field.type === 'string' ? 2 : 4)
}

function fieldSize(plan: FieldPlan, isFlexible: boolean): number {
  if (plan.isArray) return isFlexible ? 1 : 4
  return plan.struct !== null && plan.isNullable ? 1 : plan.elementSize
}

function planField(field: Field, version: number, isFlexible: boolean): FieldPlan {
  const struct = field.type === 'struct' ? planStruct(field.name, field.fields, version, isFlexible) : null
  return {
    name: field.name, kind: KIND[field.type], isArray: field.isArray, isNullable: field.nullable !== null && isIn(field.nullable, version),
    isTagged: field.tag >= 0, tag: field.tag, defaultValue: field.defaultValue, struct, elementSize: valueSize(field, struct, isFlexible),
  }
}

function planStruct(name: string, all: readonly Field[], version: number, isFlexible: boolean): StructPlan {
  const plans = all.filter((field) => isIn(field.versions, version)).map((field) => planField(field, version, isFlexible))
  const fields = plans.filter((plan) => !plan.isTagged)
  const size = fields.reduce((sum, plan) => sum + fieldSize(plan, isFlexible), isFlexible ? 1 : 0)
  return {
    name, isFlexible, fields, tagged: plans.filter((plan) => plan.isTagged).sort((a, b) => a.tag - b.tag),
    template: defaultsOf(all), size, weight: 64 + 8 * all.length,
  }
}

interface CompiledMessage { readonly versions: MessageVersions; readonly fields: readonly Field[]; readonly plans: (StructPlan | undefined)[] }

const compiled = new WeakMap<MessageSchema, CompiledMessage>()

function compile(schema: MessageSchema): CompiledMessage {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  const message: CompiledMessage = { versions: versionsOf(schema), fields: parseFields(schema.fields), plans: [] }
  compiled.set(schema, message)
  return message
}

/** Asked of every API when the registry is loaded: the fields of most are never needed in a process. */
export function versionsOf({ versions, flexible }: MessageSchema): MessageVersions {
  return { ...parseVersions(versions), flexibleSince: flexible === 'none' ? Infinity : parseVersions(flexible).first }
}

/** The schema's fields, parsed. */
export function fieldsOf(schema: MessageSchema): readonly Field[] { return compile(schema).fields }

/** Raises UNSUPPORTED_VERSION. */
export function planOf(schema: MessageSchema, version: number): StructPlan {
  const message = compile(schema)
  const known = message.plans[version]
  if (known !== undefined) return known
  const { first, last, flexibleSince } = message.versions
  if (!Number.isInteger(version) || !isIn(message.versions, version)) {
    throw new OttlaError('UNSUPPORTED_VERSION', `${schema.name} version ${version} is not known: there are ${first} to ${last}`)
  }
  const plan = planStruct(schema.name, message.fields, version, version >= flexibleSince)
  message.plans[version] = plan
  return plan
}
