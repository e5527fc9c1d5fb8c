import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { coordinatorPartition, javaStringHash } from './java-hash.ts'

interface Vector { group?: string; hash: number; partitions: number; partition: number }

test('group ids hash and land where Kafka puts them', () => {
  const vectors = gunzipSync(readFileSync(new URL('../../fixtures/vectors/partitions.jsonl.gz', import.meta.url))).toString().trim().split('\n')
    .map((line) => JSON.parse(line) as Vector).filter((vector) => vector.group !== undefined)
  expect(vectors.length).toBe(500)
  for (const { group, hash, partitions, partition } of vectors) {
    expect(javaStringHash(group!)).toBe(hash)
    expect(coordinatorPartition(group!, partitions)).toBe(partition)
  }
})

test('the hash that has no absolute value goes to partition 0', () => {
  expect(javaStringHash('polygenelubricants')).toBe(-2147483648)
  expect(coordinatorPartition('polygenelubricants', 50)).toBe(0)
})
