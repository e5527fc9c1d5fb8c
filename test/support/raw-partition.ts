/** A partition folder made file by file, without the log engine, and what the full check says of it. */
import { basename } from 'node:path'
import type { FileSystem } from '../../src/io/file-system.ts'
import { checkLog, type CheckOptions } from '../../src/log/log-check.ts'
import { encodeSnapshot, type SnapshotEntry } from '../../src/log/producer-snapshot.ts'
import { buildBatch, buildEndTransactionMarker, type BatchFields, type RecordInput } from '../../src/record/record-batch-builder.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'
import { writeWhole } from './fixture-files.ts'
import { TOPIC_ID } from './test-log.ts'

/** A batch of `count` records. */
export function batchOf(baseOffset: number, count: number, fields: BatchFields & { readonly timestamps?: readonly number[] } = {}): Buffer {
  const { timestamps, ...rest } = fields
  const records = Array.from({ length: count }, (_, i): RecordInput => ({ value: `v${baseOffset + i}`, timestamp: timestamps?.[i] ?? 100 }))
  return Buffer.from(buildBatch(records, { baseOffset, leaderEpoch: 0, ...rest }))
}

interface MarkerFields { readonly producerEpoch?: number; readonly coordinatorEpoch?: number; readonly timestamp?: number }

export function marker(offset: number, type: 'ABORT' | 'COMMIT', producerId: number, fields: MarkerFields = {}): Buffer {
  return Buffer.from(buildEndTransactionMarker({ type, offset, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 100, leaderEpoch: 0, ...fields }))
}

/** Entries of an offset index: [offset relative to the base, position]. */
export function offsetEntries(...entries: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.alloc(8 * entries.length)
  entries.forEach(([offset, position], i) => {
    bytes.writeInt32BE(offset, 8 * i)
    bytes.writeInt32BE(position, 8 * i + 4)
  })
  return bytes
}

/** Entries of a time index: [timestamp, offset relative to the base]. */
export function timeEntries(...entries: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.alloc(12 * entries.length)
  entries.forEach(([timestamp, offset], i) => {
    bytes.writeBigInt64BE(BigInt(timestamp), 12 * i)
    bytes.writeInt32BE(offset, 12 * i + 8)
  })
  return bytes
}

/** Entries of a transaction index: [producer, first offset, last offset, last stable offset], or a version first. */
export function abortedEntries(...entries: readonly (readonly [number, number, number, number])[]): Buffer {
  const bytes = Buffer.alloc(34 * entries.length)
  entries.forEach((fields, i) => fields.forEach((value, field) => bytes.writeBigInt64BE(BigInt(value), 34 * i + 2 + 8 * field)))
  return bytes
}

export function producer(producerId: number, fields: Partial<SnapshotEntry> = {}): SnapshotEntry {
  return {
    producerId, producerEpoch: 0, lastSequence: -1, lastOffset: -1, offsetDelta: 0, timestamp: 100, coordinatorEpoch: -1, currentTxnFirstOffset: -1, ...fields,
  }
}

export class RawPartition {
  readonly disk: SimulatedFileSystem = new SimulatedFileSystem({ clock: new ManualClock() })
  readonly directory: string

  constructor(directory: string = '/data/t-0') {
    this.directory = directory
    this.disk.makeDirectory('/data')
    this.disk.makeDirectory(directory)
    this.put('partition.metadata', `version: 0\ntopic_id: ${TOPIC_ID}`)
  }

  /** `name`: of the partition folder; with a leading slash, of the data directory. `10.log` stands for the name with twenty digits. */
  put(name: string, bytes: Uint8Array | string): this {
    const whole = name.replace(/^\d+(?=\.)/, (digits) => digits.padStart(20, '0'))
    writeWhole(this.disk, whole.startsWith('/') ? `/data${whole}` : `${this.directory}/${whole}`, typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
    return this
  }

  epochs(...entries: readonly (readonly [number, number])[]): this {
    return this.put('leader-epoch-checkpoint', ['0', entries.length, ...entries.map((entry) => entry.join(' '))].join('\n') + '\n')
  }

  /** A `.log` of these batches, with index files that say nothing. */
  log(base: number, ...batches: readonly Uint8Array[]): this {
    return this.put(`${base}.log`, Buffer.concat(batches)).put(`${base}.index`, '').put(`${base}.timeindex`, '')
  }

  snapshot(offset: number, ...entries: readonly SnapshotEntry[]): this { return this.put(`${offset}.snapshot`, encodeSnapshot(entries)) }

  /** The data directory says that it was closed cleanly, with these offsets of `t-0`. */
  closed(recoveryPoint: number): this {
    return this.put('/.kafka_cleanshutdown', '{"version":0,"brokerEpoch":-1}').put('/recovery-point-offset-checkpoint', `0\n1\nt 0 ${recoveryPoint}\n`)
  }

  /** Each finding as `severity CODE file @position #offset`, without what it does not have. Of the folder alone unless told otherwise. */
  told(options: CheckOptions = {}, directory: string = this.directory): Promise<string[]> { return told(this.disk, directory, options) }
}

export async function told(fs: FileSystem, directory: string, options: CheckOptions = {}): Promise<string[]> {
  const lines: string[] = []
  for await (const { severity, code, file, position, offset } of checkLog(fs, directory, options)) {
    const name = basename(file).replace(/^0+(?=\d)/, '')
    lines.push(`${severity} ${code} ${name}${position === null ? '' : ` @${position}`}${offset === null ? '' : ` #${offset}`}`)
  }
  return lines
}
