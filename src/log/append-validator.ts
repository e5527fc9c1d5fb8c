/**
 * What an append must be before it gets an offset: the order of checks of spec/storage-format 5.1, the decision between bytes as they are and a
 * rebuilt batch (2.9), timestamps (2.5). Changes nothing, neither the log nor the bytes it is given.
 *
 * Not here: producer state (producer-append.ts), rolling, offsets. Used by the append group of PartitionLog.
 */
import { OttlaError, type ErrorCode } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import {
  BASE_TIMESTAMP_AT, BATCH_HEADER_SIZE, MAX_TIMESTAMP_AT, peekBatchSize, readBatchHeader, verifyBatchCrc, viewOf, type BatchHeader, type TimestampType,
} from '../record/batch-format.ts'
import type { CompressionType } from '../record/compression.ts'
import { RecordBatchBuilder, type BatchFields } from '../record/record-batch-builder.ts'
import { RecordCursor, validateBatch, type BatchSummary } from '../record/record-cursor.ts'
import type { LogConfig } from './log-config.ts'
import type { AppendOrigin } from './log-types.ts'

/** A batch that may be appended, once it has its offset (and its stamp, if any). */
export interface ValidBatch {
  /** Exactly one batch; the caller's bytes, or fresh ones when it was rebuilt. */
  readonly bytes: Uint8Array
  readonly header: BatchHeader
  readonly size: number
  /** To be written into the header, with a new checksum (2.5); null: it is right as it is. */
  readonly stamp: { readonly timestampType: TimestampType; readonly maxTimestamp: number } | null
  /** What the time index goes by, stamp included. */
  readonly maxTimestamp: number
  /** −1 for CreateTime. */
  readonly logAppendTimeMs: number
}

function refuse(code: ErrorCode, message: string): never { throw new OttlaError(code, message) }

/** Bytes of the one batch at the start of `records`; a cut batch behind it is ignored, as Kafka does. */
function soleBatchSize(records: Uint8Array, view: DataView): number {
  const size = peekBatchSize(records, view, 0, records.length)
  if (size < 0) refuse('INVALID_RECORD', `an append holds one whole record batch; these ${records.length} bytes end before it does`)
  if (records[16] !== 2) refuse('INVALID_RECORD', `only record batches of magic 2 can be appended, not ${records[16]}`)
  if (size < records.length && peekBatchSize(records, view, size, records.length) >= 0) {
    refuse('INVALID_RECORD', 'an append holds one record batch, not several')
  }
  return size
}

function checkHeader(header: BatchHeader): void {
  if (header.lastOffsetDelta < 0) refuse('INVALID_RECORD', `lastOffsetDelta ${header.lastOffsetDelta} is negative`)
  if (header.count <= 0) refuse('INVALID_RECORD', `a batch has at least one record, not ${header.count}`)
  if (header.count !== header.lastOffsetDelta + 1) refuse('INVALID_RECORD', `${header.count} records do not fit lastOffsetDelta ${header.lastOffsetDelta}`)
  if (header.isControl) refuse('INVALID_RECORD', 'clients may not append control batches')
  if (header.producerId >= 0 && header.baseSequence < 0) refuse('INVALID_RECORD', `producer ${header.producerId} sent base sequence ${header.baseSequence}`)
}

/** The structural walk; what is corrupt to a reader is an invalid record to a writer. */
function walk(bytes: Uint8Array, size: number): BatchSummary {
  try {
    return validateBatch(bytes, 0, size, { checkCrc: false })
  } catch (error) {
    if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
    throw new OttlaError('INVALID_RECORD', `the batch cannot be parsed: ${error.message}`, { cause: error })
  }
}

