/**
 * The index files of one segment, read byte for byte and held against its batches as they come by in order (spec/storage-format 3). A check of its
 * own: none of the classes that wrote them take part.
 */
import { readInt64 } from '../common/int64.ts'
import { viewOf, type BatchHeader } from '../record/batch-format.ts'
import type { Findings } from './check-finding.ts'

const OFFSET_ENTRY = 8
const TIME_ENTRY = 12
const TXN_ENTRY = 34

/** Number of entries before the zero tail of a preallocated file (spec 3.3). */
function usedEntries(view: DataView, entrySize: number, isUnused: (entry: number) => boolean): number {
  const count = Math.floor(view.byteLength / entrySize)
  for (let entry = 0; entry < count; entry++) if (isUnused(entry)) return entry
  return count
}

/** Offsets of the batches as they come by: a wrapper of magic 0 or 1 does not tell its first. */
class BatchSpans {
  #next: number

  constructor(base: number) { this.#next = base }

  /** The first offset that the batch can hold. */
  pass(header: BatchHeader): number {
    const first = header.magic < 2 && header.compression !== 'none' ? this.#next : header.baseOffset
    this.#next = header.nextOffset
    return first
  }
}

/** An entry that names an offset behind the batch it leads to. */
interface OpenEntry { readonly entry: number; readonly at: number; readonly offset: number; readonly lastOffset: number; readonly magic: number }

export class OffsetIndexCheck {
  readonly #view: DataView
  readonly #file: string
  readonly #base: number
  readonly #count: number
  readonly #findings: Findings
  readonly #spans: BatchSpans
  #next = 0
  /** Where the entry before leads. */
  #target = -1
  #open: OpenEntry | null = null

  constructor(bytes: Uint8Array, file: string, base: number, findings: Findings) {
    const view = viewOf(bytes)
    this.#view = view
    this.#file = file
    this.#base = base
    this.#spans = new BatchSpans(base)
    this.#findings = findings
    this.#count = usedEntries(view, OFFSET_ENTRY, (entry) => (entry === 0 ? view.getInt32(4) === 0 : view.getInt32(entry * OFFSET_ENTRY) === 0))
    if (bytes.length % OFFSET_ENTRY !== 0) findings.add(
      'warning', 'INDEX_WRONG', file, `${bytes.length} bytes are no whole number of entries`, this.#count * OFFSET_ENTRY,
    )
  }

  /**
   * An entry names the last offset of a batch. Of brokers before Kafka 2.0 it is the first one; before 4.0, of several batches that were appended at once (messages
   * of magic 0 and 1 by a producer, anything by a follower or the cleaner) the last offset of them all, and leads to the first of them.
   */
  batch(header: BatchHeader, position: number): void {
    const first = this.#spans.pass(header)
    if (this.#next < this.#count && this.#view.getInt32(this.#next * OFFSET_ENTRY + 4) === position) this.#dropOpen()
    else this.#closeWith(first, header)
    for (; this.#next < this.#count; this.#next++) {
      const entry = this.#next
      const at = entry * OFFSET_ENTRY
      const offset = this.#base + this.#view.getInt32(at)
      const target = this.#view.getInt32(at + 4)
      if (target > position) return
      const isSecond = target === this.#target
      this.#target = target
      if (target < position) {
        this.#findings.add('error', 'INDEX_WRONG', this.#file, `entry ${entry} leads to byte ${target}, where no batch begins`, at, offset)
      } else if (offset < first) {
        this.#findings.add('error', 'INDEX_WRONG', this.#file, `entry ${entry} leads to the batch ${first}–${header.lastOffset} for offset ${offset}`, at, offset)
      } else if (offset > header.lastOffset) {
        this.#dropOpen()
        this.#open = { entry, at, offset, lastOffset: header.lastOffset, magic: header.magic }
        if (isSecond) this.#dropOpen()
      } else if (header.magic === 2 && offset !== first && offset !== header.lastOffset) {
        this.#tell('info', { entry, at, offset, lastOffset: header.lastOffset, magic: header.magic })
      }
    }
  }

  /** The entry that waits for its offset finds it in this batch, or it is passed over. */
  #closeWith(first: number, header: BatchHeader): void {
    const open = this.#open
    if (open === null || open.offset > header.lastOffset) return
    this.#open = null
    if (open.offset < first) this.#tell('warning', open)
    // Magic 2 of a leader was always appended batch by batch.
    else if (open.magic === 2) this.#tell('info', open)
  }

  /** Its offset was to come before the batch of the next entry. */
  #dropOpen(): void {
    if (this.#open !== null) this.#tell('warning', this.#open)
    this.#open = null
  }

  #tell(severity: 'info' | 'warning', { entry, at, offset, lastOffset }: OpenEntry): void {
    this.#findings.add(severity, 'INDEX_WRONG', this.#file, `entry ${entry} names offset ${offset}, the batch it leads to ends at ${lastOffset}`, at, offset)
  }

  /** `end`: bytes of the log. */
  finish(end: number): void {
    this.#dropOpen()
    for (; this.#next < this.#count; this.#next++) {
      const at = this.#next * OFFSET_ENTRY
      this.#findings.add('error', 'INDEX_WRONG', this.#file, `entry ${this.#next} leads to byte ${this.#view.getInt32(at + 4)}, but the log ends at ${end}`, at)
    }
  }
}

