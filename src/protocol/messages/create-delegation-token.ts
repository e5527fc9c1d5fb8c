/** CreateDelegationToken, API 38 (KIP-48). */
import { defineApi, type Api } from '../api.ts'

export const createDelegationTokenRequest = {
  name: 'CreateDelegationTokenRequest',
  versions: '1-3',
  flexible: '2+',
  fields: {
    ownerPrincipalType: 'string? 3+',
    ownerPrincipalName: 'string? 3+',
    renewers: ['{}[]', { principalType: 'string', principalName: 'string' }],
    maxLifetimeMs: 'clamped64',
  },
} as const

export const createDelegationTokenResponse = {
  name: 'CreateDelegationTokenResponse',
  versions: '1-3',
  flexible: '2+',
  fields: {
    errorCode: 'int16',
    principalType: 'string',
    principalName: 'string',
    tokenRequesterPrincipalType: 'string 3+',
    tokenRequesterPrincipalName: 'string 3+',
    issueTimestampMs: 'int64',
    expiryTimestampMs: 'int64',
    maxTimestampMs: 'int64',
    tokenId: 'string',
    hmac: 'bytes',
    throttleTimeMs: 'int32',
  },
} as const

export const createDelegationToken: Api<typeof createDelegationTokenRequest, typeof createDelegationTokenResponse> =
  defineApi(38, createDelegationTokenRequest, createDelegationTokenResponse)
