import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { renderAll } from '../../scripts/render-docs.mjs'
import { errorTable } from '../common/errors.ts'
import { brokerTable } from './broker-settings.ts'
import { adminTable, consumerTable } from './consumer-settings.ts'
import { producerTable } from './producer-settings.ts'
import { expected, formatSetting, parseSetting } from './setting-value.ts'
import { topicTable } from './topic-settings.ts'

const tables = { topic: topicTable, broker: brokerTable, producer: producerTable, consumer: consumerTable, admin: adminTable }

describe('files generated from the tables', () => {
  test.each(Object.entries(renderAll(tables, { expected, formatSetting }, errorTable)))('%s is up to date (else: npm run build && node scripts/generate-docs.mjs)', (path, text) => {
    expect(readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')).toBe(text)
  })
})

describe('the tables', () => {
  test.each(Object.entries(tables).flatMap(([scope, table]) => Object.keys(table).map((name) => [scope, name] as const)))('%s setting %s accepts its own default', (scope, name) => {
    const setting = tables[scope as keyof typeof tables][name]!
    const values = setting.remoteDefault === undefined ? [setting.default] : [setting.default, setting.remoteDefault]
    for (const value of values) {
      if (value === null) continue
      expect(parseSetting(name, setting, value)).toEqual(value)
      expect(parseSetting(name, setting, formatSetting(value))).toEqual(value)
    }
  })
})
