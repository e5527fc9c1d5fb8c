/** `ottla users`: who may log in on listeners with SASL. */
import { once } from 'node:events'
import type { UserDescription } from '../../index.ts'
import { oneOf, required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, sourceOptions, UsageError, type Command } from '../command.ts'
import { withKafka } from '../session.ts'
import { table } from '../table.ts'

export const users: Command = defineCommand({
  name: 'users',
  summary: 'make, list and remove users of listeners with SASL',
  usage: ['--data DIR --set NAME < PASSWORD', '--data DIR --list [--json]', '--data DIR --remove NAME'],
  options: {
    ...sourceOptions,
    ...jsonLinesOption,
    set: { type: 'text', value: 'NAME', help: 'make a user, or give it another password: the first line of standard input' },
    list: { type: 'flag', help: 'list the users and their mechanisms' },
    remove: { type: 'text', value: 'NAME', help: 'remove a user' },
    iterations: { type: 'number', only: ['set'], value: 'N', least: 4096, help: 'rounds of hashing, 4096 to 16384; default 8192' },
  },
  notes: [
    'With --data it works on a directory that nobody has open; while a server runs, --bootstrap-server does the same through',
    'the server, or on Kafka. The password itself is neither kept nor sent.',
  ],
  examples: ['ottla users --data ./data --set alice < password.txt', 'ottla users --data ./data --list'],
  async run(terminal, values) {
    switch (oneOf(values, ['set', 'list', 'remove'])) {
      case 'set': {
        const password = await firstLine()
        const name = required(values.set, 'set')
        const options = values.iterations === undefined ? {} : { iterations: values.iterations }
        await withKafka(terminal, values, 'create', (kafka) => kafka.users.set(name, password, options))
        return 0
      }
      case 'remove': {
        const name = required(values.remove, 'remove')
        const wasThere = await withKafka(terminal, values, 'change', (kafka) => kafka.users.remove(name))
        if (!wasThere) terminal.note(`there is no user ${name}`)
        return wasThere ? 0 : 1
      }
      case 'list': {
        const list = await withKafka(terminal, values, 'read', (kafka) => kafka.users.list())
        if (values.json) for (const user of list) await terminal.json(user)
        else await terminal.line(table(['USER', 'MECHANISMS'], list.map(rowOf)))
        return 0
      }
    }
  },
})

function rowOf({ name, mechanisms }: UserDescription): string[] { return [name, mechanisms.map((each) => `${each.mechanism} (${each.iterations})`).join(', ')] }

async function firstLine(): Promise<string> {
  let text = ''
  process.stdin.on('data', (chunk: Buffer) => { text += chunk.toString() })
  await once(process.stdin, 'end')
  const line = text.split(/\r?\n/, 1)[0]!
  if (line === '') throw new UsageError('--set reads the password from standard input, and there was none')
  return line
}
