/** What a log is given, before it is queued or comes to disk. Raises INVALID_ARGUMENT. */
import { shown } from '../common/call-options.ts'
import { OttlaError } from '../common/errors.ts'
import { handleRejection } from '../common/guarded-call.ts'
import type { LogConfig } from './log-config.ts'
import type { AppendOptions, ReadIsolation, ReadOptions } from './log-types.ts'

const origins: readonly unknown[] = ['client', 'in-process', 'coordinator', 'replication'] satisfies AppendOptions['origin'][]
const isolations: ReadonlySet<unknown> = new Set<ReadIsolation>(['logEnd', 'highWatermark', 'committed'])

export function check(isRight: boolean, what: string, given: unknown, wanted: string): void {
  if (!isRight) throw new OttlaError('INVALID_ARGUMENT', `${what} is ${shown(given)}: give ${wanted}`)
}

export function checkAppend(records: unknown, options: unknown): void {
  check(isBytes(records), 'append: records', records, 'the bytes of a batch')
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

function isBytes(given: unknown): given is Uint8Array { return ArrayBuffer.isView(given) && (given as Uint8Array).BYTES_PER_ELEMENT === 1 }

/** What is read is written to the memory behind what `allocate` gave, so it is looked at first. */
export function checkedMemory(allocate: ReadOptions['allocate']): ReadOptions['allocate'] {
  return allocate && ((bytes) => {
    let memory: unknown
    try {
      memory = allocate(bytes)
    } catch (error) {
      throw new OttlaError('INVALID_ARGUMENT', `read: allocate threw: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
    handleRejection(memory)
    check(isBytes(memory) && memory.length >= bytes, 'read: what allocate gave', memory, `${bytes} bytes or more`)
    return memory as Uint8Array
  })
}

export function checkConfig(given: LogConfig, current: LogConfig): void {
  const isRight = typeof given === 'object' && given !== null && Object.entries(current).every(([name, value]) =>
    name.startsWith('compression') ? name in given : typeof given[name as keyof LogConfig] === typeof value)
  check(isRight, 'updateConfig: config', given, 'all of log.config, with other values')
}

export function checkIsolation(isolation: unknown): void {
  check(isolations.has(isolation), 'isolation', isolation, 'logEnd, highWatermark or committed')
}

export function checkEpoch(what: string, epoch: unknown): void {
  check(Number.isInteger(epoch) && (epoch as number) >= 0 && (epoch as number) < 2 ** 31, what, epoch, 'a whole number from 0')
}
