/** RenewDelegationToken, API 39 (KIP-48). */
import { defineApi, type Api } from '../api.ts'

export const renewDelegationTokenRequest = {
  name: 'RenewDelegationTokenRequest',
  versions: '1-2',
  flexible: '2+',
  fields: {
    hmac: 'bytes',
    renewPeriodMs: 'clamped64',
  },
} as const

export const renewDelegationTokenResponse = {
  name: 'RenewDelegationTokenResponse',
  versions: '1-2',
  flexible: '2+',
  fields: {
    errorCode: 'int16',
    expiryTimestampMs: 'int64',
    throttleTimeMs: 'int32',
  },
} as const

export const renewDelegationToken: Api<typeof renewDelegationTokenRequest, typeof renewDelegationTokenResponse> =
  defineApi(39, renewDelegationTokenRequest, renewDelegationTokenResponse)
