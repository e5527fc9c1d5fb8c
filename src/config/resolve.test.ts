import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { MAX_PARTITIONS } from '../common/topic-partition.ts'
import { resolveAdmin, resolveBroker, resolveClient, resolveConsumer, resolveProducer, resolveTopic, topicFallback } from './resolve.ts'
import { FOREVER } from './setting.ts'
import { formatSetting } from './setting-value.ts'
import { topicTable } from './topic-settings.ts'

const broker = resolveBroker()

/** The message of the INVALID_CONFIG error that `run` must raise. */
function complaint(run: () => unknown): string {
  try { run() } catch (error) {
    if (OttlaError.is(error, 'INVALID_CONFIG')) return error.message
    throw error
  }
  throw new Error('no error was raised')
}

describe('defaults', () => {
  test('are those of Kafka 4.1 for topics', () => {
    const topic = resolveTopic(undefined, broker)
    expect(topic['retention.ms']).toBe(604_800_000)
    expect(topic['segment.bytes']).toBe(1_073_741_824)
    expect(topic['max.message.bytes']).toBe(1_048_588)
    expect(topic['message.timestamp.after.max.ms']).toBe(3_600_000)
    expect(topic['flush.messages']).toBe(FOREVER)
    expect(topic['internal.segment.bytes']).toBeNull()
    expect(topic['write.caching']).toBe(false)
  })

  test('of a producer differ in process and over the wire', () => {
    expect(resolveProducer({}, true)).toMatchObject({ 'batch.size': 65_536, 'linger.ms': 0, acks: -1, 'enable.idempotence': true })
    expect(resolveProducer({}, false)).toMatchObject({ 'batch.size': 16_384, 'linger.ms': 5 })
  })

  test('of a consumer without a group switch auto commit off', () => {
    expect(resolveConsumer()['enable.auto.commit']).toBe(false)
    expect(resolveConsumer({ 'group.id': 'g' })['enable.auto.commit']).toBe(true)
  })

  test('write Kafka\'s largest long for what is never reached', () => {
    expect(formatSetting(resolveTopic({}, broker)['flush.ms'])).toBe('9223372036854775807')
  })
})

describe('fallback of topic settings', () => {
  test('goes override, milliseconds, minutes, hours, default', () => {
    const hours = resolveBroker({ 'log.retention.hours': 2 })
    const minutes = resolveBroker({ 'log.retention.hours': 2, 'log.retention.minutes': '3' })
    const ms = resolveBroker({ 'log.retention.hours': 2, 'log.retention.minutes': 3, 'log.retention.ms': 4 })
    expect([hours, minutes, ms].map((each) => resolveTopic({}, each)['retention.ms'])).toEqual([7_200_000, 180_000, 4])
    expect(resolveTopic({ 'retention.ms': -1 }, ms)['retention.ms']).toBe(-1)
    expect(topicFallback('retention.ms', minutes)).toEqual({ value: 180_000, synonym: 'log.retention.minutes' })
    expect(topicFallback('retention.ms', broker)).toEqual({ value: 604_800_000, synonym: null })
  })

  test('keeps −1 hours as no limit', () => {
    expect(resolveTopic({}, resolveBroker({ 'log.retention.hours': -1 }))['retention.ms']).toBe(-1)
  })
})

