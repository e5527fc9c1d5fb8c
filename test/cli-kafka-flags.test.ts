/** Flags of Kafka's tools that concern what one broker shows: partitions by their state, values by their type. What they print was compared with Kafka 4.1. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, ottla, type Outcome } from './support/cli.ts'

let scratch: string
let data: string
const on = (command: string, options: { input?: string } = {}): Promise<Outcome> => ottla([...command.split(' '), '--data', data], options)

beforeAll(async () => {
  await build()
  scratch = mkdtempSync(join(tmpdir(), 'ottla-kafka-flags-'))
  data = join(scratch, 'data')
  await on('topics --create --topic plain --replica-assignment 1,1')
  await on('topics --create --topic own --config retention.ms=5 --config min.insync.replicas=2')
}, 120_000)
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

test('lines written for Kafka\'s tools are taken as they are', async () => {
  const flags = '--max-partition-memory-bytes 16384 --metadata-expiry-ms 5000 --socket-buffer-size 102400 --timeout 5 --property parse.key=false'
  const sent = await on(`produce --topic plain --partition 0 ${flags}`, { input: 'one\n' })
  expect([sent.code, sent.error]).toEqual([0, ''])
  const read = await on('perf consume --topic plain --messages 1 --group perf --fetch-size 1048576 --socket-buffer-size 2097152 --reporting-interval 1000 --hide-header')
  expect([read.code, read.error, read.text.split(', ')[4]]).toEqual([0, '', '1'])
  expect((await on('groups --list --timeout 5000')).code).toBe(0)
}, 30_000)

describe('topics --describe', () => {
  const describe = async (flags: string): Promise<string[]> => {
    const { code, error, text } = await on(`topics --describe ${flags}`)
    expect([code, error]).toEqual([0, ''])
    return text.trim().split('\n').map((line) => line.trim().replaceAll('\t', ' ').replace(/ TopicId: \S+/, '').replace(/ Leader.*/, ''))
  }

  test('shows topics that have settings of their own', async () => {
    expect(await describe('--topics-with-overrides')).toEqual(['Topic: own PartitionCount: 1 ReplicationFactor: 1 Configs: min.insync.replicas=2,retention.ms=5'])
  }, 30_000)
  test('shows partitions by how many replicas are in sync', async () => {
    expect(await describe('--under-min-isr-partitions')).toEqual(['Topic: own Partition: 0'])
    expect(await describe('--at-min-isr-partitions')).toEqual(['Topic: plain Partition: 0', 'Topic: plain Partition: 1'])
    for (const flag of ['--under-replicated-partitions', '--unavailable-partitions']) expect(await describe(flag)).toEqual([''])
  }, 30_000)
  test('shows the topic of an id', async () => {
    const { topicId } = JSON.parse((await on('topics --describe --topic plain --json')).text) as { topicId: string }
    expect((await describe(`--topic-id ${topicId}`))[0]).toMatch(/^Topic: plain PartitionCount: 2/)
    expect((await on('topics --describe --topic-id 4711')).error).toContain('there is no topic "4711"')
  }, 30_000)
  test('wants one view at a time, and brokers by their numbers', async () => {
    expect((await on('topics --describe --unavailable-partitions --topics-with-overrides')).error).toContain('--unavailable-partitions and --topics-with-overrides exclude each other')
    expect((await on('topics --create --topic x --replica-assignment one')).error).toContain('by partition the ids of its brokers, as 1:2,2:3, not "one"')
  }, 30_000)
})

