/** Flags of Kafka's tools that concern what one broker shows: partitions by their state, values by their type. What they print was compared with Kafka 4.1. */
import { mkdtempSync, rmSync } from 'node:fs'
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
