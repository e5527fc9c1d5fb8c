/**
 * Opens one partition folder and makes it whole (spec/storage-format 7), in numbered passes:
 *
 *   1, 2  leftovers of deletions and of an interrupted cleaner swap                        log-leftovers.ts
 *   3     segments are opened; derived files of theirs that are missing or broken are rebuilt
 *   4     after an unclean stop: every segment from the recovery point on is walked, CRC and all; the log ends before the first bad batch, and what is
 *         cut off is kept aside when whole batches follow                                     log-recovery.ts
 *   5     the log end, against the log start that was recorded
 *   6     (indexes are exact-sized here: nothing to extend)
 *   7, 8  recovery point, leader epochs
 *   9     producer state
 *   10    the high watermark is the log end: one replica
 *
 * Every pass can be interrupted by a crash and is simply done again. Nothing below the segment that holds the recovery point is ever cut: rot there is for
 * readers to meet and to be told about. With `readOnly` the same passes run and no byte changes.
 */
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import { loadPart } from '../common/load-part.ts'
import { TEMPORARY_SUFFIX } from '../io/durable-file.ts'
import { readBatchHeader, type BatchHeader } from '../record/batch-format.ts'
import { isTailDistrusted } from './distrusted-tail.ts'
import { LEADER_EPOCH_FILE, LeaderEpochCache } from './leader-epoch-cache.ts'
import { finishLeftovers, type FolderListing } from './log-leftovers.ts'
import { LogOffsets } from './log-offsets.ts'
import { drawJitter } from './log-roll.ts'
import { PartitionLog } from './partition-log.ts'
import { rebuildProducerState } from './producer-rebuild.ts'
import { ProducerStateManager } from './producer-state-manager.ts'
import { RecoveryReporter, type RecoveryReport } from './recovery-report.ts'
import { startOfProducers, tolerateFullDisk, type LoadRequest, type RecoveryScene } from './recovery-scene.ts'
import { SegmentList } from './segment-list.ts'
import { segmentFileName } from './segment-names.ts'
import { Segment, type BatchLocation, type SegmentTail } from './segment.ts'
import { TransactionIndex } from './transaction-index.ts'

const recovery = (): Promise<typeof import('./log-recovery.ts')> => loadPart('the code for recovery', () => import('./log-recovery.ts'))

export interface LoadedLog { readonly log: PartitionLog; readonly report: RecoveryReport }

export async function loadLog(asked: LoadRequest): Promise<LoadedLog> {
  const { topic, partition, store, config, sharing } = asked
  const { fileSystem: fs, directory, readOnly } = store
  const clean = asked.clean && !isTailDistrusted(fs, directory)
  const request = { ...asked, clean }
  const reporter = new RecoveryReporter(topic, partition)
  const listing = await finishLeftovers(fs, directory, reporter)
  const opened = listing.bases.map((base) => Segment.open(store, base, config, { jitterMs: drawJitter(config, sharing.ports.random) }))
  const producers = new ProducerStateManager({
    fileSystem: fs, directory, expirationMs: request.producerExpirationMs, snapshotOffsets: listing.snapshots, readOnly, logger: sharing.ports.logger,
  })
  producers.removeStraySnapshots(listing.bases)
  const scene: RecoveryScene = {
    request, reporter, producers, segments: opened, epochs: loadEpochs(request, reporter), offline: null,
    logStart: Math.max(request.logStart, opened[0]?.baseOffset ?? request.logStart),
  }
  noteEmptied(scene)
  // Segments that recovery will walk anyway rebuild everything themselves.
  const firstWalked = clean ? opened.length : Math.max(0, floorIndex(opened, request.recoveryPoint))
  await rebuildDerived(scene, listing, firstWalked)
  await rebuildEpochs(scene, firstWalked)
  if (!clean && opened.length > 0) await (await recovery()).recoverFrom(scene, firstWalked)
  await settleEnd(scene)
  const logEnd = Math.max(scene.logStart, scene.segments.at(-1)!.nextOffset)
  await settleEpochs(scene, logEnd)
  await settleProducers(scene, logEnd)
  noteLosses(scene, logEnd)
  const offsets = new LogOffsets(scene.logStart, recoveryPointOf(scene, logEnd), logEnd)
  offsets.advanceEnd(logEnd, producers.firstUnstableOffset)
  const active = scene.segments[scene.segments.length - 1]!
  const log = new PartitionLog({
    topic, partition, topicId: request.topicId, store, sharing, config, segments: new SegmentList(scene.segments), offsets, producers, epochs: scene.epochs,
    activeSinceMs: fs.stat(active.logPath)?.modifiedMs ?? sharing.ports.clock.now(), offline: scene.offline,
  })
  return { log, report: reporter.finish(scene.logStart, logEnd) }
}

