import { describe, expect, test } from 'vitest'
import { LogTable } from './log-table.ts'
import type { PartitionLog } from './partition-log.ts'

function named(topic: string, partition: number): PartitionLog { return { topic, partition } as PartitionLog }

describe('LogTable', () => {
  test('finds each log and no other, in whatever order they come and go', () => {
    const table = new LogTable()
    expect(table.get('', 0)).toBe(undefined)
    const logs = [named('b', 1), named('a', 10), named('a', 2), named('b', 0), named('a', 2_000_000_000)]
    for (const log of logs) {
      expect(table.get(log.topic, log.partition)).toBe(undefined)
      table.add(log)
    }
    for (const log of logs) expect(table.get(log.topic, log.partition)).toBe(log)
    for (const [topic, partition] of [['a', 0], ['a', -1], ['c', 0], ['b', 2], ['a', 0.5]] as const) expect(table.get(topic, partition)).toBe(undefined)
    expect(table.sorted().map((log) => `${log.topic}-${log.partition}`)).toEqual(['a-2', 'a-10', 'a-2000000000', 'b-0', 'b-1'])
  })

  test('forgets a log that went, and has the one that takes its place', () => {
    const table = new LogTable()
    table.add(named('a', 0))
    table.add(named('a', 1))
    table.delete('a', 0)
    expect(table.get('a', 0)).toBe(undefined)
    // After a look for another topic: what it found last is not what it has.
    expect([table.get('b', 0), table.get('a', 1), table.sorted().length]).toEqual([undefined, named('a', 1), 1])
    table.delete('a', 1)
    table.delete('a', 1)
    expect([table.get('a', 1), table.sorted()]).toEqual([undefined, []])
    const again = named('a', 1)
    table.add(again)
    expect(table.get('a', 1)).toBe(again)
  })
})
