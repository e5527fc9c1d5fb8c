/**
 * The server's side of SCRAM (RFC 5802, 7677), without I/O:
 *
 *   client-first   n,,n=<user>,r=<client nonce>             → r=<both nonces>,s=<salt>,i=<iterations>
 *   client-final   c=biws,r=<both nonces>,p=<proof>          → v=<server signature>
 *
 * The proof is checked in constant time, and the nonce must be the one that was sent (CVE-2024-56128), or what librdkafka made of it before 2.6.1: its own
 * nonce once more in front. A user that is not known is taken through the same steps, with a salt that is always the same for its name, so that it fails like
 * a wrong password.
 */
import type { Random } from '../../common/random.ts'
import { SCRAM_ITERATIONS, scramAttributes, scramEquals, scramHash, scramHmac, scramXor, type ScramMechanism } from '../../common/scram.ts'
import type { StoredCredential } from '../user-credentials.ts'
import type { CredentialSource, SaslServer, SaslStep } from './sasl-server.ts'

const NONCE_BYTES = 24
const SALT_BYTES = 16
const MAX_MESSAGE = 4096

interface Exchange { readonly user: string; readonly first: string; readonly nonces: readonly string[]; readonly challenge: string; readonly credential: StoredCredential | null }

export class ScramServer implements SaslServer {
  readonly #mechanism: ScramMechanism
  readonly #source: CredentialSource
  readonly #random: Random
  #exchange: Exchange | null = null

  constructor(mechanism: ScramMechanism, source: CredentialSource, random: Random) {
    this.#mechanism = mechanism
    this.#source = source
    this.#random = random
  }

  next(token: Uint8Array): Promise<SaslStep> {
    const text = token.length > MAX_MESSAGE ? '' : Buffer.from(token).toString()
    return Promise.resolve(this.#exchange === null ? this.#first(text) : this.#final(text, this.#exchange))
  }

  #first(text: string): SaslStep {
    const match = /^[ny],(?:a=([^,]*))?,(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(text)
    const user = match === null ? null : unescapeName(match[3]!)
    const authorization = match?.[1] === undefined ? user : unescapeName(match[1])
    // Delegation tokens (`tokenauth=true`) are not known here; acting as somebody else is not allowed.
    if (match === null || user === null || user === '' || (authorization !== '' && authorization !== user) || text.includes(',tokenauth=true')) return failed
    const found = this.#source.find(user, this.#mechanism)
    const nonce = match[4]! + Buffer.from(this.#random.bytes(NONCE_BYTES)).toString('base64url')
    const salt = found?.salt ?? scramHmac(this.#mechanism, this.#source.secret, `${this.#mechanism} ${user}`).subarray(0, SALT_BYTES)
    const challenge = `r=${nonce},s=${Buffer.from(salt).toString('base64')},i=${found?.iterations ?? SCRAM_ITERATIONS.usual}`
    this.#exchange = { user, first: match[2]!, nonces: [nonce, match[4]! + nonce], challenge, credential: found }
    return { kind: 'challenge', token: Buffer.from(challenge) }
  }

  #final(text: string, { user, first, nonces, challenge, credential }: Exchange): SaslStep {
    const proofAt = text.lastIndexOf(',p=')
    const attributes = proofAt < 0 ? null : scramAttributes(text)
    if (attributes === null || !nonces.includes(attributes.get('r') ?? '') || !/^(biws|eSws)$/.test(attributes.get('c') ?? '')) return failed
    const message = `${first},${challenge},${text.slice(0, proofAt)}`
    const storedKey = credential?.storedKey ?? scramHash(this.#mechanism, this.#source.secret)
    const signature = scramHmac(this.#mechanism, storedKey, message)
    const proof = Buffer.from(text.slice(proofAt + 3), 'base64')
    const isSound = proof.length === signature.length && scramEquals(scramHash(this.#mechanism, scramXor(proof, signature)), storedKey)
    if (!isSound || credential === null) return failed
    return { kind: 'done', token: Buffer.from(`v=${scramHmac(this.#mechanism, credential.serverKey, message).toString('base64')}`), user }
  }
}

const failed: SaslStep = { kind: 'failed' }

/** `=2C` and `=3D`; null for any other use of the equals sign. */
function unescapeName(name: string): string | null {
  return /=(?!2C|3D)/.test(name) ? null : name.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
