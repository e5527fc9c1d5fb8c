/**
 * Puts a cleaned segment in the place of those it was made from (spec/storage-format 8.5), inside the log's turn.
 *
 *   <base>.log.cleaned …   written and durable: made by log-cleaner.ts
 *   <base>.log.swap …      commit point, once the folder is durable: the next open ends the swap (interrupted-swap.ts)
 *   sources → ….deleted    removed after file.delete.delay.ms; readers that are on them finish
 *   <base>.log …           the new segment
 *
 * The folder is synced between the steps, so that a power cut leaves no state that a process which dies does not leave, too.
 */
import { join } from 'node:path'
import type { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'
import type { LogState } from './log-state.ts'
import { removeFilesLater, setAside } from './log-truncation.ts'
import type { SealedFlusher } from './sealed-flusher.ts'
import { SegmentList } from './segment-list.ts'
import { isOfSwap, parseSegmentFileName, segmentFileKinds, segmentFileName, type SegmentFileState } from './segment-names.ts'
import { Segment } from './segment.ts'

/** A segment on the disk, in files that end in `.cleaned`. */
export interface CleanedSegment { readonly baseOffset: number; readonly size: number }

/**
 * False: some of the sources are not in the log any more, and nothing was changed. Raises what the disk raises; then the commit is taken back, or, where the disk
 * does not let it, `offline` is asked for what to raise: the next open may end the swap.
 */
export async function commitSwap(state: LogState, sources: readonly Segment[], { baseOffset }: CleanedSegment, offline: (error: unknown) => OttlaError): Promise<boolean> {
  const { segments } = state.segments
  const first = segments.indexOf(sources[0]!)
  if (first < 0 || sources.some((source, i) => segments[first + i] !== source)) return false
  const { fileSystem, directory } = state.store
  let areRenamed = false
  try {
    renameAll(fileSystem, directory, baseOffset, '.cleaned', '.swap')
    areRenamed = true
    await fileSystem.syncDirectory(directory)
  } catch (error) {
    if (areRenamed) takeBack(state, baseOffset, () => { throw offline(error) })
    throw error
  }
  return true
}

/** One `.cleaned` is enough to tell that nothing is committed. */
function takeBack({ store: { fileSystem, directory } }: LogState, baseOffset: number, failed: () => void): void {
  const path = (suffix: SegmentFileState): string => join(directory, segmentFileName(baseOffset, 'log', suffix))
  try {
    fileSystem.rename(path('.swap'), path('.cleaned'))
  } catch {
    failed()
  }
}

/** What follows the commit. A failure in here must take the log offline: its files are neither those of before nor those of after. */
export async function finishSwap(state: LogState, sealed: SealedFlusher, sources: readonly Segment[], { baseOffset, size }: CleanedSegment): Promise<void> {
  const { fileSystem, directory } = state.store
  for (const source of sources) setAside(state, sealed, source, source.baseOffset === baseOffset)
  await fileSystem.syncDirectory(directory)
  renameAll(fileSystem, directory, baseOffset, '.swap', '')
  const { segments } = state.segments
  const first = segments.indexOf(sources[0]!)
  const segment = Segment.open(state.store, baseOffset, state.config, { fileSize: size })
  const behind = segments.slice(first + sources.length)
  // Readers that hold the list of before go on with the files of before; whoever fails on them tries again.
  state.generation++
  state.segments = new SegmentList([...segments.slice(0, first), segment, ...behind])
  if (state.tail.firstOffset < behind[0]!.baseOffset) state.tail.clear()
  await fileSystem.syncDirectory(directory)
  // Not before: until then a failure leaves them to those who read.
  for (const source of sources) removeFilesLater(state, source)
}

/**
 * Takes away what a cleaning wrote that is not to be committed: a `.swap` never outlives the `.cleaned` beside it, which tells that it is none. What the disk does
 * not let go is for the next round, or open.
 */
export function discardCleaned(fs: FileSystem, directory: string, baseOffset: number): void {
  try {
    for (const suffix of ['.swap', '.cleaned'] as const) {
      for (const kind of segmentFileKinds) fs.unlink(join(directory, segmentFileName(baseOffset, kind, suffix)))
    }
  } catch {
    // The reason why it is discarded is the one to tell.
  }
}

/** Takes away what rounds of before could not: to the next open a `.cleaned` says of every `.swap` behind it that it was not committed. */
export function discardLeftovers(fs: FileSystem, directory: string): void {
  for (const { name } of fs.readDirectory(directory)) {
    const file = parseSegmentFileName(name)
    if (file !== null && isOfSwap(file)) fs.unlink(join(directory, name))
  }
}

function renameAll(fs: FileSystem, directory: string, baseOffset: number, from: SegmentFileState, to: SegmentFileState): void {
  for (const kind of segmentFileKinds) {
    const path = join(directory, segmentFileName(baseOffset, kind, from))
    if (fs.stat(path) !== null) fs.rename(path, join(directory, segmentFileName(baseOffset, kind, to)))
  }
}
