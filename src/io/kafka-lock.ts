/**
 * Finds out whether a running Kafka broker holds a directory: it keeps a POSIX lock on the file `.lock` in each of its log directories,
 * and Linux lists all locks in /proc/locks. Node cannot take or test such locks itself, so elsewhere nothing is found; nor is a broker
 * in another container, whose processes this one cannot see.
 *
 *   "12: POSIX  ADVISORY  WRITE 4711 fd:01:262345 0 EOF"     number, type, …, mode, pid, device and inode, range
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileStat, FileSystem } from './file-system.ts'

/** Waiting locks ("->") are not held. */
const LOCK_LINE = /^\d+: (?:POSIX|FLOCK|OFDLCK) +\w+ +(?:READ|WRITE) +(-?\d+) +([0-9a-f]+):([0-9a-f]+):(\d+) /gm

/** File systems where stat and the lock table name different devices. */
const devicesDiffer = new Set(['btrfs', 'bcachefs', 'overlay', 'aufs'])

/** The pid of a process that has `.lock` in the directory locked, or null. `table` replaces /proc/locks in tests. */
export function kafkaLockHolder(directory: string, fs: FileSystem, table?: string): number | null {
  const path = join(directory, '.lock')
  const stat = fs.stat(path)
  if (stat === null) return null
  for (const [, holder, major, minor, inode] of (table ?? lockTable()).matchAll(LOCK_LINE)) {
    if (Number(inode) !== stat.inode) continue
    if (isDevice(stat, parseInt(String(major), 16), parseInt(String(minor), 16)) || devicesDiffer.has(fs.info(path).name)) return Number(holder)
  }
  return null
}

/** The C library packs a device number as minor 0–7, major 8–19, minor 20–31. */
function isDevice({ device }: FileStat, major: number, minor: number): boolean {
  return ((device >>> 8) & 0xfff) === major && ((device & 0xff) | ((device >>> 12) & 0xfff00)) === minor
}

function lockTable(): string {
  try {
    return readFileSync('/proc/locks', 'latin1')
  } catch {
    // Not Linux, or a sandbox without /proc: there is nothing to be found out.
    return ''
  }
}
