/** SaslHandshake and SaslAuthenticate (spec/wire-protocol 6.1). Where nobody authenticates they are out of place, as in Kafka. */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import { NONE, serve, type WireApi } from '../wire-api.ts'

const { UNSUPPORTED_SASL_MECHANISM, ILLEGAL_SASL_STATE, SASL_AUTHENTICATION_FAILED } = errorTable
/** The same for a user that does not exist and for a wrong password. */
const FAILED = 'Authentication failed: Invalid username or password'
const noToken = new Uint8Array(0)

export const saslHandshake: WireApi = serve(apis.saslHandshake, 0, 1, async ({ mechanism }, { gate, version }) => {
  const mechanisms = gate?.mechanisms ?? []
  switch (gate?.begin(mechanism, version === 0) ?? 'illegalState') {
    case 'begun': return { errorCode: NONE, mechanisms }
    case 'unknownMechanism': return { errorCode: UNSUPPORTED_SASL_MECHANISM.errorCode, mechanisms }
    case 'illegalState': return { errorCode: ILLEGAL_SASL_STATE.errorCode, mechanisms }
  }
})

export const saslAuthenticate: WireApi = serve(apis.saslAuthenticate, 0, 2, async ({ authBytes }, { gate }) => {
  if (gate === null || (gate.isOpen && !gate.isRenewing)) {
    return { errorCode: ILLEGAL_SASL_STATE.errorCode, errorMessage: 'SaslAuthenticate request received after successful authentication', authBytes: noToken }
  }
  const step = await gate.token(authBytes, false)
  if (step.kind === 'failed') return { errorCode: SASL_AUTHENTICATION_FAILED.errorCode, errorMessage: FAILED, authBytes: noToken }
  return { errorCode: NONE, authBytes: step.token, sessionLifetimeMs: step.kind === 'done' ? gate.sessionMs : 0 }
})
