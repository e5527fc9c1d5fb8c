/** ListGroups, API 16. */
import { defineApi, type Api } from '../api.ts'

export const listGroupsRequest = {
  name: 'ListGroupsRequest',
  versions: '0-5',
  flexible: '3+',
  fields: {
    statesFilter: 'string[] 4+',
    typesFilter: 'string[] 5+',
  },
} as const

export const listGroupsResponse = {
  name: 'ListGroupsResponse',
  versions: '0-5',
  flexible: '3+',
  fields: {
    throttleTimeMs: 'int32 1+',
    errorCode: 'int16',
    groups: ['{}[]', {
      groupId: 'string',
      protocolType: 'string',
      groupState: 'string 4+',
      groupType: 'string 5+',
    }],
  },
} as const

export const listGroups: Api<typeof listGroupsRequest, typeof listGroupsResponse> = defineApi(16, listGroupsRequest, listGroupsResponse)