function checkTimestamps(minTimestamp: number, maxTimestamp: number, header: BatchHeader, config: LogConfig, now: number): void {
  if (header.timestampType === 'LogAppendTime' && (config.timestampType === 'LogAppendTime' || minTimestamp === -1)) {
    refuse('INVALID_TIMESTAMP', 'a producer sends CreateTime; LogAppendTime is the broker\'s to set')
  }
  if (config.timestampType === 'LogAppendTime') return
  if (minTimestamp !== -1 && now - minTimestamp > config.timestampBeforeMaxMs) {
    refuse(
      'INVALID_TIMESTAMP',
      `timestamp ${minTimestamp} is ${now - minTimestamp} ms old, more than message.timestamp.before.max.ms=${config.timestampBeforeMaxMs}`,
    )
  }
  if (maxTimestamp !== -1 && maxTimestamp - now > config.timestampAfterMaxMs) {
    refuse(
      'INVALID_TIMESTAMP',
      `timestamp ${maxTimestamp} is ${maxTimestamp - now} ms ahead, more than message.timestamp.after.max.ms=${config.timestampAfterMaxMs}`,
    )
  }
}

/** True when the topic's settings ask nothing of a batch of our own builder that its header does not answer. */
function headerSuffices(header: BatchHeader, config: LogConfig, now: number): boolean {
  if (config.isCompacted || header.timestampType !== 'CreateTime') return false
  if (config.timestampType === 'LogAppendTime') return true
  return now - config.timestampBeforeMaxMs <= 0 && header.maxTimestamp >= 0
}

const cursor = new RecordCursor()
/** The slab that batches are rebuilt in before they are compressed out of it. */
let shared: { readonly capacity: number; readonly builder: RecordBatchBuilder } | null = null

function builderFor(capacity: number, leavesSlab: boolean): RecordBatchBuilder {
  if (!leavesSlab) return new RecordBatchBuilder(capacity)
  if (shared === null || shared.capacity < capacity) shared = { capacity, builder: new RecordBatchBuilder(capacity) }
  shared.builder.reset()
  return shared.builder
}

/** The same records with sequential offsets in the codec of the topic. */
function rebuild(bytes: Uint8Array, header: BatchHeader, config: LogConfig, target: CompressionType, logAppendTime: number | undefined): Uint8Array {
  cursor.reset(bytes, 0, header.size)
  const unfolded = header.compression === 'none' ? header.size : cursor.buffer().length
  const builder = builderFor(unfolded + BATCH_HEADER_SIZE + 10 * header.count, target !== 'none')
  while (cursor.next()) {
    const headers = cursor.headerCount === 0 ? null : cursor.headers()
    if (!builder.append(cursor.timestamp, cursor.key(), cursor.value(), headers)) throw new OttlaError('INTERNAL', 'a rebuilt batch outgrew its estimate')
  }
  const fields: BatchFields = {
    producerId: header.producerId, producerEpoch: header.producerEpoch, baseSequence: header.baseSequence,
    isTransactional: header.isTransactional, isControl: header.isControl, compression: target,
  }
  if (config.compressionLevel !== undefined) fields.compressionLevel = config.compressionLevel
  if (logAppendTime !== undefined) {
    fields.timestampType = 'LogAppendTime'
    fields.logAppendTime = logAppendTime
  }
  const built = builder.seal(fields)
  if (built.length > config.maxMessageBytes) {
    refuse('MESSAGE_TOO_LARGE', `recompressed as ${target} the batch has ${built.length} bytes, more than max.message.bytes=${config.maxMessageBytes}`)
  }
  return built
}

/**
 * Checks one append of `client`, `in-process` or `coordinator` origin. `now`: wall clock. Raises what spec 5.1 names. The codec of the batch, and of
 * the topic, must be loaded.
 */
