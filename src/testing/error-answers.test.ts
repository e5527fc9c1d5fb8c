import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { messageArbitrary } from '../../test/support/message-arbitrary.ts'
import { apis, apiList } from '../protocol/api-registry.ts'
import { decodeResponse, encodeRequest, encodeResponse, decodeRequestBody, decodeRequestHeader } from '../protocol/frames.ts'
import { errorAnswer, failableApis, sessionRefusal } from './error-answers.ts'

const failed = { errorCode: 6, errorMessage: 'on purpose', nodeId: 3, host: 'localhost', port: 9092 }

/** Every value under a name, at any depth. */
function valuesOf(message: unknown, name: string): unknown[] {
  if (message instanceof Uint8Array || typeof message !== 'object' || message === null) return []
  return Object.entries(message).flatMap(([key, value]) => key === name ? [value] : valuesOf(value, name))
}

describe('the answer to a request that fails', () => {
  const failable = apiList.filter(({ name }) => failableApis.includes(name))

  test.each(failable.map((api) => [api.name, api] as const))('%s carries the error, and what was asked about, in every version', (_, api) => {
    for (let version = api.minVersion; version <= api.maxVersion; version += 1) {
      fc.assert(fc.property(messageArbitrary(api.request, version), (asked) => {
        // As the server sees it: through the codec.
        const frame = encodeRequest(api, version, 1, 'c', asked).subarray(4)
        const request = decodeRequestBody(api, version, frame, decodeRequestHeader(frame).bodyStart)
        const answer = errorAnswer(api, request, { ...failed, version })
        if (typeof answer === 'string') return
        const seen = decodeResponse(api, version, encodeResponse(api, version, 1, answer as never).subarray(4))
        const codes = valuesOf(seen, 'errorCode')
        expect(codes.filter((code) => code !== failed.errorCode && code !== 0)).toEqual([])
        // Where every list of the request has something in it, there is somebody to be told.
        if (!JSON.stringify(request).includes('[]')) expect(codes).toContain(failed.errorCode)
      }), { numRuns: 30 })
    }
  })

  test('names the partitions of a Produce and of a Fetch, by name or by id', () => {
    const topicId = '9Xz1QcI2SOOk_8k2qHW5Vg'
    for (const version of [12, 13]) {
      const topic = version < 13 ? { name: 'orders' } : { topicId }
      const produced = errorAnswer(apis.produce, { transactionalId: null, acks: -1, timeoutMs: 1, topicData: [{ ...topic, partitionData: [{ index: 0 }, { index: 4 }] }] }, { ...failed, version })
      expect(produced).toMatchObject({ responses: [{ ...topic, partitionResponses: [{ index: 0, errorCode: 6, baseOffset: -1 }, { index: 4, errorCode: 6 }] }] })
    }
    const fetched = errorAnswer(apis.fetch, { topics: [{ topic: 'orders', partitions: [{ partition: 2 }] }] }, { ...failed, version: 11 })
    expect(fetched).toMatchObject({ responses: [{ topic: 'orders', partitions: [{ partitionIndex: 2, errorCode: 6 }] }] })
  })

  test('a Produce without acknowledgement ends the connection, as Kafka does: it has no answer', () => {
    expect(errorAnswer(apis.produce, { acks: 0, topicData: [] }, { ...failed, version: 9 })).toBe('hang up')
  })

  test('Metadata about everything has a place for an error from version 13 on; about a topic it names the broker, too', () => {
    expect(errorAnswer(apis.metadata, { topics: null }, { ...failed, version: 12 })).toBe('no place')
    expect(errorAnswer(apis.metadata, { topics: null }, { ...failed, version: 13 })).toMatchObject({ errorCode: 6 })
    expect(errorAnswer(apis.metadata, { topics: [{ name: 'orders' }] }, { ...failed, version: 9 }))
      .toMatchObject({ brokers: [{ nodeId: 3, host: 'localhost', port: 9092 }], topics: [{ name: 'orders', errorCode: 6 }] })
  })

  test('a Fetch of a session is asked to come again without it; one that begins a session, or has none, is not', () => {
    expect(sessionRefusal(apis.fetch, { sessionId: 7, sessionEpoch: 3, topics: [] })).toMatchObject({ errorCode: 70 })
    for (const [sessionId, sessionEpoch] of [[0, 0], [0, -1], [7, -1], [7, 0]]) expect(sessionRefusal(apis.fetch, { sessionId, sessionEpoch, topics: [] })).toBeNull()
    expect(sessionRefusal(apis.produce, {})).toBeNull()
  })
})
