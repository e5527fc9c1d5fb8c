import { describe, expect, test } from 'vitest'
import { decodeTopicEntry, encodeTopicEntry, type TopicEntry } from './topic-entry.ts'

const entry: TopicEntry = { topicId: 'ASNFZ4mrze_-3LqYdlQyEA', partitions: 3, state: 'ready', configs: { 'retention.ms': '1' } }
const decode = (changes: object): TopicEntry | null => decodeTopicEntry(Buffer.from(JSON.stringify({ version: 1, ...entry, ...changes })))

describe('a topic in the metadata store', () => {
  test.each([
    {}, { growTo: 5 }, { state: 'creating' }, { state: 'deleting' }, { partitions: 1 }, { partitions: 2_147_483_647, growTo: 2_147_483_647 }, { configs: {} },
  ] as const)('is read as it was written: %j', (changes) => {
    const written = { ...entry, ...changes }
    expect(decodeTopicEntry(encodeTopicEntry(written))).toEqual(written)
    expect(decode(changes)).toEqual(written)
  })

  test.each([
    { version: 2 }, { version: '1' }, { topicId: 7 }, { topicId: 'AAAA' }, { topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }, { partitions: 0 }, { partitions: 1.5 }, { partitions: '3' },
    { partitions: 2_147_483_648 }, { growTo: 0 }, { growTo: null }, { state: 'gone' }, { state: undefined }, { configs: null }, { configs: 'a' }, { configs: { a: 1 } },
    { configs: { a: '1', b: null } },
  ])('that cannot be understood counts as missing: %j', (changes) => { expect(decode(changes)).toBeNull() })

  test.each(['', 'null', '7', '"text"', '[]', '{', '{"version":1}'])('of other text counts as missing: %s', (text) => { expect(decodeTopicEntry(Buffer.from(text))).toBeNull() })
})
