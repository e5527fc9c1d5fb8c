/**
 * Finds what is wrong inside one `.log`, and how far it goes: for repair (log-repair.ts), which keeps everything else. Reads only.
 *
 * A batch is good when its header can be, its checksum holds, its records parse and its offsets fit between its neighbours'. Behind a bad one the walk
 * goes on where the next good one begins: by the bad one's own length where batches follow there, else by looking at every byte. Offset and leader
 * epoch stand outside of the checksum; where the neighbours leave one value only, a batch that lost it is mended, not given up, and who of the neighbours is to be
 * believed many of them decide (offset-claims.ts).
 */
import { OttlaError } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import type { FileHandle } from '../io/file-system.ts'
import {
  LEADER_EPOCH_AT, LENGTH_AT, LOG_OVERHEAD, MAGIC_AT, patchBatch, PEEK_SIZE, peekBatchSize, readBatchHeader, verifyBatchCrc, viewOf, type BatchHeader,
} from '../record/batch-format.ts'
import { loadCodec } from '../record/compression.ts'
import { readControlType } from '../record/control-record.ts'
import { RecordCursor, validateBatch } from '../record/record-cursor.ts'
import { CheckedBatches, type CheckedBatch } from './check-batches.ts'
import { findFollowingBatch } from './following-batch.ts'
import { CLAIMS_AT_ONCE, judgeClaims, type OffsetClaim, type OffsetScene } from './offset-claims.ts'
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

/** `claim`: of an offset that cannot be, one that nobody believes. */
interface Facts { readonly header: BatchHeader; readonly position: number; readonly end: number; readonly claim: OffsetClaim }
interface Loss { readonly position: number; readonly end: number; readonly reason: string }

interface Reached { readonly claimed: number; readonly least: number }