describe('consume', () => {
  const record = (key: number[], value: number[]): string => JSON.stringify({ key: Buffer.from(key).toString('base64'), value: Buffer.from(value).toString('base64') })
  const numbers = 'consume --topic numbers --from-beginning --key-deserializer org.apache.kafka.common.serialization.IntegerDeserializer'

  beforeAll(async () => {
    const input = [record([255, 255, 255, 251], [0, 0, 1, 0, 0, 0, 0, 1]), record([0, 0, 0, 7], [63, 248, 0, 0, 0, 0, 0, 0])].join('\n')
    expect((await on('produce --topic numbers --input-format json --encoding base64', { input })).code).toBe(0)
  }, 30_000)

  test('prints numbers as Java does, and as numbers in JSON', async () => {
    expect((await on(`${numbers} --value-deserializer double --print key --partition 0 --offset 1`.replace(' --from-beginning', ''))).text).toBe('7\t1.5\n')
    const { key, value } = JSON.parse((await on(`${numbers} --property value.deserializer=LongDeserializer --json --max-messages 1`)).text) as Record<string, unknown>
    expect([key, value]).toEqual([-5, 1_099_511_627_777])
  }, 30_000)
  test('tells which record is no such number, or goes on behind it', async () => {
    const failed = await on(`${numbers} --value-deserializer integer`)
    expect([failed.code, failed.error.split('\n')[0]]).toEqual([1, 'error: numbers-0 at offset 0: --value-deserializer integer: 8 bytes in place of 4 [SERIALIZATION_ERROR]'])
    const skipped = await on(`${numbers.replace('Integer', 'Short')} --print key --skip-message-on-error`)
    expect([skipped.code, skipped.text]).toEqual([0, ''])
    expect(skipped.error).toContain('skipped numbers-0 at offset 1: --key-deserializer org.apache.kafka.common.serialization.ShortDeserializer: 4 bytes in place of 2')
    expect((await on('consume --topic numbers --value-deserializer Lnog')).error).toContain('there is no "Lnog" here; did you mean long?')
  }, 30_000)
  test('says where a log begins and ends when it is asked to read elsewhere', async () => {
    expect((await on('consume --topic numbers --partition 0 --offset 9')).error).toContain('numbers-0 ends at offset 2: 9 is not there yet')
    expect((await on('delete-records --topic numbers --partition 0 --before 1')).code).toBe(0)
    expect((await on('consume --topic numbers --partition 0 --offset 0')).error).toContain('numbers-0 begins at offset 1: 0 is not there any more')
  }, 30_000)
})

