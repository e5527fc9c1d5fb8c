/**
 * Items of `dump-log` as the lines that `kafka-dump-log` of Kafka 4.1 prints, byte for byte, its slips included: the stray "}" after the
 * checksum of an old message, the blank at the end of a producer without batches, " payload" without the bar of its line.
 */
import type { BatchHeader } from '../record/batch-format.ts'
import type { OddFields } from './batch-walk.ts'
import { controlText } from './control-text.ts'
import type { DumpedProducer, DumpedRecord, DumpItem, DumpLogOptions, Int64, OffsetPair } from './dump-items.ts'
import { printsContents } from './dump-log.ts'
import { contentDecoder, type ContentDecoder } from './record-decoders.ts'

/** One or more whole lines without the last line end. Kafka's tool prints `error` lines on standard error. */
export interface DumpLine { readonly stream: 'out' | 'error'; readonly text: string }

export interface LineFormat { line(item: DumpItem): DumpLine }

export function textFormat(options: DumpLogOptions): LineFormat {
  const decoder = printsContents(options) ? contentDecoder(options) : null
  const skipMetadata = options.skipRecordMetadata === true
  return {
    line(item) {
      if (item.type === 'record') return out(recordLine(item.header, item.record, skipMetadata, decoder))
      return isTrouble(item) ? { stream: 'error', text: troubleLines(item) } : out(plainLine(item))
    },
  }
}

const out = (text: string): DumpLine => ({ stream: 'out', text })

const troubleTypes = ['ignored', 'corruptSnapshot', 'failure', 'indexMismatch', 'timestampMismatch', 'timestampDisorder', 'offsetNotFound', 'gap'] as const
type Trouble = Extract<DumpItem, { type: typeof troubleTypes[number] }>

/** What Kafka's tool writes to standard error. */
export function isTrouble(item: DumpItem): item is Trouble { return (troubleTypes as readonly string[]).includes(item.type) }

function troubleLines(item: Trouble): string {
  switch (item.type) {
    case 'ignored': return `Ignoring unknown file ${item.file}`
    case 'corruptSnapshot': return item.message
    case 'failure': return `FAILED: ${item.kind}${item.message === '' ? '' : `: ${item.message}`}`
    case 'indexMismatch': return listed(`Mismatches in :${item.file}`, item.pairs, (a, b) => `  Index offset: ${a}, log offset: ${b}`)
    case 'timestampMismatch': return listed(`Found timestamp mismatch in :${item.file}`, item.pairs, (a, b) => `  Index timestamp: ${a}, log timestamp: ${b}`)
    case 'timestampDisorder':
      return listed(`Found out of order timestamp in :${item.file}`, item.pairs, (a, b) => `  Index timestamp: ${a}, Previously indexed timestamp: ${b}`)
    case 'offsetNotFound':
      return listed('The following indexed offsets are not found in the log.', item.pairs, (a, b) => `Indexed offset: ${a}, found log offset: ${b}`)
    case 'gap': return listed(`Non-consecutive offsets in ${item.file}`, item.pairs, (a, b) => `  ${a} is followed by ${b}`)
  }
}

function listed(head: string, pairs: readonly OffsetPair[], line: (a: Int64, b: Int64) => string): string {
  return [head, ...pairs.map(([a, b]) => line(a, b))].join('\n')
}

