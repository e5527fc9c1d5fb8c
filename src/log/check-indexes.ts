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

export class OffsetIndexCheck {
  readonly #view: DataView
  readonly #file: string
  readonly #base: number
  readonly #count: number
  readonly #findings: Findings
  #next = 0
  /** Last offset of the batch before. */
  #before: number

  constructor(bytes: Uint8Array, file: string, base: number, findings: Findings) {
    const view = viewOf(bytes)
    this.#view = view
    this.#file = file
    this.#base = base
    this.#before = base - 1
    this.#findings = findings
    this.#count = usedEntries(view, OFFSET_ENTRY, (entry) => (entry === 0 ? view.getInt32(4) === 0 : view.getInt32(entry * OFFSET_ENTRY) === 0))
    if (bytes.length % OFFSET_ENTRY !== 0) findings.add(
      'warning', 'INDEX_WRONG', file, `${bytes.length} bytes are no whole number of entries`, this.#count * OFFSET_ENTRY,
    )
  }

  /** An entry names the last offset of a batch; of brokers before Kafka 2.0 the first, which a wrapper of magic 0 or 1 does not tell. */
  batch(header: BatchHeader, position: number): void {
    const isWrapper = header.magic < 2 && header.compression !== 'none'
    const first = isWrapper ? this.#before + 1 : header.baseOffset
    this.#before = header.lastOffset
    for (; this.#next < this.#count; this.#next++) {
      const at = this.#next * OFFSET_ENTRY
      const offset = this.#base + this.#view.getInt32(at)
      const target = this.#view.getInt32(at + 4)
      if (target > position) return
      if (target < position) {
        this.#findings.add('error', 'INDEX_WRONG', this.#file, `entry ${this.#next} leads to byte ${target}, where no batch begins`, at, offset)
      } else if (offset < first) {
        this.#findings.add('error', 'INDEX_WRONG', this.#file, `entry ${this.#next} leads to the batch ${first}–${header.lastOffset} for offset ${offset}`, at, offset)
      } else if (offset > header.lastOffset || (offset !== first && offset !== header.lastOffset && !isWrapper)) {
        this.#findings.add(
          'warning', 'INDEX_WRONG', this.#file, `entry ${this.#next} names offset ${offset}, the batch it leads to ends at ${header.lastOffset}`, at, offset,
        )
      }
    }
  }

  /** `end`: bytes of the log. */
  finish(end: number): void {
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
  #next = 0
  #maxTimestamp = -1
  #before = -1

  constructor(bytes: Uint8Array, file: string, base: number, findings: Findings) {
    const view = viewOf(bytes)
    this.#view = view
    this.#file = file
    this.#base = base
    this.#findings = findings
    this.#count = usedEntries(view, TIME_ENTRY, (entry) => readInt64(view, entry * TIME_ENTRY) === 0 && view.getInt32(entry * TIME_ENTRY + 8) === 0)
    if (bytes.length % TIME_ENTRY !== 0) findings.add(
      'warning', 'TIME_INDEX_WRONG', file, `${bytes.length} bytes are no whole number of entries`, this.#count * TIME_ENTRY,
    )
  }

  batch(header: BatchHeader): void {
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
      if (offset === header.lastOffset && isNewMax && timestamp === this.#maxTimestamp) continue
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

/** Holds what a file says against what the log says. */
export function compareAborted(stored: readonly AbortedTransactionFact[], derived: readonly AbortedTransactionFact[], file: string, findings: Findings): void {
  const has = new Set(stored.map(textOf))
  const should = new Set(derived.map(textOf))
  for (const fact of stored) if (!should.has(textOf(fact))) findings.add(
    'error', 'TXN_INDEX_WRONG', file, `the log does not have this aborted transaction: ${textOf(fact)}`, null, fact.lastOffset,
  )
  for (const fact of derived) if (!has.has(textOf(fact))) findings.add(
    'error', 'TXN_INDEX_WRONG', file, `an aborted transaction of the log is missing: ${textOf(fact)}`, null, fact.lastOffset,
  )
}
