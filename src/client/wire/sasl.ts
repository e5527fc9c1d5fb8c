/**
 * The client's side of SASL, without I/O: tokens out, challenges in (spec/wire-protocol section 6). PLAIN (RFC 4616) is one token; SCRAM (RFC 5802)
 * two, and the server proves in its last answer that it knows the password too. Raises SASL_AUTHENTICATION_FAILED for answers that prove nothing.
 */
import { OttlaError } from '../../common/errors.ts'
import type { Random } from '../../common/random.ts'
import { scramAttributes, scramHmac, scramKeys, scramName, scramXor, type ScramMechanism } from '../../common/scram.ts'

export interface Credentials { readonly mechanism: 'PLAIN' | ScramMechanism; readonly username: string; readonly password: string }

/** Answers each challenge; the first is empty. Null: the server has proved itself, and nothing more is to be sent. */
export interface SaslExchange { next(challenge: Uint8Array): Promise<Uint8Array | null> }

/** Less is too weak to send a proof for; more would keep this process busy for the server's pleasure. */
const ITERATIONS = { least: 4096, most: 1_000_000 }

export function saslExchange(credentials: Credentials, random: Random): SaslExchange {
  return credentials.mechanism === 'PLAIN' ? plain(credentials) : scram(credentials.mechanism, credentials, random)
}

function plain({ username, password }: Credentials): SaslExchange {
  let sent = false
  return {
    next() {
      const token = sent ? null : Buffer.from(`\0${username}\0${password}`)
      sent = true
      return Promise.resolve(token)
    },
  }
}

function scram(mechanism: ScramMechanism, { username, password }: Credentials, random: Random): SaslExchange {
  const nonce = Buffer.from(random.bytes(24)).toString('base64url')
  const bare = `n=${scramName(username)},r=${nonce}`
  let serverSignature: Buffer | null = null
  let step = 0
  return {
    async next(challenge) {
      step += 1
      if (step === 1) return Buffer.from(`n,,${bare}`)
      const text = Buffer.from(challenge).toString('utf8')
      if (step === 2) {
        const { salt, iterations, combined } = firstAnswer(text, nonce)
        const keys = await scramKeys(mechanism, password, salt, iterations)
        const final = `c=biws,r=${combined}`
        const message = `${bare},${text},${final}`
        serverSignature = scramHmac(mechanism, keys.serverKey, message)
        const proof = scramXor(keys.clientKey, scramHmac(mechanism, keys.storedKey, message))
        return Buffer.from(`${final},p=${proof.toString('base64')}`)
      }
      const attributes = scramAttributes(text)
      const refusal = attributes?.get('e')
      if (refusal !== undefined) throw failed(`the broker refused: ${refusal}`)
      if (attributes?.get('v') !== serverSignature!.toString('base64')) throw failed('the broker did not prove that it knows the password: it may be another one')
      return null
    },
  }
}

function firstAnswer(text: string, nonce: string): { salt: Uint8Array; iterations: number; combined: string } {
  const attributes = scramAttributes(text)
  const refusal = attributes?.get('e')
  if (refusal !== undefined) throw failed(`the broker refused: ${refusal}`)
  const combined = attributes?.get('r') ?? ''
  const salt = Buffer.from(attributes?.get('s') ?? '', 'base64')
  const iterations = Number(attributes?.get('i'))
  if (attributes === null || attributes.has('m') || salt.length === 0) throw failed('the broker sent a SCRAM message that makes no sense')
  if (!combined.startsWith(nonce) || combined.length === nonce.length) throw failed('the broker answered another SCRAM exchange')
  if (!Number.isInteger(iterations) || iterations < ITERATIONS.least || iterations > ITERATIONS.most) {
    throw failed(`the broker asks for ${attributes.get('i')} SCRAM iterations: ${ITERATIONS.least} to ${ITERATIONS.most} are accepted`)
  }
  return { salt, iterations, combined }
}

function failed(message: string): OttlaError { return new OttlaError('SASL_AUTHENTICATION_FAILED', message) }
