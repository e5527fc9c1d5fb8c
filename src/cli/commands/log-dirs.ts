/** `ottla log-dirs`: kafka-log-dirs on a directory or a cluster; its output is JSON anyway. */
import { defineCommand, jsonOption, sourceOptions, type Command } from '../command.ts'
import { withKafka } from '../session.ts'

export const logDirs: Command = defineCommand({
  name: 'log-dirs',
  summary: 'print the size of each partition on disk',
  usage: ['--data DIR --describe [--topic-list NAME,…] [--json]'],
  options: {
    ...sourceOptions,
    json: { ...jsonOption.json, help: 'only the JSON, without the two lines that Kafka\'s tool puts before it' },
    describe: { type: 'flag', help: 'as Kafka\'s tool wants it; the only thing this command does' },
    'broker-list': { type: 'text', value: 'ID,…', help: 'for Kafka\'s sake: there is one broker' },
    'topic-list': { type: 'text', value: 'NAME,…', help: 'only these topics' },
  },
  examples: ['ottla log-dirs --data ./data --describe --topic-list orders'],
  async run(terminal, values) {
    const list = values['topic-list'] ?? ''
    const topics = list === '' ? null : new Set(list.split(',').map((name) => name.trim()))
    return withKafka(terminal, values, 'read', async (kafka) => {
      const broker = (await kafka.admin.describeCluster()).controller
      const dirs = await kafka.admin.describeLogDirs()
      if (!values.json) void terminal.line(`Querying brokers for log directories information\nReceived log directory information from brokers ${broker}`)
      await terminal.json({
        brokers: [{
          broker,
          logDirs: dirs.map((dir) => ({
            partitions: dir.partitions.filter((p) => topics === null || topics.has(p.topic)).toSorted(byTopic)
              .map((p) => ({ partition: `${p.topic}-${p.partition}`, size: p.size, offsetLag: p.offsetLag, isFuture: false })),
            error: dir.error, logDir: dir.path,
          })),
        }],
        version: 1,
      })
      return 0
    })
  },
})

interface Sized { readonly topic: string; readonly partition: number }

function byTopic(a: Sized, b: Sized): number { return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1 }