describe('text as in a properties file', () => {
  test('is taken for numbers, booleans and lists', () => {
    const topic = resolveTopic({ 'retention.ms': '604800000', 'write.caching': 'true', 'cleanup.policy': 'compact, delete', 'min.cleanable.dirty.ratio': '0.25' }, broker)
    expect(topic).toMatchObject({ 'retention.ms': 604_800_000, 'write.caching': true, 'cleanup.policy': ['compact', 'delete'], 'min.cleanable.dirty.ratio': 0.25 })
  })

  test('of the largest long means for ever', () => {
    expect(resolveTopic({ 'retention.ms': '9223372036854775807' }, broker)['retention.ms']).toBe(FOREVER)
    expect(resolveTopic({ 'retention.ms': Infinity }, broker)['retention.ms']).toBe(FOREVER)
  })

  test('of every value is read back as the value', () => {
    const numeric = Object.entries(topicTable).filter(([, setting]) => setting.type === 'int' || setting.type === 'long')
    fc.assert(fc.property(fc.constantFrom(...numeric), fc.maxSafeInteger(), ([name, setting], any) => {
      const low = setting.min ?? -1000
      const high = setting.type === 'int' ? setting.max ?? 2_147_483_647 : FOREVER
      const value = low + Math.abs(any) % (high - Math.max(low, 0) + 1)
      fc.pre(value !== setting.except)
      const read = resolveTopic({ 'max.compaction.lag.ms': FOREVER, [name]: formatSetting(value) }, broker) as unknown as Record<string, unknown>
      expect(read[name]).toBe(value)
    }), { examples: [[numeric[0]!, 0]] })
  })
})

