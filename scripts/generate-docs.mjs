/** Writes the types and pages that follow from the tables. Reads the compiled tables: `npm run build` first, or give their folder. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { renderAll } from './render-docs.mjs'

const from = resolve(process.argv[2] ?? 'dist')
const load = (file) => import(pathToFileURL(resolve(from, file)).href)
const [{ topicTable }, { brokerTable }, { clientTable }, { producerTable }, { consumerTable, adminTable }, tools, { errorTable }, { apiList }, { servedList }] = await Promise.all([
  load('config/topic-settings.js'), load('config/broker-settings.js'), load('config/client-settings.js'), load('config/producer-settings.js'), load('config/consumer-settings.js'),
  load('config/setting-value.js'), load('common/errors.js'), load('protocol/api-registry.js'),
  load('server/served-apis.js'),
])
const tables = { topic: topicTable, broker: brokerTable, client: clientTable, producer: producerTable, consumer: consumerTable, admin: adminTable }
for (const [path, text] of Object.entries(renderAll(tables, tools, errorTable, { apiList, servedList }))) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
