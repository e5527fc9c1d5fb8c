/** DeleteGroups, API 42. */
import { defineApi, type Api } from '../api.ts'

export const deleteGroupsRequest = {
  name: 'DeleteGroupsRequest',
  versions: '0-2',
  flexible: '2+',
  fields: {
    groupsNames: 'string[]',
  },
} as const

export const deleteGroupsResponse = {
  name: 'DeleteGroupsResponse',
  versions: '0-2',
  flexible: '2+',
  fields: {
    throttleTimeMs: 'int32',
    results: ['{}[]', { groupId: 'string', errorCode: 'int16' }],
  },
} as const

export const deleteGroups: Api<typeof deleteGroupsRequest, typeof deleteGroupsResponse> = defineApi(42, deleteGroupsRequest, deleteGroupsResponse)
