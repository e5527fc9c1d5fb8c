/** DescribeLogDirs, API 35. */
import { defineApi, type Api } from '../api.ts'

export const describeLogDirsRequest = {
  name: 'DescribeLogDirsRequest',
  versions: '1-4',
  flexible: '2+',
  fields: {
    topics: ['{}[]?', { topic: 'string', partitions: 'int32[]' }],
  },
} as const

export const describeLogDirsResponse = {
  name: 'DescribeLogDirsResponse',
  versions: '1-4',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16 3+',
    results: ['{}[]', {
      errorCode: 'int16',
      logDir: 'string',
      topics: ['{}[]', {
        name: 'string',
        partitions: ['{}[]', {
          partitionIndex: 'int32',
          partitionSize: 'clamped64',
          offsetLag: 'clamped64',
          isFutureKey: 'boolean',
        }],
      }],
      totalBytes: 'clamped64 4+ = -1',
      usableBytes: 'clamped64 4+ = -1',
    }],
  },
} as const

export const describeLogDirs: Api<typeof describeLogDirsRequest, typeof describeLogDirsResponse> =
  defineApi(35, describeLogDirsRequest, describeLogDirsResponse)
