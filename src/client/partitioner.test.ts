import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../testing/seeded-random.ts'
import { murmur2, murmur2Ascii, partitionOfHash } from './murmur2.ts'
import { askPartitioner, PartitionChoice, partitionOfKey } from './partitioner.ts'

interface KeyVector { readonly key: string; readonly hash: number; readonly partitions: number; readonly partition: number }
const vectors = gunzipSync(readFileSync('fixtures/vectors/partitions.jsonl.gz')).toString('utf8').trim().split('\n')
  .map((line) => JSON.parse(line) as KeyVector).filter((vector) => vector.key !== undefined)

describe('murmur2', () => {
  test("equals Kafka's for 5000 keys, as bytes and as text", () => {
    expect(vectors).toHaveLength(5000)
    let texts = 0
    for (const { key, hash, partitions, partition } of vectors) {
      const bytes = Buffer.from(key, 'base64')
      expect(murmur2(bytes)).toBe(hash)
      expect(partitionOfHash(hash, partitions)).toBe(partition)
      const text = bytes.toString('utf8')
      if (!Buffer.from(text, 'utf8').equals(bytes)) continue
      texts++
      expect(partitionOfKey(text, partitions)).toBe(partition)
    }
    expect(texts).toBeGreaterThan(1000)
  })
  test.each([['', 275646681], ['a', -1563381124], ['21', -973932308], ['abc', 479470107], ['foobar', -790332482],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971]])('of %j', (text, hash) => {
    expect(murmur2Ascii(text)).toBe(hash)
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })
  test('of text is that of its UTF-8, or says that the bytes are needed', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const hash = murmur2Ascii(text)
      expect(hash).toBe(/^[\0-\x7f]*$/.test(text) ? murmur2(Buffer.from(text)) : Number.NaN)
    }))
  })
})

describe('sticky', () => {
  const draws = (count: number, choice: PartitionChoice, bytes: number, full: (sum: number) => boolean): number[] => {
    const partitions: number[] = []
    let sum = 0
    for (let i = 0; i < count; i++) {
      const partition = choice.sticky(1000)
      if (partition !== partitions.at(-1)) sum = 0
      partitions.push(partition)
      sum += bytes
      choice.count(partition, 1000, bytes, full(sum))
    }
    return partitions
  }
  test('stays until batch.size bytes are in and the batch is full', () => {
    const partitions = draws(40, new PartitionChoice(new SeededRandom(11), 1000), 100, (sum) => sum >= 1000)
    for (let i = 0; i < 40; i += 10) expect(new Set(partitions.slice(i, i + 10)).size).toBe(1)
    expect(new Set(partitions).size).toBe(4)
  })
  test('leaves at twice batch.size though the batch is not full', () => {
    const partitions = draws(40, new PartitionChoice(new SeededRandom(2), 1000), 100, () => false)
    for (let i = 0; i < 40; i += 20) expect(new Set(partitions.slice(i, i + 20)).size).toBe(1)
    expect(new Set(partitions).size).toBe(2)
  })
  test('gives every partition its share', () => {
    const choice = new PartitionChoice(new SeededRandom(3), 100)
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 40_000; i++) {
      const partition = choice.sticky(4)
      counts[partition] = counts[partition]! + 1
      choice.count(partition, 4, 100, true)
    }
    for (const count of counts) expect(count / 10_000).toBeCloseTo(1, 1)
  })
  test('does not count what a key or the caller placed elsewhere', () => {
    const choice = new PartitionChoice(new SeededRandom(4), 100)
    const partition = choice.sticky(1000)
    choice.count((partition + 1) % 1000, 1000, 5000, true)
    expect(choice.sticky(1000)).toBe(partition)
  })
  test('draws again when the topic was replaced by one with fewer partitions', () => {
    const choice = new PartitionChoice(new SeededRandom(5), 100)
    for (let count = 1000; count > 0; count -= 37) expect(choice.sticky(count)).toBeLessThan(count)
  })
})

test('round robin takes turns and takes in new partitions', () => {
  const choice = new PartitionChoice(new SeededRandom(1), 100)
  expect([1, 2, 3, 4].map(() => choice.roundRobin(3))).toEqual([0, 1, 2, 0])
  expect([1, 2, 3, 4].map(() => choice.roundRobin(4))).toEqual([1, 2, 3, 0])
})

describe('a function of the user', () => {
  const record = { topic: 't', key: 'k', value: 'v' }
  test('sees the record, the count and the bytes', () => {
    const seen: unknown[] = []
    expect(askPartitioner((r, context) => { seen.push(r, context); return 2 }, record, 3, 'k', Buffer.from('v'))).toBe(2)
    expect(seen).toEqual([record, { topic: 't', partitionCount: 3, keyBytes: Buffer.from('k'), valueBytes: Buffer.from('v') }])
  })
  test('may not throw', () => {
    const cause = new Error('mine')
    const ask = (): number => askPartitioner(() => { throw cause }, record, 3, null, null)
    expect(ask).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', topic: 't', cause }) as Error)
  })
  test.each([3, -1, 1.5, Number.NaN, undefined, '1'])('may not give %o', (answer) => {
    expect(() => askPartitioner(() => answer as number, record, 3, null, null)).toThrow(/has partitions 0 to 2/)
  })
})
