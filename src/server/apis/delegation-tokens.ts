/**
 * Delegation tokens (KIP-48), which there are none of: as a Kafka that was given no delegation.token.secret.key answers. Who has no name, by a login or a
 * certificate, may not ask at all.
 */
import { apis } from '../../protocol/api-registry.ts'
import { serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

const AUTH_DISABLED = 61
const REQUEST_NOT_ALLOWED = 64
const AUTHORIZATION_FAILED = 65
const INVALID_PRINCIPAL_TYPE = 67
const USER = 'User'
const NO_TIME = -1

export const createDelegationToken: WireApi = serve(apis.createDelegationToken, 1, 3, async ({ ownerPrincipalType, ownerPrincipalName, renewers }, call) => {
  const requester = { principalType: USER, principalName: call.principal.slice(`${USER}:`.length) }
  const isOfAnother = ownerPrincipalName !== null && ownerPrincipalName !== ''
  const owner = isOfAnother ? { principalType: ownerPrincipalType ?? '', principalName: ownerPrincipalName } : requester
  const name = `${owner.principalType}:${owner.principalName}`
  const errorCode = !call.hasName ? REQUEST_NOT_ALLOWED
    : name !== call.principal && !call.rights.demand('CREATE_TOKENS', 'USER', name) ? AUTHORIZATION_FAILED
      : renewers.some(({ principalType }) => principalType !== USER) ? INVALID_PRINCIPAL_TYPE : AUTH_DISABLED
  const time = errorCode === AUTH_DISABLED ? 0 : NO_TIME
  return {
    throttleTimeMs, errorCode, ...owner, tokenRequesterPrincipalType: requester.principalType, tokenRequesterPrincipalName: requester.principalName,
    issueTimestampMs: time, expiryTimestampMs: time, maxTimestampMs: time, tokenId: '', hmac: new Uint8Array(0),
  }
})

export const renewDelegationToken: WireApi = serve(apis.renewDelegationToken, 1, 2, async (_, call) => noToken(call))
export const expireDelegationToken: WireApi = serve(apis.expireDelegationToken, 1, 2, async (_, call) => noToken(call))

export const describeDelegationToken: WireApi = serve(apis.describeDelegationToken, 1, 3, async (_, call) => (
  { throttleTimeMs, errorCode: call.hasName ? AUTH_DISABLED : REQUEST_NOT_ALLOWED, tokens: [] }))

function noToken({ hasName }: Call): { readonly throttleTimeMs: number; readonly errorCode: number; readonly expiryTimestampMs: number } {
  return { throttleTimeMs, errorCode: hasName ? AUTH_DISABLED : REQUEST_NOT_ALLOWED, expiryTimestampMs: hasName ? 0 : NO_TIME }
}
