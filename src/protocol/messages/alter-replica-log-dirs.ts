/** AlterReplicaLogDirs, API 34. */
import { defineApi, type Api } from '../api.ts'

export const alterReplicaLogDirsRequest = {
  name: 'AlterReplicaLogDirsRequest',
  versions: '1-2',
  flexible: '2+',
  fields: {
    dirs: ['{}[]', { path: 'string', topics: ['{}[]', { name: 'string', partitions: 'int32[]' }] }],
  },
} as const

export const alterReplicaLogDirsResponse = {
  name: 'AlterReplicaLogDirsResponse',
  versions: '1-2',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    results: ['{}[]', { topicName: 'string', partitions: ['{}[]', { partitionIndex: 'int32', errorCode: 'int16' }] }],
  },
} as const

export const alterReplicaLogDirs: Api<typeof alterReplicaLogDirsRequest, typeof alterReplicaLogDirsResponse> =
  defineApi(34, alterReplicaLogDirsRequest, alterReplicaLogDirsResponse)
