/** Walks `.txnindex` and `.snapshot` files as `kafka-dump-log` does (spec/storage-format 3.1, 10.5). The writers are in `log/`. */
import type { FileSystem } from '../io/file-system.ts'
import { crc32c } from '../record/crc32c.ts'
import { int64At } from './batch-walk.ts'
import { DumpFailure, type DumpItem } from './dump-items.ts'
import type { SegmentNames } from './index-dump.ts'

const TRANSACTION_ENTRY = 34
const PRODUCER_ENTRY = 46
const SNAPSHOT_HEADER = 10
const SEQUENCES = 2 ** 31

export function* dumpTransactionIndex(fs: FileSystem, names: SegmentNames): Generator<DumpItem, void, void> {
  if (fs.stat(names.absolute) === null) return
  const bytes = fs.readFile(names.absolute)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: DumpItem[] = []
  for (let at = 0; at + TRANSACTION_ENTRY <= bytes.length; at += TRANSACTION_ENTRY) {
    const version = view.getInt8(at)
    if (version > 0) {
      const problem = `Unexpected aborted transaction version ${version} in transaction index ${names.absolute}, current version is 0`
      throw new DumpFailure('org.apache.kafka.common.KafkaException', problem)
    }
    found.push({
      type: 'abortedTransaction', version, producerId: int64At(view, at + 2), firstOffset: int64At(view, at + 10), lastOffset: int64At(view, at + 18),
      lastStableOffset: int64At(view, at + 26),
    })
  }
  yield* found
}

function problemOf(view: DataView, bytes: Uint8Array): string | null {
  if (bytes.length < 2) return 'Snapshot failed schema validation: null'
  if (view.getInt16(0) !== 1) return `Snapshot failed schema validation: Snapshot contained an unknown file version ${view.getInt16(0)}`
  if (bytes.length < SNAPSHOT_HEADER) return 'Snapshot failed schema validation: null'
  const count = view.getInt32(6)
  const left = bytes.length - SNAPSHOT_HEADER
  if (count < 0) return 'Snapshot failed schema validation: non-nullable field producerEntries was serialized as null'
  if (count > left) return `Snapshot failed schema validation: Tried to allocate a collection of size ${count}, but there are only ${left} bytes remaining.`
  if (count * PRODUCER_ENTRY > left) return 'Snapshot failed schema validation: null'
  const stored = view.getUint32(2)
  const computed = crc32c(bytes, 6, bytes.length)
  return stored === computed ? null : `Snapshot is corrupt (CRC is no longer valid). Stored crc: ${stored}. Computed crc: ${computed}`
}

export function* dumpSnapshot(fs: FileSystem, names: SegmentNames): Generator<DumpItem, void, void> {
  if (fs.stat(names.absolute) === null) throw new DumpFailure('java.nio.file.NoSuchFileException', names.file)
  const bytes = fs.readFile(names.absolute)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const problem = problemOf(view, bytes)
  if (problem !== null) {
    yield { type: 'corruptSnapshot', message: problem }
    return
  }
  const count = view.getInt32(6)
  for (let i = 0, at = SNAPSHOT_HEADER; i < count; i++, at += PRODUCER_ENTRY) {
    const lastSequence = view.getInt32(at + 10)
    const lastOffset = int64At(view, at + 14)
    const offsetDelta = view.getInt32(at + 22)
    const timestamp = int64At(view, at + 26)
    const firstSequence = lastSequence >= offsetDelta ? lastSequence - offsetDelta : SEQUENCES - (offsetDelta - lastSequence)
    yield {
      type: 'producer',
      producer: {
        producerId: int64At(view, at), producerEpoch: view.getInt16(at + 8), coordinatorEpoch: view.getInt32(at + 34),
        currentTxnFirstOffset: int64At(view, at + 38), lastTimestamp: timestamp,
        lastBatch: Number(lastOffset) < 0 ? null : { firstSequence, lastSequence, lastOffset, offsetDelta, timestamp },
      },
    }
  }
}