function plainLine(item: Exclude<DumpItem, Trouble | { type: 'record' }>): string {
  switch (item.type) {
    case 'file': return `Dumping ${item.file}`
    case 'log': return `Log starting offset: ${item.startOffset}`
    case 'snapshotLog': return `Snapshot end offset: ${item.endOffset}, epoch: ${item.epoch}`
    case 'bootstrapLog': return 'KRaft bootstrap snapshot'
    case 'batch': return batchLine(item.odd === null ? item.header : { ...item.header, ...item.odd }, item.position, item.isValid)
    case 'trailingBytes': return `Found ${item.bytes} invalid bytes at the end of ${item.file}`
    case 'emptyIndex': return `${item.file} is empty.`
    case 'saneIndex': return `${item.file} passed sanity check.`
    case 'offsetEntry': return `offset: ${item.offset} position: ${item.position}`
    case 'timeEntry': return `timestamp: ${item.timestamp} offset: ${item.offset}`
    case 'abortedTransaction':
      return `version: ${item.version} producerId: ${item.producerId} firstOffset: ${item.firstOffset} lastOffset: ${item.lastOffset}` +
        ` lastStableOffset: ${item.lastStableOffset}`
    case 'producer': return producerLine(item.producer)
  }
}

/** `OptionalLong` of Java; null stands for the empty one. */
const optionalLong = (value: Int64 | null): string => value === null ? 'OptionalLong.empty' : `OptionalLong[${value}]`

export function timestampTypeOf(header: { readonly magic: number; readonly timestampType: string }): string {
  return header.magic === 0 ? 'NoTimestampType' : header.timestampType
}

/** Fields as they stand in the file. */
type PrintedHeader = Omit<BatchHeader, keyof OddFields> & Required<Omit<OddFields, 'codec'>>

function batchLine(h: PrintedHeader, position: number, isValid: boolean): string {
  const head = h.magic < 2 ? `offset: ${h.lastOffset}`
    : `baseOffset: ${h.baseOffset} lastOffset: ${h.lastOffset} count: ${h.count} baseSequence: ${h.baseSequence} lastSequence: ${h.lastSequence}` +
      ` producerId: ${h.producerId} producerEpoch: ${h.producerEpoch} partitionLeaderEpoch: ${h.leaderEpoch}` +
      ` isTransactional: ${h.isTransactional} isControl: ${h.isControl} deleteHorizonMs: ${optionalLong(h.deleteHorizonMs === null ? null : h.baseTimestamp)}`
  return `${head} position: ${position} ${timestampTypeOf(h)}: ${h.magic === 0 ? -1 : h.maxTimestamp} size: ${h.size} magic: ${h.magic}` +
    ` compresscodec: ${h.compression} crc: ${h.crc} isvalid: ${isValid}`
}

function recordLine(header: BatchHeader, record: DumpedRecord, skipMetadata: boolean, decoder: ContentDecoder | null): string {
  let line = ''
  let prefix = '| '
  if (!skipMetadata) {
    line = `| offset: ${record.offset} ${timestampTypeOf(header)}: ${record.timestamp} keySize: ${record.keySize} valueSize: ${record.valueSize}`
    if (header.magic >= 2) line += ` sequence: ${record.sequence} headerKeys: [${record.headers.map((h) => h.key).join(',')}]`
    if (record.legacy !== null) line += ` isValid: ${record.legacy.isValid} crc: ${record.legacy.crc}}`
    if (header.isControl) line += controlText(record)
    prefix = ' '
  }
  if (decoder === null || header.isControl) return line
  const contents = decoder(record)
  if (contents.key !== null) line += `${prefix}key: ${contents.key}`
  return contents.payload === null ? line : `${line} payload: ${contents.payload}`
}

function producerLine(p: DumpedProducer): string {
  const head = `producerId: ${p.producerId} producerEpoch: ${p.producerEpoch} coordinatorEpoch: ${p.coordinatorEpoch}` +
    ` currentTxnFirstOffset: ${optionalLong(Number(p.currentTxnFirstOffset) < 0 ? null : p.currentTxnFirstOffset)} lastTimestamp: ${p.lastTimestamp} `
  const b = p.lastBatch
  if (b === null) return head
  return `${head}firstSequence: ${b.firstSequence} lastSequence: ${b.lastSequence} lastOffset: ${b.lastOffset} offsetDelta: ${b.offsetDelta}` +
    ` timestamp: ${b.timestamp}`
}

