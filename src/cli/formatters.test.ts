import { expect, test } from 'vitest'
import { formatterOf } from './formatters.ts'

test.each([
  ['org.apache.kafka.tools.consumer.DefaultMessageFormatter', { kind: 'default' }],
  ['kafka.tools.DefaultMessageFormatter', { kind: 'default' }],
  ['NoOpMessageFormatter', { kind: 'nothing' }],
  ['kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter', { kind: 'records', of: 'offsets', types: [0, 1] }],
  ['org.apache.kafka.tools.consumer.GroupMetadataMessageFormatter', { kind: 'records', of: 'offsets', types: [2] }],
  ['kafka.coordinator.transaction.TransactionLog$TransactionLogMessageFormatter', { kind: 'records', of: 'transactions', types: [0] }],
])('%s is known', (name, formatter) => { expect(formatterOf(name)).toEqual(formatter) })

test.each([
  ['com.example.OffsetsMessageFormatter', 'classes of Java cannot be loaded; did you mean OffsetsMessageFormatter?'],
  ['DefaultMesageFormatter', 'did you mean DefaultMessageFormatter?'],
  ['constructor', 'there is no "constructor" here'],
  ['org.apache.kafka.tools.consumer.group.share.ShareGroupStateMessageFormatter', 'there are no share groups here'],
])('%s is refused, with advice', (name, message) => { expect(() => formatterOf(name)).toThrow(message) })