export function validateAppend(records: Uint8Array, origin: Exclude<AppendOrigin, 'replication'>, config: LogConfig, now: number): ValidBatch {
  const view = viewOf(records)
  const size = soleBatchSize(records, view)
  if (origin === 'client' && (view.getUint32(0) !== 0 || view.getUint32(4) !== 0)) refuse('INVALID_RECORD', 'the base offset of a produced batch is 0')
  if (size > config.maxMessageBytes) refuse('MESSAGE_TOO_LARGE', `the batch has ${size} bytes, more than max.message.bytes=${config.maxMessageBytes}`)
  if (origin !== 'in-process' && !verifyBatchCrc(records, view, 0, size)) refuse('CORRUPT_MESSAGE', 'the checksum of the batch does not match its bytes')
  if (Number.isNaN(readInt64(view, BASE_TIMESTAMP_AT) + readInt64(view, MAX_TIMESTAMP_AT))) refuse('INVALID_TIMESTAMP', 'timestamps end at ±(2^53−1)')
  let header = readBatchHeader(records, view, 0, size)
  if (origin !== 'coordinator') checkHeader(header)

  const stampsTime = config.timestampType === 'LogAppendTime'
  const target = config.compression ?? header.compression
  const rebuilds = target !== header.compression && !header.isControl
  let bytes = size === records.length ? records : records.subarray(0, size)
  let maxTimestamp = header.maxTimestamp
  if (origin === 'in-process' && headerSuffices(header, config, now)) {
    checkTimestamps(-1, header.maxTimestamp, header, config, now)
  } else {
    const summary = walk(bytes, size)
    if (!header.isControl) checkTimestamps(summary.minTimestamp, summary.maxTimestamp, header, config, now)
    if (config.isCompacted && summary.firstWithoutKey >= 0 && !header.isControl) {
      refuse('INVALID_RECORD', `record ${summary.firstWithoutKey} of the batch has no key, but the topic is compacted`)
    }
    maxTimestamp = summary.maxTimestamp
  }
  const restamps = stampsTime || header.timestampType === 'LogAppendTime' || maxTimestamp !== header.maxTimestamp
  if (rebuilds) {
    bytes = rebuild(bytes, header, config, target, stampsTime ? now : undefined)
    header = readBatchHeader(bytes, viewOf(bytes), 0, bytes.length)
  }
  if (bytes.length > config.segmentBytes) refuse(
    'RECORD_LIST_TOO_LARGE', `${bytes.length} bytes do not fit into a segment of segment.bytes=${config.segmentBytes}`,
  )
  const stamp = restamps && !rebuilds ? { timestampType: config.timestampType, maxTimestamp: stampsTime ? now : maxTimestamp } : null
  return {
    bytes, header, size: bytes.length, stamp, maxTimestamp: stamp === null ? header.maxTimestamp : stamp.maxTimestamp, logAppendTimeMs: stampsTime ? now : -1,
  }
}

/** Checks the whole batches of a `replication` append: header and CRC, offsets that rise from `nextOffset` on. A cut batch at the end is left out. */
export function validateReplicated(records: Uint8Array, nextOffset: number, config: LogConfig): ValidBatch[] {
  const view = viewOf(records)
  const batches: ValidBatch[] = []
  let expected = nextOffset
  let position = 0
  for (;;) {
    const size = peekBatchSize(records, view, position, records.length)
    if (size < 0) break
    if (records[position + 16] !== 2) refuse('UNSUPPORTED_FOR_MESSAGE_FORMAT', `only record batches of magic 2 can be appended, not ${records[position + 16]}`)
    if (!verifyBatchCrc(records, view, position, size)) refuse(
      'CORRUPT_MESSAGE', `the checksum of the replicated batch at byte ${position} does not match`,
    )
    const bytes = position === 0 && size === records.length ? records : records.subarray(position, position + size)
    const header = readBatchHeader(records, view, position, records.length)
    if (header.baseOffset < expected || header.lastOffset < header.baseOffset) {
      throw new OttlaError(
        'OFFSET_OUT_OF_RANGE', `a replicated batch has offsets ${header.baseOffset}–${header.lastOffset} where at least ${expected} was expected`,
        { offset: header.baseOffset },
      )
    }
    batches.push({
      bytes, header, size, stamp: null, maxTimestamp: header.maxTimestamp, logAppendTimeMs: header.timestampType === 'LogAppendTime' ? header.maxTimestamp : -1,
    })
    expected = header.nextOffset
    position += size
  }
  if (position > config.segmentBytes) refuse('RECORD_LIST_TOO_LARGE', `${position} bytes do not fit into a segment of segment.bytes=${config.segmentBytes}`)
  return batches
}
