/**
 * Replacement of a small file (checkpoint, snapshot, partition.metadata) that a crash leaves old or new, never mixed or empty.
 *
 *   1. write `<path>.tmp`        crash: the old file stands, a stray .tmp is overwritten by the next replacement
 *   2. datasync of it            crash: as 1
 *   3. rename to `<path>`        commit point for the next process; after a power cut the old or the new file stands
 *   4. sync the directory        commit point for power loss: from here on the new file stands
 *
 * One writer per path at a time: the temporary name is fixed so that strays cannot pile up.
 */
import { dirname } from 'node:path'
import type { FileHandle, FileSystem } from './file-system.ts'

export const TEMPORARY_SUFFIX = '.tmp'

/** Raises what the port raises; after an error the old or the new content stands, and its durability is that of the step reached. */
export function replaceFileSync(fs: FileSystem, path: string, bytes: Uint8Array): void {
  const temporary = path + TEMPORARY_SUFFIX
  const file = openTemporary(fs, temporary)
  try {
    file.writeSync(bytes, 0, bytes.length, 0)
    file.datasyncSync()
  } finally {
    file.close()
  }
  fs.rename(temporary, path)
  fs.syncDirectorySync(dirname(path))
}

/** The content of a file that nobody looks at yet: durable once its folder is. Steps 1 and 2, off the event loop. */
export async function draftFile(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const file = openTemporary(fs, path)
  try {
    file.writeSync(bytes, 0, bytes.length, 0)
    await file.datasync()
  } finally {
    file.close()
  }
}

/** As `replaceFileSync`, with the two syncs off the event loop. `bytes` must not change until it settles. */
export async function replaceFile(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = path + TEMPORARY_SUFFIX
  await draftFile(fs, temporary, bytes)
  fs.rename(temporary, path)
  await fs.syncDirectory(dirname(path))
}

function openTemporary(fs: FileSystem, path: string): FileHandle {
  const file = fs.open(path, 'create')
  try {
    file.truncate(0)
  } catch (error) {
    file.close()
    throw error
  }
  return file
}