/** In place of an offset that cannot be: so low that no batch of this size reaches up to a segment. */
const NOWHERE = -(2 ** 40)

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
  /** What is lost, ascending, until the batches on both sides of it are judged: those tell its offsets. */
  readonly #losses: Loss[] = []
  readonly #mended: MendedBatch[] = []
  readonly #cursor = new RecordCursor()
  #nextOffset: number
  #epoch: number
  /** Not judged yet: what follows them is part of the judgement. */
  readonly #pending: Facts[] = []

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
    while (this.#pending.length > 0) this.#judge()
    this.#settleLosses(Number.POSITIVE_INFINITY, this.#following)
    return { damaged: this.#damaged, mended: this.#mended, fileBytes: this.#size, after: { nextOffset: this.#nextOffset, epoch: this.#epoch } }
  }

  /** Where the log goes on behind this file; null: not known. */
  get #following(): number | null { return this.#question.nextBase ?? this.#question.logEnd }

  /** Takes the batch at `position`; a text says why there is no good one. */
  async #step(position: number): Promise<string | null> {
    const batch = await this.#batches.next() ?? await this.#misplaced(position)
    if (batch === null) return this.#batches.problem?.detail ?? 'the file ends inside a batch'
    const problem = await this.#problemOf(batch)
    if (problem !== null) return problem
    const header = { ...batch.header }
    const { magic, baseOffset, lastOffset, nextOffset } = header
    const first = magic === 2 ? baseOffset : lastOffset
    this.#pending.push({ header, position, end: position + header.size, claim: { first, next: nextOffset, span: nextOffset - first, isMendable: magic === 2 } })
    if (this.#pending.length > CLAIMS_AT_ONCE) this.#judge()
    return null
  }

  /** A batch with nothing wrong but an offset that no batch can have; null: something else is wrong. It comes out with one that is too low for every segment. */
  async #misplaced(position: number): Promise<CheckedBatch | null> {
    const size = await this.#plausibleSize(position, null)
    if (size < 0) return null
    const buffer = await this.#bytes(position, size)
    const view = viewOf(buffer)
    if (buffer[MAGIC_AT] !== 2 || !Number.isNaN(readInt64(view, 0)) || !verifyBatchCrc(buffer, view, 0, size)) return null
    patchBatch(view, 0, NOWHERE, view.getInt32(LEADER_EPOCH_AT))
    try {
      const header = readBatchHeader(buffer, view, 0, size)
      this.#batches.position = position + size
      this.#batches.problem = null
      return { header, position, buffer, view, at: 0 }
    } catch (error) {
      if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
      return null
    }
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

  // ---- where the next good batch begins ----

  async #resume(position: number, reason: string): Promise<void> {
    const reached = this.#reached()
    const end = await this.#chainEnd(position, reached) ?? await this.#search(position, reached)
    this.#losses.push({ position, end, reason })
    this.#batches.position = end
    this.#batches.problem = null
  }

  /** Offsets that what was read so far takes: by what the batches say, and the least that it can be if those that are not judged yet lie. */
  #reached(): Reached {
    const claims = this.#pending.map(({ claim }) => claim)
    const { end } = judgeClaims(claims, this.#scene(null))
    return { claimed: end, least: Math.min(end, claims.reduce((sum, { span }) => sum + span, this.#nextOffset)) }
  }

  async #bytes(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    await this.#handle.read(bytes, 0, length, position)
    return bytes
  }

  /** Follows lengths from a bad batch on, over others like it, to a good one or the end of the file; null when they lead nowhere. */
  async #chainEnd(position: number, reached: Reached): Promise<number | null> {
    let at = position
    for (let isFirst = true; ; isFirst = false) {
      const size = await this.#plausibleSize(at, isFirst ? null : reached.least)
      if (size < 0) return null
      at += size
      // The length itself may be what is damaged: it must not swallow good batches up to the end of the file.
      if (at === this.#size) return isFirst ? await this.#search(position, reached, true) : at
      if (await this.#isGood(at, reached.least)) return at
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
  async #search(position: number, { claimed, least }: Reached, needsMore: boolean = false): Promise<number> {
    for (let from = position + 1; ;) {
      const found = await findFollowingBatch(this.#handle, from, this.#size, least)
      if (found === null) return this.#size
      from = found.position + 1
      if (!this.#mayBegin(found.baseOffset, least)) continue
      const size = viewOf(await this.#bytes(found.position, LOG_OVERHEAD)).getInt32(LENGTH_AT) + LOG_OVERHEAD
      const behind = found.position + size
      const joins = (found.baseOffset === least || found.baseOffset === claimed) && !needsMore
      if (joins || behind === this.#size || await this.#plausibleSize(behind, found.lastOffset + 1) > 0) return found.position
    }
  }

  // ---- offsets and epochs ----

  #scene(end: number | null): OffsetScene {
    const { baseOffset, nextBase } = this.#question
    const expected = this.#nextOffset
    const highest = Math.min(baseOffset + MAX_RELATIVE_OFFSET + 1, nextBase !== null && nextBase >= expected ? nextBase : Number.POSITIVE_INFINITY)
    return { expected, highest, end: end !== null && end >= expected ? end : null }
  }

  /** Decides on the first batch that waits for it. */
  #judge(): void {
    const batch = this.#pending[0]!
    const isLast = this.#batches.position >= this.#size && this.#pending.length <= CLAIMS_AT_ONCE
    const { header, position, end } = batch
    const first = this.#firstOffset(isLast)
    this.#pending.shift()
    if (first === null) {
      const what = header.baseOffset === NOWHERE ? 'its offset cannot be' : `the offsets ${header.baseOffset}–${header.lastOffset} do not fit behind ${this.#nextOffset - 1}`
      const later = this.#losses.findIndex((loss) => loss.position > position)
      this.#losses.splice(later < 0 ? this.#losses.length : later, 0, { position, end, reason: what })
      return
    }
    this.#settleLosses(position, first)
    const shift = first - batch.claim.first
    const baseOffset = header.baseOffset + shift
    const following = this.#pending[0] ?? null
    const epoch = this.#rightEpoch(header, baseOffset, following?.header.leaderEpoch ?? null)
    if (shift !== 0 || epoch !== header.leaderEpoch) {
      const claimed = header.baseOffset === NOWHERE ? 'an offset that cannot be' : `offset ${header.baseOffset}`
      const reasons = [
        ...(shift === 0 ? [] : [`it began at ${claimed}, where only ${baseOffset} fits`]),
        ...(epoch === header.leaderEpoch ? [] : [`it was of leader epoch ${header.leaderEpoch}, among batches of ${epoch}`]),
      ]
      this.#mended.push({
        position, end, reason: reasons.join('; '), baseOffset: shift === 0 ? null : baseOffset, leaderEpoch: epoch === header.leaderEpoch ? null : epoch,
        firstOffset: baseOffset, lastOffset: header.lastOffset + shift,
      })
    }
    this.#nextOffset = header.lastOffset + shift + 1
    if (epoch > this.#epoch && !this.#isAhead(epoch, following)) this.#epoch = epoch
  }

  /** Where the first batch that waits begins; null: nowhere. One that joins the one before is believed, whatever follows. */
  #firstOffset(isLast: boolean): number | null {
    const { claim } = this.#pending[0]!
    const scene = this.#scene(isLast ? this.#following : null)
    if (claim.first === scene.expected) return claim.first
    return judgeClaims(this.#pending.map((each) => each.claim), scene).first
  }

  /** The batch at `position` begins at `offset`: all that is lost in front of it, up to the one before, is one range, and had the offsets between them. */
  #settleLosses(position: number, offset: number | null): void {
    const [first] = this.#losses
    if (first === undefined || first.position > position) return
    const later = this.#losses.findIndex((loss) => loss.position > position)
    const settled = this.#losses.splice(0, later < 0 ? this.#losses.length : later)
    this.#damaged.push({ ...first, end: settled.at(-1)!.end, firstOffset: this.#nextOffset, lastOffset: offset === null ? null : offset - 1 })
  }

  #isAhead(epoch: number, following: Facts | null): boolean {
    const next = following?.header.leaderEpoch ?? -1
    return next >= 0 && next < epoch
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
}
