/** What scripts/generate-docs.mjs writes is up to date with the tables. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { renderAll } from '../scripts/render-docs.mjs'
import { errorTable } from '../src/common/errors.ts'
import { brokerTable } from '../src/config/broker-settings.ts'
import { clientTable } from '../src/config/client-settings.ts'
import { adminTable, consumerTable } from '../src/config/consumer-settings.ts'
import { producerTable } from '../src/config/producer-settings.ts'
import { expected, formatSetting } from '../src/config/setting-value.ts'
import { topicTable } from '../src/config/topic-settings.ts'
import { apiList } from '../src/protocol/api-registry.ts'
import { servedList } from '../src/server/served-apis.ts'

const tables = { topic: topicTable, broker: brokerTable, client: clientTable, producer: producerTable, consumer: consumerTable, admin: adminTable }
const files = Object.entries(renderAll(tables, { expected, formatSetting }, errorTable, { apiList, servedList }))

test.each(files)('%s is as its tables say (if not: npm run build && node scripts/generate-docs.mjs)', (path, text) => {
  expect(readFileSync(join(import.meta.dirname, '..', path), 'utf8')).toBe(text)
})
