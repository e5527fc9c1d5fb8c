/** DescribeDelegationToken, API 41 (KIP-48). */
import { defineApi, type Api } from '../api.ts'

export const describeDelegationTokenRequest = {
  name: 'DescribeDelegationTokenRequest',
  versions: '1-3',
  flexible: '2+',
  fields: {
    owners: ['{}[]?', { principalType: 'string', principalName: 'string' }],
  },
} as const

export const describeDelegationTokenResponse = {
  name: 'DescribeDelegationTokenResponse',
  versions: '1-3',
  flexible: '2+',
  fields: {
    errorCode: 'int16',
    tokens: ['{}[]', {
      principalType: 'string',
      principalName: 'string',
      tokenRequesterPrincipalType: 'string 3+',
      tokenRequesterPrincipalName: 'string 3+',
      issueTimestamp: 'int64',
      expiryTimestamp: 'int64',
      maxTimestamp: 'int64',
      tokenId: 'string',
      hmac: 'bytes',
      renewers: ['{}[]', { principalType: 'string', principalName: 'string' }],
    }],
    throttleTimeMs: 'int32',
  },
} as const

export const describeDelegationToken: Api<typeof describeDelegationTokenRequest, typeof describeDelegationTokenResponse> =
  defineApi(41, describeDelegationTokenRequest, describeDelegationTokenResponse)
