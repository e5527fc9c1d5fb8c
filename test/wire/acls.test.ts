/**
 * ACLs on the port: every API with the rights that Kafka asks for and without, held against what Apache Kafka 4.1.0 answered
 * (`test/data/acl-answers.json`; OTTLA_ACL_ORACLE, JSON of ports, has them recorded anew).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { servedList } from '../../src/server/served-apis.ts'
import { aclCases, arrange, world, type World } from '../support/acl-cases.ts'
import { listening } from '../support/wire-kit.ts'

const file = join(import.meta.dirname, '../data/acl-answers.json')
const oracle = process.env['OTTLA_ACL_ORACLE']

async function answersOf(place: World): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {}
  for (const { name, acls, ask } of aclCases) {
    await arrange(place, acls)
    answers[name] = await ask(place).catch((error: unknown) => ({ thrown: (error as Error).message })) ?? null
  }
  return answers
}

test('every case has a name of its own, and every API a case', () => {
  expect(new Set(aclCases.map(({ name }) => name)).size).toBe(aclCases.length)
  const withoutRights = new Set(['SaslHandshake', 'SaslAuthenticate', 'ApiVersions'])
  const names = servedList.map(({ api }) => api.name).filter((name) => !withoutRights.has(name))
  expect(names.filter((name) => !aclCases.some((each) => each.name.startsWith(`${name} `)))).toEqual([])
})

test('each API answers as Kafka does, with and without the rights that it needs', async () => {
  const kit = await listening({ 'offsets.topic.num.partitions': 3 }, { sasl: { mechanisms: ['PLAIN'] }, acls: {} })
  await kit.ottla.users.set('alice', 'alice-secret', { iterations: 4096 })
  const trusted = await kit.ottla.listen({ port: 0, acls: { superUsers: ['User:ANONYMOUS'] } })
  const place = await world(trusted.port, kit.port)
  try {
    expect(await answersOf(place)).toEqual(JSON.parse(readFileSync(file, 'utf8')))
  } finally {
    place.root.end()
    place.alice.end()
    await kit.ottla.close()
  }
})

if (oracle !== undefined) {
  test('Apache Kafka is asked anew', async () => {
    const { plain, sasl } = JSON.parse(oracle) as { plain: number; sasl: number }
    const place = await world(plain, sasl)
    const answers = await answersOf(place)
    writeFileSync(file, `{\n${Object.entries(answers).map(([name, answer]) => `  ${JSON.stringify(name)}: ${JSON.stringify(answer)}`).join(',\n')}\n}\n`)
    place.root.end()
    place.alice.end()
  }, 600_000)
}
