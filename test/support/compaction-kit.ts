/** Compacted logs for tests: how they are filled, and what a consumer of committed records makes of them. */
import { expect } from 'vitest'
import type { LogTopicValues } from '../../src/log/log-config.ts'
import type { AppendResult } from '../../src/log/log-types.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { buildEndTransactionMarker, type RecordInput } from '../../src/record/record-batch-builder.ts'
import { consume } from './log-consumer.ts'
import type { TestLog } from './test-log.ts'

/** Small segments, and every round is worth its while. */
export const compacting: Partial<LogTopicValues> = {
  'cleanup.policy': 'compact', 'segment.bytes': 400, 'index.interval.bytes': 100, 'file.delete.delay.ms': 60_000, 'retention.ms': -1, 'min.cleanable.dirty.ratio': 0,
  'delete.retention.ms': 1000,
}

/** `value` null: a tombstone. */
export interface Row { readonly offset: number; readonly key: string | null; readonly value: string | null }

export function put(key: string, value: string | null): RecordInput { return { key, value } }

/** Ends a transaction, as the coordinator does. */
export function endTransaction(t: TestLog, producerId: number, type: 'COMMIT' | 'ABORT'): Promise<AppendResult> {
  const marker = buildEndTransactionMarker({ type, timestamp: t.clock.now(), producerId, producerEpoch: 0, coordinatorEpoch: 0 })
  return t.drive(t.log.append(Buffer.from(marker), { origin: 'coordinator', durable: true }))
}

/** What a consumer of committed records reads, in order. */
export async function committed(t: TestLog, log: PartitionLog = t.log, maxBytes: number = 500): Promise<Row[]> {
  const shown = await t.drive(consume(log, 'committed', maxBytes))
  return shown.map(({ offset, key, value }) => ({ offset: Number(offset), key: plain(key), value: plain(value) }))
}

function plain(base64: unknown): string | null { return base64 === null ? null : Buffer.from(String(base64), 'base64').toString() }

/** The last of each key. */
export function latestOf<T extends Row>(rows: readonly T[]): Map<string, T> {
  const latest = new Map<string, T>()
  for (const row of rows) if (row.key !== null) latest.set(row.key, row)
  return latest
}

/** Without tombstones: they may be there or not. */
export function living(latest: ReadonlyMap<string, Row>): Map<string, Row> { return new Map([...latest].filter(([, { value }]) => value !== null)) }

/** What rounds have left in the partition's folder. */
export function leftovers(t: TestLog): string[] { return t.fileNames().filter((name) => /\.(?:cleaned|swap)$/.test(name)) }

/** One round, which must have nothing to complain of. */
export async function compact(t: TestLog): Promise<void> {
  const before = t.logger.messages('warn').length
  await t.drive(t.log.flush())
  await t.drive(t.manager.compact())
  expect(t.logger.entries.filter(({ level }) => level === 'warn').slice(before)).toEqual([])
}

export function segmentBases(t: TestLog): number[] { return t.log.insides().state.segments.segments.map((segment) => segment.baseOffset) }
