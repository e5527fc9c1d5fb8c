/**
 * Walks the batches of one `.log` file in file order through bounded reads. Two kinds: `headers` needs the headers only and skips over what lies
 * between; `whole` has every batch's bytes in memory and can check its CRC. Stops at the first thing that is no batch, and tells where and why.
 * Allocates one header object a batch, nothing a record.
 *
 *   for (;;) { const header = walker.next(); if (header !== null) { …; continue } if (!(await walker.fill())) break }
 *
 * Does not judge offsets (segment-recovery.ts does), nor what is inside a batch.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import {
  ATTRIBUTES_AT, BATCH_HEADER_SIZE, CRC_AT, MAGIC_AT, PEEK_SIZE, peekBatchSize, readBatchHeader, verifyBatchCrc, viewOf, type BatchHeader,
} from '../record/batch-format.ts'
import { crc32c } from '../record/crc32c.ts'

/** What the walker reads from; LogFile, Segment and FileHandle fit. */
export interface ByteSource {
  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>
}

export type BatchProblemReason =
  | 'torn' //         the file ends inside a batch
  | 'malformed' //    a field of the header cannot be
  | 'crc' //          the checksum does not match
  | 'impossible' //   the checksum holds, and a field outside it cannot be
  | 'offset-order' // last offset not above the batch before, or below the segment's base offset
  | 'invalid-record' // a control record that cannot be read

export interface BatchProblem {
  /** Where the bad batch starts: how many bytes before it are whole batches. */
  readonly position: number
  readonly reason: BatchProblemReason
  /** For people. */
  readonly detail: string
}

export interface WalkerOptions {
  readonly kind: 'headers' | 'whole'
  /** Only with `whole`. */
  readonly checkCrc?: boolean
  /** Bytes a read asks for; default 64 KiB for headers, 1 MiB for whole. At least 61. */
  readonly chunkBytes?: number
}

const HEADERS_CHUNK = 64 * 1024
const WHOLE_CHUNK = 1024 * 1024

/** A batch larger than the buffer, whose CRC is taken piece by piece. In place of its header, what is wrong with that: it counts once the checksum holds. */
interface LongBatch { readonly header: BatchHeader | BatchProblem; readonly storedCrc: number; readonly end: number; at: number; crc: number }

export class BatchWalker {
  readonly #source: ByteSource
  readonly #whole: boolean
  readonly #checkCrc: boolean
  #end: number
  #buffer: Uint8Array
  #view: DataView
  /** File position of the first byte in `#buffer`, and how many bytes are there. */
  #start = 0
  #filled = 0
  #position: number
  #batchAt = 0
  #problem: BatchProblem | null = null
  /** Bytes that were said to be there and are not. */
  #missing = 0
  #long: LongBatch | null = null

