/** connections.max.idle.ms of the database on an open port, on time of the test's own. */
import { expect, test } from 'vitest'
import { apis } from '../../src/protocol/api-registry.ts'
import { openListener } from '../../src/server/wire-listener.ts'
import { openBroker } from '../support/broker-kit.ts'
import { RawClient } from '../support/wire-kit.ts'

test.each([[5000, false], [-1, true]])('a connection on which nothing is asked is closed after connections.max.idle.ms, %i; -1 is never', async (idleMs, stays) => {
  const { database, broker, scheduler, settle } = await openBroker({ 'connections.max.idle.ms': idleMs })
  const { users, acls, quotas, ports, settings, openPorts } = database
  const listener = await openListener({ broker, users, acls, quotas, ports, settings, openPorts }, { port: 0 }, () => {})
  const client = await RawClient.open(listener.port)
  const ask = (): Promise<unknown> => settle(client.call(apis.metadata, 1, { topics: [] }))
  await ask()
  await scheduler.advance(4900)
  await ask()
  expect(listener.connections).toBe(1)
  await scheduler.advance(86_400_000)
  if (stays) await ask()
  else await client.closed
  client.end()
  await settle(listener.close({ timeoutMs: 0 }))
})
