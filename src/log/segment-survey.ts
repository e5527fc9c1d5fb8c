/**
 * Finds what is wrong inside one `.log`, and how far it goes: for repair (log-repair.ts), which keeps everything else. Reads only.
 *
 * A batch is good when its header can be, its checksum holds, its records parse and its offsets fit between its neighbours'. Behind a bad one the walk
 * goes on where the next good one begins: by the bad one's own length where batches follow there, else by looking at every byte. Offset and leader
 * epoch stand outside of the checksum; where the neighbours leave one value only, a batch that lost it is mended, not given up.
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import type { FileHandle } from '../io/file-system.ts'
import { LENGTH_AT, LOG_OVERHEAD, PEEK_SIZE, peekBatchSize, verifyBatchCrc, viewOf, type BatchHeader } from '../record/batch-format.ts'
import { loadCodec } from '../record/compression.ts'
import { readControlType } from '../record/control-record.ts'
import { RecordCursor, validateBatch } from '../record/record-cursor.ts'
import { CheckedBatches, type CheckedBatch } from './check-batches.ts'
import { findFollowingBatch } from './following-batch.ts'
import { MAX_RELATIVE_OFFSET } from './segment-roll.ts'

/** Bytes of the file that are no good batches. */
export interface DamagedRange { readonly position: number; readonly end: number; readonly reason: string; readonly firstOffset: number; readonly lastOffset: number | null }

/** A good batch under a wrong offset or epoch; null: that one is right. */
export interface MendedBatch {
  readonly position: number
  readonly end: number
  readonly reason: string
  readonly baseOffset: number | null
  readonly leaderEpoch: number | null
  readonly firstOffset: number
  readonly lastOffset: number
}

/** What the segments before say, and what this one leaves to those behind. */
export interface LogCourse { readonly nextOffset: number; readonly epoch: number }

export interface SurveyQuestion {
  readonly baseOffset: number
  /** Where the next segment begins; null in the last one. */
  readonly nextBase: number | null
  /** Where the log is known to have ended; null: not known. */
  readonly logEnd: number | null
  readonly before: LogCourse
  /** From the leader epoch file, ascending; empty when it does not say. */
  readonly epochs: readonly { readonly epoch: number; readonly startOffset: number }[]
  readonly signal?: AbortSignal | undefined
}

export interface Survey { readonly damaged: readonly DamagedRange[]; readonly mended: readonly MendedBatch[]; readonly fileBytes: number; readonly after: LogCourse }

interface Facts { readonly header: BatchHeader; readonly position: number; readonly end: number }

export async function surveySegment(handle: FileHandle, question: SurveyQuestion): Promise<Survey> {
  const walk = new SurveyWalk(handle, question)
  return walk.run()
}

class SurveyWalk {
  readonly #handle: FileHandle
  readonly #question: SurveyQuestion
  readonly #batches: CheckedBatches
  readonly #size: number
  readonly #damaged: DamagedRange[] = []
  readonly #mended: MendedBatch[] = []
  readonly #cursor = new RecordCursor()
  #nextOffset: number
  #epoch: number
  /** Not judged yet: what follows it is part of the judgement. */
  #pending: Facts | null = null

  constructor(handle: FileHandle, question: SurveyQuestion) {
    this.#handle = handle
    this.#question = question
    this.#batches = new CheckedBatches(handle)
    this.#size = handle.size()
    this.#nextOffset = Math.max(question.before.nextOffset, question.baseOffset)
    this.#epoch = question.before.epoch
  }

