/**
 * Finds the batches of a `.log` file one after another by the rules of Kafka's own file reader (spec/storage-format 2.10, 14): a header
 * needs 17 bytes that are not the file's last, a size below 14 is corrupt, a batch that the end cuts is no batch.
 *
 * Kafka's tool prints damaged headers as they are, while `record/` refuses what Ottla cannot hold. So the fields that would be refused
 * are noted in `odd` and then mended in the window (private memory), after the checksum was taken.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64, writeInt64 } from '../common/int64.ts'
import { formatInt64, parseInt64 } from '../common/wide-integer.ts'
import {
  ATTRIBUTES_AT, BASE_TIMESTAMP_AT, BATCH_HEADER_SIZE, CODEC_MASK, COUNT_AT, LAST_OFFSET_DELTA_AT, LENGTH_AT, LOG_OVERHEAD, MAGIC_AT,
  MAX_TIMESTAMP_AT, PEEK_SIZE, PRODUCER_ID_AT, readBatchHeader, verifyBatchCrc,
  type BatchHeader,
} from '../record/batch-format.ts'
import { LEGACY_MIN_LENGTH } from '../record/legacy-message.ts'
import { DumpFailure, type Int64 } from './dump-items.ts'
import type { LogWindow } from './log-window.ts'

const NEWEST_MAGIC = 2
const LAST_CODEC = 4
/** A record has at least so many bytes. */
export const LEAST_RECORD = 7

/** Fields of a damaged header as they stand in the file, where the header in `WalkedBatch` says something else. */
export interface OddFields {
  magic?: number
  baseOffset?: Int64
  lastOffset?: Int64
  baseTimestamp?: Int64
  maxTimestamp?: Int64
  producerId?: Int64
  count?: number
  /** One that is no codec. The header says 'none'. */
  codec?: number
}

/** `header.position` is an index into `window.buffer`, `position` the place in the file. */
export interface WalkedBatch {
  readonly position: number
  readonly size: number
  /** The checksum holds. */
  readonly isValid: boolean
  readonly header: BatchHeader
  readonly odd: OddFields | null
}

/** The batch at `position`, or null when there is none before `end`. Valid until the window moves. `path` is for the message. */
export function batchAt(window: LogWindow, position: number, end: number, path: string): WalkedBatch | null {
  if (position >= end - PEEK_SIZE) return null
  const at = window.locate(position, PEEK_SIZE)
  if (at === -1) return null
  const length = window.view.getInt32(at + LENGTH_AT)
  if (length < LEGACY_MIN_LENGTH) {
    throw new DumpFailure('org.apache.kafka.common.errors.CorruptRecordException',
      `Found record size ${length} smaller than minimum record overhead (${LEGACY_MIN_LENGTH}) in file ${path}.`)
  }
  const size = LOG_OVERHEAD + length
  if (position > end - size) return null
  const start = window.locate(position, size)
  if (start === -1) return null
  const { buffer, view } = window
  const odd = view.getInt8(start + MAGIC_AT) >= NEWEST_MAGIC && size >= BATCH_HEADER_SIZE ? mendMagic(view, start) : null
  const isValid = verifyBatchCrc(buffer, view, start, size)
  if (odd !== null) mend(view, start, size, odd)
  const isOdd = odd !== null && Object.keys(odd).length > 0
  if (isOdd) window.forget()
  try {
    return { position, size, isValid, header: readBatchHeader(buffer, view, start, start + size), odd: isOdd ? odd : null }
  } catch (error) {
    const { message } = OttlaError.from(error)
    throw new DumpFailure('org.apache.kafka.common.errors.CorruptRecordException', `${message} (batch at position ${position} of ${path})`)
  }
}

/** Kafka's tool dies where a batch of an unknown codec is printed or unfolded, not where it is passed over. */
export function refuseUnknownCodec({ odd }: WalkedBatch): void {
  if (odd?.codec !== undefined) throw new DumpFailure('java.lang.IllegalArgumentException', `Unknown compression type id: ${odd.codec}`)
}

/** Kafka reads every magic above 2 as if it were 2. */
function mendMagic(view: DataView, start: number): OddFields {
  const magic = view.getInt8(start + MAGIC_AT)
  if (magic === NEWEST_MAGIC) return {}
  view.setInt8(start + MAGIC_AT, NEWEST_MAGIC)
  return { magic }
}

function mend(view: DataView, start: number, size: number, odd: OddFields): void {
  const wide = (name: 'baseOffset' | 'baseTimestamp' | 'maxTimestamp' | 'producerId', at: number): void => {
    if (!Number.isNaN(readInt64(view, start + at))) return
    odd[name] = int64At(view, start + at)
    writeInt64(view, start + at, 0)
  }
  wide('baseOffset', 0)
  if (odd.baseOffset !== undefined) odd.lastOffset = plus(odd.baseOffset, view.getInt32(start + LAST_OFFSET_DELTA_AT))
  wide('baseTimestamp', BASE_TIMESTAMP_AT)
  wide('maxTimestamp', MAX_TIMESTAMP_AT)
  wide('producerId', PRODUCER_ID_AT)
  // As many as there could be: reading them then ends where the bytes do.
  const count = view.getInt32(start + COUNT_AT)
  const attributes = view.getInt16(start + ATTRIBUTES_AT)
  const codec = attributes & CODEC_MASK
  if (codec > LAST_CODEC) {
    odd.codec = codec
    view.setInt16(start + ATTRIBUTES_AT, attributes & ~CODEC_MASK)
  }
  const most = Math.floor((size - BATCH_HEADER_SIZE) / LEAST_RECORD)
  if (count < 0 || (codec === 0 && count > most)) {
    odd.count = count
    view.setInt32(start + COUNT_AT, count < 0 ? 0 : most)
  }
}

/** A signed 64-bit integer, as decimal text where a number cannot hold it. */
export function int64At(view: DataView, position: number): Int64 {
  const value = readInt64(view, position)
  return Number.isNaN(value) ? formatInt64(view.getInt32(position), view.getUint32(position + 4)) : value
}

const scratch = new DataView(new ArrayBuffer(8))

/** `value` + `delta` as 64-bit integers wrap. */
export function plus(value: Int64, delta: number): Int64 {
  if (typeof value === 'number' && Number.isSafeInteger(value + delta)) return value + delta
  const text = parseInt64(String(value))
  if (text === null) return value
  const low = (text.low >>> 0) + (delta >>> 0)
  const high = text.high + Math.floor(low / 2 ** 32) + (delta < 0 ? -1 : 0)
  scratch.setInt32(0, high)
  scratch.setUint32(4, low)
  return int64At(scratch, 0)
}

export function isGreater(a: Int64, b: Int64): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a > b
  const x = parseInt64(String(a))!
  const y = parseInt64(String(b))!
  return x.high === y.high ? x.low > y.low : (x.high | 0) > (y.high | 0)
}