  constructor(source: ByteSource, position: number, end: number, options: WalkerOptions) {
    this.#source = source
    this.#whole = options.kind === 'whole'
    this.#checkCrc = this.#whole && (options.checkCrc ?? false)
    this.#end = end
    const chunk = options.chunkBytes ?? (this.#whole ? WHOLE_CHUNK : HEADERS_CHUNK)
    this.#buffer = new Uint8Array(Math.max(BATCH_HEADER_SIZE, Math.min(chunk, end - position)))
    this.#view = viewOf(this.#buffer)
    this.#start = position
    this.#position = position
  }

  /** Start of the next batch; once `problem` is set, of the bad one. */
  get position(): number { return this.#position }
  /** Null while all is well; set when the walk ended before `end`. */
  get problem(): BatchProblem | null { return this.#problem }

  /** The next batch if it is in memory; null: call `fill`. `header.position` is the position in the file. */
  next(): BatchHeader | null {
    if (this.#problem !== null) return null
    if (this.#long !== null) return this.#endLong(this.#long)
    const at = this.#position - this.#start
    const left = this.#end - this.#position
    if (left < PEEK_SIZE && left > 0) return this.#fail('torn', `${left} bytes are left, too few for a batch`)
    if (left <= 0) return this.#missing === 0 ? null : this.#fail('torn', `the file ends here, ${this.#missing} bytes early`)
    if (this.#filled - at < PEEK_SIZE) return null
    const size = this.#sizeAt(at, left)
    if (size < 0) return null
    if (this.#filled - at < Math.min(size, this.#whole ? size : BATCH_HEADER_SIZE)) {
      return this.#whole && size > this.#buffer.length ? this.#beginLong(at, size) : null
    }
    if (this.#checkCrc && !verifyBatchCrc(this.#buffer, this.#view, at, size)) return this.#failCrc(this.#view.getUint32(at + (this.#buffer[at + MAGIC_AT] === 2 ? CRC_AT : 12)))
    const header = this.#headerAt(at, size, this.#checkCrc ? 'impossible' : 'malformed')
    if (header !== null) this.#take(header, at)
    return header
  }

  /** The offset field behind the batch that `next` gave last; NaN: not in memory. */
  peekOffset(): number {
    const at = this.#position - this.#start
    return this.#filled - at < PEEK_SIZE ? Number.NaN : readInt64(this.#view, at)
  }

  /** Reads on. False: the walk is over (end reached, or `problem` set). */
  async fill(): Promise<boolean> {
    const length = this.#prepare()
    if (length === 0) return false
    this.#received(await this.#source.read(this.#buffer, 0, length, this.#start), length)
    return true
  }

  fillSync(): boolean {
    const length = this.#prepare()
    if (length === 0) return false
    this.#received(this.#source.readSync(this.#buffer, 0, length, this.#start), length)
    return true
  }

  /**
   * With `whole`: memory that holds the batch `next` gave last, from `bufferPosition` on, until the next `next` or `fill`. A batch of magic 2 that is
   * larger than the chunk is not kept: `bufferPosition` is −1.
   */
  buffer(): Uint8Array { return this.#buffer }
  view(): DataView { return this.#view }
  bufferPosition(): number { return this.#batchAt }

  /** Size of the batch at `at`, all of which fits in `left`; −1 with `problem` set. */
  #sizeAt(at: number, left: number): number {
    let size: number
    try {
      size = peekBatchSize(this.#buffer, this.#view, at, Number.MAX_SAFE_INTEGER)
    } catch (error) {
      this.#fail('malformed', reasonOf(error))
      return -1
    }
    if (size <= left) return size
    this.#fail('torn', `says ${size} bytes where ${left} are left`)
    return -1
  }

  #headerAt(at: number, size: number, reason: 'malformed' | 'impossible'): BatchHeader | null {
    let header: BatchHeader
    try {
      header = readBatchHeader(this.#buffer, this.#view, at, at + size)
    } catch (error) {
      return this.#fail(reason, reasonOf(error))
    }
    if (header.lastOffset < header.baseOffset) return this.#fail(reason, `last offset ${header.lastOffset} is below base offset ${header.baseOffset}`)
    return header
  }

  #take(header: BatchHeader, at: number): void {
    // The header is ours and fresh; its position is made the file's.
    ;(header as { position: number }).position = this.#position
    this.#batchAt = at
    this.#position += header.size
  }

  /** The buffer holds the start of a batch that it cannot hold whole. */
  #beginLong(at: number, size: number): BatchHeader | null {
    if (this.#filled - at < BATCH_HEADER_SIZE) return null
    if (this.#buffer[at + MAGIC_AT] !== 2) {
      // Messages of magic 0 and 1 have another checksum, without a seed: they get room.
      this.#buffer = new Uint8Array(size)
      this.#view = viewOf(this.#buffer)
      this.#filled = 0
      this.#start = this.#position
      return null
    }
    const end = this.#position + size
    const storedCrc = this.#view.getUint32(at + CRC_AT)
    const header = this.#headerAt(at, size, this.#checkCrc ? 'impossible' : 'malformed') ?? this.#problem!
    if (!this.#checkCrc) return this.#endLong({ header, storedCrc, end, at: end, crc: storedCrc })
    this.#problem = null
    this.#long = { header, storedCrc, end, at: this.#start + this.#filled, crc: crc32c(this.#buffer, at + ATTRIBUTES_AT, this.#filled) }
    return null
  }

  #endLong({ header, storedCrc, end, at, crc }: LongBatch): BatchHeader | null {
    if (at < end) return null
    this.#long = null
    if (crc !== storedCrc) return this.#failCrc(storedCrc)
    if ('reason' in header) return this.#fail(header.reason, header.detail)
    this.#take(header, -1)
    this.#filled = 0
    return header
  }

  /** Sets up the next read into the front of the buffer; 0: nothing to read. */
  #prepare(): number {
    if (this.#problem !== null || this.#position >= this.#end) return 0
    const long = this.#long
    if (long !== null) {
      this.#start = long.at
      return Math.min(this.#buffer.length, long.end - long.at)
    }
    this.#start = this.#position
    return Math.min(this.#buffer.length, this.#end - this.#position)
  }

  #received(count: number, asked: number): void {
    this.#filled = count
    // The file is shorter than was said: what is missing is torn off.
    if (count < asked) {
      this.#missing = this.#end - (this.#start + count)
      this.#end = this.#start + count
    }
    if (this.#long !== null) this.#continueLong(this.#long, count, asked)
  }

  #continueLong(long: LongBatch, count: number, asked: number): void {
    long.crc = crc32c(this.#buffer, 0, count, long.crc)
    long.at += count
    if (count === asked) return
    this.#long = null
    this.#fail('torn', `says ${long.end - this.#position} bytes where ${this.#end - this.#position} are left`)
  }

  #failCrc(stored: number): null { return this.#fail('crc', `the checksum does not match: ${stored.toString(16)} is stored`) }

  #fail(reason: BatchProblemReason, detail: string): null {
    this.#problem = { position: this.#position, reason, detail }
    return null
  }
}

/** What record/ complains about, without the position, which is one in a buffer. */
function reasonOf(error: unknown): string {
  if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
  return error.message.replace(/^(batch|message) at byte \d+ /, '')
}
