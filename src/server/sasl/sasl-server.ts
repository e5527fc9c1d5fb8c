/** What the mechanisms of SASL have in common on the server's side: tokens in, steps out. */
import type { ScramMechanism } from '../../common/scram.ts'
import type { StoredCredential } from '../user-credentials.ts'

export type SaslMechanism = 'PLAIN' | ScramMechanism
export const saslMechanisms: readonly SaslMechanism[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']

export type SaslStep =
  | { readonly kind: 'challenge'; readonly token: Uint8Array }
  /** `user`: who that was. */
  | { readonly kind: 'done'; readonly token: Uint8Array; readonly user: string }
  | { readonly kind: 'failed' }

/** One login. After 'done' and 'failed' it is over. */
export interface SaslServer { next(token: Uint8Array): Promise<SaslStep> }

/** Where credentials come from. */
export interface CredentialSource {
  find(user: string, mechanism: ScramMechanism): StoredCredential | null
  /** Random bytes of this process, from which the salts of users that do not exist follow. */
  readonly secret: Uint8Array
}
