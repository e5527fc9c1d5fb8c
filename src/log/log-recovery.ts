/**
 * Pass 4 of opening a partition (spec/storage-format 7): the walk over everything that may not be durable. The log ends where Kafka's would: before
 * the first bad batch of the segment that holds the recovery point, or of a later one. What is cut off is kept aside when whole batches follow it, and reported.
 *
 * Order of changes, so that a crash anywhere in here is taken to the same end by the next open: later segments are set aside from the last one down;
 * the tail of the bad one is copied; commit point: it is cut; then everything kept is made durable.
 */
import { basename, join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import { callGuarded } from '../common/guarded-call.ts'
import { LOG_OVERHEAD } from '../record/batch-format.ts'
import { distrustTail, isTailDistrusted, rewriteInPlace, trustTail } from './distrusted-tail.ts'
import { rebuildProducerState } from './producer-rebuild.ts'
import { startOfProducers, tolerateFullDisk, type RecoveryScene } from './recovery-scene.ts'
import { isSyncFailure } from './sealed-flusher.ts'
import type { RecoveryOutcome } from './segment-recovery.ts'
import { indexFileKinds, segmentFileName } from './segment-names.ts'
import type { Segment } from './segment.ts'
import { setAsideLog, setAsideRange } from './set-aside.ts'
import { isZeroed, ZEROS_AHEAD } from './zeros.ts'

/** Walks the segments from index `first` on. */
export async function recoverFrom(scene: RecoveryScene, first: number): Promise<void> {
  const { request, reporter, producers, epochs } = scene
  const { store, topic, partition, signal, onRecovery } = request
  const listenerFailed = (error: unknown): void => request.sharing.ports.logger.error('onRecovery failed', { topic, partition, error })
  reporter.clean = false
  await bringProducersTo(scene, first)
  const walked = scene.segments.slice(first)
  const totalBytes = walked.reduce((sum, segment) => sum + segment.size, 0)
  let doneBytes = 0
  for (const [i, segment] of walked.entries()) {
    const outcome = await segment.recover({
      producers, epochs, signal,
      onProgress: (scannedBytes) => callGuarded(() => onRecovery?.({ topic, partition, scannedBytes: doneBytes + scannedBytes, totalBytes }), listenerFailed),
    })
    doneBytes += outcome.fileBytes
    reporter.scannedBytes += outcome.validBytes
    if (outcome.problem !== null) {
      const later = scene.segments.slice(first + i + 1)
      scene.segments = scene.segments.slice(0, first + i + 1)
      await cutOff(scene, segment, outcome, later)
      break
    }
    await snapshotAtRoll(scene, scene.segments[first + i + 1])
  }
  if (!store.readOnly && scene.offline === null) await makeDurable(scene, first)
}

/**
 * Producer state as of the first segment to walk, whose batches it will take. Rot below makes it start empty there. What stood in front of the oldest segment
 * is known from the snapshot at its base, unless the log start was recorded above.
 */
async function bringProducersTo(scene: RecoveryScene, first: number): Promise<void> {
  const { request, producers, segments, reporter } = scene
  const base = segments[first]!.baseOffset
  try {
    await tolerateFullDisk(scene, () => rebuildProducerState({
      producers, segments: segments.slice(0, first), logStartOffset: startOfProducers(request.logStart, segments, base), endOffset: base, nowMs: request.store.clock.now(),
    }))
  } catch (error) {
    if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
    reporter.note(
      'PRODUCERS_FORGOTTEN', `producer state could not be rebuilt: ${error.message}. Retries of batches from before offset ${base} are not recognised`,
    )
    producers.truncateFullyAndStartAt(base)
  }
}

/**
 * The snapshot that the roll wrote, or would have written, where the next segment begins. As Kafka, which loads it again there, forgets who was
 * silent too long.
 */
async function snapshotAtRoll(scene: RecoveryScene, next: Segment | undefined): Promise<void> {
  if (next === undefined) return
  scene.producers.setEndOffset(next.baseOffset)
  await tolerateFullDisk(scene, async () => { await scene.producers.takeDurableSnapshot() })
  scene.producers.removeExpired(scene.request.store.clock.now())
}

async function cutOff(scene: RecoveryScene, segment: Segment, outcome: RecoveryOutcome, later: readonly Segment[]): Promise<void> {
  const { reporter, request } = scene
  const { store } = request
  const problem = outcome.problem!
  const bytes = outcome.fileBytes - outcome.validBytes
  const isReserve = await isZerosAhead(scene, segment, outcome)
  const hasLater = later.some((one) => one.size > 0)
  // A whole batch at a wrong offset, or under a clean mark anything, is no torn tail.
  const isWhole = problem.reason === 'offset-order' || problem.reason === 'impossible'
  const worthKeeping = outcome.following !== null || hasLater || isWhole || (request.clean && !isReserve)
  let keptAs: string | null = null
  const laterNames: (string | null)[] = later.map(() => null)
  if (!store.readOnly) {
    try {
      for (let i = later.length - 1; i >= 0; i--) laterNames[i] = setAsideSegment(scene, later[i]!)
      if (later.length > 0) await store.fileSystem.syncDirectory(store.directory)
      if (worthKeeping && bytes > 0) keptAs = await setAsideRange(
        store.fileSystem, store.directory, basename(segment.logPath), outcome.validBytes, outcome.fileBytes,
      )
      segment.cutFile()
    } catch (error) {
      if (!OttlaError.is(error, 'DISK_FULL')) throw error
      const what = `recovery must cut ${bytes} bytes off ${segment.logPath} and has no space to keep them`
      scene.offline = new OttlaError('LOG_OFFLINE', `${request.topic}-${request.partition} is offline for appends: ${what}`, {
        topic: request.topic, partition: request.partition, file: segment.logPath, position: problem.position, cause: error,
      })
    }
  }
  if (bytes > 0 && !isReserve) {
    reporter.dropped.push({
      file: segment.logPath, position: problem.position, bytes, firstOffset: outcome.nextOffset, lastOffset: outcome.following?.lastOffset ?? null,
      reason: problem.detail, keptAs,
    })
    reporter.note('TAIL_CUT', `${bytes} bytes were cut off: ${problem.detail}`, segment.logPath)
  } else if (isReserve && !request.config.preallocate && !store.readOnly) {
    reporter.note('TAIL_CUT', `${bytes} zeros were cut off that no record had reached: put ahead (preallocate), or never written`, segment.logPath)
  }
  for (const [i, one] of later.entries()) {
    if (one.size === 0) continue
    reporter.dropped.push({
      file: one.logPath, position: 0, bytes: one.size, firstOffset: one.baseOffset, lastOffset: null,
      reason: `stands behind the damage in ${basename(segment.logPath)}`, keptAs: laterNames[i] ?? null,
    })
    reporter.note('SEGMENT_SET_ASIDE', `segment ${one.baseOffset} stands behind the damage in segment ${segment.baseOffset}`, one.logPath)
  }
  scene.producers.deleteSnapshotsFrom(outcome.nextOffset + 1)
}

/**
 * Are the zeros behind the last batch those that a process put ahead? Nothing tells of records there, and there are no more than it ever puts. Whether it does so
 * still is not asked but under a clean mark: the setting may have been taken back since it died.
 */
async function isZerosAhead({ request }: RecoveryScene, segment: Segment, { validBytes, fileBytes, nextOffset }: RecoveryOutcome): Promise<boolean> {
  const bytes = fileBytes - validBytes
  if (bytes > ZEROS_AHEAD || nextOffset < Math.max(request.recoveryPoint, request.highWatermark)) return false
  // The first bytes of a torn batch are zeros too.
  const mayBe = request.config.preallocate || (!request.clean && bytes >= LOG_OVERHEAD)
  return mayBe && isZeroed(segment, validBytes, fileBytes)
}

/** Takes one whole segment out of the log; returns what its `.log` is called now, null when it held nothing. */
function setAsideSegment(scene: RecoveryScene, segment: Segment): string | null {
  const { fileSystem, fileCache, directory } = scene.request.store
  const { logPath } = segment
  fileCache.invalidate(logPath)
  let keptAs: string | null = null
  if (segment.size === 0) fileSystem.unlink(logPath)
  else keptAs = setAsideLog(fileSystem, logPath)
  for (const kind of indexFileKinds) fileSystem.unlink(join(directory, segmentFileName(segment.baseOffset, kind)))
  return keptAs
}

/** Takes every segment out of the log, from the last one down. */
export async function setAsideAll(scene: RecoveryScene): Promise<void> {
  const { reporter, request } = scene
  const { readOnly, fileSystem, directory } = request.store
  for (const segment of [...scene.segments].reverse()) {
    const keptAs = readOnly ? null : setAsideSegment(scene, segment)
    if (segment.size === 0) continue
    reporter.dropped.push({
      file: segment.logPath, position: 0, bytes: segment.size, firstOffset: segment.baseOffset, lastOffset: null,
      reason: 'lies below the recorded log start', keptAs,
    })
  }
  if (!readOnly) await fileSystem.syncDirectory(directory)
  scene.segments = []
  scene.logStart = request.logStart
}

/** So that a crash loop does not walk the same bytes again and again, and so that what was readable stays. */
async function makeDurable(scene: RecoveryScene, first: number): Promise<void> {
  const { store } = scene.request
  const { fileSystem, directory } = store
  const distrusted = isTailDistrusted(fileSystem, directory)
  if (distrusted) {
    for (const segment of scene.segments.slice(first)) rewriteInPlace(fileSystem, segment)
    scene.reporter.note('TAIL_REWRITTEN', 'a sync had failed before this open: the bytes since the last good one were written and synced again')
  }
  scene.flushed = await tolerateFullDisk(scene, async () => {
    for (const segment of scene.segments.slice(first)) {
      if (!(await syncLog(scene, segment))) return
      await segment.flush()
      if (segment === scene.segments[scene.segments.length - 1]) continue
      segment.seal()
      segment.unload()
    }
  })
  if (scene.offline !== null) scene.flushed = false
  if (distrusted && scene.flushed) trustTail(fileSystem, directory)
}

/**
 * What a failed sync leaves behind may never reach the disk, although it can be read and a second sync succeeds: whoever opens the log next writes it once
 * more. A full disk is no excuse; the log can be read then, but not appended to.
 */
async function syncLog(scene: RecoveryScene, segment: Segment): Promise<boolean> {
  const { topic, partition, store, sharing } = scene.request
  try {
    await segment.datasync()
    return true
  } catch (error) {
    if (isSyncFailure(error)) distrustTail(store.fileSystem, store.directory, sharing.ports.logger)
    if (!OttlaError.is(error, 'DISK_FULL')) throw error
    scene.offline = new OttlaError('LOG_OFFLINE', `${topic}-${partition} is offline for appends: recovery could not sync ${segment.logPath}. Make room and open again`, {
      topic, partition, file: segment.logPath, cause: error,
    })
    return false
  }
}
