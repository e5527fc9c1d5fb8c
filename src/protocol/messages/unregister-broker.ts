/** UnregisterBroker, API 64. */
import { defineApi, type Api } from '../api.ts'

export const unregisterBrokerRequest = {
  name: 'UnregisterBrokerRequest',
  versions: '0',
  flexible: '0+',
  fields: { brokerId: 'int32' },
} as const

export const unregisterBrokerResponse = {
  name: 'UnregisterBrokerResponse',
  versions: '0',
  flexible: '0+',
  fields: { throttleTimeMs: 'int32', errorCode: 'int16', errorMessage: 'string?' },
} as const

export const unregisterBroker: Api<typeof unregisterBrokerRequest, typeof unregisterBrokerResponse> = defineApi(64, unregisterBrokerRequest, unregisterBrokerResponse)
