/**
 * Makes a damaged data directory readable again (`ottla verify --repair`): what cannot be read is copied aside, byte for byte, and taken out of its
 * log; everything else keeps its offset. Where records were, a hole in the offsets stays, as compaction leaves them too.
 *
 * Order of changes, so that a crash anywhere in here loses nothing and the next repair goes on: damaged bytes are copied beside the log and synced
 * (set-aside.ts); a lost end gets its segment; the indexes go; commit point: the new `.log` is renamed over the old one; its indexes are made anew.
 * Files that are derived are renamed aside; the open that must follow (tools.ts) makes them again. A transaction index or snapshot that is sound stays,
 * although its log lost batches: it knows more than what is left.
 *
 * The caller holds the directory lock. Does not decide whether the directory is sound afterwards: log-check.ts does.
 */
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../common/clock.ts'
import { OttlaError } from '../common/errors.ts'
import { readInt64 } from '../common/int64.ts'
import { FileCache } from '../io/file-cache.ts'
import { TEMPORARY_SUFFIX } from '../io/durable-file.ts'
import type { FileHandle, FileSystem } from '../io/file-system.ts'
import { LEADER_EPOCH_AT, patchBatch, viewOf } from '../record/batch-format.ts'
import type { FindingCode } from './check-finding.ts'
import { CLEAN_SHUTDOWN_FILE } from './broker-files.ts'
import { PartitionCheck } from './check-partition.ts'
import { HIGH_WATERMARK_FILE, LOG_START_FILE, readOffsetCheckpoint, RECOVERY_POINT_FILE, writeOffsetCheckpoint, type CheckpointEntry } from './checkpoint-file.ts'
import { LEADER_EPOCH_FILE, LeaderEpochCache } from './leader-epoch-cache.ts'
import { defaultLogTopicValues, logConfigOf } from './log-config.ts'
import { scanDataDirectory, type PartitionFolder } from './log-directory.ts'
import { parseSegmentFileName, segmentFileName } from './segment-names.ts'
import { surveySegment, type DamagedRange, type LogCourse, type MendedBatch, type Survey } from './segment-survey.ts'
import { Segment, type SegmentStore } from './segment.ts'
import { setAsideRange } from './set-aside.ts'
import { isZeroed } from './zeros.ts'

export type RepairKind =
  /** Bytes that could not be read were taken out of a `.log`; a copy is kept. */
  | 'taken-out'
  /** A batch that is whole got back the offset or leader epoch that its neighbours leave for it. */
  | 'mended'
  /** A derived file that was wrong was renamed aside, or removed where it is a plain function of the log; it is made anew. */
  | 'rebuilt'
  /** The end of the log was lost: an empty segment begins where the log is known to have ended, so that no offset is given out twice. */
  | 'end-kept'
  /** An entry of a checkpoint pointed outside of its log and was dropped. */
  | 'checkpoint'

/** One thing that was done, or, in a dry run, would be. */
export interface RepairStep {
  readonly kind: RepairKind
  readonly topic: string
  readonly partition: number
  readonly file: string
  /** Of the file as it was found; null when it is about the whole file. */
  readonly position: number | null
  readonly bytes: number
  /** The offsets concerned: of `taken-out`, those that are lost (`lastOffset` null: not known, or none). */
  readonly firstOffset: number | null
  readonly lastOffset: number | null
  readonly reason: string
  /** Path of the copy; null when there is none, or not yet. */
  readonly keptAs: string | null
}

export interface RepairOptions {
  /** Default: every topic. */
  readonly topics?: readonly string[]
  /** Only tell. */
  readonly dryRun?: boolean
  readonly signal?: AbortSignal | undefined
}

type Details = Partial<Pick<RepairStep, 'position' | 'bytes' | 'firstOffset' | 'lastOffset' | 'keptAs'>>

const COPY_BYTES = 1_048_576
const config = logConfigOf(defaultLogTopicValues)

/** Raises DIRECTORY_UNUSABLE, ABORTED, DISK_FULL when there is no room for the copies (nothing is lost then), and what else the disk raises. */
export async function* repairLogs(fs: FileSystem, clock: Clock, root: string, options: RepairOptions = {}): AsyncGenerator<RepairStep, void, void> {
  if (fs.stat(root)?.kind !== 'directory') throw new OttlaError('DIRECTORY_UNUSABLE', `${root} is no directory`, { file: root })
  const isClean = fs.stat(join(root, CLEAN_SHUTDOWN_FILE)) !== null
  const ends = new Map<string, number>()
  for (const folder of scanDataDirectory(fs, root).partitions) {
    if (options.topics !== undefined && !options.topics.includes(folder.topic)) continue
    const repair = new PartitionRepair(fs, clock, root, folder, isClean, options)
    yield* repair.run()
    ends.set(`${folder.topic}-${folder.partition}`, repair.endOffset)
  }
  yield* repairLogStarts(fs, root, ends, options)
}

