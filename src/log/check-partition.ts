/** The full check of one partition folder: every batch of every segment in order, and with them everything that is derived. */
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import type { FileHandle, FileSystem } from '../io/file-system.ts'
import { isMissing } from '../io/system-error.ts'
import { LOG_OVERHEAD, verifyBatchCrc } from '../record/batch-format.ts'
import { loadCodec } from '../record/compression.ts'
import { validateBatch } from '../record/record-cursor.ts'
import { CheckedBatches, type CheckedBatch } from './check-batches.ts'
import { Findings, type Finding } from './check-finding.ts'
import { compareAborted, OffsetIndexCheck, readAborted, TimeIndexCheck, type AbortedTransactionFact } from './check-indexes.ts'
import { ProducerCheck, readSnapshot } from './check-producers.ts'
import { checkpointInteger, parseCheckpoint } from './checkpoint-file.ts'
import { LEADER_EPOCH_FILE } from './leader-epoch-cache.ts'
import { readPartitionMetadata } from './partition-metadata.ts'
import { indexFileKinds, parseSegmentFileName, segmentFileName } from './segment-names.ts'
import { isZeroed, ZEROS_AHEAD } from './zeros.ts'

export interface PartitionQuestion {
  readonly fs: FileSystem
  readonly directory: string
  readonly deep: boolean
  /** Everything below is durable; null: not known (the folder alone was given). */
  readonly recoveryPoint: number | null
  /** The directory was closed cleanly: nothing may be torn. */
  readonly clean: boolean
  /** False in a directory of a broker with ZooKeeper: before Kafka 2.8 topics had no ids, and later ones give them where they are missing. */
  readonly hasTopicIds: boolean
  readonly signal: AbortSignal | undefined
  onBytes(file: string, bytes: number): void
}

/** Where the log was found to begin and end. */
export interface PartitionFacts { readonly startOffset: number; readonly endOffset: number; readonly bytes: number }

interface Epoch { readonly epoch: number; readonly startOffset: number }

/** Null: there is no such file. */
type Bytes = Uint8Array | null
interface SegmentFiles { readonly handle: FileHandle; readonly index: Bytes; readonly timeindex: Bytes; readonly txnindex: Bytes }

/** At files that somebody puts others in the place of, or that are not there. */
const LOOKS = 5

export class PartitionCheck {
  readonly #question: PartitionQuestion
  readonly #findings = new Findings()
  readonly #producers: ProducerCheck
  readonly #bases: readonly number[]
  readonly #names: ReadonlySet<string>
  /** Ascending; what is not reached yet. */
  readonly #snapshots: number[]
  readonly #epochs: readonly Epoch[] | null
  #epoch = -1
  #nextOffset: number
  /** The batch before, where it left a hole in front of itself that began at `expected`. */
  #jump: { readonly position: number; readonly baseOffset: number; readonly lastOffset: number; readonly expected: number } | null = null
  /** A batch ends at the recovery point. */
  #reachesRecoveryPoint = false
  /** Batches are missing between two others, or from inside one: compaction, or damage. */
  #gaps = false
  /** There are messages of magic 0 or 1. */
  #hasLegacy = false
  #bytes = 0

  constructor(question: PartitionQuestion) {
    this.#question = question
    const bases: number[] = []
    const names = new Set<string>()
    const snapshots: number[] = []
    for (const { name, kind } of question.fs.readDirectory(question.directory)) {
      const parsed = kind === 'file' ? parseSegmentFileName(name) : null
      if (parsed === null) this.#otherFile(name)
      else if (parsed.state !== '') this.#findings.add('info', 'LEFTOVER', this.#path(name), 'left of a deletion or of a cleaning; the next open deals with it')
      else if (parsed.kind === 'log') bases.push(parsed.offset)
      else if (parsed.kind === 'snapshot') snapshots.push(parsed.offset)
      names.add(name)
    }
    this.#bases = bases
    this.#names = names
    this.#snapshots = snapshots.sort((a, b) => a - b)
    this.#nextOffset = bases[0] ?? 0
    this.#producers = new ProducerCheck(this.#nextOffset === 0)
    this.#epochs = this.#readEpochs()
  }

