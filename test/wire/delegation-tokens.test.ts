/**
 * Delegation tokens as raw requests. The codes were seen at an Apache Kafka 4.1 without delegation.token.secret.key: 61 is DELEGATION_TOKEN_AUTH_DISABLED,
 * 64 DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, 65 DELEGATION_TOKEN_AUTHORIZATION_FAILED, 67 INVALID_PRINCIPAL_TYPE.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Listener } from '../../src/index.ts'
import { apis } from '../../src/protocol/api-registry.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

let kit: WireKit
let client: RawClient
beforeEach(async () => {
  kit = await listening()
  await kit.ottla.users.set('alice', 'secret', { iterations: 4096 })
})
afterEach(async () => {
  client.end()
  await kit.ottla.close()
})

async function login(listener: Listener): Promise<void> {
  client = await RawClient.open(listener.port)
  await client.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
  expect((await client.call(apis.saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0secret') })).errorCode).toBe(0)
}

const hmac = new Uint8Array(4)
const create = (owner: string | null = null, renewer = 'User') => client.call(apis.createDelegationToken, 3, {
  ownerPrincipalType: owner === null ? null : 'User', ownerPrincipalName: owner, renewers: [{ principalType: renewer, principalName: 'bob' }], maxLifetimeMs: Number.MAX_SAFE_INTEGER,
})
const others = async (): Promise<unknown> => [
  (await client.call(apis.renewDelegationToken, 2, { hmac, renewPeriodMs: -1 })).errorCode, (await client.call(apis.expireDelegationToken, 2, { hmac, expiryTimePeriodMs: -1 })).errorCode,
  (await client.call(apis.describeDelegationToken, 3, { owners: null })).errorCode,
]

test('who has no name may not ask for any', async () => {
  client = await RawClient.open(kit.port)
  expect(await create()).toMatchObject({ errorCode: 64, principalName: 'ANONYMOUS', tokenRequesterPrincipalName: 'ANONYMOUS', tokenId: '', issueTimestampMs: -1 })
  expect(await others()).toEqual([64, 64, 64])
})

test('who has learns that there are none', async () => {
  await login(await kit.ottla.listen({ port: 0, sasl: { mechanisms: ['PLAIN'] } }))
  expect(await create()).toMatchObject({ errorCode: 61, principalType: 'User', principalName: 'alice', tokenRequesterPrincipalName: 'alice', tokenId: '' })
  expect(await create('carol')).toMatchObject({ errorCode: 61, principalName: 'carol', tokenRequesterPrincipalName: 'alice' })
  expect((await create(null, 'Group')).errorCode).toBe(67)
  expect(await others()).toEqual([61, 61, 61])
})

test('for others may ask only who is allowed to', async () => {
  await login(await kit.ottla.listen({ port: 0, sasl: { mechanisms: ['PLAIN'] }, acls: {} }))
  expect([(await create()).errorCode, (await create('carol')).errorCode]).toEqual([61, 65])
  await kit.ottla.admin.createAcls([{ principal: 'User:alice', operation: 'CREATE_TOKENS', resourceType: 'USER', resourceName: 'User:carol' }])
  expect((await create('carol')).errorCode).toBe(61)
})