/** A log start above the end would make the next open put the whole log aside: such an entry is damage, and the log start is found in the log. */
function* repairLogStarts(fs: FileSystem, root: string, ends: ReadonlyMap<string, number>, options: RepairOptions): Generator<RepairStep, void, void> {
  const path = join(root, LOG_START_FILE)
  const entries = checkpointEntries(fs, path)
  const isWrong = (entry: CheckpointEntry): boolean => entry.offset > (ends.get(`${entry.topic}-${entry.partition}`) ?? Number.POSITIVE_INFINITY)
  const wrong = entries.filter(isWrong)
  if (wrong.length === 0) return
  if (options.dryRun !== true) writeOffsetCheckpoint(fs, path, entries.filter((entry) => !isWrong(entry)))
  for (const { topic, partition, offset } of wrong) {
    const reason = `the log start ${offset} lies behind the end of the log: the log starts with its first segment`
    yield { kind: 'checkpoint', topic, partition, file: path, position: null, bytes: 0, firstOffset: offset, lastOffset: null, reason, keptAs: null }
  }
}

function checkpointEntries(fs: FileSystem, path: string): readonly CheckpointEntry[] {
  try {
    return readOffsetCheckpoint(fs, path)
  } catch (error) {
    if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
    return []
  }
}

class PartitionRepair {
  readonly #fs: FileSystem
  readonly #root: string
  readonly #folder: PartitionFolder
  readonly #isClean: boolean
  readonly #options: RepairOptions
  readonly #store: SegmentStore
  readonly #bases: readonly number[]
  #course: LogCourse

