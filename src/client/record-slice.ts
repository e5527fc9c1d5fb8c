/**
 * Decoded records of one partition, in columns: what a consumer hands out as records, batches and cursors.
 *
 * A record is a row: offset, timestamp, and where key, value and headers lie in the bytes that came from the broker. Nothing is made per
 * record until it is asked for; a `LazyRecord` is a row number, and decodes its bytes on first access. The bytes are the fetch's own
 * memory, so slices and records are valid for ever; a record that is kept keeps its fetch in memory.
 */
import { OttlaError } from '../common/errors.ts'
import { bufferView } from '../record/buffer-view.ts'
import type { FetchLease } from './fetch-memory.ts'
import { readVarint, varintEnd } from '../record/varint.ts'
import { fromText, type TextSerde } from './serializers.ts'
import type { ConsumerRecord, Deserializer, Header, RecordCursor } from './types.ts'

/** Integers of a row: key start, key length, value start, value length (−1 null), number of headers. */
export const ROW = 5
const KEY_START = 0
const KEY_LENGTH = 1
const VALUE_START = 2
const VALUE_LENGTH = 3
const HEADER_COUNT = 4

/** What a run of rows shares. */
export interface RowSource {
  readonly firstRow: number
  readonly bytes: Buffer
  /** Where `bytes` lies: views of the memory itself are made twice as fast as views of a view. */
  readonly memory: ArrayBufferLike; readonly memoryOffset: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly leaderEpoch: number
}

export interface Deserializers<K, V> { readonly key: Deserializer<K> | null; readonly value: Deserializer<V> | null }

/** Rows of one slice at most. */
export const MAX_SLICE_ROWS = 4096

/**
 * The columns that slices are gathered in. One set serves all, because most slices are read by a cursor and done with before the next one is gathered:
 * until then a slice reads the rows here, and whoever still needs them then takes copies of its own.
 */
class SharedColumns {
  readonly offsets: Float64Array = new Float64Array(MAX_SLICE_ROWS)
  readonly timestamps: Float64Array = new Float64Array(MAX_SLICE_ROWS)
  readonly rows: Int32Array = new Int32Array(MAX_SLICE_ROWS * ROW)
  /** Weak, so that the last slice of a consumer does not keep its fetch in memory. */
  #reader: WeakRef<RecordSlice<unknown, unknown>> | null = null

  /** To be called before anything is written. */
  claim(): void {
    this.#reader?.deref()?.own()
    this.#reader = null
  }

  lend(slice: RecordSlice<unknown, unknown>): void { this.#reader = new WeakRef(slice) }
}

export const sharedColumns: SharedColumns = new SharedColumns()

export interface SliceOrigin<K, V> {
  readonly topic: string
  readonly partition: number
  readonly highWatermark: number
  readonly deserializers: Deserializers<K, V>
  readonly lease: FetchLease | null
}

export class RecordSlice<K, V> {
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly deserializers: Deserializers<K, V>
  readonly highWatermark: number
  /** Where reading goes on: behind the last record and whatever else was passed over with it. */
  readonly nextOffset: number
  /** Null: the bytes are nobody else's. */
  readonly lease: FetchLease | null
  readonly #sources: readonly RowSource[]
  #offsets: Float64Array = sharedColumns.offsets
  #timestamps: Float64Array = sharedColumns.timestamps
  #rows: Int32Array = sharedColumns.rows
  #isDone = false

  /** The first `count` rows of the shared columns. */
  constructor(origin: SliceOrigin<K, V>, count: number, sources: readonly RowSource[], nextOffset: number) {
    this.topic = origin.topic
    this.partition = origin.partition
    this.count = count
    this.#sources = sources
    this.nextOffset = nextOffset
    this.highWatermark = origin.highWatermark
    this.deserializers = origin.deserializers
    this.lease = origin.lease
    sharedColumns.lend(this)
  }

