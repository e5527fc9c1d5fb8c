/**
 * One group commit in the making: the appends that are written with one write and made durable with one sync. Everything it holds is provisional
 * (offsets, producer state, staged bytes) until the owner commits it after the write; dropping it changes nothing.
 *
 * Lives from the moment PartitionLog takes items from its queue until they are settled. Does no I/O and does not decide when to roll.
 */
import { OttlaError } from '../common/errors.ts'
import { patchBatch, restampBatch, viewOf } from '../record/batch-format.ts'
import { GROUP_BYTES, type PendingAppend } from './append-queue.ts'
import { validateAppend, validateReplicated, type ValidBatch } from './append-validator.ts'
import type { LogConfig } from './log-config.ts'
import type { AppendResult } from './log-types.ts'
import { readEndMarker } from './end-marker.ts'
import type { ProducerAppendGroup } from './producer-append.ts'
import type { StagedBytes, TailCache } from './tail-cache.ts'

const NO_BYTES: Uint8Array = new Uint8Array(0)
const NOBODY: never[] = []

export interface GroupContext {
  readonly config: LogConfig
  readonly nextOffset: number
  readonly leaderEpoch: number
  readonly logStartOffset: number
  readonly recoveryPoint: number
  readonly producers: ProducerAppendGroup
  readonly tail: TailCache
  /** Bytes that wait to be appended, this group's included: how much memory the group may want. */
  readonly demand: number
  /** Batches are written from where they came. */
  readonly inPlace: boolean
  readonly now: number
  /** Adds topic and partition to an error. */
  readonly describe: (error: unknown) => OttlaError
}

interface Member { readonly item: PendingAppend; readonly result: AppendResult }
export interface GroupBatch {
  readonly size: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly leaderEpoch: number
}

/** What the next batches ask of the active segment. */
export interface Fit { readonly bytes: number; readonly maxTimestamp: number; readonly firstOffset: number; readonly lastOffset: number }

export class AppendGroup {
  readonly #context: GroupContext
  members: Member[] = NOBODY
  batches: GroupBatch[] = NOBODY
  /** Where its bytes stand, one behind another; more than one: `run` is the last of them, with the length of all. */
  parts: Uint8Array[] = NOBODY
  readonly run: StagedBytes = { buffer: NO_BYTES, view: viewOf(NO_BYTES), start: 0, length: 0 }
  nextOffset: number
  /** A member asked for durability, or is a copy of something that is not durable yet. */
  durable = false
  /** The bytes are the callers' own, or a copy of them: batches that are not for the tail cache. */
  bypassesTail = false

  constructor(context: GroupContext) {
    this.#context = context
    this.nextOffset = context.nextOffset
  }

  get bytes(): number { return this.run.length }

  /** All of them in one place. */
  gather(): Pick<StagedBytes, 'buffer' | 'start' | 'length'> {
    return this.parts.length > 1 ? { buffer: Buffer.concat(this.parts), start: 0, length: this.bytes } : this.run
  }

