/** The metadata file of a data directory, as the LMDB store needs it. A plain file in the root: a Kafka broker ignores those. */
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import type { FileHandle, FileSystem } from '../io/file-system.ts'
import type { MetadataFile } from '../metadata/lmdb-metadata-store.ts'

export const METADATA_FILE = 'ottla-metadata.mdb'

/** That LMDB opens at a time, and one to spare. */
const HANDLES = 6

/** Half of it would be taken for damage. */
function fill(fs: FileSystem, handle: FileHandle, bytes: Uint8Array): void {
  try {
    handle.writeSync(bytes, 0, bytes.length, 0)
  } catch (error) {
    fs.unlink(handle.path)
    throw error
  }
}

/** `directory`: absolute and canonical. */
export function metadataFileIn(fs: FileSystem, directory: string): MetadataFile {
  const path = join(directory, METADATA_FILE)
  const replacement = `${path}.tmp`
  return {
    path,
    read: () => (fs.stat(path)?.kind === 'file' ? fs.readFile(path) : null),
    keepCopy: (bytes) => {
      let number = 0
      while (fs.stat(`${path}.damaged-${number}`) !== null) number += 1
      const copy = fs.open(`${path}.damaged-${number}`, 'createNew')
      try {
        copy.writeSync(bytes, 0, bytes.length, 0)
        copy.datasyncSync()
      } finally {
        copy.close()
      }
      fs.syncDirectorySync(directory)
      return copy.path
    },
    replacementPath: () => {
      for (const left of [replacement, `${replacement}-lock`]) fs.unlink(left)
      return replacement
    },
    replace: () => {
      for (const lock of [`${replacement}-lock`, `${path}-lock`]) fs.unlink(lock)
      fs.rename(replacement, path)
      fs.syncDirectorySync(directory)
    },
    prepare: (target, empty, lockBytes) => {
      const handles: FileHandle[] = []
      try {
        for (const [name, bytes] of [[target, empty], [`${target}-lock`, new Uint8Array(lockBytes)]] as const) {
          if ((fs.stat(name)?.kind ?? 'file') !== 'file') throw new OttlaError('DIRECTORY_UNUSABLE', `${name} is not a file`, { file: name })
          const handle = fs.open(name, 'create')
          handles.push(handle)
          const size = handle.size()
          if (size === 0 || (bytes !== empty && size < bytes.length)) fill(fs, handle, bytes)
        }
        while (handles.length < HANDLES) handles.push(fs.open(target, 'read'))
      } finally {
        for (const each of handles) each.close()
      }
    },
    syncDirectory: () => fs.syncDirectorySync(directory),
  }
}