function floorIndex(segments: readonly Segment[], offset: number): number {
  let index = segments.length - 1
  while (index > 0 && segments[index]!.baseOffset > offset) index--
  return index
}

/** A segment whose every record was cleaned away is empty, and so are its indexes; entries over an empty log tell of records that were there. */
function noteEmptied(scene: RecoveryScene): void {
  const { fileSystem, directory } = scene.request.store
  for (const segment of scene.segments.slice(0, -1)) {
    if (segment.size > 0) continue
    const hasEntries = (['index', 'timeindex'] as const).some((kind) => (fileSystem.stat(join(directory, segmentFileName(segment.baseOffset, kind)))?.size ?? 0) > 0)
    if (!hasEntries) continue
    scene.reporter.note('SEGMENT_EMPTIED', `segment ${segment.baseOffset} is empty, but its indexes tell of records: the disk or somebody took them`, segment.logPath)
  }
}

// ---- pass 3: derived files ----

async function rebuildDerived(scene: RecoveryScene, listing: FolderListing, end: number): Promise<void> {
  for (const [index, segment] of scene.segments.slice(0, end).entries()) {
    if (segment.size === 0) continue
    // The recovery point may be where this segment ends since before it was rolled: then what the roll did to it may not have been durable.
    const mayBeTorn = index === end - 1 && !scene.request.clean && scene.segments[end]?.baseOffset === scene.request.recoveryPoint
    if (mayBeTorn) await segment.cutZeros(scene.request.recoveryPoint)
    const indexIsThere = listing.names.has(segmentFileName(segment.baseOffset, 'index')) && !(mayBeTorn && await segment.hasTornIndexes())
    const transactionsAreThere = !listing.names.has(segmentFileName(segment.baseOffset, 'txnindex')) || isWhole(scene, segment)
    if (indexIsThere && transactionsAreThere) continue
    if (!indexIsThere) {
      await segment.rebuildIndexes()
      await segment.loadTail()
    }
    await rebuildTransactions(scene, index)
    if (!scene.request.store.readOnly) {
      await tolerateFullDisk(scene, async () => {
        segment.seal()
        await segment.flush()
        segment.seal()
      })
      segment.unload()
    }
    scene.reporter.note(
      'INDEX_REBUILT', `indexes of segment ${segment.baseOffset} were missing or damaged and made anew from the log`, segment.logPath,
    )
  }
}

/** Who only reads keeps it: the owner may compact, and what would be loaded later tell less than the file that is read. */
function isWhole(scene: RecoveryScene, segment: Segment): boolean {
  const { fileSystem, directory, readOnly } = scene.request.store
  try {
    const aborted = TransactionIndex.load(fileSystem, join(directory, segmentFileName(segment.baseOffset, 'txnindex')), segment.baseOffset)
    if (readOnly) segment.replaceAborted(aborted)
    return true
  } catch (error) {
    if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
    return false
  }
}

/**
 * Finds the aborted transactions of one segment again, by replaying it behind the snapshot at its start. Ends at a bad batch: readers will not get
 * past it either.
 */
async function rebuildTransactions(scene: RecoveryScene, index: number): Promise<void> {
  const { request, segments, producers } = scene
  const { fileSystem, directory, clock } = request.store
  const segment = segments[index]!
  const scratch = new ProducerStateManager({
    fileSystem, directory, expirationMs: Number.POSITIVE_INFINITY, snapshotOffsets: producers.snapshotOffsets, readOnly: true,
    logger: request.sharing.ports.logger,
  })
  try {
    await rebuildProducerState({
      producers: scratch, segments: segments.slice(0, index), logStartOffset: startOfProducers(request.logStart, segments, segments[0]!.baseOffset), endOffset: segment.baseOffset,
      nowMs: clock.now(),
    })
  } catch (error) {
    if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
    scratch.truncateFullyAndStartAt(segment.baseOffset)
  }
  const found = new TransactionIndex(segment.baseOffset)
  const walker = segment.walk(0, { kind: 'whole', checkCrc: true })
  for (;;) {
    const header = walker.next()
    if (header === null) {
      if (await walker.fill()) continue
      break
    }
    const aborted = scratch.replay(walker.buffer(), walker.bufferPosition(), header)
    if (aborted !== null) found.append(aborted)
  }
  const isWritten = !request.store.readOnly && await tolerateFullDisk(scene, () => replaceTransactions(scene, segment, found))
  if (!isWritten) segment.replaceAborted(found)
}