export class TimeIndexCheck {
  readonly #view: DataView
  readonly #file: string
  readonly #base: number
  readonly #count: number
  readonly #findings: Findings
  readonly #spans: BatchSpans
  #next = 0
  #maxTimestamp = -1
  #before = -1

  constructor(bytes: Uint8Array, file: string, base: number, findings: Findings) {
    const view = viewOf(bytes)
    this.#view = view
    this.#file = file
    this.#base = base
    this.#spans = new BatchSpans(base)
    this.#findings = findings
    this.#count = usedEntries(view, TIME_ENTRY, (entry) => readInt64(view, entry * TIME_ENTRY) === 0 && view.getInt32(entry * TIME_ENTRY + 8) === 0)
    if (bytes.length % TIME_ENTRY !== 0) findings.add(
      'warning', 'TIME_INDEX_WRONG', file, `${bytes.length} bytes are no whole number of entries`, this.#count * TIME_ENTRY,
    )
  }

  /**
   * An entry names the last offset of the batch with the largest timestamp so far; before Kafka 4.0 that of the record which has it, or of another one in the batch.
   * A topic with LogAppendTime and messages of magic 0, which cannot say it, has the broker's time in its index.
   */
  batch(header: BatchHeader): void {
    const first = this.#spans.pass(header)
    const isNewMax = header.maxTimestamp > this.#maxTimestamp
    if (isNewMax) this.#maxTimestamp = header.maxTimestamp
    for (; this.#next < this.#count; this.#next++) {
      const at = this.#next * TIME_ENTRY
      const timestamp = readInt64(this.#view, at)
      const offset = this.#base + this.#view.getInt32(at + 8)
      if (offset > header.lastOffset) return
      if (!(timestamp > this.#before)) this.#findings.add(
        'error', 'TIME_INDEX_WRONG', this.#file, `entry ${this.#next} has timestamp ${timestamp}, not above ${this.#before}`, at, offset,
      )
      this.#before = timestamp
      if (offset >= first && (header.magic === 0 ? timestamp > this.#maxTimestamp : isNewMax && timestamp === this.#maxTimestamp)) continue
      // What a lookup needs: nothing at or below the offset is later than the entry says.
      const severity = timestamp >= this.#maxTimestamp ? 'warning' : 'error'
      this.#findings.add(
        severity, 'TIME_INDEX_WRONG', this.#file,
        `entry ${this.#next} says ${timestamp} at offset ${offset}; up to there the largest timestamp is ${this.#maxTimestamp}`, at, offset,
      )
    }
  }

  finish(nextOffset: number): void {
    for (; this.#next < this.#count; this.#next++) {
      const at = this.#next * TIME_ENTRY
      this.#findings.add(
        'error', 'TIME_INDEX_WRONG', this.#file,
        `entry ${this.#next} names offset ${this.#base + this.#view.getInt32(at + 8)}, but the log ends at ${nextOffset}`, at,
      )
    }
  }
}

export interface AbortedTransactionFact {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

/** The entries of a `.txnindex`; what cannot be one is a finding. */
export function readAborted(bytes: Uint8Array, file: string, findings: Findings): AbortedTransactionFact[] {
  const view = viewOf(bytes)
  const entries: AbortedTransactionFact[] = []
  if (bytes.length % TXN_ENTRY !== 0) findings.add(
    'error', 'TXN_INDEX_WRONG', file, `${bytes.length} bytes are no whole number of entries`, bytes.length - bytes.length % TXN_ENTRY,
  )
  for (let at = 0; at + TXN_ENTRY <= bytes.length; at += TXN_ENTRY) {
    const fact = {
      producerId: readInt64(view, at + 2), firstOffset: readInt64(view, at + 10),
      lastOffset: readInt64(view, at + 18), lastStableOffset: readInt64(view, at + 26),
    }
    if (view.getInt16(at) !== 0 || Object.values(fact).some((value) => !(value >= 0)) || fact.firstOffset > fact.lastOffset) {
      findings.add('error', 'TXN_INDEX_WRONG', file, `entry ${at / TXN_ENTRY} cannot be one`, at)
    } else entries.push(fact)
  }
  return entries
}

const textOf = (fact: AbortedTransactionFact): string =>
  `producer ${fact.producerId} ${fact.firstOffset}–${fact.lastOffset}, last stable ${fact.lastStableOffset}`

/** Holds what a file says against what the log says. Before Kafka 2.8 a transaction without records had an entry, too. */
export function compareAborted(stored: readonly AbortedTransactionFact[], derived: readonly AbortedTransactionFact[], file: string, findings: Findings): void {
  const has = new Set(stored.map(textOf))
  const should = new Set(derived.map(textOf))
  for (const fact of stored) if (!should.has(textOf(fact))) findings.add(
    'error', 'TXN_INDEX_WRONG', file, `the log does not have this aborted transaction: ${textOf(fact)}`, null, fact.lastOffset,
  )
  for (const fact of derived) if (fact.firstOffset < fact.lastOffset && !has.has(textOf(fact))) findings.add(
    'error', 'TXN_INDEX_WRONG', file, `an aborted transaction of the log is missing: ${textOf(fact)}`, null, fact.lastOffset,
  )
}