test('delete-records does what can be done, and tells of each partition', async () => {
  await on('topics --create --topic trimmed --partitions 2')
  expect((await on('produce --topic trimmed --partition 1', { input: 'a\nb\n' })).code).toBe(0)
  const file = join(scratch, 'records.json')
  const run = (text: string): Promise<Outcome> => {
    writeFileSync(file, text)
    return on(`delete-records --offset-json-file ${file}`)
  }
  const target = (topic: string, partition: number, offset: number): string => JSON.stringify({ topic, partition, offset })
  const { code, text } = await run(`{"partitions":[${target('trimmed', 0, 9)},${target('trimmed', 1, 1)},${target('none', 0, 1)},${target('trimmed', 7, 1)}],"version":1}`)
  expect([code, text.split('\n').slice(2, -1).map((line) => line.replace(/error: .*\[/, '['))]).toEqual([1, [
    'partition: trimmed-0\t[OFFSET_OUT_OF_RANGE]', 'partition: trimmed-1\tlow_watermark: 1', 'partition: trimmed-7\t[UNKNOWN_TOPIC_OR_PARTITION]', 'partition: none-0\t[UNKNOWN_TOPIC_OR_PARTITION]',
  ]])
  const twice = await run(`{"partitions":[${target('trimmed', 0, 0)},${target('trimmed', 0, 0)}],"version":1}`)
  expect([twice.code, twice.error]).toEqual([2, expect.stringContaining('trimmed-0 stands there twice')])
  const version = await run(`{"partitions":[${target('trimmed', 0, 0)}],"version":2}`)
  expect([version.code, version.error]).toEqual([2, expect.stringContaining('version 2 is not known; write 1')])
}, 60_000)

test('settings of a topic are shown as Kafka\'s tool shows them: all that are no defaults', async () => {
  await on('topics --create --topic shown --config segment.ms=7')
  await on('configs --alter --entity-type brokers --entity-default --add-config log.retention.ms=86400000')
  expect((await on('topics --describe --topic shown')).text.split('\n')[0]).toMatch(/\tConfigs: min.insync.replicas=1,retention.ms=86400000,segment.ms=7$/)
  await on('configs --alter --entity-type brokers --entity-default --delete-config log.retention.ms')
}, 60_000)

describe('formatters and readers', () => {
  const consume = 'consume --topic formatted --from-beginning'
  const file = (name: string, text: string): string => {
    writeFileSync(join(scratch, name), text)
    return join(scratch, name)
  }

  beforeAll(async () => {
    const input = '{"key":"aw==","value":"dg==","headers":[{"key":"h","value":"AAAABw=="},{"key":"n","value":null}]}\n{"key":null,"value":null}\n'
    expect((await on('produce --topic formatted --input-format json --encoding base64', { input })).code).toBe(0)
    expect((await on('groups --reset-offsets --group g --topic formatted --to-latest --execute')).code).toBe(0)
    expect((await on('groups --delete-offsets --group g --topic formatted')).code).toBe(0)
  }, 60_000)

  test('offsets of groups are printed as Kafka\'s formatter prints them, an object a line', async () => {
    const lines = (await on('consume --topic __consumer_offsets --from-beginning --formatter org.apache.kafka.tools.consumer.OffsetsMessageFormatter')).text.trim().split('\n')
    expect(lines[0]).toMatch(
      /^\{"key":\{"type":1,"data":\{"group":"g","topic":"formatted","partition":0\}\},"value":\{"version":4,"data":\{"offset":2,"leaderEpoch":-1,"metadata":"","commitTimestamp":\d+\}\}\}$/)
    expect(lines.slice(1)).toEqual(['{"key":{"type":1,"data":{"group":"g","topic":"formatted","partition":0}},"value":null}'])
    expect((await on('consume --topic __consumer_offsets --from-beginning --formatter TransactionLogMessageFormatter --skip-message-on-error')).text).toBe('')
    const { code, error } = await on(`${consume} --formatter GroupMetadataMessageFormatter`)
    expect([code, error]).toEqual([1, expect.stringContaining('formatted-0 at offset 0: Could not read version from key\'s buffer.')])
  }, 60_000)
  test('lines, a log beside them, or nothing', async () => {
    expect((await on(`${consume} --formatter kafka.tools.DefaultMessageFormatter --property print.headers=true --property headers.deserializer=IntegerDeserializer --property print.epoch=true`)).text)
      .toBe('Epoch:0\th:7,n:null\tv\nEpoch:0\tNO_HEADERS\tnull\n')
    const logged = await on(`${consume} --formatter LoggingMessageFormatter`)
    expect(logged.text).toBe('v\nnull\n')
    expect(logged.error).toMatch(/^CreateTime:\d{13}, key:k, value:v\nCreateTime:\d{13}, key:null, value:null\n$/)
    const nothing = await on(`${consume} --formatter NoOpMessageFormatter`)
    expect([nothing.code, nothing.text]).toEqual([0, ''])
    expect((await on(`${consume} --formatter NoOpMessageFormatter --json`)).error).toContain('--formatter and --output-format (--json, --raw) exclude each other')
  }, 60_000)
  test('their properties come from a file, too, and those of the command line win', async () => {
    const config = file('print.properties', 'print.key: true\nprint.offset=true\nkey.separator=\\u0020|\n')
    expect((await on(`${consume} --formatter-config ${config} --property print.offset=false`)).text).toBe('k |v\nnull |null\n')
    const wrong = await on(`${consume} --formatter-config ${file('wrong.properties', 'print.kye=true\n')}`)
    expect([wrong.code, wrong.error]).toEqual([2, expect.stringContaining('--formatter-config: unknown name print.kye; did you mean print.key?')])
  }, 60_000)
  test('a reader of lines has its properties from a file, too', async () => {
    const config = file('read.properties', 'parse.key=true\nkey.separator=;\n')
    expect((await on(`produce --topic read --line-reader org.apache.kafka.tools.LineMessageReader --reader-config ${config}`, { input: 'k;v\n' })).code).toBe(0)
    expect((await on(`produce --topic read --reader-config ${config} --reader-property key.separator=:`, { input: 'l:w;x\n' })).code).toBe(0)
    expect((await on('consume --topic read --from-beginning --print key')).text).toBe('k\tv\nl\tw;x\n')
    for (const [flags, message] of [
      ['--line-reader com.example.Reader', 'classes of Java cannot be loaded; there is LineMessageReader'], ['--line-reader LineMessageReader --raw', 'leave it out with --input-format raw'],
      ['--property parse.headers=true --property headers.separator=:', 'headers.separator and headers.key.separator must not be the same'],
    ] as const) {
      const { code, error } = await on(`produce --topic read ${flags}`, { input: 'x\n' })
      expect([code, error]).toEqual([2, expect.stringContaining(message)])
    }
  }, 60_000)
})

test('perf writes numbers and payloads as they stand in a file, and tells how reading goes on', async () => {
  expect((await on('perf produce --topic numbered --num-records 1200 --payload-monotonic')).code).toBe(0)
  expect((await on('consume --topic numbered --from-beginning')).text).toBe(Array.from({ length: 1200 }, (_, index) => `${index}\n`).join(''))
  writeFileSync(join(scratch, 'payloads'), 'a||b|')
  expect((await on(`perf produce --topic payloads --num-records 300 --payload-file ${join(scratch, 'payloads')} --payload-delimiter |`)).code).toBe(0)
  const values = (await on('consume --topic payloads --from-beginning')).text.slice(0, -1).split('\n')
  expect([values.length, [...new Set(values)].toSorted()]).toEqual([300, ['', 'a', 'b']])
  writeFileSync(join(scratch, 'payloads'), 'c||')
  expect((await on(`perf produce --topic ended --num-records 20 --payload-file ${join(scratch, 'payloads')} --payload-delimiter |`)).code).toBe(0)
  expect((await on('consume --topic ended --from-beginning')).text).toBe('c\n'.repeat(20))
  // At random: neighbours are as often the same as not.
  expect(values.filter((value, index) => value === values[index + 1]).length).toBeGreaterThan(50)
  const { text, error } = await on('perf consume --topic numbered --messages 1500 --show-detailed-stats --reporting-interval 1 --date-format yyyy')
  const lines = text.trim().split('\n')
  expect(lines[0]).toBe('time, threadId, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec')
  expect(lines[1]).toMatch(/^20\d\d, 0, 0\.00\d\d, [\d.]+, \d+, [\d.]+, 0, \d+, [\d.]+, [\d.]+$/)
  expect(error).toBe('WARNING: 1500 records were asked for, and there were 1200.\n')
  expect((await on('perf consume --topic numbered --messages 5 --print-metrics --hide-header --date-format HH')).text).toMatch(/^\d\d, \d\d, [^\n]*\n\{"produceRequests"/)
}, 60_000)

test.each([
  ['consume --topic plain --enable-systest-events', 'is for the system tests of Kafka\'s own project'],
  ['groups --validate-regex x', 'for consumers of the group protocol of KIP-848'],
  ['topics --alter --topic plain --delete-config x', 'ottla configs --alter --topic NAME --delete-config SETTING'],
  ['acls --list --delegation-token x', 'delegation tokens are off here'],
  ['dump-log --files x --remote-log-metadata-decoder', 'is for topics of tiered storage, which is not there here'],
  ['get-offsets --time latest-tiered', 'is for tiered storage, which is not there here'],
  ['perf produce --topic plain --num-records 1 --payload-monotonic --transactional-id x', 'is for transactions, which are not built'],
  ['perf produce --topic plain --num-records 1 --payload-monotonic --record-size 1', 'give one of --record-size, --payload-file and --payload-monotonic'],
  ['perf consume --topic plain --messages 1 --from-latest', '--from-latest waits for what others write'],
  ['perf consume --topic plain --messages 1 --date-format yyyy-MM-ddTHH', '--date-format: T stands for nothing here'],
])('%s is refused, and why', async (command, message) => {
  const { code, text, error } = command.startsWith('dump-log') ? await ottla(command.split(' ')) : await on(command)
  expect([code, text, error]).toEqual([2, '', expect.stringContaining(message)])
  expect(error).not.toContain('unknown option')
}, 30_000)
