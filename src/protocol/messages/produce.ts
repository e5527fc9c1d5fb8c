/** Produce, API 0. */
import { defineApi, type Api } from '../api.ts'

export const produceRequest = {
  name: 'ProduceRequest',
  versions: '3-13',
  flexible: '9+',
  fields: {
    transactionalId: 'string?',
    acks: 'int16',
    timeoutMs: 'int32',
    topicData: ['{}[]', {
      name: 'string 3-12',
      topicId: 'uuid 13+',
      partitionData: ['{}[]', { index: 'int32', records: 'records?' }],
    }],
  },
} as const

export const produceResponse = {
  name: 'ProduceResponse',
  versions: '3-13',
  flexible: '9+',
  fields: {
    responses: ['{}[]', {
      name: 'string 3-12',
      topicId: 'uuid 13+',
      partitionResponses: ['{}[]', {
        index: 'int32',
        errorCode: 'int16',
        baseOffset: 'int64',
        logAppendTimeMs: 'int64 = -1',
        logStartOffset: 'int64 5+ = -1',
        recordErrors: ['{}[] 8+', { batchIndex: 'int32', batchIndexErrorMessage: 'string?' }],
        errorMessage: 'string? 8+',
        currentLeader: ['{} 10+ tag 0', { leaderId: 'int32 = -1', leaderEpoch: 'int32 = -1' }],
      }],
    }],
    throttleTimeMs: 'int32',
    nodeEndpoints: ['{}[] 10+ tag 0', { nodeId: 'int32', host: 'string', port: 'int32', rack: 'string?' }],
  },
} as const

export const produce: Api<typeof produceRequest, typeof produceResponse> = defineApi(0, produceRequest, produceResponse)
