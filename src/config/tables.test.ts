import { describe, expect, test } from 'vitest'
import { brokerTable } from './broker-settings.ts'
import { clientTable } from './client-settings.ts'
import { adminTable, consumerTable } from './consumer-settings.ts'
import { producerTable } from './producer-settings.ts'
import { formatSetting, parseSetting } from './setting-value.ts'
import { topicTable } from './topic-settings.ts'

const tables = { topic: topicTable, broker: brokerTable, client: clientTable, producer: producerTable, consumer: consumerTable, admin: adminTable }
const rows = Object.entries(tables).flatMap(([scope, table]) => Object.keys(table).map((name) => [scope, name] as const))

describe('the tables', () => {
  test.each(rows)('%s setting %s accepts its own default', (scope, name) => {
    const setting = tables[scope as keyof typeof tables][name]!
    const values = setting.remoteDefault === undefined ? [setting.default] : [setting.default, setting.remoteDefault]
    for (const value of values) {
      if (value === null) continue
      expect(parseSetting(name, setting, value)).toEqual(value)
      expect(parseSetting(name, setting, formatSetting(value))).toEqual(value)
    }
  })
})
