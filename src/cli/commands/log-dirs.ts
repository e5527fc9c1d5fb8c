/** `ottla log-dirs`: kafka-log-dirs on a directory or a cluster; its output is JSON anyway. */
import type { LogDirDescription } from '../../index.ts'
import { defineCommand, jsonOption, sourceOptions, UsageError, type Command } from '../command.ts'
import { withKafka } from '../session.ts'

export const logDirs: Command = defineCommand({
  name: 'log-dirs',
  summary: 'print the size of each partition on disk',
  usage: ['--data DIR --describe [--topic-list NAME,…] [--json]'],
  options: {
    ...sourceOptions,
    json: { ...jsonOption.json, help: 'only the JSON, without the two lines that Kafka\'s tool puts before it' },
    describe: { type: 'flag', help: 'as Kafka\'s tool wants it; the only thing this command does' },
    'broker-list': { type: 'text', value: 'ID,…', help: 'only these brokers of a cluster; a directory is one' },
    'topic-list': { type: 'text', value: 'NAME,…', help: 'only these topics' },
  },
  examples: ['ottla log-dirs --data ./data --describe --topic-list orders'],
  async run(terminal, values) {
    const list = values['topic-list'] ?? ''
    const topics = list === '' ? null : new Set(list.split(',').map((name) => name.trim()))
    const asked = values['broker-list'] === undefined || values['broker-list'] === '' ? null : values['broker-list'].split(',').map((id) => id.trim())
    return withKafka(terminal, values, 'read', async (kafka) => {
      const { controller, brokers: there } = await kafka.admin.describeCluster()
      const ids = there.map(({ id }) => String(id))
      const missing = asked?.filter((id) => !ids.includes(id)) ?? []
      if (missing.length > 0) throw new UsageError(`--broker-list: there is no broker ${missing.join(',')}; there ${ids.length === 1 ? 'is' : 'are'} ${ids.join(',')}`)
      const dirs = (await kafka.admin.describeLogDirs()).map((dir) => ({ ...dir, broker: dir.broker ?? controller }))
      const brokers = [...new Set(dirs.map(({ broker }) => broker))].filter((broker) => asked === null || asked.includes(String(broker))).toSorted((x, y) => x - y)
      if (!values.json) void terminal.line(`Querying brokers for log directories information\nReceived log directory information from brokers ${brokers.join(',')}`)
      await terminal.json({
        brokers: brokers.map((broker) => ({ broker, logDirs: dirs.filter((dir) => dir.broker === broker).map((dir) => logDirOf(dir, topics)) })),
        version: 1,
      })
      return 0
    })
  },
})

function logDirOf({ path, error, partitions }: LogDirDescription, topics: ReadonlySet<string> | null): object {
  const shown = partitions.filter(({ topic }) => topics === null || topics.has(topic)).toSorted(byTopic)
  return { partitions: shown.map(({ topic, partition, size, offsetLag }) => ({ partition: `${topic}-${partition}`, size, offsetLag, isFuture: false })), error, logDir: path }
}

interface Sized { readonly topic: string; readonly partition: number }

function byTopic(a: Sized, b: Sized): number { return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1 }
