/** Frames: headers of each version, and bodies in parts. */
import { describe, expect, test } from 'vitest'
import type { ResponseInput } from './api.ts'
import { apiList, apiOf, apis, type Apis } from './api-registry.ts'
import { decodeCorrelationId, decodeRequestBody, decodeRequestHeader, decodeResponse, encodeRequest, encodeRequestParts, encodeResponse, encodeResponseParts } from './frames.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const compact = (text: string): string => text.replaceAll(' ', '')
const frame = (text: string): Uint8Array => new Uint8Array(Buffer.from(compact(text), 'hex'))

describe('requests', () => {
  test('have a header without tags before the flexible versions, and with them since', () => {
    expect(hex(encodeRequest(apis.heartbeat, 3, 7, 'me', { groupId: 'g', generationId: 1, memberId: 'm' })))
      .toBe(compact('00000018 000c 0003 00000007 00026d65 000167 00000001 00016d ffff'))
    expect(hex(encodeRequest(apis.heartbeat, 4, 7, 'me', { groupId: 'g', generationId: 1, memberId: 'm' })))
      .toBe(compact('00000017 000c 0004 00000007 00026d65 00 0267 00000001 026d 00 00'))
  })
  test('come back from their bytes at every version', () => {
    for (let version = 0; version <= 4; version++) {
      const bytes = encodeRequest(apis.heartbeat, version, -5, null, { groupId: 'g', generationId: 1, memberId: 'm' })
      const header = decodeRequestHeader(bytes, 4)
      expect(header).toMatchObject({ apiKey: 12, apiVersion: version, correlationId: -5, clientId: null })
      expect(decodeRequestBody(apis.heartbeat, version, bytes, header.bodyStart)).toEqual({ groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null })
    }
  })
  test("keep the client id's classic length, and step over tags of the header", () => {
    expect(decodeRequestHeader(frame('0012 0003 00000001 0001 61 01 05 02 ffff 02 61 02 62 00'))).toEqual({ apiKey: 18, apiVersion: 3, correlationId: 1, clientId: 'a', bodyStart: 16 })
  })
  test('of an unknown API or version are read as far as the client id', () => {
    expect(decodeRequestHeader(frame('7fff 0003 00000001 ffff'))).toEqual({ apiKey: 32767, apiVersion: 3, correlationId: 1, clientId: null, bodyStart: 10 })
    expect(decodeRequestHeader(frame('0012 0063 00000001 ffff'))).toMatchObject({ apiKey: 18, apiVersion: 99, bodyStart: 10 })
  })
  test.each(['', '0012', '0012 0003 000000', '0012 0003 00000001 0005 61'])('whose header is cut at "%s" are refused', (text) => {
    expect(() => decodeRequestHeader(frame(text))).toThrow(expect.objectContaining({ code: 'CORRUPT_MESSAGE' }))
  })
})

describe('responses', () => {
  test('have a header with tags in flexible versions', () => {
    expect(hex(encodeResponse(apis.heartbeat, 3, 7, { errorCode: 27 }))).toBe(compact('0000000a 00000007 00000000 001b'))
    expect(hex(encodeResponse(apis.heartbeat, 4, 7, { errorCode: 27 }))).toBe(compact('0000000c 00000007 00 00000000 001b 00'))
  })
  test('to ApiVersions have none in any version', () => {
    const body = { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] }
    for (let version = 0; version <= 4; version++) {
      const bytes = encodeResponse(apis.apiVersions, version, 7, body)
      expect(hex(bytes).slice(8, 20)).toBe(compact('00000007 0023'))
      expect(decodeResponse(apis.apiVersions, version, bytes, 4)).toMatchObject(body)
    }
  })
  test('name the request that they answer', () => {
    const bytes = encodeResponse(apis.heartbeat, 4, 77, { errorCode: 1 })
    expect(decodeCorrelationId(bytes, 4)).toBe(77)
    expect(decodeResponse(apis.heartbeat, 4, bytes, 4)).toEqual({ throttleTimeMs: 0, errorCode: 1 })
  })
})

