/**
 * Producer state and transactions worked out from the batches alone (spec/storage-format 10), by a second implementation, and held against snapshots
 * and transaction indexes. Where the log has lost its beginning or was compacted, what cannot be known is not complained about.
 */
import { readInt64 } from '../common/int64.ts'
import { viewOf, type BatchHeader } from '../record/batch-format.ts'
import { crc32c } from '../record/crc32c.ts'
import { readControlType, readCoordinatorEpoch } from '../record/control-record.ts'
import { readBatch } from '../record/record-cursor.ts'
import type { CheckedBatch } from './check-batches.ts'
import type { Findings } from './check-finding.ts'
import type { AbortedTransactionFact } from './check-indexes.ts'

export interface ProducerFact {
  producerEpoch: number
  lastSequence: number
  lastOffset: number
  offsetDelta: number
  timestamp: number
  coordinatorEpoch: number
  currentTxnFirstOffset: number
}

/** What snapshots of old brokers tell besides. */
interface Trace {
  /** Of the last batch of records in the producer's epoch; −1: none. */
  readonly dataTime: number
  /** Of the marker that came last; −1: records came. */
  readonly markerOffset: number
}

const HEADER = 10
const ENTRY = 46

/** Null, and a finding, when it is no snapshot. */
export function readSnapshot(bytes: Uint8Array, file: string, findings: Findings): Map<number, ProducerFact> | null {
  const view = viewOf(bytes)
  const refuse = (why: string): null => {
    findings.add('warning', 'SNAPSHOT_UNREADABLE', file, `${why}; it is made anew from the log`)
    return null
  }
  if (bytes.length < HEADER) return refuse(`it has only ${bytes.length} bytes`)
  if (view.getInt16(0) !== 1) return refuse(`its version is ${view.getInt16(0)}`)
  if (bytes.length !== HEADER + ENTRY * view.getInt32(6)) return refuse(`${view.getInt32(6)} entries do not have ${bytes.length} bytes`)
  if (crc32c(bytes, 6, bytes.length) !== view.getUint32(2)) return refuse('its checksum does not match')
  const facts = new Map<number, ProducerFact>()
  for (let at = HEADER; at < bytes.length; at += ENTRY) {
    facts.set(readInt64(view, at), {
      producerEpoch: view.getInt16(at + 8), lastSequence: view.getInt32(at + 10), lastOffset: readInt64(view, at + 14), offsetDelta: view.getInt32(at + 22),
      timestamp: readInt64(view, at + 26), coordinatorEpoch: view.getInt32(at + 34), currentTxnFirstOffset: readInt64(view, at + 38),
    })
  }
  return facts
}

export class ProducerCheck {
  readonly #producers = new Map<number, ProducerFact>()
  readonly #traces = new Map<number, Trace>()
  /** Open transactions: producer → first offset. */
  readonly #open = new Map<number, number>()
  /** False once the log is known to have lost batches that producers wrote. */
  #complete: boolean