/** In one step: a broken file makes the next open come here again, a missing one would look as if nothing had been aborted. */
async function replaceTransactions(scene: RecoveryScene, segment: Segment, found: TransactionIndex): Promise<void> {
  const { fileSystem, directory } = scene.request.store
  const path = join(directory, segmentFileName(segment.baseOffset, 'txnindex'))
  if (found.entries.length === 0) return fileSystem.unlink(path)
  const temporary = path + TEMPORARY_SUFFIX
  found.writeTo(fileSystem, temporary)
  const file = fileSystem.open(temporary, 'write')
  try {
    await file.datasync()
  } finally {
    file.close()
  }
  fileSystem.rename(temporary, path)
  await fileSystem.syncDirectory(directory)
}

// ---- epochs: passes 3 and 8 ----

function loadEpochs(request: LoadRequest, reporter: RecoveryReporter): LeaderEpochCache {
  const { fileSystem, directory, readOnly } = request.store
  const path = join(directory, LEADER_EPOCH_FILE)
  try {
    return LeaderEpochCache.load(fileSystem, path, { readOnly })
  } catch (error) {
    if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
    reporter.note('CHECKPOINT_UNREADABLE', `${error.message}: leader epochs are found again in the log`, path)
    return LeaderEpochCache.empty(fileSystem, path, { readOnly })
  }
}

/** A lost checkpoint, as opposed to a log that never had epochs: then its last batch has none either. */
async function rebuildEpochs(scene: RecoveryScene, end: number): Promise<void> {
  const { epochs, segments, reporter, logStart } = scene
  if (epochs.entries.length > 0) return
  // A shorter one is torn, or of a format without epochs.
  const newest = segments.findLast((segment) => segment.size >= 61)
  if (newest === undefined || !(await hasEpochs(newest))) return
  const found: BatchHeader[] = []
  let reached = 0
  for (const segment of segments.slice(0, end)) {
    const walker = segment.walk(0, { kind: 'headers' })
    for (;;) {
      const header = walker.next()
      if (header !== null) {
        reached = header.lastOffset + 1
        if (header.leaderEpoch > (found.at(-1)?.leaderEpoch ?? -1)) found.push(header)
      } else if (!(await walker.fill())) {
        break
      }
    }
  }
  // A log that was cut off at its start has none any more, whatever stands below.
  if (end === segments.length && reached <= logStart) return
  for (const { leaderEpoch, baseOffset } of found) epochs.assign(leaderEpoch, baseOffset, false)
  reporter.note('EPOCHS_REBUILT', 'the leader epochs were found again in the log')
}

async function hasEpochs(segment: Segment): Promise<boolean> {
  const bytes = new Uint8Array(Math.min(61, segment.size))
  await segment.read(bytes, 0, bytes.length, 0)
  try {
    return readBatchHeader(bytes, new DataView(bytes.buffer), 0, Number.MAX_SAFE_INTEGER).leaderEpoch >= 0
  } catch (error) {
    if (OttlaError.is(error, 'CORRUPT_MESSAGE')) return false
    throw error
  }
}

/** Entries past the end tell of batches that are gone; one that starts at the end is the epoch the next append belongs to. */
async function settleEpochs(scene: RecoveryScene, logEnd: number): Promise<void> {
  const { epochs, logStart } = scene
  await tolerateFullDisk(scene, () => {
    epochs.truncateFromEnd(logEnd + 1)
    epochs.truncateFromStart(logStart)
    epochs.flush()
  })
}

// ---- passes 5, 7, 9 ----

async function settleEnd(scene: RecoveryScene): Promise<void> {
  const { request, reporter } = scene
  const { store, config } = request
  const last = scene.segments[scene.segments.length - 1]
  if (last !== undefined && request.clean) {
    const tail = await last.loadTail()
    // A clean mark over a torn tail is false. Kafka would append behind the torn bytes.
    if (!(await distrustEnd(scene, last, tail)) && tail.problem !== null) await (await recovery()).recoverFrom(scene, scene.segments.length - 1)
  }
  const end = scene.segments[scene.segments.length - 1]?.nextOffset
  if (end !== undefined && end < request.logStart) {
    reporter.note(
      'LOG_START_ABOVE_END', `the log start ${request.logStart} was recorded, but the log ends at ${end}: it goes on, empty, at ${request.logStart}`,
    )
    // First: an open that ends between the two finds the epochs again in the log, and comes here again.
    await tolerateFullDisk(scene, () => { scene.epochs.clear() })
    await (await recovery()).setAsideAll(scene)
    scene.producers.truncateFullyAndStartAt(request.logStart)
  }
  if (scene.segments.length > 0) return
  const segment = store.readOnly ? Segment.open(store, scene.logStart, config, { fileSize: 0 }) : Segment.create(store, scene.logStart, config)
  if (store.readOnly) await segment.loadTail()
  else await store.fileSystem.syncDirectory(store.directory)
  scene.segments = [segment]
}