type Partition = ResponseInput<Apis['fetch']>['responses'][number]['partitions'][number]

describe('parts', () => {
  const large = new Uint8Array(5000).fill(3)
  const small = new Uint8Array(10).fill(4)
  const partition = (partitionIndex: number, records: Uint8Array | null): Partition => ({ partitionIndex, errorCode: 0, highWatermark: 9, abortedTransactions: null, records })

  test.each([4, 11, 12, 17])('of a Fetch response (v%i) are its frame, with large record data where it was', (version) => {
    const body = { throttleTimeMs: 0, responses: [{ topic: 't', partitions: [partition(0, large), partition(1, small), partition(2, null), partition(3, large)] }, { topic: 'u', partitions: [] }] }
    const parts = encodeResponseParts(apis.fetch, version, 1, body)
    expect(parts.filter((part) => part === large)).toHaveLength(2)
    expect(Buffer.concat(parts).equals(encodeResponse(apis.fetch, version, 1, body))).toBe(true)
    expect(decodeResponse(apis.fetch, version, Buffer.concat(parts), 4).responses[0]!.partitions.map((each) => each.records?.length)).toEqual([5000, 10, undefined, 5000])
  })
  test('of a Produce request are its frame', () => {
    const body = { acks: -1, timeoutMs: 1000, topicData: [{ name: 't', partitionData: [{ index: 0, records: large }] }] }
    for (const version of [3, 9, 12]) {
      const parts = encodeRequestParts(apis.produce, version, 1, 'c', body)
      expect(parts).toContain(large)
      expect(Buffer.concat(parts).equals(encodeRequest(apis.produce, version, 1, 'c', body))).toBe(true)
    }
  })
  test('a frame that was given stays as it is when others are made', () => {
    const first = encodeResponse(apis.heartbeat, 0, 1, { errorCode: 5 })
    const before = hex(first)
    encodeResponse(apis.heartbeat, 0, 2, { errorCode: 6 })
    expect(hex(first)).toBe(before)
  })
})

describe('the registry', () => {
  test('finds each API by its key, and keys are in order', () => {
    expect(apiList).toHaveLength(58)
    for (const api of apiList) expect(apiOf(api.key)).toBe(api)
    expect(apiList.map((api) => api.key)).toEqual(apiList.map((api) => api.key).sort((a, b) => a - b))
    expect(apiOf(4)).toBeUndefined()
    expect(apiOf(-1)).toBeUndefined()
    expect(apiOf(32767)).toBeUndefined()
  })
  test('knows where the flexible versions begin (spec/wire-protocol 2.1)', () => {
    const since = Object.fromEntries(apiList.map((api) => [api.name, api.flexibleSince]))
    expect(since).toMatchObject({
      Produce: 9, Fetch: 12, ListOffsets: 6, Metadata: 9, OffsetCommit: 8, OffsetFetch: 6, FindCoordinator: 3, JoinGroup: 6, Heartbeat: 4, LeaveGroup: 4, SyncGroup: 4,
      DescribeGroups: 5, ListGroups: 3, SaslHandshake: Infinity, ApiVersions: 3, CreateTopics: 5, DeleteTopics: 4, DeleteRecords: 2, InitProducerId: 2,
      OffsetForLeaderEpoch: 4, DescribeConfigs: 4, AlterConfigs: 2, SaslAuthenticate: 2, CreatePartitions: 2, DeleteGroups: 2, ElectLeaders: 2,
      IncrementalAlterConfigs: 1, OffsetDelete: Infinity, DescribeCluster: 0,
    })
    for (const api of apiList) expect(api.response.flexible).toBe(api.request.flexible)
    for (const api of apiList) expect(api.response.versions).toBe(api.request.versions)
  })
})
