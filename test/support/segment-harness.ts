/** Segments on a simulated disk, and Kafka's fixture folders copied onto one, for the tests of src/log. */
import { dirname, join } from 'node:path'
import { FileCache } from '../../src/io/file-cache.ts'
import type { FileSystem } from '../../src/io/file-system.ts'
import { nodeFileSystem } from '../../src/io/node-file-system.ts'
import { buildBatch, type BatchFields, type RecordInput } from '../../src/record/record-batch-builder.ts'
import { readBatchHeader, viewOf } from '../../src/record/batch-format.ts'
import { Segment, type SegmentSettings, type SegmentStore } from '../../src/log/segment.ts'
import { ManualClock, SimulatedFileSystem } from '../../src/testing/index.ts'

export const fixturesPath: string = join(import.meta.dirname, '../../fixtures')
export const defaultSegmentSettings: SegmentSettings = { indexIntervalBytes: 4096, segmentIndexBytes: 10_485_760, segmentBytes: 1_073_741_824,
  maxSegmentMs: 604_800_000 }

export function newDisk(directory: string = '/log'): SimulatedFileSystem {
  const disk = new SimulatedFileSystem({ recordOperations: true })
  disk.makeDirectory(directory)
  return disk
}

export function storeOn(fileSystem: FileSystem, directory: string = '/log', options: { readOnly?: boolean; clock?: ManualClock } = {}): SegmentStore {
  return { fileSystem, fileCache: new FileCache(fileSystem, 64), clock: options.clock ?? new ManualClock(), directory, readOnly: options.readOnly ?? false }
}

/** Writes and commits whole batches, as PartitionLog does. */
export function appendTo(segment: Segment, ...batches: Uint8Array[]): void {
  for (const bytes of batches) {
    const header = readBatchHeader(bytes, viewOf(bytes), 0, bytes.length)
    segment.writeSync(bytes, 0, bytes.length)
    segment.commitBatch(bytes.length, header.lastOffset, header.maxTimestamp)
  }
}

/** A batch of `count` records with values of `valueSize` bytes, all at `timestamp`. */
export function batchAt(baseOffset: number, count: number, timestamp: number, valueSize: number = 20, fields: BatchFields = {}): Uint8Array {
  const records: RecordInput[] = []
  for (let i = 0; i < count; i++) records.push({ timestamp, value: new Uint8Array(valueSize).fill(65 + (i % 26)) })
  return buildBatch(records, { baseOffset, leaderEpoch: 0, ...fields })
}

export function writeFile(fs: FileSystem, path: string, bytes: Uint8Array): void {
  fs.makeDirectory(dirname(path))
  const file = fs.open(path, 'create')
  file.truncate(0)
  if (bytes.length > 0) file.writeSync(bytes, 0, bytes.length, 0)
  file.close()
}

export function fixtureNames(): string[] {
  return nodeFileSystem.readDirectory(fixturesPath).map((e) => e.name).filter((name) => /^\d\d-/.test(name))
}

/** Paths of partition folders below a fixture's data. */
export function fixturePartitions(fixture: string): string[] {
  const data = join(fixturesPath, fixture, 'data')
  return nodeFileSystem.readDirectory(data).filter((e) => e.kind === 'directory' && e.name !== '__cluster_metadata-0').map((e) => join(data, e.name))
}

/** Copies the files of one folder of the real disk. */
export function copyFolder(from: string, to: FileSystem, directory: string): string[] {
  to.makeDirectory(directory)
  const names = nodeFileSystem.readDirectory(from).filter((e) => e.kind === 'file').map((e) => e.name)
  for (const name of names) writeFile(to, join(directory, name), nodeFileSystem.readFile(join(from, name)))
  return names
}

export function hex(text: string): Uint8Array { return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex')) }
export function toHex(bytes: Uint8Array): string { return Buffer.from(bytes).toString('hex') }
export function utf8(text: string): Uint8Array { return new TextEncoder().encode(text) }
