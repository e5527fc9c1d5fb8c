/**
 * Passes 1 and 2 of opening a partition (spec/storage-format 7, 8.5): what a crash left of deletions and of a cleaner's swap is taken to one end or
 * the other. The commit point of a swap is its last `.cleaned` becoming `.swap`: before it the old segments stand, after it the new ones do. Every
 * step can be repeated: a crash in here leaves a state that the next open takes to the same end.
 */
import { join } from 'node:path'
import type { FileSystem } from '../io/file-system.ts'
import { BatchWalker } from './batch-walker.ts'
import type { RecoveryReporter } from './recovery-report.ts'
import { parseSegmentFileName, segmentFileName, type SegmentFileName } from './segment-names.ts'

interface Found extends SegmentFileName { readonly name: string }

/** What stands in a partition folder once leftovers are dealt with. */
export interface FolderListing {
  /** Base offsets of the `.log` files, ascending. */
  readonly bases: readonly number[]
  readonly snapshots: readonly number[]
  /** Names of everything else that is a segment's. */
  readonly names: ReadonlySet<string>
}

function list(fs: FileSystem, directory: string): Found[] {
  const found: Found[] = []
  for (const { name, kind } of fs.readDirectory(directory)) {
    const parsed = kind === 'file' ? parseSegmentFileName(name) : null
    if (parsed !== null) found.push({ name, ...parsed })
  }
  return found
}

export async function finishLeftovers(fs: FileSystem, directory: string, reporter: RecoveryReporter): Promise<FolderListing> {
  let files = list(fs, directory)
  if (files.some((file) => file.state !== '')) {
    await finishSwap(fs, directory, files, reporter)
    files = list(fs, directory)
  }
  const bases = files.filter((file) => file.kind === 'log').map((file) => file.offset)
  const logs = new Set(bases)
  for (const file of files) {
    if (file.kind === 'log' || file.kind === 'snapshot' || logs.has(file.offset)) continue
    fs.unlink(join(directory, file.name))
    reporter.note('LEFTOVER_REMOVED', `${file.name} has no .log beside it`, file.name)
  }
  return {
    bases, snapshots: files.filter((file) => file.kind === 'snapshot').map((file) => file.offset),
    names: new Set(files.filter((file) => logs.has(file.offset)).map((file) => file.name)),
  }
}

async function finishSwap(fs: FileSystem, directory: string, files: readonly Found[], reporter: RecoveryReporter): Promise<void> {
  const remove = (file: Found): void => { fs.unlink(join(directory, file.name)) }
  const cleaned = files.filter((file) => file.state === '.cleaned')
  const minCleaned = cleaned.reduce((least, file) => Math.min(least, file.offset), Number.POSITIVE_INFINITY)
  for (const file of files) if (file.state === '.deleted') remove(file)
  // A swap that was not committed: its outputs go, those renamed first and those never renamed.
  const swaps = files.filter((file) => file.state === '.swap')
  const committed = swaps.filter((file) => file.offset < minCleaned)
  for (const file of swaps) if (file.offset >= minCleaned) remove(file)
  for (const file of cleaned) remove(file)
  const outputs = committed.filter((file) => file.kind === 'log')
  if (outputs.length > 0) await replaceSources(fs, directory, files, outputs)
  for (const file of committed) fs.rename(join(directory, file.name), join(directory, segmentFileName(file.offset, file.kind)))
  await fs.syncDirectory(directory)
  if (committed.length > 0) reporter.note('SWAP_COMPLETED', `${outputs.length} cleaned segments replaced their sources`)
  // What a deletion leaves is no news: its files wait for file.delete.delay.ms, or for the next open.
  else if (swaps.length + cleaned.length > 0) reporter.note('LEFTOVER_REMOVED', `${swaps.length + cleaned.length} files of a cleaning that was not finished`)
}

/**
 * Removes every file whose number lies in the range that the outputs of the swap cover. For good, before one of those loses the name that tells so: a source
 * that came back with a power cut would stand in the middle of what was made from it.
 */
async function replaceSources(fs: FileSystem, directory: string, files: readonly Found[], outputs: readonly Found[]): Promise<void> {
  let low = Number.POSITIVE_INFINITY
  let high = -1
  for (const output of outputs) {
    low = Math.min(low, output.offset)
    high = Math.max(high, await endOffset(fs, join(directory, output.name), output.offset))
  }
  for (const file of files) if (file.state === '' && file.offset >= low && file.offset < high) fs.unlink(join(directory, file.name))
  await fs.syncDirectory(directory)
}

/** Offset after the last whole batch of a `.log`, whatever its name. */
async function endOffset(fs: FileSystem, path: string, baseOffset: number): Promise<number> {
  const handle = fs.open(path, 'read')
  try {
    const walker = new BatchWalker(handle, 0, handle.size(), { kind: 'headers' })
    let end = baseOffset
    for (;;) {
      const header = walker.next()
      if (header !== null) end = header.nextOffset
      else if (!(await walker.fill())) return end
    }
  } finally {
    handle.close()
  }
}
