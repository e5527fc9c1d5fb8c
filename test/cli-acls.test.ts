/** `ottla acls` and the quotas of `ottla configs` on a directory, as processes of their own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { build, jsonLines, ottla } from './support/cli.ts'

let directory: string
beforeAll(async () => {
  await build()
  directory = mkdtempSync(join(tmpdir(), 'ottla-acls-'))
}, 120_000)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const run = (...args: readonly string[]): ReturnType<typeof ottla> => ottla([args[0]!, '--data', join(directory, 'data'), ...args.slice(1)])

test('ACLs are added, listed and removed as by kafka-acls, and are there the next time', async () => {
  const added = await run('acls', '--add', '--allow-principal', 'User:alice', '--consumer', '--topic', 'orders', '--group', 'readers')
  expect(added).toMatchObject({ code: 0, error: '' })
  await run('acls', '--add', '--deny-principal', 'User:*', '--deny-host', '10.0.0.1', '--operation', 'Write', '--topic', 'ord', '--resource-pattern-type', 'prefixed')
  expect((await run('acls', '--list', '--topic', 'orders', '--resource-pattern-type', 'match')).text).toBe([
    'Current ACLs for resource `ResourcePattern(resourceType=TOPIC, name=orders, patternType=LITERAL)`:',
    '\t(principal=User:alice, host=*, operation=READ, permissionType=ALLOW)', '\t(principal=User:alice, host=*, operation=DESCRIBE, permissionType=ALLOW)', '',
    'Current ACLs for resource `ResourcePattern(resourceType=TOPIC, name=ord, patternType=PREFIXED)`:',
    '\t(principal=User:*, host=10.0.0.1, operation=WRITE, permissionType=DENY)', '', '',
  ].join('\n'))
  expect(jsonLines(await run('acls', '--list', '--json', '--principal', 'User:*'))).toEqual([
    { resourceType: 'TOPIC', resourceName: 'ord', patternType: 'PREFIXED', principal: 'User:*', host: '10.0.0.1', operation: 'WRITE', permission: 'DENY' },
  ])
  expect((await run('acls', '--list', '--principal', 'User:*')).text).toBe([
    'ACLs for principal `User:*`', 'Current ACLs for resource `ResourcePattern(resourceType=TOPIC, name=ord, patternType=PREFIXED)`:',
    '\t(principal=User:*, host=10.0.0.1, operation=WRITE, permissionType=DENY)', '', '',
  ].join('\n'))
  // Nobody says yes.
  expect((await run('acls', '--remove', '--topic', 'orders')).code).toBe(1)
  expect(jsonLines(await run('acls', '--list', '--json'))).toHaveLength(4)
  expect((await run('acls', '--remove', '--topic', 'orders', '--operation', 'Describe', '--allow-principal', 'User:alice', '--force')).code).toBe(0)
  expect(jsonLines(await run('acls', '--list', '--json', '--topic', 'orders'))).toHaveLength(1)
  expect((await run('acls', '--remove', '--group', 'readers', '--force')).code).toBe(0)
  expect(jsonLines(await run('acls', '--list', '--json'))).toHaveLength(2)
}, 60_000)

test('all ACLs are not removed by leaving out which', async () => {
  const outcome = await run('acls', '--remove', '--force')
  expect([outcome.code, outcome.error.includes('--remove needs the resources')]).toEqual([2, true])
}, 60_000)

test('quotas are kept by configs as by kafka-configs', async () => {
  expect((await run('configs', '--alter', '--entity-type', 'users', '--entity-name', 'alice', '--add-config', 'producer_byte_rate=1000,consumer_byte_rate=2000')).text)
    .toBe('Completed updating config for user alice.\n')
  await run('configs', '--alter', '--client-defaults', '--add-config', 'producer_byte_rate=10')
  expect((await run('configs', '--describe', '--entity-type', 'users')).text).toBe("Quota configs for user-principal 'alice' are consumer_byte_rate=2000.0, producer_byte_rate=1000.0\n")
  await run('configs', '--alter', '--user', 'alice', '--delete-config', 'consumer_byte_rate')
  expect(jsonLines(await run('configs', '--describe', '--entity-type', 'users', '--json'))).toEqual([{ entity: { user: 'alice' }, quotas: { producer_byte_rate: 1000 } }])
  expect(jsonLines(await run('configs', '--describe', '--entity-type', 'clients', '--json'))).toEqual([{ entity: { clientId: null }, quotas: { producer_byte_rate: 10 } }])
  const refused = await run('configs', '--alter', '--user', 'alice', '--add-config', 'connection_creation_rate=5')
  expect([refused.code, refused.error.includes('quotas of users and clients are consumer_byte_rate, controller_mutation_rate')]).toEqual([1, true])
}, 60_000)
