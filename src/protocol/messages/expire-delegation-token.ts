/** ExpireDelegationToken, API 40 (KIP-48). */
import { defineApi, type Api } from '../api.ts'

export const expireDelegationTokenRequest = {
  name: 'ExpireDelegationTokenRequest',
  versions: '1-2',
  flexible: '2+',
  fields: {
    hmac: 'bytes',
    expiryTimePeriodMs: 'clamped64',
  },
} as const

export const expireDelegationTokenResponse = {
  name: 'ExpireDelegationTokenResponse',
  versions: '1-2',
  flexible: '2+',
  fields: {
    errorCode: 'int16',
    expiryTimestampMs: 'int64',
    throttleTimeMs: 'int32',
  },
} as const

export const expireDelegationToken: Api<typeof expireDelegationTokenRequest, typeof expireDelegationTokenResponse> =
  defineApi(40, expireDelegationTokenRequest, expireDelegationTokenResponse)
