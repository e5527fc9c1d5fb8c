import { expect, test } from 'vitest'
import type { Random } from '../../common/random.ts'
import { saslExchange } from './sasl.ts'

const text = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString('utf8')
/** Gives the nonce `base64url` stands for. */
const fixed = (nonce: string): Random => ({ int: () => 0, float: () => 0, bytes: () => Buffer.from(nonce, 'base64url') })

test('PLAIN is one token of user and password', async () => {
  const exchange = saslExchange({ mechanism: 'PLAIN', username: 'tim', password: 'tänštaaf' }, fixed(''))
  expect(text(await exchange.next(new Uint8Array()))).toBe('\0tim\0tänštaaf')
  expect(await exchange.next(new Uint8Array())).toBeNull()
})

// The example of RFC 7677, section 3, with a nonce of characters that base64url knows.
const rfc = {
  nonce: 'rOprNGfwEbeRWgbNEkqO', server: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  salt: 'W22ZaJ0SNY7soEsUEjb6gQ==', proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', signature: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}
const begin = async (): Promise<ReturnType<typeof saslExchange>> => {
  const exchange = saslExchange({ mechanism: 'SCRAM-SHA-256', username: 'user', password: 'pencil' }, fixed(rfc.nonce))
  expect(text(await exchange.next(new Uint8Array()))).toBe(`n,,n=user,r=${rfc.nonce}`)
  return exchange
}
const challenge = Buffer.from(`r=${rfc.nonce}${rfc.server},s=${rfc.salt},i=4096`)

test('SCRAM-SHA-256 gives the proof of the RFC, and takes the signature of the RFC', async () => {
  const exchange = await begin()
  expect(text(await exchange.next(challenge))).toBe(`c=biws,r=${rfc.nonce}${rfc.server},p=${rfc.proof}`)
  expect(await exchange.next(Buffer.from(`v=${rfc.signature}`))).toBeNull()
})

test('SCRAM refuses a broker that does not know the password', async () => {
  const exchange = await begin()
  await exchange.next(challenge)
  await expect(exchange.next(Buffer.from(`v=${rfc.proof}`))).rejects.toMatchObject({ code: 'SASL_AUTHENTICATION_FAILED' })
})

test.each([
  ['of another exchange', `r=other${rfc.server},s=${rfc.salt},i=4096`],
  ['without a nonce of its own', `r=${rfc.nonce},s=${rfc.salt},i=4096`],
  ['with too few iterations', `r=${rfc.nonce}x,s=${rfc.salt},i=100`],
  ['with endless iterations', `r=${rfc.nonce}x,s=${rfc.salt},i=1000000000`],
  ['without salt', `r=${rfc.nonce}x,i=4096`],
  ['of an extension nobody knows', `m=1,r=${rfc.nonce}x,s=${rfc.salt},i=4096`],
  ['that is no message', 'hello'],
  ['that is a refusal', 'e=unknown-user'],
])('SCRAM refuses an answer %s', async (_, answer) => {
  const exchange = await begin()
  await expect(exchange.next(Buffer.from(answer))).rejects.toMatchObject({ code: 'SASL_AUTHENTICATION_FAILED' })
})

test('commas and equal signs in a user name are escaped', async () => {
  const exchange = saslExchange({ mechanism: 'SCRAM-SHA-512', username: 'a,b=c', password: 'p' }, fixed('abcd'))
  expect(text(await exchange.next(new Uint8Array()))).toBe('n,,n=a=2Cb=3Dc,r=abcd')
})
