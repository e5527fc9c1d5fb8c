import { describe, expectTypeOf, test } from 'vitest'
import { harness } from '../../test/support/client-harness.ts'
import { serializers } from './serializers.ts'
import type { Bytes, Consumer, ConsumerRecord, Kafka, Producer, ProducerRecord, RecordMetadata } from './types.ts'

interface Truck { id: string; lat: number }
const { clients } = harness()

describe('record types follow the serializers', () => {
  test('of a producer', () => {
    expectTypeOf(clients.producer()).toEqualTypeOf<Producer>()
    expectTypeOf(clients.producer({ acks: 'all', 'linger.ms': 5 })).toEqualTypeOf<Producer>()
    expectTypeOf(clients.producer({ 'value.serializer': serializers.json<Truck>() })).toEqualTypeOf<Producer<Bytes, Truck>>()
    expectTypeOf(clients.producer({ 'key.serializer': serializers.string, 'value.serializer': serializers.int32 })).toEqualTypeOf<Producer<string, number>>()
    expectTypeOf(clients.producer({ 'value.serializer': serializers.json })).toEqualTypeOf<Producer<Bytes, unknown>>()
    expectTypeOf(clients.producer({ 'value.serializer': { serialize: (value: Date) => Buffer.from(value.toISOString()) } }))
      .toEqualTypeOf<Producer<Bytes, Date>>()
    expectTypeOf(clients.producer<string, Truck>({ 'key.serializer': 'string', 'value.serializer': 'json' })).toEqualTypeOf<Producer<string, Truck>>()
  })
  test('of a producer whose serializer is named', () => {
    expectTypeOf((kafka: Kafka) => kafka.producer({ acks: 1, 'value.serializer': 'json' })).returns.toEqualTypeOf<Producer<Bytes, unknown>>()
    expectTypeOf((kafka: Kafka) => kafka.producer({ 'key.serializer': serializers.string, 'value.serializer': 'int32' })).returns.toEqualTypeOf<Producer<string, number>>()
    expectTypeOf((kafka: Kafka) => kafka.producer({ 'value.serializer': 'bytes' })).returns.toEqualTypeOf<Producer>()
    expectTypeOf((kafka: Kafka) => kafka.producer<string, Truck>({ 'value.serializer': 'json' })).returns.toEqualTypeOf<Producer<string, Truck>>()
    expectTypeOf((kafka: Kafka): Producer<string, Truck> => kafka.producer({ 'value.serializer': 'json' })).toBeFunction()
    // @ts-expect-error a misspelt setting is told with a named serializer, too
    expectTypeOf((kafka: Kafka) => kafka.producer({ lingerMs: 5, 'value.serializer': 'json' })).toBeFunction()
    // @ts-expect-error an object is no number
    expectTypeOf((kafka: Kafka) => kafka.producer({ 'value.serializer': 'int32' }).send({ topic: 't', value: {} })).toBeFunction()
  })
  test('of a consumer', () => {
    expectTypeOf(clients.consumer()).toEqualTypeOf<Consumer>()
    expectTypeOf(clients.consumer({ 'value.deserializer': serializers.msgpack<Truck>() })).toEqualTypeOf<Consumer<Bytes, Truck>>()
    const consumer = clients.consumer({ 'key.deserializer': serializers.string, 'value.deserializer': serializers.json<Truck>() })
    expectTypeOf<typeof consumer extends AsyncIterable<infer R> ? R : never>().toEqualTypeOf<ConsumerRecord<string, Truck>>()
    expectTypeOf<ConsumerRecord<string, Truck>['value']>().toEqualTypeOf<Truck | null>()
  })
  test('of a consumer whose deserializers are named', () => {
    expectTypeOf((kafka: Kafka) => kafka.consumer({ 'key.deserializer': 'string', 'value.deserializer': 'json' })).returns.toEqualTypeOf<Consumer<string, unknown>>()
    expectTypeOf((kafka: Kafka) => kafka.consumer({ 'group.id': 'g', 'value.deserializer': 'int32' })).returns.toEqualTypeOf<Consumer<Bytes, number>>()
    expectTypeOf((kafka: Kafka) => kafka.consumer({ 'key.deserializer': 'int64' })).returns.toEqualTypeOf<Consumer<number>>()
    expectTypeOf((kafka: Kafka) => kafka.consumer({ 'key.deserializer': 'string', 'value.deserializer': serializers.json<Truck>() })).returns.toEqualTypeOf<Consumer<string, Truck>>()
    expectTypeOf((kafka: Kafka) => kafka.consumer<string, Truck>({ 'key.deserializer': 'string', 'value.deserializer': 'json' })).returns.toEqualTypeOf<Consumer<string, Truck>>()
    expectTypeOf((kafka: Kafka): Consumer<string, Truck> => kafka.consumer({ 'key.deserializer': 'string', 'value.deserializer': 'json' })).toBeFunction()
    expectTypeOf((kafka: Kafka) => kafka.consumer({ 'group.id': 'g' })).returns.toEqualTypeOf<Consumer>()
    // @ts-expect-error a misspelt setting is told with a named deserializer, too
    expectTypeOf((kafka: Kafka) => kafka.consumer({ groupId: 'g', 'value.deserializer': 'json' })).toBeFunction()
  })
  test('of what is sent', () => {
    expectTypeOf<Producer<Bytes, Truck>['send']>().parameter(0).toEqualTypeOf<ProducerRecord<Bytes, Truck>>()
    expectTypeOf<{ topic: string; value: Truck }>().toExtend<ProducerRecord<Bytes, Truck>>()
    expectTypeOf<{ topic: string; value: string; key: string; timestamp: Date; headers: { a: string } }>().toExtend<ProducerRecord>()
    expectTypeOf<{ topic: string; value: null; headers: { key: string; value: Buffer }[] }>().toExtend<ProducerRecord>()
    expectTypeOf<{ topic: string; value: { lat: string } }>().not.toExtend<ProducerRecord<Bytes, Truck>>()
    expectTypeOf<{ topic: string }>().not.toExtend<ProducerRecord>()
    expectTypeOf<ReturnType<Producer['send']>>().toEqualTypeOf<Promise<RecordMetadata>>()
  })
  test('settings are known by name and kind', () => {
    // @ts-expect-error linger.ms is spelt with a dot
    expectTypeOf(() => clients.producer({ lingerMs: 5 })).returns.toBeObject()
    // @ts-expect-error acks is 0, 1, −1 or 'all'
    expectTypeOf(() => clients.producer({ acks: 2 })).returns.toBeObject()
    // @ts-expect-error there is no such codec
    expectTypeOf(() => clients.producer({ 'compression.type': 'brotli' })).returns.toBeObject()
    // @ts-expect-error there is no such serializer
    expectTypeOf(() => clients.consumer({ 'value.deserializer': 'avro' })).returns.toBeObject()
  })
})

test('the clients are what embedded and remote databases give', () => {
  expectTypeOf<typeof clients.producer>().toExtend<Kafka['producer']>()
  expectTypeOf<typeof clients.consumer>().toExtend<Kafka['consumer']>()
})
