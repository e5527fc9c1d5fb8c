/**
 * The notation in which Kafka's messages are written down (`messages/`), the types that follow from it, and its parser.
 *
 * A message has a range of versions, its first flexible version, and fields in wire order. A field is `name: 'int32 7+ = -1'`, or for
 * structs `name: ['{}[] 3+', { …fields }]`:
 *
 *   type         int8 int16 uint16 int32 int64 float64 boolean string bytes records uuid, {} (struct); followed by [] for arrays.
 *                clamped64 is an int64 of which values beyond ±(2^53−1) are read as the nearest inside: limits and points in time that
 *                clients set to "as far as possible" (Long.MAX_VALUE). An int64 is refused there
 *   ?            may be null; "?7+" from version 7 on, "?2-7" in these versions
 *   3+   3-7     versions that have the field (default: all)
 *   tag 0        a tagged field of flexible versions, left out at its default
 *   = value      its default, where that is not the natural one: 0, '', false, no bytes, no elements, the zero uuid, a struct of
 *                defaults; null for what may be null in every version that has it
 *
 * Facts of the tables: Kafka's message definitions as of 4.1; layouts: spec/wire-protocol 2.2. Message versions above what Kafka calls
 * stable are left out.
 */
import { OttlaError } from '../common/errors.ts'
import { ZERO_UUID } from '../common/uuid.ts'

export type FieldSpec = string | readonly [spec: string, fields: FieldSpecs]
export interface FieldSpecs { readonly [name: string]: FieldSpec }

export interface MessageSchema {
  readonly name: string
  /** "3-13"; "0" when there is one. */
  readonly versions: string
  /** "9+", or "none". */
  readonly flexible: string
  readonly fields: FieldSpecs
}

// ---- types ----
interface Scalars {
  int8: number; int16: number; uint16: number; int32: number; float64: number; boolean: boolean; string: string; uuid: string
  /** ±(2^53−1). */
  int64: number; clamped64: number
  /** Views, not copies. */
  bytes: Uint8Array; records: Uint8Array
}
type Head<S extends string> = S extends `${infer H} ${string}` ? H : S
type Plain<T extends string> = T extends `${infer E}[]` ? readonly Plain<E>[] : T extends keyof Scalars ? Scalars[T] : never
type ScalarValue<H extends string> = H extends `${infer T}?${string}` ? Plain<T> | null : Plain<H>
type Wrapped<H extends string, V> = H extends `${infer T}?${string}` ? Wrapped<T, V> | null : H extends '{}[]' ? readonly V[] : V

/** What decoding gives: every field of every version, absent ones at their default. */
export type Decoded<F> = { readonly [K in keyof F]: DecodedField<F[K]> }
type DecodedField<S> = S extends readonly [infer T extends string, infer F] ? Wrapped<Head<T>, Decoded<F>> : S extends string ? ScalarValue<Head<S>> : never

/** A field may be left out when only some versions have it, when it may be null in all, or when it has a default of its own. */
type OptionalSpec = `${string} ${string}` | `${string}?`
type OptionalKeys<F> = { [K in keyof F]: F[K] extends OptionalSpec | readonly [OptionalSpec, unknown] ? K : never }[keyof F]
type EncodableField<S> = S extends readonly [infer T extends string, infer F] ? Wrapped<Head<T>, Encodable<F>> : S extends string ? ScalarValue<Head<S>> : never
/** What encoding takes: as decoded, but fields may be left out. Fields that the version lacks are not written. */
export type Encodable<F> =
  & { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: EncodableField<F[K]> }
  & { readonly [K in OptionalKeys<F>]?: EncodableField<F[K]> | undefined }

/** Of a schema that is not known to the compiler: any. */
export type MessageOf<S extends MessageSchema> = string extends keyof S['fields'] ? PlainMessage : Decoded<S['fields']>
export type MessageInput<S extends MessageSchema> = string extends keyof S['fields'] ? PlainMessage : Encodable<S['fields']>

// ---- parser ----
export type ScalarType = keyof Scalars

/** Inclusive; `last` may be Infinity. */
export interface VersionRange { readonly first: number; readonly last: number }

export interface Field {
  readonly name: string
  readonly type: ScalarType | 'struct'
  readonly isArray: boolean
  /** Versions in which it exists, and in which it may be null. */
  readonly versions: VersionRange
  readonly nullable: VersionRange | null
  /** −1: not tagged. */
  readonly tag: number
  readonly defaultValue: FieldValue
  /** Of a struct, else empty. */
  readonly fields: readonly Field[]
}

export type FieldValue = number | string | boolean | null | Uint8Array | readonly FieldValue[] | PlainMessage
/** A message whose type is not known to the compiler. */
export interface PlainMessage { readonly [name: string]: FieldValue | undefined }

const EMPTY_BYTES = new Uint8Array(0)
const EMPTY_LIST: readonly FieldValue[] = Object.freeze([])
const specPattern = /^(\{\}|\w+)(\[\])?(\?(?:\d+(?:\+|-\d+))?)?(?: (\d+(?:\+|-\d+)))?(?: tag (\d+))?(?: = (.*))?$/

/** "3+", "3-7" or "3". */
export function parseVersions(text: string): VersionRange {
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text)
  if (match === null) throw new OttlaError('INTERNAL', `"${text}" is no range of versions`)
  const first = Number(match[1])
  return { first, last: match[2] === '+' ? Infinity : Number(match[3] ?? first) }
}

const EVERY: VersionRange = { first: 0, last: Infinity }

function naturalDefault(type: ScalarType | 'struct', fields: readonly Field[]): FieldValue {
  switch (type) {
    case 'string': return ''
    case 'boolean': return false
    case 'bytes':
    case 'records': return EMPTY_BYTES
    case 'uuid': return ZERO_UUID
    case 'struct': return defaultsOf(fields)
    default: return 0
  }
}

function explicitDefault(type: ScalarType | 'struct', text: string): FieldValue {
  if (text === 'null') return null
  if (type === 'string') return text
  return type === 'boolean' ? text === 'true' : Number(text)
}

function parseField(name: string, spec: FieldSpec): Field {
  const [text, nested] = typeof spec === 'string' ? [spec, {}] : spec
  const match = specPattern.exec(text)
  if (match === null) throw new OttlaError('INTERNAL', `field ${name}: cannot read "${text}"`)
  const type = match[1] === '{}' ? 'struct' : match[1] as ScalarType
  const isArray = match[2] !== undefined
  const fields = parseFields(nested)
  const nullable = match[3] === undefined ? null : match[3] === '?' ? EVERY : parseVersions(match[3].slice(1))
  const natural = nullable === EVERY ? null : isArray ? EMPTY_LIST : naturalDefault(type, fields)
  return {
    name, type, isArray, nullable, fields,
    versions: match[4] === undefined ? EVERY : parseVersions(match[4]),
    tag: Number(match[5] ?? -1),
    defaultValue: match[6] === undefined ? natural : explicitDefault(type, match[6]),
  }
}

export function parseFields(specs: FieldSpecs): readonly Field[] { return Object.entries(specs).map(([name, spec]) => parseField(name, spec)) }

/** A struct with every field at its default; frozen, for it is shared. */
export function defaultsOf(fields: readonly Field[]): PlainMessage {
  return Object.freeze(Object.fromEntries(fields.map((field) => [field.name, field.defaultValue])))
}
