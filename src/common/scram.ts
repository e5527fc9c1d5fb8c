/**
 * What both ends of SCRAM compute (RFC 5802, SHA-256 and SHA-512 by RFC 7677): keys from a password, signatures, and the attributes of a message.
 * The exchange itself is in client/wire/sasl.ts and in the server. No channel binding; user names and passwords are taken as UTF-8, as Kafka does,
 * without SASLprep. The library is loaded with its first use.
 */
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
export const scramMechanisms: readonly ScramMechanism[] = ['SCRAM-SHA-256', 'SCRAM-SHA-512']
/** What a credential may ask of who logs in, as Kafka has it, and what is asked unless told otherwise. */
export const SCRAM_ITERATIONS: { readonly least: number; readonly most: number; readonly usual: number } = { least: 4096, most: 16_384, usual: 8192 }

export interface ScramKeys { readonly clientKey: Uint8Array; readonly storedKey: Uint8Array; readonly serverKey: Uint8Array }

const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto')

const digests = { 'SCRAM-SHA-256': { name: 'sha256', bytes: 32 }, 'SCRAM-SHA-512': { name: 'sha512', bytes: 64 } } as const

export function scramHash(mechanism: ScramMechanism, data: Uint8Array): Buffer { return crypto().createHash(digests[mechanism].name).update(data).digest() }

export function scramHmac(mechanism: ScramMechanism, key: Uint8Array, data: Uint8Array | string): Buffer {
  return crypto().createHmac(digests[mechanism].name, key).update(data).digest()
}

export async function scramKeys(mechanism: ScramMechanism, password: string, salt: Uint8Array, iterations: number): Promise<ScramKeys> {
  return scramKeysOf(mechanism, await scramSalted(mechanism, password, salt, iterations))
}

/** Costs `iterations` rounds of HMAC, off the event loop. */
export function scramSalted(mechanism: ScramMechanism, password: string, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  const { name, bytes } = digests[mechanism]
  return new Promise((resolve, reject) => {
    crypto().pbkdf2(password, salt, iterations, bytes, name, (error, key) => { if (error === null) resolve(key); else reject(error) })
  })
}

/** From a password that is salted already. */
export function scramKeysOf(mechanism: ScramMechanism, salted: Uint8Array): ScramKeys {
  const clientKey = scramHmac(mechanism, salted, 'Client Key')
  return { clientKey, storedKey: scramHash(mechanism, clientKey), serverKey: scramHmac(mechanism, salted, 'Server Key') }
}

/** Bytes of the same length, bit by bit. */
export function scramXor(a: Uint8Array, b: Uint8Array): Buffer { return Buffer.from(a.map((byte, i) => byte ^ b[i]!)) }

/** A user name in a message: `,` and `=` are escaped. */
export function scramName(name: string): string { return name.replaceAll('=', '=3D').replaceAll(',', '=2C') }

/** `r=…,s=…,i=…` by letter; null when a part is no attribute. Values may hold `=`. */
export function scramAttributes(message: string): ReadonlyMap<string, string> | null {
  const attributes = new Map<string, string>()
  for (const part of message.split(',')) {
    if (part.length < 2 || part[1] !== '=') return null
    attributes.set(part[0]!, part.slice(2))
  }
  return attributes
}

/** In a time that does not tell where they differ. */
export function scramEquals(a: Uint8Array, b: Uint8Array): boolean { return a.length === b.length && crypto().timingSafeEqual(a, b) }