  async run(): Promise<Survey> {
    while (this.#batches.position < this.#size) {
      if (this.#question.signal?.aborted === true) throw new OttlaError('ABORTED', 'the repair was given up because its AbortSignal fired')
      const position = this.#batches.position
      const problem = await this.#step(position)
      if (problem !== null) await this.#resume(position, problem)
    }
    this.#judge(null)
    return { damaged: this.#damaged, mended: this.#mended, fileBytes: this.#size, after: { nextOffset: this.#nextOffset, epoch: this.#epoch } }
  }

  /** Takes the batch at `position`; a text says why there is no good one. */
  async #step(position: number): Promise<string | null> {
    const batch = await this.#batches.next()
    if (batch === null) return this.#batches.problem?.detail ?? 'the file ends inside a batch'
    const problem = await this.#problemOf(batch)
    if (problem !== null) return problem
    const facts = { header: { ...batch.header }, position, end: position + batch.header.size }
    this.#judge(facts)
    this.#pending = facts
    return null
  }

  async #problemOf({ header, buffer, view, at }: CheckedBatch): Promise<string | null> {
    if (!verifyBatchCrc(buffer, view, at, header.size)) return 'the checksum does not match'
    try {
      await loadCodec(header.compression)
      validateBatch(buffer, at, at + header.size, { checkCrc: false })
      if (header.isControl) {
        this.#cursor.reset(buffer, at, at + header.size)
        while (this.#cursor.next()) readControlType(this.#cursor.key())
      }
      return null
    } catch (error) {
      if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
      return error.message
    }
  }

  // ---- where the next good batch begins -------------------------------------------------------------------------------------------

  async #resume(position: number, reason: string): Promise<void> {
    const followingBase = this.#question.nextBase ?? this.#question.logEnd
    const leastOffset = this.#pending?.header.nextOffset ?? this.#nextOffset
    const end = await this.#chainEnd(position, leastOffset) ?? await this.#search(position, leastOffset)
    const last = this.#damaged.at(-1)
    const adjoins = last !== undefined && last.end === position
    if (adjoins) this.#damaged.pop()
    const range = { position: adjoins ? last.position : position, end, reason: adjoins ? last.reason : reason, firstOffset: leastOffset }
    this.#damaged.push({ ...range, lastOffset: await this.#offsetAt(end) ?? (followingBase === null ? null : followingBase - 1) })
    this.#batches.position = end
    this.#batches.problem = null
  }

