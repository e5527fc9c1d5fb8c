/** Files of a metadata store in temporary directories, which go when the test file is through. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'
import { silentLogger } from '../../src/common/logger.ts'
import { openLmdbStore, type MetadataFile } from '../../src/metadata/lmdb-metadata-store.ts'

const root = mkdtempSync(join(tmpdir(), 'ottla-metadata-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

export function newFile(): MetadataFile { return fileIn(mkdtempSync(join(root, 'store-'))) }

export function fileIn(where: string): MetadataFile {
  const path = join(where, 'ottla-metadata.mdb')
  return {
    path,
    read: () => (existsSync(path) ? readFileSync(path) : null),
    keepCopy: (bytes) => { writeFileSync(`${path}.damaged-0`, bytes); return `${path}.damaged-0` },
    replacementPath: () => { rmSync(`${path}.tmp`, { force: true }); return `${path}.tmp` },
    replace: () => { renameSync(`${path}.tmp`, path); for (const lock of [`${path}.tmp-lock`, `${path}-lock`]) rmSync(lock, { force: true }) },
    prepare: (target, empty, lockBytes) => {
      if (!existsSync(target)) writeFileSync(target, empty)
      if (!existsSync(`${target}-lock`)) writeFileSync(`${target}-lock`, new Uint8Array(lockBytes))
    },
    syncDirectory: () => {},
  }
}

export const directoryOf = (file: MetadataFile): string => dirname(file.path)
export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
export const open = (file: MetadataFile): ReturnType<typeof openLmdbStore> => openLmdbStore({ file, logger: silentLogger })
