/** `ottla log-dirs`: kafka-log-dirs on a directory; its output is JSON anyway. */
import { dataOptions, defineCommand, jsonOption, type Command } from '../command.ts'
import { withDatabase } from '../session.ts'

export const logDirs: Command = defineCommand({
  name: 'log-dirs',
  summary: 'print the size of each partition on disk',
  usage: ['--data DIR --describe [--topic-list NAME,…] [--json]'],
  options: {
    ...dataOptions,
    json: { ...jsonOption.json, help: 'only the JSON, without the two lines that Kafka\'s tool puts before it' },
    describe: { type: 'flag', help: 'as Kafka\'s tool wants it; the only thing this command does' },
    'broker-list': { type: 'text', value: 'ID,…', help: 'for Kafka\'s sake: there is one broker' },
    'topic-list': { type: 'text', value: 'NAME,…', help: 'only these topics' },
  },
  examples: ['ottla log-dirs --data ./data --describe --topic-list orders'],
  async run(terminal, values) {
    const list = values['topic-list'] ?? ''
    const topics = list === '' ? null : new Set(list.split(',').map((name) => name.trim()))
    return withDatabase(terminal, values, 'read', async (ottla) => {
      const broker = (await ottla.admin.describeCluster()).controller
      const dirs = await ottla.admin.describeLogDirs()
      if (!values.json) void terminal.line(`Querying brokers for log directories information\nReceived log directory information from brokers ${broker}`)
      await terminal.json({
        brokers: [{
          broker,
          logDirs: dirs.map((dir) => ({
            partitions: dir.partitions.filter((p) => topics === null || topics.has(p.topic))
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
