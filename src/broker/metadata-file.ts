/** The metadata file of a data directory, as the LMDB store needs it. A plain file in the root: a Kafka broker ignores those. */
import { join } from 'node:path'
import type { FileSystem } from '../io/file-system.ts'
import type { MetadataFile } from '../metadata/lmdb-metadata-store.ts'

export const METADATA_FILE = 'ottla-metadata.mdb'

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
    syncDirectory: () => fs.syncDirectorySync(directory),
  }
}
