/**
 * The server's side of PLAIN (RFC 4616): one token, `[authzid] NUL user NUL password`. The password is held against the user's SCRAM credential, so that no
 * password is kept anywhere; a user that is not known costs the same time.
 */
import { SCRAM_ITERATIONS, scramEquals, scramKeys, scramMechanisms } from '../../common/scram.ts'
import type { CredentialSource, SaslServer, SaslStep } from './sasl-server.ts'

const MAX_TOKEN = 4096

export class PlainServer implements SaslServer {
  readonly #source: CredentialSource

  constructor(source: CredentialSource) {
    this.#source = source
  }

  async next(token: Uint8Array): Promise<SaslStep> {
    const parts = token.length > MAX_TOKEN ? [] : Buffer.from(token).toString().split('\0')
    const [authorization, user, password] = parts
    if (parts.length !== 3 || user === undefined || user === '' || (authorization !== '' && authorization !== user)) return { kind: 'failed' }
    const mechanism = scramMechanisms.find((each) => this.#source.find(user, each) !== null) ?? 'SCRAM-SHA-256'
    const credential = this.#source.find(user, mechanism)
    const { storedKey } = await scramKeys(mechanism, password!, credential?.salt ?? this.#source.secret, credential?.iterations ?? SCRAM_ITERATIONS.usual)
    const isSound = credential !== null && scramEquals(storedKey, credential.storedKey)
    return isSound ? { kind: 'done', token: new Uint8Array(0), user } : { kind: 'failed' }
  }
}