  /**
   * Checks `item`, unless an earlier group has done so. False: it was refused (and told so) or answered; nothing more to do for it. True:
   * `item.validated` holds batches to place.
   */
  prepare(item: PendingAppend): boolean {
    const { config, now, nextOffset } = this.#context
    try {
      if (item.options.origin === 'replication') {
        item.validated = validateReplicated(item.records, Math.max(nextOffset, this.nextOffset), config)
        if (item.validated.length > 0) return true
        item.resolve({ baseOffset: -1, lastOffset: -1, logAppendTimeMs: -1, logStartOffset: this.#context.logStartOffset, duplicate: false })
        return false
      }
      item.validated ??= [validateAppend(item.records, item.options.origin, config, now)]
      return !this.#answerDuplicate(item, item.validated[0]!)
    } catch (error) {
      item.reject(this.#context.describe(error))
      return false
    }
  }

  /** A batch that is in the log already, or in this group, is answered with its first offsets, once those are as durable as asked. */
  #answerDuplicate(item: PendingAppend, batch: ValidBatch): boolean {
    if (batch.header.producerId < 0 || item.options.origin === 'coordinator' || batch.header.isControl) return false
    const duplicate = this.#context.producers.findDuplicate(batch.header)
    if (duplicate === null) return false
    const result: AppendResult = {
      baseOffset: duplicate.baseOffset, lastOffset: duplicate.lastOffset,
      logAppendTimeMs: this.#context.config.timestampType === 'LogAppendTime' ? duplicate.timestamp : -1,
      logStartOffset: this.#context.logStartOffset, duplicate: true,
    }
    const waitsForSync = item.options.durable && duplicate.lastOffset >= this.#context.recoveryPoint
    if (!duplicate.staged && !waitsForSync) {
      item.resolve(result)
      return true
    }
    if (waitsForSync) this.durable = true
    this.#join({ item, result })
    return true
  }

  /** What placing `item` needs, on top of what the group has. */
  fit(item: PendingAppend): Fit {
    const batches = item.validated!
    const replicated = item.options.origin === 'replication'
    let bytes = this.bytes
    let maxTimestamp = -1
    let count = 0
    for (const batch of batches) {
      bytes += batch.size
      count += batch.header.lastOffsetDelta + 1
      if (batch.maxTimestamp > maxTimestamp) maxTimestamp = batch.maxTimestamp
    }
    const firstOffset = replicated ? batches[0]!.header.baseOffset : this.nextOffset
    return { bytes, maxTimestamp, firstOffset, lastOffset: replicated ? batches[batches.length - 1]!.header.lastOffset : firstOffset + count - 1 }
  }

  /**
   * Gives the batches of `item` their offsets, checks their producers and stages their bytes. False: no room behind what is staged, so the group must
   * be written first; `item` is untouched. A refused item is told so, and counts as placed.
   */
  place(item: PendingAppend): boolean {
    const batches = item.validated!
    let total = 0
    for (const batch of batches) total += batch.size
    const { leaderEpoch: ownEpoch, logStartOffset } = this.#context
    if (this.bytes > 0 && (this.bytes + total > GROUP_BYTES || !this.#hasRoom(total))) return false
    const { origin, durable } = item.options
    const replicated = origin === 'replication'
    const leaderEpoch = replicated ? -1 : item.options.leaderEpoch ?? ownEpoch
    const baseOffset = replicated ? batches[0]!.header.baseOffset : this.nextOffset
    try {
      for (const batch of batches) this.#check(batch, replicated ? batch.header.baseOffset : baseOffset, origin)
    } catch (error) {
      item.reject(this.#context.describe(error))
      return true
    }
    const bytes = batches.length === 1 ? batches[0]!.bytes : item.records.subarray(0, total)
    this.#stage(bytes, baseOffset, batches[0]!.stamp !== null)
    if (!replicated) {
      const { size, stamp } = batches[0]!
      const { buffer, view, start, length } = this.run
      const at = this.bypassesTail ? 0 : start + length - size
      patchBatch(view, at, baseOffset, leaderEpoch)
      if (stamp !== null) restampBatch(buffer, view, at, size, stamp.timestampType, stamp.maxTimestamp)
    }
    let lastOffset = baseOffset - 1
    for (const { header, size, maxTimestamp } of batches) {
      const first = replicated ? header.baseOffset : baseOffset
      lastOffset = first + header.lastOffsetDelta
      const placed = { size, baseOffset: first, lastOffset, maxTimestamp, leaderEpoch: replicated ? header.leaderEpoch : leaderEpoch }
      if (this.batches.length === 0) this.batches = [placed]
      else this.batches.push(placed)
    }
    this.nextOffset = lastOffset + 1
    if (durable) this.durable = true
    this.#join({ item, result: { baseOffset, lastOffset, logAppendTimeMs: batches[0]!.logAppendTimeMs, logStartOffset, duplicate: false } })
    return true
  }

  /** An empty array would make room for seventeen: many a group has one member. */
  #join(member: Member): void {
    if (this.members.length === 0) this.members = [member]
    else this.members.push(member)
  }

  /** `size` bytes can go behind those that are there. */
  #hasRoom(size: number): boolean { return this.bypassesTail ? this.#context.inPlace : this.#context.tail.fits(size, this.run) }

  /**
   * Behind the run; a batch that fits no chunk, or is alone where thousands of logs share the memory, makes a run of its own. The caller's bytes are stamped
   * by nobody, so that a failed append can be tried again.
   */
  #stage(bytes: Uint8Array, baseOffset: number, stamped: boolean): void {
    const { tail, demand, inPlace } = this.#context
    const isCached = !inPlace && (this.run.length > 0 || tail.isWorthwhile() || demand > bytes.length || stamped)
    if (isCached && tail.stage(bytes, baseOffset, demand, this.run)) return
    const own = stamped ? Buffer.from(bytes) : bytes
    if (this.parts.length === 0) this.parts = [own]
    else this.parts.push(own)
    this.run.buffer = own
    this.run.view = viewOf(own)
    this.run.length += own.length
    this.bypassesTail = true
  }

  #check(batch: ValidBatch, baseOffset: number, origin: PendingAppend['options']['origin']): void {
    const { producers } = this.#context
    const { header, maxTimestamp } = batch
    if (header.producerId < 0) return
    // The producer's last timestamp is the one that the log keeps: recovery, and another Kafka, derive it from the stamped batch.
    if (!header.isControl) return producers.append(maxTimestamp === header.maxTimestamp ? header : { ...header, maxTimestamp }, baseOffset, origin)
    const marker = readEndMarker(batch.bytes, 0, header)
    if (marker !== null) producers.appendMarker(marker, baseOffset, origin)
  }

  resolveAll(): void { for (const { item, result } of this.members) item.resolve(result) }

  rejectAll(error: OttlaError): void {
    for (const { item } of this.members) {
      if (this.bypassesTail) unplace(item)
      item.reject(error)
    }
  }
}

/** The bytes are as they came: they may be sent again, and a batch that has an offset already would be refused. */
function unplace({ options, validated }: PendingAppend): void {
  if (options.origin === 'replication') return
  for (const { bytes, header } of validated!) patchBatch(viewOf(bytes), 0, 0, header.leaderEpoch)
}
