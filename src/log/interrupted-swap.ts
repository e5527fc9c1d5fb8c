/**
 * What a crash left of a cleaner's swap (spec/storage-format 8.5), Kafka's or ours, is taken to one end or the other. The commit point of a swap is its last
 * `.cleaned` becoming `.swap`: before it the old segments stand, after it the new ones do. Every step can be repeated: a crash in here leaves a state that
 * the next open takes to the same end.
 */
import { join } from 'node:path'
import type { FileSystem } from '../io/file-system.ts'
import { BatchWalker } from './batch-walker.ts'
import type { RecoveryReporter } from './recovery-report.ts'
import { segmentFileName, type SegmentFileName } from './segment-names.ts'

export interface Found extends SegmentFileName { readonly name: string }

export async function endSwap(fs: FileSystem, directory: string, files: readonly Found[], reporter: RecoveryReporter): Promise<void> {
  const remove = (file: Found): void => { fs.unlink(join(directory, file.name)) }
  const cleaned = files.filter((file) => file.state === '.cleaned')
  const minCleaned = cleaned.reduce((least, file) => Math.min(least, file.offset), Number.POSITIVE_INFINITY)
  // A swap that was not committed: its outputs go, those renamed first and those never renamed.
  const swaps = files.filter((file) => file.state === '.swap')
  const committed = swaps.filter((file) => file.offset < minCleaned)
  for (const file of swaps) if (file.offset >= minCleaned) remove(file)
  for (const file of cleaned) remove(file)
  const outputs = committed.filter((file) => file.kind === 'log')
  if (outputs.length > 0) await replaceSources(fs, directory, files, outputs)
  for (const file of committed) {
    const final = segmentFileName(file.offset, file.kind)
    // Without its log it is one that was not committed and came back, unless the sources are gone.
    const isStray = file.kind !== 'log' && files.some(({ name }) => name === final) && !outputs.some(({ offset }) => offset === file.offset)
    if (isStray) remove(file)
    else fs.rename(join(directory, file.name), join(directory, final))
  }
  if (outputs.length > 0) reporter.note('SWAP_COMPLETED', `${outputs.length} cleaned segments replaced their sources`)
  else reporter.note('LEFTOVER_REMOVED', `${swaps.length + cleaned.length} files of a cleaning that was not finished`)
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
    // Of the segment of its own name all goes, though nothing of it may be left.
    high = Math.max(high, output.offset + 1, await endOffset(fs, join(directory, output.name), output.offset))
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