describe('a wrong value', () => {
  test.each([
    ['retention.ms', '7 days', 'retention.ms must be a whole number of at least -1, not "7 days"'],
    ['retention.ms', 1.5, 'retention.ms must be a whole number of at least -1, not 1.5'],
    ['retention.ms', -2, 'retention.ms must be a whole number of at least -1, not -2'],
    ['retention.ms', Number.NaN, 'retention.ms must be a whole number of at least -1, not NaN'],
    ['retention.ms', '0x10', 'retention.ms must be a whole number of at least -1, not "0x10"'],
    ['retention.ms', '', 'retention.ms must be a whole number of at least -1, not ""'],
    ['retention.ms', true, 'retention.ms must be a whole number of at least -1, not true'],
    ['retention.ms', null, 'retention.ms must be a whole number of at least -1, not null; leave it out for the default (604800000)'],
    ['max.message.bytes', 2 ** 31, 'max.message.bytes must be a whole number from 0 to 2147483647, not 2147483648'],
    ['segment.bytes', 1024, 'segment.bytes must be a whole number from 1048576 to 2147483647, not 1024; internal.segment.bytes takes smaller ones, for tests'],
    ['min.cleanable.dirty.ratio', 2, 'min.cleanable.dirty.ratio must be a number from 0 to 1, not 2'],
    ['compression.gzip.level', 0, 'compression.gzip.level must be a whole number from -1 to 9 but 0, not 0'],
    ['write.caching', 'yes', 'write.caching must be true or false, not "yes"'],
    ['write.caching', 1, 'write.caching must be true or false, not 1'],
    ['cleanup.policy', 'compcat', 'cleanup.policy must be a list of delete or compact, not "compcat"; did you mean "compact"?'],
    ['retention.ms', '9223372036854775808', 'retention.ms must be a whole number of at least -1, not "9223372036854775808"'],
    ['message.timestamp.type', 'createtime', 'message.timestamp.type must be CreateTime or LogAppendTime, not "createtime"; did you mean "CreateTime"?'],
    ['compression.type', { type: 'lz4' }, 'compression.type must be producer, uncompressed, gzip, snappy, lz4 or zstd, not an object'],
  ])('%s=%s is refused with the limits', (name, value, message) => {
    expect(complaint(() => resolveTopic({ [name]: value }, broker))).toBe(message)
  })

  test('of a broker that would keep everybody out, or nothing, is refused', () => {
    const told = ['max.connections', 'max.connections.per.ip', 'connections.max.idle.ms', 'log.retention.ms', 'log.retention.minutes', 'log.retention.hours']
      .map((name) => complaint(() => resolveBroker({ [name]: 0 })))
    expect(told).toEqual([
      'max.connections must be a whole number from 1 to 2147483647, not 0', 'max.connections.per.ip can be 0 only where max.connections.per.ip.overrides says who may come',
      'connections.max.idle.ms must be a whole number of at least -1 but 0, not 0', 'log.retention.ms must be a whole number of at least -1 but 0, not 0',
      'log.retention.minutes must be a whole number from -1 to 2147483647 but 0, not 0', 'log.retention.hours must be a whole number from -1 to 2147483647 but 0, not 0',
    ])
    expect(resolveTopic({ 'retention.ms': 0 }, broker)['retention.ms']).toBe(0)
    const overrides = (text: string): object => ({ 'max.connections.per.ip': 0, 'max.connections.per.ip.overrides': text })
    for (const text of ['localhost:5', ' 10.0.0.1 : 5 , ::1:9,', '2001:db8::1:0', '10.0.0.1:2147483647']) expect(resolveBroker(overrides(text))).toMatchObject({ 'max.connections.per.ip': 0 })
    for (const text of ['5', 'web:5', '10.0.0.1', '10.0.0.1:', '10.0.0.1:-1', '10.0.0.1:x', '10.0.0.256:5', '10.0.0.1:2147483648', ':5', '10.0.0.1:5;10.0.0.2:5']) {
      expect(complaint(() => resolveBroker(overrides(text)))).toContain('max.connections.per.ip.overrides must be a list of address:connections, like 10.0.0.1:5 (names are not looked up), not "')
    }
    expect(complaint(() => resolveBroker({ 'log.cleaner.dedupe.buffer.size': 1_048_576 }))).toBe('log.cleaner.dedupe.buffer.size must be a whole number of at least 1048577, not 1048576')
  })

  test('is none for a protocol in small or large letters, nor for text that is the name of an assignor', () => {
    expect(resolveConsumer({ 'group.protocol': 'CLASSIC' })['group.protocol']).toBe('classic')
    expect(resolveClient({ 'security.protocol': 'ssl' }, false)['security.protocol']).toBe('SSL')
    expect(complaint(() => resolveProducer({ 'compression.type': 'GZIP' }, true))).toContain('did you mean "gzip"?')
    expect(resolveConsumer({ 'client.id': 'org.apache.kafka.clients.consumer.RangeAssignor' })['client.id']).toBe('org.apache.kafka.clients.consumer.RangeAssignor')
  })

  test('of auto.offset.reset may be a duration, but not a negative one, nor none', () => {
    for (const word of ['by_duration:P1D', 'by_duration:PT0S', 'by_duration:pt1h30m', 'by_duration:P2DT0,5S']) {
      expect(resolveConsumer({ 'auto.offset.reset': word })['auto.offset.reset']).toBe(word)
    }
    const wrong = ['', ':', ':P', ':PT', ':P1DT', ':-P1D', ':P-1D', ':1000', ':P1M', ' P1D', ':P1W'].map((rest) => `by_duration${rest}`)
    for (const word of [...wrong, 'BY_DURATION:P1D']) {
      expect(complaint(() => resolveConsumer({ 'auto.offset.reset': word }))).toContain('auto.offset.reset must be latest, earliest, none or by_duration:PnDTnHnMn.nS, not')
    }
  })

  test('of acks names the valid ones', () => {
    expect(complaint(() => resolveProducer({ acks: 2 }, true))).toBe("acks must be 'all', -1, 0 or 1, not \"2\"")
    expect([0, 1, -1, 'all', '1'].map((acks) => resolveProducer({ acks }, true).acks)).toEqual([0, 1, -1, -1, 1])
  })

  test('for the whole argument is refused', () => {
    expect(complaint(() => resolveConsumer(['group.id']))).toBe('consumer settings are an object of names and values, not an array')
  })
})