  constructor(fs: FileSystem, clock: Clock, root: string, folder: PartitionFolder, isClean: boolean, options: RepairOptions) {
    this.#fs = fs
    this.#root = root
    this.#folder = folder
    this.#isClean = isClean
    this.#options = options
    this.#store = { fileSystem: fs, fileCache: new FileCache(fs, 4), clock, directory: folder.directory, readOnly: this.#dryRun }
    this.#bases = fs.readDirectory(folder.directory).flatMap(({ name, kind }) => {
      const parsed = kind === 'file' ? parseSegmentFileName(name) : null
      return parsed !== null && parsed.kind === 'log' && parsed.state === '' ? [parsed.offset] : []
    })
    this.#course = { nextOffset: this.#bases[0] ?? 0, epoch: -1 }
  }

  get #dryRun(): boolean { return this.#options.dryRun === true }
  /** After `run`: where the log ends. */
  get endOffset(): number { return Math.max(this.#course.nextOffset, this.#bases.at(-1) ?? 0) }

  #path(name: string): string { return join(this.#folder.directory, name) }

  #step(kind: RepairKind, file: string, reason: string, details: Details = {}): RepairStep {
    const { topic, partition } = this.#folder
    return { kind, topic, partition, file, reason, position: null, bytes: 0, firstOffset: null, lastOffset: null, keptAs: null, ...details }
  }

  async* run(): AsyncGenerator<RepairStep, void, void> {
    try {
      const epochs = this.#epochs()
      for (const [index, base] of this.#bases.entries()) {
        const nextBase = this.#bases[index + 1] ?? null
        const survey = await this.#survey({ baseOffset: base, nextBase, logEnd: this.#logEnd(), before: this.#course, epochs, signal: this.#options.signal })
        this.#course = survey.after
        if (survey.damaged.length > 0 || survey.mended.length > 0) yield* this.#segment(base, survey, nextBase === null)
      }
      yield* this.#derived()
    } finally {
      this.#store.fileCache.close()
    }
  }

  /** Recovery point and high watermark; 0 where nothing is recorded. */
  #recorded(): number[] {
    return [RECOVERY_POINT_FILE, HIGH_WATERMARK_FILE].map((name) => checkpointEntries(this.#fs, join(this.#root, name))
      .find(({ topic, partition }) => topic === this.#folder.topic && partition === this.#folder.partition)?.offset ?? 0)
  }

  /** After a clean stop both checkpoints say where the log ended. One alone is not believed against the log: it can be what is damaged. */
  #logEnd(): number | null {
    const [recoveryPoint, highWatermark] = this.#recorded()
    return this.#isClean && recoveryPoint === highWatermark && recoveryPoint! > 0 ? recoveryPoint! : null
  }

  #epochs(): { epoch: number; startOffset: number }[] {
    try {
      return [...LeaderEpochCache.load(this.#fs, this.#path(LEADER_EPOCH_FILE), { readOnly: true }).entries]
    } catch (error) {
      if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
      return []
    }
  }

  async #survey(question: Parameters<typeof surveySegment>[1]): Promise<Survey> {
    const handle = this.#fs.open(this.#path(segmentFileName(question.baseOffset, 'log')), 'read')
    try {
      const survey = await surveySegment(handle, question)
      return question.nextBase === null && await this.#endsInReserve(handle, survey) ? { ...survey, damaged: [] } : survey
    } finally {
      handle.close()
    }
  }

  /** Nothing is wrong but zeros at the end, which a process that died had put ahead (zeros.ts), and nothing tells of records there: the next open cuts them off. */
  async #endsInReserve(handle: FileHandle, { damaged, mended, fileBytes, after }: Survey): Promise<boolean> {
    const [only] = damaged
    if (this.#isClean || only === undefined || damaged.length > 1 || mended.length > 0 || only.end < fileBytes) return false
    return this.#recorded().every((offset) => offset <= after.nextOffset) && isZeroed(handle, only.position, only.end)
  }

  // ---- the log itself ----

  async* #segment(base: number, survey: Survey, isLast: boolean): AsyncGenerator<RepairStep, void, void> {
    const name = segmentFileName(base, 'log')
    const pieces: (readonly ['taken-out' | 'mended', DamagedRange | MendedBatch])[] = [
      ...survey.damaged.map((range) => ['taken-out', range] as const), ...survey.mended.map((batch) => ['mended', batch] as const),
    ]
    pieces.sort((a, b) => a[1].position - b[1].position)
    const steps: RepairStep[] = []
    for (const [kind, { position, end, reason, firstOffset, lastOffset }] of pieces) {
      const keptAs = this.#dryRun ? null : this.#path(await setAsideRange(this.#fs, this.#folder.directory, name, position, end))
      steps.push(this.#step(kind, this.#path(name), reason, { position, bytes: end - position, firstOffset, lastOffset, keptAs }))
    }
    // Before what tells that an end was lost goes.
    if (isLast) steps.push(...this.#keepEnd(survey))
    if (!this.#dryRun) await this.#rewrite(base, survey)
    yield* steps
  }

  async #rewrite(base: number, survey: Survey): Promise<void> {
    const path = this.#path(segmentFileName(base, 'log'))
    this.#removeIndexes(base)
    const { modifiedMs } = this.#fs.stat(path)!
    await this.#writeKept(path, survey)
    this.#fs.setModifiedTime(path + TEMPORARY_SUFFIX, modifiedMs)
    this.#fs.rename(path + TEMPORARY_SUFFIX, path)
    this.#fs.syncDirectorySync(this.#folder.directory)
    await this.#rebuildIndexes(base)
  }

  #removeIndexes(base: number): void {
    for (const kind of ['index', 'timeindex'] as const) this.#fs.unlink(this.#path(segmentFileName(base, kind)))
    this.#fs.syncDirectorySync(this.#folder.directory)
  }

  async #writeKept(path: string, { damaged, mended, fileBytes }: Survey): Promise<void> {
    const source = this.#fs.open(path, 'read')
    try {
      const target = this.#fs.open(path + TEMPORARY_SUFFIX, 'create')
      try {
        target.truncate(0)
        const moved = await copyKept(source, target, damaged, fileBytes)
        for (const batch of mended) await mend(source, target, batch, moved(batch.position))
        await target.datasync()
      } finally {
        target.close()
      }
    } finally {
      source.close()
    }
  }

  async #rebuildIndexes(base: number): Promise<void> {
    this.#store.fileCache.invalidate(this.#path(segmentFileName(base, 'log')))
    const segment = Segment.open(this.#store, base, config)
    if (segment.size === 0) {
      // A broker expects them beside every segment but the last.
      for (const kind of ['index', 'timeindex'] as const) this.#fs.open(this.#path(segmentFileName(base, kind)), 'create').close()
      this.#fs.syncDirectorySync(this.#folder.directory)
      return
    }
    await segment.rebuildIndexes()
    await segment.loadTail()
    segment.seal()
    await segment.flush()
    segment.close()
  }

  /** Offsets that were given out are not given out again, although what stood there is lost. */
  #keepEnd(survey: Survey): RepairStep[] {
    const lost = survey.damaged.at(-1)
    if (lost === undefined || lost.end < survey.fileBytes) return []
    const end = Math.min(...this.#recorded().filter((offset) => offset > this.#course.nextOffset))
    // A checkpoint can be damaged too: it is not believed to count more records than could have been there.
    if (!(end > this.#course.nextOffset && end - this.#course.nextOffset <= lost.end - lost.position)) return []
    const path = this.#path(segmentFileName(end, 'log'))
    if (!this.#dryRun) {
      this.#fs.open(path, 'create').close()
      this.#fs.syncDirectorySync(this.#folder.directory)
    }
    const step = this.#step('end-kept', path, `the log ended at ${end}: it goes on there`, { firstOffset: this.#course.nextOffset, lastOffset: end - 1 })
    this.#course = { ...this.#course, nextOffset: end }
    return [step]
  }

  // ---- what is derived ----

  async* #derived(): AsyncGenerator<RepairStep, void, void> {
    const done = new Set<string>()
    const check = new PartitionCheck({
      fs: this.#fs, directory: this.#folder.directory, deep: false, clean: this.#isClean, recoveryPoint: null, hasTopicIds: true, signal: this.#options.signal,
      onBytes: () => {},
    })
    for await (const { code, severity, file, message } of check.run()) {
      const treatment = severity === 'info' ? undefined : treatments[code]
      if (treatment === undefined || done.has(file)) continue
      done.add(file)
      const keptAs = this.#dryRun ? null : await this.#renew(treatment, file)
      yield this.#step('rebuilt', file, message, { keptAs })
    }
  }

  /** Where the old file went; null when nothing is worth keeping. */
  async #renew(treatment: Treatment, file: string): Promise<string | null> {
    const base = parseSegmentFileName(basename(file))?.offset ?? 0
    if (treatment === 'indexes') {
      this.#removeIndexes(base)
      await this.#rebuildIndexes(base)
      return null
    }
    // The loader makes a transaction index anew only together with the others.
    if (treatment === 'transactions') this.#removeIndexes(base)
    return this.#fs.stat(file) === null ? null : this.#setAside(file)
  }

  #setAside(path: string): string {
    for (let attempt = 0; ; attempt++) {
      const to = `${path}.damaged-${attempt}`
      if (this.#fs.stat(to) !== null) continue
      this.#fs.rename(path, to)
      this.#fs.syncDirectorySync(dirname(path))
      return to
    }
  }
}

