/**
 * Walks `.index` and `.timeindex` as `kafka-dump-log` does, quirks included: a zero-filled tail ends the walk at the first entry whose
 * offset is the base, a lookup uses the broker's own two-stage search (which such a tail leads astray, and the tool with it), and an entry is
 * compared with the batch that it leads to. Owns no format: that is `log/offset-index.ts` and `log/time-index.ts` (spec/storage-format 3).
 */
import type { FileSystem } from '../io/file-system.ts'
import { batchAt, int64At, type WalkedBatch } from './batch-walk.ts'
import { DumpFailure, type DumpItem, type Int64, type OffsetPair } from './dump-items.ts'
import { filePath } from './java-text.ts'
import { LogWindow } from './log-window.ts'
import { maxRecordTimestamp } from './record-walk.ts'

const OFFSET_ENTRY = 8
const TIME_ENTRY = 12
/** Bytes at the end of an index that the broker searches first. */
const WARM_BYTES = 8192
const LARGEST_POSITION = 2 ** 31 - 1

/** Problems are gathered by absolute path and told at the end of the run. */
export interface Problems {
  readonly indexMismatches: Map<string, OffsetPair[]>
  readonly timestampMismatches: Map<string, OffsetPair[]>
  readonly timestampDisorder: Map<string, OffsetPair[]>
  readonly offsetsNotFound: Map<string, OffsetPair[]>
  readonly gaps: Map<string, OffsetPair[]>
}

export function noProblems(): Problems {
  return { indexMismatches: new Map(), timestampMismatches: new Map(), timestampDisorder: new Map(), offsetsNotFound: new Map(), gaps: new Map() }
}

export function addProblem(map: Map<string, OffsetPair[]>, file: string, pair: OffsetPair): void {
  const pairs = map.get(file)
  if (pairs === undefined) map.set(file, [pair])
  else pairs.push(pair)
}

export interface IndexDumpOptions { readonly indexSanityCheck: boolean; readonly verifyIndexOnly: boolean; readonly maxMessageSize: number }

/** Names of one segment: `file` as given, `absolute` with the working directory in front. */
export interface SegmentNames { readonly file: string; readonly absolute: string; readonly baseOffset: number; readonly log: string; readonly index: string }

const corruptIndex = (message: string): DumpFailure => new DumpFailure('org.apache.kafka.storage.internals.log.CorruptIndexException', message)

function open(fs: FileSystem, path: string): LogWindow {
  if (fs.stat(path) === null) throw new DumpFailure('java.nio.file.NoSuchFileException', filePath(path))
  return new LogWindow(fs, path)
}

class Entries {
  readonly view: DataView
  readonly length: number
  readonly count: number
  readonly baseOffset: number
  readonly #entrySize: number