describe('an unknown name', () => {
  test.each([
    ['producer', 'lingerMs', '"lingerMs": write it as "linger.ms"'],
    ['producer', 'batch_size', '"batch_size": write it as "batch.size"'],
    ['producer', 'LINGER-MS', '"LINGER-MS": write it as "linger.ms"'],
    ['producer', 'linger', '"linger": did you mean "linger.ms"?'],
    ['producer', 'linger.sm', '"linger.sm": did you mean "linger.ms"?'],
    ['producer', 'compresion.type', '"compresion.type": did you mean "compression.type"?'],
    ['producer', 'retention.ms', '"retention.ms": retention.ms is a topic setting: give it in the `config` of createTopic or change it with admin.alterConfigs({ topic })'],
    ['producer', 'groupId', '"groupId": group.id is a consumer setting: give it to consumer()'],
    ['producer', 'transactionalId', '"transactionalId": transactions are not built yet'],
    ['producer', 'bootstrap.servers', '"bootstrap.servers": an embedded database has no servers to bootstrap from: leave it out'],
    ['producer', 'xyzzy', '"xyzzy": see docs/configuration.md for the names'],
    ['producer', '__proto__', '"__proto__": see docs/configuration.md for the names'],
    ['producer', 'toString', '"toString": see docs/configuration.md for the names'],
    ['consumer', 'autoOffsetReset', '"autoOffsetReset": write it as "auto.offset.reset"'],
    ['consumer', 'key.serializer', '"key.serializer": key.serializer is a producer setting: give it to producer()'],
    ['broker', 'log.dirs', '"log.dirs": the data directory is the first argument of open(); there is one'],
    ['broker', 'log.retention.hour', '"log.retention.hour": did you mean "log.retention.hours"?'],
    ['topic', 'retention.hours', '"retention.hours": did you mean'],
  ] as const)('in %s settings, %s, is answered with the right one', (scope, name, tail) => {
    const run = {
      producer: () => resolveProducer(own(name), true), consumer: () => resolveConsumer(own(name)),
      broker: () => resolveBroker(own(name)), topic: () => resolveTopic(own(name), broker),
    }
    expect(complaint(run[scope])).toContain(`unknown ${scope} setting ${tail}`)
  })

  test('that is not defined is ignored', () => {
    expect(resolveAdmin({ 'request.timeout.ms': undefined })['request.timeout.ms']).toBe(30_000)
  })
})

function own(name: string): object { return Object.defineProperty({}, name, { value: 1, enumerable: true }) }

describe('settings that do not fit together', () => {
  test('idempotence with weaker settings is refused when asked for, else switched off', () => {
    for (const conflict of [{ acks: 1 }, { acks: 0 }, { retries: 0 }, { 'max.in.flight.requests.per.connection': 6 }]) {
      expect(complaint(() => resolveProducer({ ...conflict, 'enable.idempotence': true }, true))).toContain('enable.idempotence needs acks=all')
      expect(resolveProducer(conflict, true)['enable.idempotence']).toBe(false)
    }
  })

  test('a delivery timeout below linger and request timeout is refused when asked for, else raised', () => {
    expect(complaint(() => resolveProducer({ 'delivery.timeout.ms': 1000 }, true)))
      .toBe('delivery.timeout.ms (1000) must be at least linger.ms + request.timeout.ms (30000): raise it, or lower those')
    expect(resolveProducer({ 'request.timeout.ms': 200_000, 'linger.ms': 10 }, true)['delivery.timeout.ms']).toBe(200_010)
  })

  test('compaction lags the wrong way round are refused, in a topic and as broker synonyms', () => {
    expect(complaint(() => resolveTopic({ 'min.compaction.lag.ms': 10, 'max.compaction.lag.ms': 5 }, broker))).toContain('min.compaction.lag.ms (10) must not be above')
    expect(complaint(() => resolveBroker({ 'log.cleaner.min.compaction.lag.ms': 10, 'log.cleaner.max.compaction.lag.ms': 5 }))).toContain('min.compaction.lag.ms')
  })

  test('a heartbeat slower than the session is refused when asked for, else quickened', () => {
    expect(complaint(() => resolveConsumer({ 'group.id': 'g', 'heartbeat.interval.ms': 7000, 'session.timeout.ms': 6000 }))).toContain('heartbeat.interval.ms (7000)')
    expect(resolveConsumer({ 'group.id': 'g', 'session.timeout.ms': 3000 })['heartbeat.interval.ms']).toBe(1000)
  })

  test('auto commit and static membership need a group', () => {
    expect(complaint(() => resolveConsumer({ 'enable.auto.commit': true }))).toBe('enable.auto.commit needs a group.id')
    expect(complaint(() => resolveConsumer({ 'group.instance.id': 'a' }))).toBe('group.instance.id needs a group.id')
    expect(complaint(() => resolveConsumer({ 'group.id': '' }))).toBe('group.id must not be empty: leave it out instead')
  })

  test('session and backoff limits are checked', () => {
    expect(complaint(() => resolveBroker({ 'group.min.session.timeout.ms': 10, 'group.max.session.timeout.ms': 5 }))).toContain('group.min.session.timeout.ms (10)')
    expect(complaint(() => resolveProducer({ 'retry.backoff.ms': 10, 'retry.backoff.max.ms': 5 }, true))).toContain('retry.backoff.ms (10)')
  })
})

