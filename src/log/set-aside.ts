/**
 * Keeps what recovery cuts off a log, in plain files that no broker looks at (a segment file ends in `.log`, `.index` …, these do not):
 *
 *   00000000000000000068.log.damaged-551    bytes 551… of 00000000000000000068.log as they were found
 *   00000000000000000090.log.damaged-0      a whole segment behind the damage
 *
 * Nothing reads them again by itself and nothing deletes them: they are for people. Durable before the call returns, and safe to repeat.
 */
import { basename, join } from 'node:path'
import { TEMPORARY_SUFFIX } from '../io/durable-file.ts'
import type { FileHandle, FileSystem } from '../io/file-system.ts'

const COPY_BYTES = 1_048_576

/** Copies [position, end) of a `.log` aside; returns the name of the copy. An equal copy that is there already is taken as it. */
export async function setAsideRange(fs: FileSystem, directory: string, logName: string, position: number, end: number): Promise<string> {
  const source = fs.open(join(directory, logName), 'read')
  try {
    for (let attempt = 1; ; attempt++) {
      const name = `${logName}.damaged-${position}${attempt === 1 ? '' : `-${attempt}`}`
      const path = join(directory, name)
      const known = fs.stat(path)
      if (known !== null) {
        if (known.size === end - position && await isCopy(fs, path, source, position, end)) return name
        continue
      }
      await copy(fs, source, position, end, path)
      return name
    }
  } finally {
    source.close()
  }
}

async function copy(fs: FileSystem, source: FileHandle, position: number, end: number, path: string): Promise<void> {
  const target = fs.open(path + TEMPORARY_SUFFIX, 'create')
  try {
    target.truncate(0)
    const buffer = new Uint8Array(Math.min(COPY_BYTES, end - position))
    for (let at = position; at < end; at += buffer.length) {
      const length = await source.read(buffer, 0, Math.min(buffer.length, end - at), at)
      await target.write(buffer, 0, length, at - position)
    }
    await target.datasync()
  } catch (error) {
    target.close()
    fs.unlink(path + TEMPORARY_SUFFIX)
    throw error
  }
  target.close()
  fs.rename(path + TEMPORARY_SUFFIX, path)
  await fs.syncDirectory(join(path, '..'))
}

async function isCopy(fs: FileSystem, path: string, source: FileHandle, position: number, end: number): Promise<boolean> {
  const copied = fs.open(path, 'read')
  try {
    const a = Buffer.alloc(Math.min(COPY_BYTES, end - position))
    const b = Buffer.alloc(a.length)
    for (let at = position; at < end; at += a.length) {
      const length = Math.min(a.length, end - at)
      await copied.read(a, 0, length, at - position)
      await source.read(b, 0, length, at)
      if (a.compare(b, 0, length, 0, length) !== 0) return false
    }
    return true
  } finally {
    copied.close()
  }
}

/** Renames a whole `.log` aside; returns the new name. The caller syncs the folder. */
export function setAsideLog(fs: FileSystem, logPath: string): string {
  for (let attempt = 1; ; attempt++) {
    const path = `${logPath}.damaged-0${attempt === 1 ? '' : `-${attempt}`}`
    if (fs.stat(path) !== null) continue
    fs.rename(logPath, path)
    return basename(path)
  }
}
