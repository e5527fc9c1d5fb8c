/**
 * Passes 1 and 2 of opening a partition (spec/storage-format 7): what a crash left of deletions goes, and what it left of a cleaner's swap is taken to one end or
 * the other (interrupted-swap.ts, whose code is loaded when there is any).
 */
import { join } from 'node:path'
import { loadPart } from '../common/load-part.ts'
import type { FileSystem } from '../io/file-system.ts'
import type { Found } from './interrupted-swap.ts'
import type { RecoveryReporter } from './recovery-report.ts'
import { isOfSwap, parseSegmentFileName } from './segment-names.ts'

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
    // What a deletion leaves is no news: its files wait for file.delete.delay.ms, or for the next open.
    for (const file of files) if (file.state === '.deleted') fs.unlink(join(directory, file.name))
    if (files.some((file) => isOfSwap(file))) {
      const { endSwap } = await loadPart('the code for an interrupted compaction', () => import('./interrupted-swap.ts'))
      await endSwap(fs, directory, files, reporter)
    }
    await fs.syncDirectory(directory)
    files = list(fs, directory)
  }
  // An owner may have begun to clean since the folder was looked at first.
  const bases = files.filter((file) => file.kind === 'log' && file.state === '').map((file) => file.offset)
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