  constructor(bytes: Uint8Array, entrySize: number, baseOffset: number) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.length = bytes.length
    this.count = Math.floor(bytes.length / entrySize)
    this.baseOffset = baseOffset
    this.#entrySize = entrySize
  }

  offset(i: number): number { return this.baseOffset + this.view.getInt32(i * this.#entrySize + this.#entrySize - (this.#entrySize === TIME_ENTRY ? 4 : 8)) }
  position(i: number): number { return this.view.getInt32(i * this.#entrySize + 4) }
  timestamp(i: number): Int64 { return int64At(this.view, i * this.#entrySize) }
}

function search(entries: Entries, target: number, from: number, to: number): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    const offset = entries.offset(middle)
    if (offset > target) high = middle - 1
    else if (offset < target) low = middle
    else return middle
  }
  return low
}

/** Position of the greatest entry at or below `target`, 0 when there is none; the warm end is searched first, as the broker does. */
function lookup(entries: Entries, target: number): number {
  if (entries.count === 0) return 0
  const firstHot = Math.max(0, entries.count - 1 - Math.floor(WARM_BYTES / OFFSET_ENTRY))
  if (entries.offset(firstHot) < target) return entries.position(search(entries, target, firstHot, entries.count - 1))
  if (entries.offset(0) > target) return 0
  return entries.position(search(entries, target, 0, firstHot))
}

function checkSlice(log: LogWindow, path: string, position: number): void {
  const name = `FileRecords(size=${log.size}, file=${path}, start=0, end=${LARGEST_POSITION})`
  if (position < 0) throw new DumpFailure('java.lang.IllegalArgumentException', `Invalid position: ${position} in read from ${name}`)
  if (position > log.size) throw new DumpFailure('java.lang.IllegalArgumentException', `Slice from position ${position} exceeds end position of ${name}`)
}

export function* dumpOffsetIndex(fs: FileSystem, names: SegmentNames, options: IndexDumpOptions, problems: Problems): Generator<DumpItem, void, void> {
  const log = open(fs, names.log)
  try {
    const entries = new Entries(fs.readFile(names.absolute), OFFSET_ENTRY, names.baseOffset)
    if (entries.count === 0) {
      yield { type: 'emptyIndex', file: names.file }
      return
    }
    if (options.indexSanityCheck) {
      checkOffsetIndex(entries, names.absolute)
      yield { type: 'saneIndex', file: names.file }
      return
    }
    for (let i = 0; i < entries.count; i++) {
      const offset = entries.offset(i)
      if (offset === names.baseOffset && i > 0) return
      const position = entries.position(i)
      checkSlice(log, names.log, position)
      const batch = batchAt(log, position, Math.min(position + options.maxMessageSize, log.size), names.log)
      if (batch === null) throw new DumpFailure('java.util.NoSuchElementException', '')
      if (lastOffsetOf(batch) !== offset) addProblem(problems.indexMismatches, names.absolute, [offset, lastOffsetOf(batch)])
      if (!options.verifyIndexOnly) yield { type: 'offsetEntry', offset, position }
    }
  } finally { log.close() }
}

const lastOffsetOf = ({ header, odd }: WalkedBatch): Int64 => odd?.lastOffset ?? header.lastOffset

function checkOffsetIndex(entries: Entries, path: string): void {
  const last = entries.offset(entries.count - 1)
  if (last < entries.baseOffset) {
    const found = `Corrupt index found, index file ${path} has non-zero size but the last offset`
    throw corruptIndex(`${found} is ${last} which is less than the base offset ${entries.baseOffset}`)
  }
  checkLength(`Index file ${path}`, entries.length, OFFSET_ENTRY)
}

function checkLength(file: string, length: number, entrySize: number): void {
  if (length % entrySize !== 0) throw corruptIndex(`${file} is corrupt, found ${length} bytes which is neither positive nor a multiple of ${entrySize}`)
}

function checkTimeIndex(entries: Entries, path: string): void {
  if (entries.count > 0) {
    const lastTimestamp = entries.timestamp(entries.count - 1)
    const lastOffset = entries.offset(entries.count - 1)
    const found = `Corrupt time index found, time index file (${path}) has non-zero size but the last`
    const first = entries.timestamp(0)
    if (Number(lastTimestamp) < Number(first)) throw corruptIndex(`${found} timestamp is ${lastTimestamp} which is less than the first timestamp ${first}`)
    if (lastOffset < entries.baseOffset) throw corruptIndex(`${found} offset is ${lastOffset} which is less than the first offset ${entries.baseOffset}`)
  }
  checkLength(`Time index file ${path}`, entries.length, TIME_ENTRY)
}

export function* dumpTimeIndex(fs: FileSystem, names: SegmentNames, options: IndexDumpOptions, problems: Problems): Generator<DumpItem, void, void> {
  const log = open(fs, names.log)
  try {
    const index = new Entries(fs.stat(names.index) === null ? new Uint8Array(0) : fs.readFile(names.index), OFFSET_ENTRY, names.baseOffset)
    const entries = new Entries(fs.readFile(names.absolute), TIME_ENTRY, names.baseOffset)
    if (options.indexSanityCheck) {
      checkTimeIndex(entries, names.absolute)
      yield { type: 'saneIndex', file: names.file }
      return
    }
    let previous: Int64 = -1
    for (let i = 0; i < entries.count; i++) {
      const offset = entries.offset(i)
      if (offset === names.baseOffset && i > 0) return
      const timestamp = entries.timestamp(i)
      compareTimeEntry(log, names, lookup(index, offset), offset, timestamp, previous, problems)
      if (!options.verifyIndexOnly) yield { type: 'timeEntry', timestamp, offset }
      previous = timestamp
    }
  } finally { log.close() }
}

function compareTimeEntry(log: LogWindow, names: SegmentNames, from: number, offset: number, timestamp: Int64, previous: Int64, problems: Problems): void {
  checkSlice(log, names.log, from)
  let position = from
  for (;;) {
    const batch = batchAt(log, position, log.size, names.log)
    if (batch === null) {
      addProblem(problems.offsetsNotFound, names.absolute, [offset, -1])
      return
    }
    const lastOffset = lastOffsetOf(batch)
    if (Number(lastOffset) >= offset) {
      if (lastOffset !== offset) {
        addProblem(problems.offsetsNotFound, names.absolute, [offset, lastOffset])
        return
      }
      const greatest = maxRecordTimestamp(log, batch)
      if (greatest !== timestamp) addProblem(problems.timestampMismatches, names.absolute, [timestamp, greatest])
      if (Number(previous) >= Number(timestamp)) addProblem(problems.timestampDisorder, names.absolute, [timestamp, previous])
      return
    }
    position += batch.size
  }
}
