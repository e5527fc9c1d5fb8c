/** SaslHandshake and SaslAuthenticate where nobody authenticates: told so, as Kafka does on a PLAINTEXT listener. */
import { apis } from '../../protocol/api-registry.ts'
import { serve, type WireApi } from '../wire-api.ts'

const ILLEGAL_SASL_STATE = 34

export const saslHandshake: WireApi = serve(apis.saslHandshake, 0, 1, async () => ({ errorCode: ILLEGAL_SASL_STATE, mechanisms: [] }))

export const saslAuthenticate: WireApi = serve(apis.saslAuthenticate, 0, 2, async () => (
  { errorCode: ILLEGAL_SASL_STATE, errorMessage: 'this listener asks nobody to authenticate', authBytes: new Uint8Array(0) }))
