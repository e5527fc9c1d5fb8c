/** DescribeUserScramCredentials, API 50. */
import { defineApi, type Api } from '../api.ts'

export const describeUserScramCredentialsRequest = {
  name: 'DescribeUserScramCredentialsRequest',
  versions: '0',
  flexible: '0+',
  fields: {
    users: ['{}[]?', { name: 'string' }],
  },
} as const

export const describeUserScramCredentialsResponse = {
  name: 'DescribeUserScramCredentialsResponse',
  versions: '0',
  flexible: '0+',
  fields: {
    throttleTimeMs: 'int32',
    errorCode: 'int16',
    errorMessage: 'string?',
    results: ['{}[]', {
      user: 'string',
      errorCode: 'int16',
      errorMessage: 'string?',
      credentialInfos: ['{}[]', { mechanism: 'int8', iterations: 'int32' }],
    }],
  },
} as const

export const describeUserScramCredentials: Api<typeof describeUserScramCredentialsRequest, typeof describeUserScramCredentialsResponse> =
  defineApi(50, describeUserScramCredentialsRequest, describeUserScramCredentialsResponse)
