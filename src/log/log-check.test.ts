import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fixtureNames, fixtures } from '../../test/support/fixture-files.ts'
import { nodeFileSystem } from '../io/node-file-system.ts'
import { checkLog, type Finding } from './log-check.ts'

async function all(findings: AsyncIterable<Finding>): Promise<Finding[]> {
  const list: Finding[] = []
  for await (const finding of findings) list.push(finding)
  return list
}

describe('checkLog', () => {
  test.each(fixtureNames)('has nothing to complain about in %s, which a real broker wrote', async (name) => {
    const directory = join(fixtures, name, 'data')
    const clean = existsSync(join(directory, '.kafka_cleanshutdown'))
    const found = await all(checkLog(nodeFileSystem, directory))
    expect(found.filter((finding) => finding.severity !== 'info')).toEqual([])
    expect(found.some((finding) => finding.code === 'NOT_CLOSED_CLEANLY')).toBe(!clean)
  })
})
