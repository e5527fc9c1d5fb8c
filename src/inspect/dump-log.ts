/**
 * `dump-log`: what `kafka-dump-log` of Kafka 4.1 finds in the files of a partition folder, as a stream of items (spec/storage-format 14).
 * Lenient by design: it reads what is there, damaged or not, compares indexes with the log and says where it had to stop. It never
 * writes and needs no lock, so it works beside a running owner or broker.
 *
 * Invariant: items come in the order in which Kafka's tool prints, and `dump-text.ts` makes them equal to its output line for line.
 */
import { basename } from 'node:path'
import { parseInt64 } from '../common/wide-integer.ts'
import type { FileSystem } from '../io/file-system.ts'
import { batchAt, plus, refuseUnknownCodec } from './batch-walk.ts'
import { DumpFailure, type DumpItem, type DumpLogOptions, type Int64, type OffsetPair } from './dump-items.ts'
import { addProblem, dumpOffsetIndex, dumpTimeIndex, noProblems, type Problems, type SegmentNames } from './index-dump.ts'
import { absolutePath, filePath, hashMapOrder } from './java-text.ts'
import { LogWindow } from './log-window.ts'
import { recordsOf } from './record-walk.ts'
import { dumpSnapshot, dumpTransactionIndex } from './state-dump.ts'

const MAX_INT = 2 ** 31 - 1
const DEFAULT_MAX_MESSAGE_SIZE = 5 * 1024 * 1024
const BOOTSTRAP_FILE = 'bootstrap.checkpoint'

/** Codecs must be loaded (`loadAllCodecs`). Ends with a `failure` item where Kafka's tool would die. */
export function* dumpLog(fs: FileSystem, options: DumpLogOptions): Generator<DumpItem, void, void> {
  const problems = noProblems()
  try {
    for (const given of options.files) {
      if (given === '') continue
      const file = filePath(given)
      yield { type: 'file', file }
      yield* dumpFile(fs, file, options, problems)
    }
  } catch (error) {
    if (!(error instanceof DumpFailure)) throw error
    yield { type: 'failure', kind: error.kind, message: error.message }
    return
  }
  yield* tellProblems(problems)
}

function* dumpFile(fs: FileSystem, file: string, options: DumpLogOptions, problems: Problems): Generator<DumpItem, void, void> {
  const name = basename(file)
  const dot = name.lastIndexOf('.')
  if (dot === -1) throw new DumpFailure('java.lang.StringIndexOutOfBoundsException', `begin -1, end ${name.length}, length ${name.length}`)
  const indexOptions = {
    indexSanityCheck: options.indexSanityCheck === true, verifyIndexOnly: options.verifyIndexOnly === true,
    maxMessageSize: options.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE,
  }
  switch (name.slice(dot)) {
    case '.log':
    case '.checkpoint': return yield* dumpBatches(fs, file, name, options, problems)
    case '.index': return yield* dumpOffsetIndex(fs, namesOf(file, name, options), indexOptions, problems)
    case '.timeindex': return yield* dumpTimeIndex(fs, namesOf(file, name, options), indexOptions, problems)
    case '.snapshot': return yield* dumpSnapshot(fs, namesOf(file, name, options))
    case '.txnindex': return yield* dumpTransactionIndex(fs, namesOf(file, name, options))
    default: yield { type: 'ignored', file }
  }
}

function numberOf(name: string): number {
  const digits = name.split('.')[0]!
  const fits = /^[+-]?\d+$/.test(digits) && parseInt64(digits.replace(/^\+?0*(?=\d)/, '')) !== null
  if (!fits) throw new DumpFailure('java.lang.NumberFormatException', `For input string: "${digits}"`)
  return Number(digits)
}

function namesOf(file: string, name: string, options: DumpLogOptions): SegmentNames {
  const absolute = absolutePath(file, options.workingDirectory)
  const stem = absolute.slice(0, absolute.length - name.length) + name.split('.')[0]!
  return { file, absolute, baseOffset: numberOf(name), log: `${stem}.log`, index: `${stem}.index` }
}

function logHead(name: string): DumpItem {
  if (name.endsWith('.log')) return { type: 'log', startOffset: numberOf(name) }
  if (name === BOOTSTRAP_FILE) return { type: 'bootstrapLog' }
  const parts = /^(\d{20})-(\d{10})\.checkpoint$/.exec(name)
  if (parts === null) throw new DumpFailure('java.util.NoSuchElementException', 'No value present')
  return { type: 'snapshotLog', endOffset: Number(parts[1]), epoch: Number(parts[2]) }
}

function* dumpBatches(fs: FileSystem, file: string, name: string, options: DumpLogOptions, problems: Problems): Generator<DumpItem, void, void> {
  yield logHead(name)
  const absolute = absolutePath(file, options.workingDirectory)
  if (fs.stat(absolute) === null) throw new DumpFailure('java.nio.file.NoSuchFileException', file)
  const window = new LogWindow(fs, absolute)
  try {
    const maxBytes = options.maxBytes ?? MAX_INT
    const end = Math.min(maxBytes, window.size)
    const deep = options.deepIteration === true || printsContents(options)
    let position = 0
    let lastOffset: Int64 = -1
    for (;;) {
      const batch = batchAt(window, position, end, file)
      if (batch === null) break
      refuseUnknownCodec(batch)
      yield { type: 'batch', header: batch.header, odd: batch.odd, position, isValid: batch.isValid }
      if (deep) {
        for (const record of recordsOf(window, batch)) {
          if (lastOffset !== -1 && record.offset !== plus(lastOffset, 1)) addProblem(problems.gaps, absolute, [lastOffset, record.offset])
          lastOffset = record.offset
          yield { type: 'record', header: batch.header, record }
        }
      }
      position += batch.size
    }
    if (end > position && maxBytes === MAX_INT) yield { type: 'trailingBytes', bytes: end - position, file: name }
  } finally { window.close() }
}

/** True when keys and values are printed. */
export function printsContents(options: DumpLogOptions): boolean {
  return options.printDataLog === true || options.decoder !== undefined || options.keyDecoder !== undefined || options.valueDecoder !== undefined
}

function* inOrder(map: Map<string, OffsetPair[]>, newestFirst: boolean): Generator<{ file: string; pairs: readonly OffsetPair[] }, void, void> {
  for (const file of hashMapOrder([...map.keys()])) {
    const pairs = map.get(file)!
    yield { file, pairs: newestFirst ? pairs.toReversed() : pairs }
  }
}

function* tellProblems(problems: Problems): Generator<DumpItem, void, void> {
  for (const found of inOrder(problems.indexMismatches, true)) yield { type: 'indexMismatch', ...found }
  for (const found of inOrder(problems.timestampMismatches, false)) yield { type: 'timestampMismatch', ...found }
  for (const found of inOrder(problems.timestampDisorder, false)) yield { type: 'timestampDisorder', ...found }
  for (const found of inOrder(problems.offsetsNotFound, false)) yield { type: 'offsetNotFound', ...found }
  for (const found of inOrder(problems.gaps, true)) yield { type: 'gap', ...found }
}
