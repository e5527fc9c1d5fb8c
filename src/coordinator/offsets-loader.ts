/**
 * Reads `__consumer_offsets` from start to high watermark into the store. What cannot be read (a batch whose CRC fails, a record that does
 * not parse) is skipped with an error in the application's log that says where, and everything else is taken: one bad record must not
 * take all groups down. A commit lost so makes its group read some records again; it never makes it skip any.
 */
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { ByteReader } from '../protocol/byte-reader.ts'
import { coordinatorPartition } from '../protocol/java-hash.ts'
import { peekBatchSize, readBatchHeader, verifyBatchCrc, viewOf, type BatchHeader } from '../record/batch-format.ts'
import { loadCodec } from '../record/compression.ts'
import { readControlType } from '../record/control-record.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import type { GroupStore } from './group-store.ts'
import type { OffsetsLog } from './offsets-log.ts'
import { GROUP_METADATA } from './offsets-records.ts'
import { decodeGroupRecord, decodeGroupRecordAt, type KnownRecord, type UnknownRecord } from './record-codec.ts'
import { groupOf } from './record-keys.ts'

export interface LoadOptions {
  readonly store: GroupStore
  readonly logger: Logger
  /** Bytes per read. */
  readonly bufferSize: number
}

const TOPIC = '__consumer_offsets'
/** After so many unreadable offsets in a row, steps become larger. */
const SMALL_STEPS = 64

export async function loadOffsetsLogs(logs: readonly (OffsetsLog | undefined)[], options: LoadOptions): Promise<void> {
  for (const [partition, log] of logs.entries()) if (log !== undefined) await new PartitionLoader(log, partition, logs.length, options).run()
}

class PartitionLoader {
  readonly #log: OffsetsLog
  readonly #partition: number
  readonly #partitions: number
  readonly #options: LoadOptions
  readonly #cursor = new RecordCursor()
  #reader = new ByteReader(new Uint8Array(0))
  #offset: number
  #failures = 0

  constructor(log: OffsetsLog, partition: number, partitions: number, options: LoadOptions) {
    this.#log = log
    this.#partition = partition
    this.#partitions = partitions
    this.#options = options
    this.#offset = log.logStartOffset
  }

  async run(): Promise<void> {
    const end = this.#log.highWatermark
    while (this.#offset < end) {
      const records = await this.#read()
      if (records === null) continue
      if (records.length === 0) return
      const from = this.#offset
      await this.#takeAll(records)
      // Whole batches below the offset asked: nothing further on can be read.
      if (this.#offset <= from) return this.#skip('the log gives no records at this offset', null)
    }
  }

  /** Null: nothing can be read here; the offset has moved on. */
  async #read(): Promise<Uint8Array | null> {
    try {
      const { records } = await this.#log.read(this.#offset, { maxBytes: this.#options.bufferSize, isolation: 'highWatermark', minOneMessage: true })
      this.#failures = 0
      return records
    } catch (error) {
      if (!OttlaError.is(error) || OttlaError.is(error, 'CLOSED')) throw error
      const isPowerOfTwo = (this.#failures & (this.#failures - 1)) === 0
      if (isPowerOfTwo) this.#skip('part of the log cannot be read', error)
      this.#failures++
      this.#offset += this.#failures < SMALL_STEPS ? 1 : this.#failures
      return null
    }
  }

  #skip(problem: string, error: unknown): void {
    this.#options.logger.error(`${TOPIC}: ${problem}; it is skipped, groups may read some records again`, {
      partition: this.#partition, offset: this.#offset, error: error instanceof Error ? error.message : error,
    })
  }

  async #takeAll(records: Uint8Array): Promise<void> {
    const view = viewOf(records)
    for (let position = 0; position < records.length;) {
      let size: number
      try {
        size = peekBatchSize(records, view, position, records.length)
      } catch (error) {
        this.#skip('a batch cannot be told from the next', error)
        this.#offset++
        return
      }
      if (size < 0) return
      await this.#take(records, view, position, size)
      position += size
    }
  }

  async #take(records: Uint8Array, view: DataView, position: number, size: number): Promise<void> {
    let header: BatchHeader
    try {
      header = await this.#open(records, view, position, size)
    } catch (error) {
      this.#skip('a batch does not parse', error)
      this.#offset++
      return
    }
    this.#offset = Math.max(this.#offset, header.baseOffset)
    if (!verifyBatchCrc(records, view, position, size)) this.#skip('a batch fails its checksum', null)
    else {
      try {
        if (header.isControl) this.#takeMarker(header)
        else while (this.#cursor.next()) this.#takeRecord(header)
      } catch (error) {
        this.#skip('the rest of a batch does not parse', error)
      }
    }
    this.#offset = Math.max(this.#offset, header.nextOffset)
  }

  async #open(records: Uint8Array, view: DataView, position: number, size: number): Promise<BatchHeader> {
    const { compression } = readBatchHeader(records, view, position, position + size)
    if (compression !== 'none') await loadCodec(compression)
    return this.#cursor.reset(records, position, position + size)
  }

  #takeMarker(header: BatchHeader): void {
    while (this.#cursor.next()) {
      const type = readControlType(this.#cursor.key())
      if (type === 'COMMIT' || type === 'ABORT') this.#options.store.replayMarker(this.#partition, header.producerId, type === 'COMMIT')
    }
  }

  #decode(): KnownRecord | UnknownRecord {
    const { keyStart, keyLength, valueStart, valueLength } = this.#cursor
    const bytes = this.#cursor.buffer()
    // Records of other protocols are kept as they are: not as views, which would hold the whole buffer.
    if (((bytes[keyStart] ?? 0) << 8 | (bytes[keyStart + 1] ?? 0)) > GROUP_METADATA) {
      return decodeGroupRecord(bytes.slice(keyStart, keyStart + keyLength), valueLength < 0 ? null : bytes.slice(valueStart, valueStart + valueLength))
    }
    if (bytes !== this.#reader.buffer) this.#reader = new ByteReader(bytes)
    return decodeGroupRecordAt(this.#reader, { keyStart, keyEnd: keyStart + keyLength, valueStart, valueEnd: valueStart + valueLength })
  }

  #takeRecord(header: BatchHeader): void {
    const cursor = this.#cursor
    const { store, logger } = this.#options
    try {
      if (cursor.keyLength < 0) throw new OttlaError('CORRUPT_MESSAGE', 'a group record has no key')
      const record = this.#decode()
      if ('unknownType' in record) {
        logger.debug(`${TOPIC}: a record of an unknown type is skipped`, { partition: this.#partition, offset: cursor.offset, type: record.unknownType })
        return
      }
      // Should the topic have got more partitions, groups went elsewhere: what is left here is out of date.
      if (this.#partitions > 1 && coordinatorPartition(groupOf(record), this.#partitions) !== this.#partition) return
      store.replay(record, { logPartition: this.#partition, offset: cursor.offset, producerId: header.isTransactional ? header.producerId : -1 }, false)
    } catch (error) {
      if (!OttlaError.is(error)) throw error
      const where = { partition: this.#partition, offset: cursor.offset }
      logger.error(`${TOPIC}: a record does not parse; it is skipped, its group may read some records again`, { ...where, error: error.message })
    }
  }
}
