/** What a log is given, before it is queued or comes to disk. Raises INVALID_ARGUMENT. */
import { shown } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import type { AppendOptions, ReadIsolation, ReadOptions } from './log-types.ts'

const origins: readonly unknown[] = ['client', 'in-process', 'coordinator', 'replication'] satisfies AppendOptions['origin'][]
const isolations: ReadonlySet<unknown> = new Set<ReadIsolation>(['logEnd', 'highWatermark', 'committed'])

export function check(isRight: boolean, what: string, given: unknown, wanted: string): void {
  if (!isRight) throw new OttlaError('INVALID_ARGUMENT', `${what} is ${shown(given)}: give ${wanted}`)
}

export function checkAppend(records: unknown, options: unknown): void {
  check(ArrayBuffer.isView(records) && (records as Uint8Array).BYTES_PER_ELEMENT === 1, 'append: records', records, 'the bytes of a batch')
  check(typeof options === 'object' && options !== null, 'append(records, options): options', options, '{ origin, durable }')
  const { origin, durable, urgent = false, leaderEpoch = 0 } = options as Readonly<Record<string, unknown>>
  check(origins.includes(origin), 'append: origin', origin, origins.join(', '))
  for (const each of [durable, urgent]) check(typeof each === 'boolean', 'append: durable or urgent', each, 'true or false')
  checkEpoch('append: leaderEpoch', leaderEpoch)
}

export function checkRead(offset: unknown, options: ReadOptions): void {
  check(typeof options === 'object' && options !== null, 'read(offset, options): options', options, '{ maxBytes, isolation }')
  const { maxBytes, allocate } = options as { maxBytes: unknown; allocate?: unknown }
  check(typeof maxBytes === 'number' && !Number.isNaN(maxBytes), 'read: maxBytes', maxBytes, 'a number of bytes')
  check(allocate === undefined || typeof allocate === 'function', 'read: allocate', allocate, 'a function')
  checkIsolation(options.isolation)
  check(Number.isInteger(offset), 'read: offset', offset, 'a whole number')
}

export function checkIsolation(isolation: unknown): void {
  check(isolations.has(isolation), 'isolation', isolation, 'logEnd, highWatermark or committed')
}

export function checkEpoch(what: string, epoch: unknown): void {
  check(Number.isInteger(epoch) && (epoch as number) >= 0 && (epoch as number) < 2 ** 31, what, epoch, 'a whole number from 0')
}
