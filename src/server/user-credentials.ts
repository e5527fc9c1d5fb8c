/** The users of a listener, as the server needs them: the user store of the metadata layer is one. */
import type { ScramMechanism } from '../common/scram.ts'

export interface StoredCredential { readonly salt: Uint8Array; readonly iterations: number; readonly storedKey: Uint8Array; readonly serverKey: Uint8Array }

export interface UserCredentials {
  find(name: string, mechanism: ScramMechanism): StoredCredential | null
  list(): readonly { readonly name: string; readonly credentials: ReadonlyMap<ScramMechanism, StoredCredential> }[]
  /** Raises INVALID_ARGUMENT for a name that cannot be. */
  set(name: string, mechanism: ScramMechanism, credential: StoredCredential): Promise<void>
  /** False when there was none. */
  remove(name: string, mechanism: ScramMechanism): Promise<boolean>
}