  /** `complete`: the log has every batch since the first producer came. */
  constructor(complete: boolean) { this.#complete = complete }

  get isComplete(): boolean { return this.#complete }
  lose(): void { this.#complete = false }

  /** Returns the aborted transaction that the batch ends, if it does; one without records has the marker's offset as its first. */
  batch({ header, buffer, at }: CheckedBatch): AbortedTransactionFact | null {
    if (header.producerId < 0) return null
    const fact = this.#producers.get(header.producerId) ?? {
      producerEpoch: header.producerEpoch, lastSequence: -1, lastOffset: -1, offsetDelta: 0, timestamp: -1, coordinatorEpoch: -1, currentTxnFirstOffset: -1,
    }
    this.#producers.set(header.producerId, fact)
    return header.isControl ? this.#marker(header, fact, buffer, at) : this.#data(header, fact)
  }

  #data(header: BatchHeader, fact: ProducerFact): null {
    fact.producerEpoch = header.producerEpoch
    fact.lastSequence = header.lastSequence
    fact.lastOffset = header.lastOffset
    fact.offsetDelta = header.lastOffsetDelta
    fact.timestamp = header.maxTimestamp
    this.#traces.set(header.producerId, { dataTime: header.maxTimestamp, markerOffset: -1 })
    if (header.isTransactional && fact.currentTxnFirstOffset < 0) {
      fact.currentTxnFirstOffset = header.baseOffset
      this.#open.set(header.producerId, header.baseOffset)
    }
    return null
  }

  #marker(header: BatchHeader, fact: ProducerFact, buffer: Uint8Array, at: number): AbortedTransactionFact | null {
    const record = readBatch(buffer, at, at + header.size).records[0]
    const type = record === undefined ? null : readControlType(record.key)
    if (record === undefined || (type !== 'ABORT' && type !== 'COMMIT')) return null
    const isNewEpoch = fact.producerEpoch !== header.producerEpoch
    this.#traces.set(header.producerId, { dataTime: isNewEpoch ? -1 : this.#traces.get(header.producerId)?.dataTime ?? -1, markerOffset: header.baseOffset })
    if (isNewEpoch) {
      fact.producerEpoch = header.producerEpoch
      fact.lastSequence = -1
      fact.lastOffset = -1
      fact.offsetDelta = 0
    }
    fact.coordinatorEpoch = readCoordinatorEpoch(record.value)
    fact.timestamp = record.timestamp
    const firstOffset = fact.currentTxnFirstOffset
    fact.currentTxnFirstOffset = -1
    this.#open.delete(header.producerId)
    if (type !== 'ABORT') return null
    let lastStableOffset = header.baseOffset + 1
    for (const first of this.#open.values()) lastStableOffset = Math.min(lastStableOffset, first)
    return { producerId: header.producerId, firstOffset: firstOffset < 0 ? header.baseOffset : firstOffset, lastOffset: header.baseOffset, lastStableOffset }
  }

  /**
   * A snapshot that claims the state as of now: entries may be missing (their producers were silent too long), but none may differ. Before Kafka 2.4 a marker left the
   * time of its producer as it was; in 0.11 it was the producer's last batch itself, of one record.
   */
  compare(snapshot: Map<number, ProducerFact>, file: string, offset: number, findings: Findings): void {
    if (!this.#complete) return
    for (const [producerId, stored] of snapshot) {
      const derived = this.#producers.get(producerId)
      if (derived === undefined) findings.add('error', 'SNAPSHOT_WRONG', file, `the log has nothing of producer ${producerId}`, null, offset)
      else if (!this.#forms(producerId, derived).some((form) => JSON.stringify(sorted(stored)) === JSON.stringify(sorted(form)))) {
        findings.add(
          'error', 'SNAPSHOT_WRONG', file,
          `producer ${producerId}: ${JSON.stringify(sorted(stored))}, but the log says ${JSON.stringify(sorted(derived))}`, null, offset,
        )
      }
    }
    for (const [producerId, first] of this.#open) {
      if (!snapshot.has(producerId)) findings.add(
        'error', 'SNAPSHOT_WRONG', file, `the transaction of producer ${producerId}, open since ${first}, is missing`, null, offset,
      )
    }
  }

  #forms(producerId: number, fact: ProducerFact): ProducerFact[] {
    const { dataTime, markerOffset } = this.#traces.get(producerId) ?? { dataTime: -1, markerOffset: -1 }
    return markerOffset < 0 ? [fact] : [fact, { ...fact, timestamp: dataTime }, { ...fact, lastOffset: markerOffset, offsetDelta: 0 }]
  }
}

function sorted(fact: ProducerFact): ProducerFact {
  const { producerEpoch, lastSequence, lastOffset, offsetDelta, timestamp, coordinatorEpoch, currentTxnFirstOffset } = fact
  return { producerEpoch, lastSequence, lastOffset, offsetDelta, timestamp, coordinatorEpoch, currentTxnFirstOffset }
}
