/** Serializers by name. */
import type { Serde, SerializerName } from './types.ts'

/** Both a serde of anything that JSON can hold and, called, one of a given type: `serializers.json<Truck>()`. */
export type GenericSerde = Serde<unknown> & (<T>() => Serde<T>)

export interface Serializers {
  readonly string: Serde<string>
  readonly json: GenericSerde
  readonly msgpack: GenericSerde
  readonly bytes: Serde<Uint8Array>
  readonly int32: Serde<number>
  readonly int64: Serde<number>
  readonly float64: Serde<number>
}

export declare const serializers: Serializers
export function serializerNamed(name: SerializerName): Serde<unknown> { throw new Error(name) }
