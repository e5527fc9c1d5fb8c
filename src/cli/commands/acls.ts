/** `ottla acls`: kafka-acls on a directory or a cluster. */
import { createInterface } from 'node:readline/promises'
import type { AclBinding, AclFilter, Kafka } from '../../index.ts'
import { aclsOf, filtersOf, namesEntries } from '../acl-plan.ts'
import { oneOf } from '../arguments.ts'
import { defineCommand, jsonLinesOption, refused, sourceOptions, UsageError, type Command } from '../command.ts'
import { withKafka } from '../session.ts'
import type { Terminal } from '../terminal.ts'

export const acls: Command = defineCommand({
  name: 'acls',
  summary: 'allow and deny what users may do on listeners with ACLs',
  usage: [
    '--data DIR --add --allow-principal User:NAME --operation READ --topic NAME',
    '--data DIR --add --allow-principal User:NAME --producer --topic NAME',
    '--data DIR --add --allow-principal User:NAME --consumer --topic NAME --group NAME',
    '--data DIR --list [--topic NAME] [--principal User:NAME] [--json]',
    '--data DIR --remove [--allow-principal User:NAME] [--operation READ] --topic NAME [--force]',
  ],
  options: {
    ...sourceOptions,
    ...jsonLinesOption,
    add: { type: 'flag', help: 'add ACLs' },
    remove: { type: 'flag', help: 'remove ACLs: those spelt out, or without principal and operation all of a resource' },
    list: { type: 'flag', help: 'list ACLs' },
    'allow-principal': { type: 'text', only: ['add', 'remove'], many: true, value: 'User:NAME', help: 'who may; User:* is everybody, User:ANONYMOUS who did not log in' },
    'deny-principal': { type: 'text', only: ['add', 'remove'], many: true, value: 'User:NAME', help: 'who may not, whatever else allows it' },
    'allow-host': { type: 'text', only: ['add', 'remove'], many: true, value: 'ADDRESS', help: 'from where they may; default every host' },
    'deny-host': { type: 'text', only: ['add', 'remove'], many: true, value: 'ADDRESS', help: 'from where they may not; default every host' },
    operation: { type: 'text', only: ['add', 'remove'], many: true, value: 'NAME', help: 'READ, WRITE, DESCRIBE, …; default ALL' },
    topic: { type: 'text', many: true, value: 'NAME', help: 'a topic; "*" is every one' },
    group: { type: 'text', many: true, value: 'NAME', help: 'a consumer group; "*" is every one' },
    cluster: { type: 'flag', help: 'the cluster itself' },
    'transactional-id': { type: 'text', many: true, value: 'ID', help: 'a transactional id' },
    'delegation-token': refused('names what is not there: delegation tokens are off here'),
    'user-principal': { type: 'text', many: true, value: 'User:NAME', help: 'a user, as a resource' },
    'resource-pattern-type': { type: 'text', value: 'TYPE', help: 'literal (default) or prefixed; to list and remove also any and match' },
    principal: { type: 'text', only: ['list'], many: true, value: 'User:NAME', help: '--list: only those of this principal' },
    producer: { type: 'flag', only: ['add', 'remove'], help: 'what a producer needs: WRITE, DESCRIBE and CREATE of the topics' },
    consumer: { type: 'flag', only: ['add', 'remove'], help: 'what a consumer needs: READ and DESCRIBE of the topics, READ of the groups' },
    idempotent: { type: 'flag', only: ['add', 'remove'], help: '--producer: IDEMPOTENT_WRITE of the cluster, which Kafka before 2.8 asked for' },
    force: { type: 'flag', help: 'do not ask before removing' },
  },
  notes: [
    'ACLs bear on listeners that heed them: "ottla serve" with authorizer.class.name, or listen({ acls }).',
    'A running server is changed with --bootstrap-server; the change holds at once.',
  ],
  examples: [
    'ottla acls --data ./data --add --allow-principal User:alice --operation READ --operation WRITE --topic orders',
    'ottla acls --bootstrap-server localhost:9092 --command-config admin.properties --list',
  ],
  async run(terminal, values) {
    const action = oneOf(values, ['add', 'remove', 'list'])
    if (action === 'list') {
      const filters = filtersOf(values)
      const wanted = new Set(values.principal)
      const found = await withKafka(terminal, values, 'read', (kafka) => listOf(kafka, filters))
      if (wanted.size === 0 || values.json) await print(terminal, 'Current ACLs', found.filter(({ principal }) => wanted.size === 0 || wanted.has(principal)), values.json)
      else for (const one of wanted) {
        void terminal.line(`ACLs for principal \`${one}\``)
        await print(terminal, 'Current ACLs', found.filter(({ principal }) => principal === one), false)
      }
      return 0
    }
    if (action === 'add') {
      const added = aclsOf(values)
      await withKafka(terminal, values, 'create', (kafka) => kafka.admin.createAcls(added))
      await print(terminal, 'Added ACLs', added, values.json)
      return 0
    }
    const filters = namesEntries(values) || values.producer || values.consumer ? aclsOf(values) : filtersOf(values)
    if (filters.some((filter) => filter.resourceType === undefined)) throw new UsageError('--remove needs the resources: --topic, --group, --cluster or --transactional-id')
    const removed = await withKafka(terminal, values, 'change', async (kafka) => {
      if (!values.force && !await isSure(terminal, await listOf(kafka, filters))) return null
      const gone: AclBinding[] = []
      for (const filter of filters) gone.push(...await kafka.admin.deleteAcls(filter))
      return gone
    })
    if (removed === null) return 1
    await print(terminal, 'Removed ACLs', removed, values.json)
    return 0
  },
})

async function listOf(kafka: Kafka, filters: readonly AclFilter[]): Promise<AclBinding[]> {
  const found = new Map<string, AclBinding>()
  for (const filter of filters) for (const acl of await kafka.admin.listAcls(filter)) found.set(JSON.stringify(acl), acl)
  return [...found.values()]
}

/** As kafka-acls prints them, resource by resource. */
async function print(terminal: Terminal, title: string, list: readonly AclBinding[], json: boolean): Promise<void> {
  if (json) {
    for (const acl of list) await terminal.json(acl)
    return
  }
  const resources = new Map<string, AclBinding[]>()
  for (const acl of list) {
    const name = `ResourcePattern(resourceType=${acl.resourceType}, name=${acl.resourceName}, patternType=${acl.patternType})`
    resources.set(name, [...resources.get(name) ?? [], acl])
  }
  for (const [name, entries] of resources) {
    void terminal.line(`${title} for resource \`${name}\`:`)
    for (const { principal, host, operation, permission } of entries) {
      await terminal.line(`\t(principal=${principal}, host=${host}, operation=${operation}, permissionType=${permission})`)
    }
    await terminal.line('')
  }
}

async function isSure(terminal: Terminal, doomed: readonly AclBinding[]): Promise<boolean> {
  await print(terminal, 'To be removed: ACLs', doomed, false)
  await terminal.flush()
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await Promise.race([reader.question('Remove these ACLs? (y/n) '), new Promise<string>((resolve) => { reader.once('close', () => resolve('')) })])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    reader.close()
  }
}
