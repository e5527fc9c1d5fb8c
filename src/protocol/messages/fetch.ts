/** Fetch, API 1. */
import { defineApi, type Api } from '../api.ts'

export const fetchRequest = {
  name: 'FetchRequest',
  versions: '4-17',
  flexible: '12+',
  fields: {
    clusterId: 'string? 12+ tag 0',
    replicaId: 'int32 4-14 = -1',
    replicaState: ['{} 15+ tag 1', { replicaId: 'int32 = -1', replicaEpoch: 'clamped64 = -1' }],
    maxWaitMs: 'int32',
    minBytes: 'int32',
    maxBytes: 'int32 = 2147483647',
    isolationLevel: 'int8',
    sessionId: 'int32 7+',
    sessionEpoch: 'int32 7+ = -1',
    topics: ['{}[]', {
      topic: 'string 4-12',
      topicId: 'uuid 13+',
      partitions: ['{}[]', {
        partition: 'int32',
        currentLeaderEpoch: 'int32 9+ = -1',
        fetchOffset: 'clamped64',
        lastFetchedEpoch: 'int32 12+ = -1',
        logStartOffset: 'clamped64 5+ = -1',
        partitionMaxBytes: 'int32',
        replicaDirectoryId: 'uuid 17+ tag 0',
      }],
    }],
    forgottenTopicsData: ['{}[] 7+', { topic: 'string 7-12', topicId: 'uuid 13+', partitions: 'int32[]' }],
    rackId: 'string 11+',
  },
} as const

export const fetchResponse = {
  name: 'FetchResponse',
  versions: '4-17',
  flexible: '12+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16 7+',
    sessionId: 'int32 7+',
    responses: ['{}[]', {
      topic: 'string 4-12',
      topicId: 'uuid 13+',
      partitions: ['{}[]', {
        partitionIndex: 'int32',
        errorCode: 'int16',
        highWatermark: 'int64',
        lastStableOffset: 'int64 = -1',
        logStartOffset: 'int64 5+ = -1',
        divergingEpoch: ['{} 12+ tag 0', { epoch: 'int32 = -1', endOffset: 'int64 = -1' }],
        currentLeader: ['{} 12+ tag 1', { leaderId: 'int32 = -1', leaderEpoch: 'int32 = -1' }],
        snapshotId: ['{} 12+ tag 2', { endOffset: 'int64 = -1', epoch: 'int32 = -1' }],
        abortedTransactions: ['{}[]?', { producerId: 'int64', firstOffset: 'int64' }],
        preferredReadReplica: 'int32 11+ = -1',
        records: 'records?',
      }],
    }],
    nodeEndpoints: ['{}[] 16+ tag 0', { nodeId: 'int32', host: 'string', port: 'int32', rack: 'string?' }],
  },
} as const

export const fetch: Api<typeof fetchRequest, typeof fetchResponse> = defineApi(1, fetchRequest, fetchResponse)