/**
 * No checksum covers the offset of a batch. After a clean stop two checkpoints say where the log ended: damage in front of that is durable data, and not cut
 * off. Where it is the last batch that is, or may be, damaged, appending behind it would carry that on. True: so it is.
 */
async function distrustEnd(scene: RecoveryScene, last: Segment, tail: SegmentTail): Promise<boolean> {
  const { topic, partition, recoveryPoint, highWatermark } = scene.request
  const { problem, nextOffset } = tail
  const isKnown = recoveryPoint === highWatermark && recoveryPoint > last.baseOffset
  if (!isKnown || problem?.reason === 'torn' || (problem === null && nextOffset <= recoveryPoint)) return false
  const end = await batchThatEnds(last, recoveryPoint - 1)
  if (end !== null && problem === null) return false
  const found = problem === null ? `claims offsets up to ${nextOffset - 1}` : `is damaged at byte ${problem.position} (${problem.detail})`
  const what = `${last.logPath} ${found}, but the log ended at ${recoveryPoint} when it was closed`
  last.claimEnd(recoveryPoint)
  scene.reporter.note('END_DISTRUSTED', what, last.logPath)
  // Behind the damage the batch that ends the log is the right one; in front of it, it may be the one whose offset is wrong.
  if (end === null || end.position < problem!.position) {
    const text = `${topic}-${partition} is offline for appends: ${what}. Close the database and run ottla verify --repair`
    const position = problem === null ? {} : { position: problem.position }
    scene.offline = new OttlaError('LOG_OFFLINE', text, { topic, partition, file: last.logPath, offset: recoveryPoint, ...position })
  }
  return true
}

/** Null: no batch ends with the offset. */
async function batchThatEnds(segment: Segment, offset: number): Promise<BatchLocation | null> {
  try {
    const found = await segment.locate(offset)
    return found?.lastOffset === offset ? found : null
  } catch (error) {
    if (OttlaError.is(error, 'LOG_CORRUPT')) return null
    throw error
  }
}

/**
 * State up to the end, and a snapshot there: after a walk it is at the end already. As Kafka, which loads what recovery knew from that snapshot, forgets who
 * was silent too long.
 */
async function settleProducers(scene: RecoveryScene, logEnd: number): Promise<void> {
  const { request, producers, logStart, reporter } = scene
  try {
    await tolerateFullDisk(scene, () => rebuildProducerState({
      producers, segments: scene.segments, logStartOffset: logStart, endOffset: logEnd, nowMs: request.store.clock.now(), signal: request.signal,
    }))
  } catch (error) {
    if (!OttlaError.is(error, 'LOG_CORRUPT')) throw error
    reporter.note('PRODUCERS_FORGOTTEN', `producer state could not be rebuilt: ${error.message}. Retries of batches from before this open are not recognised`)
    producers.truncateFullyAndStartAt(logEnd)
  }
  producers.removeExpired(request.store.clock.now())
  producers.onLogStart(logStart)
  producers.onHighWatermark(logEnd)
}

/** What recovery found is durable, unless it could not be made so. */
function recoveryPointOf(scene: RecoveryScene, logEnd: number): number {
  const { request, logStart, reporter } = scene
  if (reporter.clean || scene.flushed === true) return logEnd
  return Math.max(logStart, Math.min(request.recoveryPoint, logEnd))
}

function noteLosses(scene: RecoveryScene, logEnd: number): void {
  const { request, reporter } = scene
  if (request.recoveryPoint > logEnd) {
    reporter.note(
      'ENDS_BELOW_RECOVERY_POINT',
      `offsets up to ${request.recoveryPoint - 1} were durable once, but the log ends at ${logEnd}: the disk or somebody took them`,
    )
  } else if (request.highWatermark > logEnd) {
    reporter.note(
      'ENDS_BELOW_HIGH_WATERMARK', `offsets up to ${request.highWatermark - 1} had been readable, but the log ends at ${logEnd}: they were not durable`,
    )
  }
}