  /** The offset before the batch at `position`; null at the end of the file. */
  async #offsetAt(position: number): Promise<number | null> {
    if (position >= this.#size) return null
    return readInt64(viewOf(await this.#bytes(position, 8)), 0) - 1
  }

  async #bytes(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    await this.#handle.read(bytes, 0, length, position)
    return bytes
  }

  /** Follows lengths from a bad batch on, over others like it, to a good one or the end of the file; null when they lead nowhere. */
  async #chainEnd(position: number, leastOffset: number): Promise<number | null> {
    let at = position
    for (let isFirst = true; ; isFirst = false) {
      const size = await this.#plausibleSize(at, isFirst ? null : leastOffset)
      if (size < 0) return null
      at += size
      // The length itself may be what is damaged: it must not swallow good batches up to the end of the file.
      if (at === this.#size) return isFirst ? await this.#search(position, leastOffset, true) : at
      if (await this.#isGood(at, leastOffset)) return at
    }
  }

  /** Size of what may be a batch; −1: it is none. `leastOffset` null: the offset may be anything. */
  async #plausibleSize(position: number, leastOffset: number | null): Promise<number> {
    if (this.#size - position < PEEK_SIZE) return -1
    const bytes = await this.#bytes(position, PEEK_SIZE)
    const view = viewOf(bytes)
    if (leastOffset !== null && !this.#mayBegin(readInt64(view, 0), leastOffset)) return -1
    try {
      const size = peekBatchSize(bytes, view, 0, Number.MAX_SAFE_INTEGER)
      return position + size > this.#size ? -1 : size
    } catch (error) {
      if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
      return -1
    }
  }

  #mayBegin(offset: number, leastOffset: number): boolean {
    return offset >= leastOffset && offset < (this.#question.nextBase ?? Number.POSITIVE_INFINITY) && offset - this.#question.baseOffset <= MAX_RELATIVE_OFFSET
  }

  async #isGood(position: number, leastOffset: number): Promise<boolean> {
    const size = await this.#plausibleSize(position, leastOffset)
    if (size < 0) return false
    const bytes = await this.#bytes(position, size)
    return verifyBatchCrc(bytes, viewOf(bytes), 0, size)
  }

  /** Looks at every byte. A batch that stands inside of a record must not be taken for one of the log: what is behind it tells. */
  async #search(position: number, leastOffset: number, needsMore: boolean = false): Promise<number> {
    for (let from = position + 1; ;) {
      const found = await findFollowingBatch(this.#handle, from, this.#size, leastOffset)
      if (found === null) return this.#size
      from = found.position + 1
      if (!this.#mayBegin(found.baseOffset, leastOffset)) continue
      const size = viewOf(await this.#bytes(found.position, LOG_OVERHEAD)).getInt32(LENGTH_AT) + LOG_OVERHEAD
      const behind = found.position + size
      const joins = found.baseOffset === leastOffset && !needsMore
      if (joins || behind === this.#size || await this.#plausibleSize(behind, found.lastOffset + 1) > 0) return found.position
    }
  }

  // ---- offsets and epochs ---------------------------------------------------------------------------------------------------------

  /** Decides on the batch before `following`; null: it is the last one. */
  #judge(following: Facts | null): void {
    const batch = this.#pending
    this.#pending = null
    if (batch === null) return
    const followingBase = following?.header.baseOffset ?? this.#question.nextBase ?? this.#question.logEnd
    const baseOffset = this.#rightOffset(batch.header, followingBase)
    if (baseOffset === null) {
      this.#giveUp(batch, `the offsets ${batch.header.baseOffset}–${batch.header.lastOffset} do not fit behind ${this.#nextOffset - 1}`)
      return
    }
    const epoch = this.#rightEpoch(batch.header, baseOffset, following?.header.leaderEpoch ?? null)
    const { header: { lastOffset, leaderEpoch }, position, end } = batch
    const shift = baseOffset - batch.header.baseOffset
    if (shift !== 0 || epoch !== leaderEpoch) {
      const reasons = [
        ...(shift === 0 ? [] : [`it began at offset ${batch.header.baseOffset}, where only ${baseOffset} fits`]),
        ...(epoch === leaderEpoch ? [] : [`it was of leader epoch ${leaderEpoch}, among batches of ${epoch}`]),
      ]
      this.#mended.push({
        position, end, reason: reasons.join('; '), baseOffset: shift === 0 ? null : baseOffset, leaderEpoch: epoch === leaderEpoch ? null : epoch,
        firstOffset: baseOffset, lastOffset: lastOffset + shift,
      })
    }
    this.#nextOffset = lastOffset + shift + 1
    if (epoch > this.#epoch && !this.#isAhead(epoch, following)) this.#epoch = epoch
  }

  #isAhead(epoch: number, following: Facts | null): boolean {
    const next = following?.header.leaderEpoch ?? -1
    return next >= 0 && next < epoch
  }

  /** Null: no offset fits. A batch that joins the one before is believed, whatever follows. */
  #rightOffset(header: BatchHeader, following: number | null): number | null {
    const expected = this.#nextOffset
    const first = header.magic === 2 ? header.baseOffset : header.lastOffset
    if (first === expected) return header.baseOffset
    const overtakes = following !== null && following >= expected && header.lastOffset >= following
    const isFar = header.lastOffset - this.#question.baseOffset > MAX_RELATIVE_OFFSET
    if (first > expected && !overtakes && !isFar) return header.baseOffset
    return header.magic === 2 && following !== null && following - expected === header.lastOffset - header.baseOffset + 1 ? expected : null
  }

  #rightEpoch(header: BatchHeader, baseOffset: number, following: number | null): number {
    const own = header.leaderEpoch
    const { epochs } = this.#question
    const known = epochs.findLast((entry) => entry.startOffset <= baseOffset)?.epoch ?? -1
    if (own === -1 || own === known) return own
    const before = this.#epoch
    const goesBack = own < before
    const isAhead = following !== null && following >= 0 && following < own
    const isUnheardOf = following === null && known >= Math.max(before, 0) && !epochs.some((entry) => entry.epoch === own)
    if (!goesBack && !isAhead && !isUnheardOf) return own
    if (isUnheardOf) return known
    if (before >= 0 && before === following) return before
    if (known >= Math.max(before, 0) && (following === null || following < 0 || known <= following)) return known
    // Nothing says which epoch it was: epochs must not go back, so it becomes one that its neighbours allow.
    return isAhead && following >= before ? following : goesBack || isAhead ? before : own
  }

  #giveUp({ header, position, end }: Facts, reason: string): void {
    const { lastOffset } = header
    this.#damaged.push({ position, end, reason, firstOffset: this.#nextOffset, lastOffset: lastOffset < this.#nextOffset ? null : lastOffset })
    this.#damaged.sort((a, b) => a.position - b.position)
  }
}