test.each(['num.partitions', 'offsets.topic.num.partitions'])('%s above what a topic may have is refused before it is needed', (name) => {
  expect(resolveBroker({ [name]: MAX_PARTITIONS })).toMatchObject({ [name]: 10_000 })
  expect(complaint(() => resolveBroker({ [name]: '10001' }))).toBe(`${name} must be a whole number from 1 to 10000, not "10001"`)
})

test('Kafka\'s assignor class names are understood', () => {
  const strategy = 'org.apache.kafka.clients.consumer.CooperativeStickyAssignor,roundrobin'
  expect(resolveConsumer({ 'group.id': 'g', 'partition.assignment.strategy': strategy })['partition.assignment.strategy']).toEqual(['cooperative-sticky', 'roundrobin'])
})

test('settings of the client that only code can give are left to the client', () => {
  expect(() => resolveProducer({ 'key.serializer': 'string', 'value.serializer': {}, partitioner: () => 0 }, true)).not.toThrow()
  expect(() => resolveConsumer({ 'value.deserializer': 'json' })).not.toThrow()
})

describe('settings of a connection', () => {
  test('security.protocol follows from what else is given', () => {
    const protocol = (settings: object, usesSsl = false): string => resolveClient(settings, usesSsl)['security.protocol']
    const sasl = { 'sasl.mechanism': 'PLAIN', 'sasl.username': 'u', 'sasl.password': 'p' }
    expect([protocol({}), protocol({}, true), protocol(sasl), protocol(sasl, true)]).toEqual(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'])
  })
  test.each([
    [{ 'sasl.mechanism': 'PLAIN' }, false, 'needs sasl.username and sasl.password'],
    [{ 'sasl.username': 'u', 'sasl.password': 'p' }, false, 'needs sasl.mechanism'],
    [{ 'sasl.password': 'p' }, false, 'needs sasl.mechanism'],
    [{ 'security.protocol': 'SSL', 'sasl.mechanism': 'PLAIN' }, false, 'sasl settings need security.protocol SASL_SSL or SASL_PLAINTEXT, not SSL'],
    [{ 'security.protocol': 'PLAINTEXT' }, true, 'option ssl needs security.protocol SSL or SASL_SSL, not PLAINTEXT'],
    [{ 'sasl.mechanism': 'SCRAM-SHA256' }, false, 'did you mean "SCRAM-SHA-256"?'],
    [{ saslUsername: 'u' }, false, 'write it as "sasl.username"'],
    [{ 'group.id': 'g' }, false, 'group.id is a consumer setting'],
  ])('%j is refused', (settings, usesSsl, message) => { expect(() => resolveClient(settings, usesSsl)).toThrow(message) })
  test('a setting of the connection given elsewhere is sent there', () => {
    expect(() => resolveConsumer({ 'security.protocol': 'SSL' })).toThrow('give it to connect()')
  })
})
