import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FileSystem } from './file-system.ts'
import { kafkaLockHolder } from './kafka-lock.ts'
import { nodeFileSystem } from './node-file-system.ts'

let directory = ''
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'ottla-kafka-lock-')) })
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** A file system that claims to be of another type, with a file of a chosen identity. */
function fileSystemOf(name: string, device: number, inode: number): FileSystem {
  const info = { ...nodeFileSystem.info(tmpdir()), name }
  const stat = { size: 0, modifiedMs: 0, kind: 'file', device, inode } as const
  return Object.assign(Object.create(nodeFileSystem) as FileSystem, { info: () => info, stat: () => stat })
}

const table = `1: FLOCK  ADVISORY  WRITE 600 fe:00:100 0 EOF
2: POSIX  ADVISORY  READ  4711 fe:00:262345 0 EOF
2: -> POSIX  ADVISORY  WRITE 4712 fe:00:262345 0 EOF
3: LEASE  ACTIVE    READ  601 fe:00:777 0 EOF
4: OFDLCK ADVISORY  WRITE -1 103:12f:888 0 EOF
`

describe('the holder of .lock', () => {
  test.each<[number, number, number | null, string]>([
    [0xfe00, 262345, 4711, 'a lock on the same device and inode'],
    [0xfe00, 262346, null, 'another inode'],
    [0xfe01, 262345, null, 'the same inode of another device'],
    [0xfe00, 777, null, 'a lease, which is no lock'],
    [(0x103 << 8) | 0x2f | (0x1 << 20), 888, -1, 'a lock of an open file, whose process is not known, on a device with large numbers'],
  ])('of device %i inode %i is %s: %s', (device, inode, holder) => {
    expect(kafkaLockHolder(directory, fileSystemOf('ext4', device, inode), table)).toBe(holder)
  })

  test.each(['btrfs', 'overlay'])('is found by inode alone on %s, where the devices differ', (name) => {
    expect(kafkaLockHolder(directory, fileSystemOf(name, 0x2b, 262345), table)).toBe(4711)
  })

  test('is nobody when there is no file, no lock on it, or no table', () => {
    expect(kafkaLockHolder(directory, nodeFileSystem)).toBeNull()
    writeFileSync(join(directory, '.lock'), '')
    expect(kafkaLockHolder(directory, nodeFileSystem)).toBeNull()
    expect(kafkaLockHolder(directory, nodeFileSystem, '')).toBeNull()
    expect(kafkaLockHolder(directory, nodeFileSystem, `1: POSIX  ADVISORY  WRITE 5 00:00:${statSync(join(directory, '.lock')).ino + 1} 0 EOF\n`)).toBeNull()
  })
})