  /** The shared columns are about to be written again. */
  own(): void {
    if (this.#isDone || this.#offsets !== sharedColumns.offsets) return
    this.#offsets = this.#offsets.slice(0, this.count)
    this.#timestamps = this.#timestamps.slice(0, this.count)
    this.#rows = this.#rows.slice(0, this.count * ROW)
  }

  /** Nobody will look at any row again. */
  done(): void { this.#isDone = true }

  offsetAt(row: number): number { return this.#offsets[row]! }
  timestampAt(row: number): number { return this.#timestamps[row]! }

  source(row: number): RowSource {
    const sources = this.#sources
    let at = sources.length - 1
    if (at === 0) return sources[0]!
    while (at > 0 && sources[at]!.firstRow > row) at--
    return sources[at]!
  }

  /** A record is valid for ever. */
  record(row: number): ConsumerRecord<K, V> {
    this.lease?.pin()
    return new LazyRecord(this, row)
  }

  keyBytes(row: number): Buffer | null { return this.#bytes(row, KEY_START) }
  valueBytes(row: number): Buffer | null { return this.#bytes(row, VALUE_START) }

  #bytes(row: number, column: number): Buffer | null {
    const start = this.#rows[row * ROW + column]!
    const length = this.#rows[row * ROW + column + 1]!
    if (length < 0) return null
    const source = this.source(row)
    return bufferView(source.memory, source.memoryOffset + start, length)
  }

  keyLength(row: number): number { return this.#rows[row * ROW + KEY_LENGTH]! }
  valueLength(row: number): number { return this.#rows[row * ROW + VALUE_LENGTH]! }

  key(row: number): K | null { return this.#decode('key', row, KEY_START, this.deserializers.key) }
  value(row: number): V | null { return this.#decode('value', row, VALUE_START, this.deserializers.value) }

  #decode<T>(field: 'key' | 'value', row: number, column: number, deserializer: Deserializer<T> | null): T | null {
    const start = this.#rows[row * ROW + column]!
    const length = this.#rows[row * ROW + column + 1]!
    if (length < 0) return null
    const { bytes, memory, memoryOffset } = this.source(row)
    if (deserializer === null) return bufferView(memory, memoryOffset + start, length) as T
    try {
      if (fromText in deserializer) return (deserializer as TextSerde<T>)[fromText](bytes.toString('utf8', start, start + length))
      return deserializer.deserialize(bufferView(memory, memoryOffset + start, length), { topic: this.topic, headers: this.headers(row) })
    } catch (error) {
      const { topic, partition } = this
      const offset = this.#offsets[row]!
      const reason = error instanceof Error ? error.message : String(error)
      const problem = `the ${field} at offset ${offset} of ${topic}-${partition} could not be deserialized: ${reason}`
      throw new OttlaError('SERIALIZATION_ERROR', problem, { topic, partition, offset, cause: error })
    }
  }

  headers(row: number): Header[] {
    const count = this.#rows[row * ROW + HEADER_COUNT]!
    const headers: Header[] = []
    if (count === 0) return headers
    const { bytes } = this.source(row)
    // Headers follow the value, behind their number.
    let at = this.#rows[row * ROW + VALUE_START]! + Math.max(0, this.#rows[row * ROW + VALUE_LENGTH]!)
    readVarint(bytes, at, bytes.length)
    at = varintEnd()
    for (let i = 0; i < count; i++) {
      const keyLength = readVarint(bytes, at, bytes.length)
      const keyStart = varintEnd()
      const valueLength = readVarint(bytes, keyStart + keyLength, bytes.length)
      const valueStart = varintEnd()
      at = valueStart + Math.max(0, valueLength)
      headers.push({ key: bytes.toString('utf8', keyStart, keyStart + keyLength), value: valueLength < 0 ? null : bytes.subarray(valueStart, at) })
    }
    return headers
  }
}

/** A row that has not been decoded yet. */
const UNREAD = Symbol('unread')

class LazyRecord<K, V> implements ConsumerRecord<K, V> {
  readonly #slice: RecordSlice<K, V>
  readonly #row: number
  #key: K | null | typeof UNREAD = UNREAD
  #value: V | null | typeof UNREAD = UNREAD
  #headers: Header[] | null = null

  constructor(slice: RecordSlice<K, V>, row: number) {
    this.#slice = slice
    this.#row = row
  }

  get topic(): string { return this.#slice.topic }
  get partition(): number { return this.#slice.partition }
  get offset(): number { return this.#slice.offsetAt(this.#row) }
  get timestamp(): number { return this.#slice.timestampAt(this.#row) }
  get timestampType(): 'CreateTime' | 'LogAppendTime' { return this.#slice.source(this.#row).timestampType }
  get leaderEpoch(): number { return this.#slice.source(this.#row).leaderEpoch }

  /** Raises SERIALIZATION_ERROR. */
  get key(): K | null {
    if (this.#key === UNREAD) this.#key = this.#slice.key(this.#row)
    return this.#key
  }

  /** Raises SERIALIZATION_ERROR. */
  get value(): V | null {
    if (this.#value === UNREAD) this.#value = this.#slice.value(this.#row)
    return this.#value
  }

  get headers(): Header[] {
    this.#headers ??= this.#slice.headers(this.#row)
    return this.#headers
  }

  /** All fields as a plain object, for JSON.stringify and for those who spread. */
  toJSON(): ConsumerRecord<K, V> {
    const { topic, partition, offset, timestamp, timestampType, key, value, headers, leaderEpoch } = this
    return { topic, partition, offset, timestamp, timestampType, key, value, headers, leaderEpoch }
  }

  /** console.log shows the fields. */
  [Symbol.for('nodejs.util.inspect.custom')](): unknown { return this.toJSON() }
}

/** Rows `from` to `to` of a slice, one after another, without an object for any. */
export class SliceCursor<K, V> implements RecordCursor {
  readonly #slice: RecordSlice<K, V>
  readonly #end: number
  #row: number

  constructor(slice: RecordSlice<K, V>, from: number, to: number) {
    this.#slice = slice
    this.#row = from - 1
    this.#end = to
  }

  next(): boolean {
    if (this.#row + 1 >= this.#end) return false
    this.#row++
    return true
  }

  get offset(): number { return this.#slice.offsetAt(this.#row) }
  get timestamp(): number { return this.#slice.timestampAt(this.#row) }
  get keyLength(): number { return this.#slice.keyLength(this.#row) }
  get valueLength(): number { return this.#slice.valueLength(this.#row) }
  key(): Uint8Array | null { return this.#slice.keyBytes(this.#row) }
  value(): Uint8Array | null { return this.#slice.valueBytes(this.#row) }
  headers(): Header[] { return this.#slice.headers(this.#row) }
}