type Treatment = 'indexes' | 'transactions' | 'aside'
const treatments: Partial<Record<FindingCode, Treatment>> = {
  INDEX_WRONG: 'indexes', TIME_INDEX_WRONG: 'indexes', INDEX_MISSING: 'indexes', TXN_INDEX_WRONG: 'transactions',
  SNAPSHOT_UNREADABLE: 'aside', SNAPSHOT_WRONG: 'aside', EPOCHS_UNREADABLE: 'aside', EPOCHS_WRONG: 'aside',
}

/** Copies everything but the damaged ranges; returns where a position of the source is in the target. */
async function copyKept(source: FileHandle, target: FileHandle, damaged: readonly DamagedRange[], fileBytes: number): Promise<(position: number) => number> {
  const buffer = new Uint8Array(Math.min(COPY_BYTES, fileBytes))
  let written = 0
  let from = 0
  for (const { position, end } of [...damaged, { position: fileBytes, end: fileBytes }]) {
    while (from < position) {
      const length = await source.read(buffer, 0, Math.min(buffer.length, position - from), from)
      if (length === 0) throw new OttlaError('KAFKA_STORAGE_ERROR', `${source.path} became shorter while it was repaired`, { file: source.path, position: from })
      await target.write(buffer, 0, length, written)
      written += length
      from += length
    }
    from = end
  }
  return (at) => at - damaged.reduce((sum, range) => sum + (range.end <= at ? range.end - range.position : 0), 0)
}

async function mend(source: FileHandle, target: FileHandle, batch: MendedBatch, to: number): Promise<void> {
  const bytes = new Uint8Array(batch.end - batch.position)
  await source.read(bytes, 0, bytes.length, batch.position)
  const view = viewOf(bytes)
  patchBatch(view, 0, batch.baseOffset ?? readInt64(view, 0), batch.leaderEpoch ?? view.getInt32(LEADER_EPOCH_AT))
  await target.write(bytes, 0, bytes.length, to)
}
