import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import {
  decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription, subscribedTopics, type Assignment, type Subscription, type TopicPartitions,
} from './consumer-protocol.ts'

interface Vector { name: string; kind: string; version: number; hex: string; json: Record<string, unknown> }

const vectors = gunzipSync(readFileSync(new URL('../../fixtures/vectors/messages.jsonl.gz', import.meta.url))).toString().trim().split('\n')
  .map((line) => JSON.parse(line) as Vector).filter((vector) => vector.kind === 'data')
const of = (name: string): Vector[] => vectors.filter((vector) => vector.name === name)
/** The version prefix is not part of the vector's body. */
const prefixed = (vector: Vector): Uint8Array => new Uint8Array(Buffer.from(vector.version.toString(16).padStart(4, '0') + vector.hex, 'hex'))
const base64 = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString('base64')
const fromBase64 = (text: unknown): Uint8Array | null => text === null ? null : new Uint8Array(Buffer.from(text as string, 'base64'))

describe('consumer protocol', () => {
  test('subscriptions of versions 0 to 3 are read and written as Kafka does, byte for byte', () => {
    const all = of('ConsumerProtocolSubscription')
    expect(new Set(all.map((vector) => vector.version))).toEqual(new Set([0, 1, 2, 3]))
    for (const vector of all) {
      const bytes = prefixed(vector)
      const decoded = decodeSubscription(bytes)
      const { topics, userData, ownedPartitions, generationId, rackId } = { ownedPartitions: [], generationId: -1, rackId: null, ...vector.json } as Record<string, unknown>
      expect({ ...decoded, userData: base64(decoded.userData) }).toEqual({ topics, userData, ownedPartitions, generationId, rackId })
      expect(encodeSubscription(decoded, vector.version)).toEqual(bytes)
      expect(subscribedTopics(bytes)).toEqual(topics)
      const input: Subscription = {
        topics: topics as string[], userData: fromBase64(userData), ownedPartitions: (ownedPartitions ?? []) as TopicPartitions[],
        generationId: (generationId ?? -1) as number, rackId: (rackId ?? null) as string | null,
      }
      expect(encodeSubscription(input, vector.version)).toEqual(bytes)
    }
  })

  test('assignments of versions 0 to 3 are read and written as Kafka does, byte for byte', () => {
    const all = of('ConsumerProtocolAssignment')
    expect(new Set(all.map((vector) => vector.version))).toEqual(new Set([0, 1, 2, 3]))
    for (const vector of all) {
      const bytes = prefixed(vector)
      const decoded = decodeAssignment(bytes)
      expect({ ...decoded, userData: base64(decoded.userData) }).toEqual(vector.json)
      const input: Assignment = { assignedPartitions: vector.json['assignedPartitions'] as TopicPartitions[], userData: fromBase64(vector.json['userData']) }
      expect(encodeAssignment(input, vector.version)).toEqual(bytes)
    }
  })

  test('a later version is read by its known fields', () => {
    const bytes = new Uint8Array([...encodeSubscription({ topics: ['t'], userData: null, ownedPartitions: [], generationId: 4, rackId: 'r' }), 1, 2, 3])
    bytes[1] = 9
    expect(decodeSubscription(bytes)).toMatchObject({ topics: ['t'], generationId: 4, rackId: 'r' })
  })

  test('no bytes at all are the empty assignment, cut or negative ones a CORRUPT_MESSAGE error', () => {
    expect(decodeAssignment(new Uint8Array())).toEqual({ assignedPartitions: [], userData: null })
    const bytes = encodeAssignment({ assignedPartitions: [{ topic: 't', partitions: [1, 2] }], userData: null })
    for (let cut = 1; cut < bytes.length; cut++) expect(() => decodeAssignment(bytes.subarray(0, cut))).toThrow(/byte/)
    expect(() => subscribedTopics(new Uint8Array([0xff, 0xff, 0, 0, 0, 0]))).toThrow(/version -1/)
  })
})