  #path(name: string): string { return join(this.#question.directory, name) }

  #otherFile(name: string): void {
    if (/\.log\.damaged-/.test(name)) this.#findings.add('info', 'KEPT_ASIDE', this.#path(name), 'bytes that recovery or a repair took out of the log and kept')
  }

  /** Null: it is not there, or not any more. */
  #read(name: string): Bytes { return unlessGone(() => this.#question.fs.readFile(this.#path(name))) }

  /** Runs the check; findings come as the walk goes, the facts at its end. */
  async* run(): AsyncGenerator<Finding, PartitionFacts, void> {
    this.#checkFolder()
    yield* this.#findings.take()
    for (const [index, base] of this.#bases.entries()) yield* this.#segment(base, this.#bases[index + 1] ?? null)
    this.#passSnapshots(Number.POSITIVE_INFINITY)
    if (!this.#names.has(LEADER_EPOCH_FILE) && this.#epoch >= 0) {
      // A broker removes it where `message.format.version` was set back to a format without epochs.
      const severity = this.#hasLegacy || !this.#question.hasTopicIds ? 'info' : 'warning'
      this.#findings.add(severity, 'EPOCHS_UNREADABLE', this.#path(LEADER_EPOCH_FILE), 'it is missing; the next open finds the leader epochs in the log')
    }
    this.#checkEnd()
    yield* this.#findings.take()
    return { startOffset: this.#bases[0] ?? 0, endOffset: this.#endOffset, bytes: this.#bytes }
  }

  /** After a clean stop the recovery point is the end of the log: a batch that goes on higher, past a hole there, has lost its offset. */
  #checkEnd(): void {
    const { clean, recoveryPoint } = this.#question
    const last = this.#bases.at(-1) ?? 0
    if (!clean || recoveryPoint === null || recoveryPoint <= last || this.#reachesRecoveryPoint || this.#nextOffset <= recoveryPoint) return
    this.#findings.add(
      'error', 'END_DISTRUSTED', this.#path(segmentFileName(last, 'log')),
      `its last batch claims offsets up to ${this.#nextOffset - 1}, but the log ended at ${recoveryPoint} when it was closed`, null, recoveryPoint,
    )
  }

  #checkFolder(): void {
    const { fs, directory, hasTopicIds } = this.#question
    if (this.#bases.length === 0) this.#findings.add('warning', 'NO_SEGMENT', directory, 'there is no .log; the next open starts an empty one')
    for (const name of this.#names) {
      const parsed = parseSegmentFileName(name)
      if (parsed === null || parsed.state !== '' || parsed.kind === 'log' || parsed.kind === 'snapshot' || this.#bases.includes(parsed.offset)) continue
      this.#findings.add('warning', 'INDEX_WITHOUT_LOG', this.#path(name), 'there is no .log to it; the next open removes it')
    }
    try {
      if (readPartitionMetadata(fs, directory) === null && hasTopicIds) this.#findings.add(
        'warning', 'TOPIC_ID_MISSING', directory, 'there is no partition.metadata: a broker would take the folder for a stray',
      )
    } catch (error) {
      if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
      this.#findings.add('warning', 'TOPIC_ID_MISSING', directory, error.message)
    }
  }

  #readEpochs(): readonly Epoch[] | null {
    const bytes = this.#read(LEADER_EPOCH_FILE)
    const file = this.#path(LEADER_EPOCH_FILE)
    if (bytes === null) return null
    try {
      const epochs = parseCheckpoint(bytes, file, 2).map(([epoch, startOffset]) => ({ epoch: checkpointInteger(epoch!), startOffset: checkpointInteger(startOffset!) }))
      for (const [index, { epoch, startOffset }] of epochs.entries()) {
        const before = epochs[index - 1]
        if (!(epoch >= 0 && startOffset >= 0) || (before !== undefined && (epoch <= before.epoch || startOffset <= before.startOffset))) {
          this.#findings.add('error', 'EPOCHS_WRONG', file, `entry "${epoch} ${startOffset}" is not above the one before`)
        }
      }
      return epochs
    } catch (error) {
      if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
      this.#findings.add('warning', 'EPOCHS_UNREADABLE', file, error.message)
      return null
    }
  }

  async* #segment(base: number, nextBase: number | null): AsyncGenerator<Finding, void, void> {
    const { signal, onBytes } = this.#question
    const file = this.#path(segmentFileName(base, 'log'))
    const files = this.#openSegment(base)
    if (files === null) {
      this.#gaps = true
      this.#producers.lose()
      return
    }
    const { handle } = files
    try {
      if (base < this.#nextOffset) this.#findings.add(
        'error', 'OFFSETS_NOT_RISING', file, `the segment begins at ${base}, but the one before ends at ${this.#nextOffset}`, 0, base,
      )
      if (base > this.#nextOffset) {
        // Compaction leaves holes inside of segments, too.
        if (!this.#gaps) this.#findings.add(
          'info', 'OFFSETS_MISSING', file, `the offsets ${this.#nextOffset}–${base - 1} are in no segment: cleaned or cut out, or a file is missing`, null, this.#nextOffset,
        )
        this.#gaps = true
      }
      this.#jump = null
      const indexes = this.#openIndexes(base, files, nextBase === null)
      const aborted: AbortedTransactionFact[] = []
      const batches = new CheckedBatches(handle)
      for (let batch = await batches.next(); batch !== null; batch = await batches.next()) {
        if (signal?.aborted === true) throw new OttlaError('ABORTED', 'the check was given up because its AbortSignal fired', { cause: signal.reason })
        this.#passSnapshots(batch.header.baseOffset)
        await this.#batch(file, base, batch)
        indexes.offsets?.batch(batch.header, batch.position)
        indexes.times?.batch(batch.header)
        const ended = this.#endTransaction(file, batch)
        if (ended !== null) aborted.push(ended)
        onBytes(file, batch.header.size)
        yield* this.#findings.take()
      }
      this.#bytes += batches.position
      if (batches.problem !== null) this.#endsBadly(file, batches, handle.size(), nextBase === null, await isZeroed(handle, batches.position, handle.size()))
      indexes.offsets?.finish(batches.position)
      indexes.times?.finish(this.#nextOffset)
      this.#compareAborted(base, files.txnindex, aborted)
      onBytes(file, handle.size() - batches.position)
    } finally {
      handle.close()
    }
    yield* this.#findings.take()
  }

  /** The log and its indexes, all of one time: an owner who compacts may put others in their place between two of them. Null: it is gone. */
  #openSegment(base: number): SegmentFiles | null {
    const { fs } = this.#question
    const file = this.#path(segmentFileName(base, 'log'))
    for (let look = 1; ; look++) {
      const inode = fs.stat(file)?.inode
      const handle = unlessGone(() => fs.open(file, 'read'))
      if (handle === null) return null
      try {
        const [index, timeindex, txnindex] = indexFileKinds.map((kind) => this.#read(segmentFileName(base, kind))) as [Bytes, Bytes, Bytes]
        const isOfOneTime = index !== null && timeindex !== null && fs.stat(file)?.inode === inode
        if (isOfOneTime || look === LOOKS) return { handle, index, timeindex, txnindex }
      } catch (error) {
        handle.close()
        throw error
      }
      handle.close()
    }
  }

  #openIndexes(base: number, files: SegmentFiles, isLast: boolean): { offsets: OffsetIndexCheck | null; times: TimeIndexCheck | null } {
    const open = <T>(kind: 'index' | 'timeindex', make: (bytes: Uint8Array, file: string) => T): T | null => {
      const name = segmentFileName(base, kind)
      const bytes = files[kind]
      if (bytes !== null) return make(bytes, this.#path(name))
      // An index of a segment that was being written reaches its file when the segment is rolled or closed.
      if (files.handle.size() > 0) this.#findings.add(
        isLast && !this.#question.clean ? 'info' : 'warning', 'INDEX_MISSING', this.#path(name), 'it is missing; lookups scan the log until it is made anew',
      )
      return null
    }
    return {
      offsets: open('index', (bytes, file) => new OffsetIndexCheck(bytes, file, base, this.#findings)),
      times: open('timeindex', (bytes, file) => new TimeIndexCheck(bytes, file, base, this.#findings)),
    }
  }

  async #batch(file: string, base: number, batch: CheckedBatch): Promise<void> {
    const { header, position, buffer, view, at } = batch
    const say = (
      code: Finding['code'], message: string, severity: Finding['severity'] = 'error',
    ): void => this.#findings.add(severity, code, file, message, position, header.baseOffset)
    if (!verifyBatchCrc(buffer, view, at, header.size)) say(
      'CHECKSUM_MISMATCH', `the checksum of the batch ${header.baseOffset}–${header.lastOffset} does not match its bytes`,
    )
    else await this.#records(batch, say)
    if (header.lastOffset < base || (header.magic === 2 && header.baseOffset < base)) say(
      'OFFSET_BELOW_SEGMENT', `the batch begins at ${header.baseOffset}, below its segment`,
    )
    this.#blameJump(file, batch)
    if (header.lastOffset < this.#nextOffset || (header.magic === 2 && header.baseOffset < this.#nextOffset)) {
      say('OFFSETS_NOT_RISING', `the batch has offsets ${header.baseOffset}–${header.lastOffset}, but those below ${this.#nextOffset} are taken`)
    }
    if (header.magic < 2) this.#hasLegacy = true
    if (header.magic < 2 || header.baseOffset > this.#nextOffset || header.count !== header.lastOffsetDelta + 1) this.#gaps = this.#gaps || header.magic === 2
    if (header.nextOffset === this.#question.recoveryPoint) this.#reachesRecoveryPoint = true
    this.#nextOffset = Math.max(this.#nextOffset, header.nextOffset)
    this.#checkEpoch(file, batch)
  }

  /** A batch that left a hole in front of itself, and does not fit before this one, which would fit without it, is the one that is wrong. */
  #blameJump(file: string, { header: { magic, baseOffset, lastOffset }, position }: CheckedBatch): void {
    const first = magic === 2 ? baseOffset : lastOffset
    const jump = this.#jump
    this.#jump = first > this.#nextOffset ? { position, baseOffset, lastOffset, expected: this.#nextOffset } : null
    if (jump === null || first >= this.#nextOffset || first < jump.expected) return
    this.#findings.add(
      'error', 'OFFSETS_NOT_RISING', file, `the batch has offsets ${jump.baseOffset}–${jump.lastOffset}, but the one behind it begins at ${first}`, jump.position, jump.baseOffset,
    )
    this.#nextOffset = first
  }

  async #records({ header, buffer, at }: CheckedBatch, say: (code: Finding['code'], message: string, severity?: Finding['severity']) => void): Promise<void> {
    if (!this.#question.deep) return
    try {
      await loadCodec(header.compression)
      const summary = validateBatch(buffer, at, at + header.size, { checkCrc: false })
      if (header.magic === 2 && summary.count > 0 && header.deleteHorizonMs === null && summary.maxTimestamp !== header.maxTimestamp) {
        say('TIMESTAMP_MISMATCH', `the header says that ${header.maxTimestamp} is the largest timestamp, the records say ${summary.maxTimestamp}`, 'warning')
      }
    } catch (error) {
      if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
      say('RECORDS_UNREADABLE', error.message)
    }
  }

  /** The leader epoch is not covered by the checksum: all there is to tell damage by is that it never goes back, and the file beside the log. */
  #checkEpoch(file: string, { header, position }: CheckedBatch): void {
    // Of a log that has none.
    if (header.leaderEpoch === -1) return
    if (header.leaderEpoch < this.#epoch) {
      this.#findings.add(
        'error', 'EPOCH_GOES_BACK', file, `the batch is of leader epoch ${header.leaderEpoch}, the one before of ${this.#epoch}`, position, header.baseOffset,
      )
    }
    this.#epoch = Math.max(this.#epoch, header.leaderEpoch)
    if (this.#epochs === null) return
    const known = this.#epochs.findLast((entry) => entry.startOffset <= header.baseOffset)?.epoch ?? -1
    // Below the first entry nothing is claimed: the file was lost once.
    if (known >= 0 && known !== header.leaderEpoch) {
      this.#findings.add('error', 'EPOCHS_WRONG', this.#path(
        LEADER_EPOCH_FILE,
      ), `it gives epoch ${known} to offset ${header.baseOffset}, whose batch is of ${header.leaderEpoch}`, null, header.baseOffset)
    }
  }

  #endTransaction(file: string, batch: CheckedBatch): AbortedTransactionFact | null {
    try {
      return this.#producers.batch(batch)
    } catch (error) {
      if (!OttlaError.is(error, 'CORRUPT_MESSAGE')) throw error
      this.#findings.add('error', 'RECORDS_UNREADABLE', file, `a control batch cannot be read: ${error.message}`, batch.position, batch.header.baseOffset)
      return null
    }
  }

  #endsBadly(file: string, batches: CheckedBatches, size: number, isLast: boolean, isZero: boolean): void {
    const { position, torn, detail } = batches.problem!
    const { clean, recoveryPoint } = this.#question
    const mayBeTorn = !clean && isLast && (recoveryPoint === null || this.#nextOffset >= recoveryPoint)
    // Whoever asks of a database that is open is not to be told of what its own logs put ahead.
    const isReserve = isZero && size - position >= LOG_OVERHEAD && size - position <= ZEROS_AHEAD
    this.#findings.add(
      !mayBeTorn ? 'error' : isReserve ? 'info' : 'warning', mayBeTorn && (torn || isZero) ? 'TORN_TAIL' : 'BATCH_MALFORMED', file,
      isZero ? `${size - position} zeros are at the end: put there ahead (preallocate), or never written` : `${size - position} bytes are no whole batches: ${detail}`,
      position, this.#nextOffset,
    )
    if (!isLast) this.#gaps = true
    this.#producers.lose()
  }

  #compareAborted(base: number, bytes: Uint8Array | null, derived: readonly AbortedTransactionFact[]): void {
    const name = segmentFileName(base, 'txnindex')
    const stored = bytes === null ? [] : readAborted(bytes, this.#path(name), this.#findings)
    // Compaction takes the batches of aborted transactions, and their entries some time later.
    if (!this.#gaps && this.#producers.isComplete) compareAborted(stored, derived, this.#path(name), this.#findings)
  }

  /** An empty last segment may begin above the last batch. */
  get #endOffset(): number { return Math.max(this.#nextOffset, this.#bases[this.#bases.length - 1] ?? 0) }

  /** Snapshots of states up to `offset`. */
  #passSnapshots(offset: number): void {
    while (this.#snapshots.length > 0 && this.#snapshots[0]! <= offset) {
      const at = this.#snapshots.shift()!
      const name = segmentFileName(at, 'snapshot')
      const bytes = this.#read(name)
      const snapshot = bytes === null ? null : readSnapshot(bytes, this.#path(name), this.#findings)
      if (snapshot === null) continue
      if (at > this.#endOffset && offset === Number.POSITIVE_INFINITY) this.#findings.add(
        'warning', 'SNAPSHOT_WRONG', this.#path(name), `it tells of offsets below ${at}, but the log ends at ${this.#endOffset}`, null, at,
      )
      // What stood below it may have been compacted away, if there is a hole.
      else if (!this.#gaps && (at <= this.#nextOffset || offset === Number.POSITIVE_INFINITY)) this.#producers.compare(snapshot, this.#path(name), at, this.#findings)
    }
  }
}

/** Null: who owns the directory, and goes on, has taken the file away since it was listed. */
function unlessGone<T>(ask: () => T): T | null {
  try {
    return ask()
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}
