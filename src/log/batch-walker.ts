/**
 * Walks the batches of one `.log` file in file order through bounded reads. Two kinds: `headers` reads little more than the headers and
 * skips over large bodies; `whole` makes every batch's bytes available and can check the CRC. Stops at the first thing that is no batch, and tells
 * where and why. Allocates one header object a batch, nothing a record.
 *
 *   for (;;) { const header = walker.next(); if (header !== null) { …; continue } if (!(await walker.fill())) break }
 */
import { OttlaError } from '../common/errors.ts'
import type { BatchHeader } from '../record/batch-format.ts'

/** What the walker reads from; LogFile and FileHandle fit. */
export interface ByteSource {
  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>
}

export type BatchProblemReason =
  | 'torn' //         the file ends inside a batch
  | 'malformed' //    length or magic cannot be
  | 'crc' //          checksum does not match
  | 'offset-order' // last offset not above the batch before, or below the segment's base offset
  | 'invalid-record' // a control record that cannot be read

export interface BatchProblem {
  /** Where the bad batch starts = how many bytes before it are whole batches. */
  readonly position: number
  readonly reason: BatchProblemReason
  /** For people. */
  readonly detail: string
}

export interface WalkerOptions {
  readonly kind: 'headers' | 'whole'
  /** Only with `whole`. Batches larger than the buffer are checked piece by piece. */
  readonly checkCrc?: boolean
  /** Bytes a read asks for; default 64 KiB for headers, 1 MiB for whole. */
  readonly chunkBytes?: number
}

function later(): never { throw new OttlaError('INTERNAL', 'not built yet') }

export class BatchWalker {
  constructor(_source: ByteSource, _position: number, _end: number, _options: WalkerOptions) { later() }
  /** Start of the next batch. Once `problem` is set: of the bad one. */
  get position(): number { return later() }
  /** Null while all is well; set when the walk ended before `end`. */
  get problem(): BatchProblem | null { return later() }
  /** The next batch if it is in memory; null: call `fill`. `header.position` is the position in the file. */
  next(): BatchHeader | null { return later() }
  /** Reads on. False: the walk is over (end reached, or `problem` set). */
  fill(): Promise<boolean> { return later() }
  fillSync(): boolean { return later() }
  /** With `whole`: bytes of the batch that `next` gave last, valid until the next `next` or `fill`. */
  buffer(): Uint8Array { return later() }
  view(): DataView { return later() }
  /** Where that batch starts in `buffer()`. */
  bufferPosition(): number { return later() }
}
