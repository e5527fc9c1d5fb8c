import { describe, expect, test } from 'vitest'
import { linuxFileSystemType, windowsFileSystemType } from './file-system-types.ts'

describe('the kind of a file system', () => {
  // Numbers from statfs(2) and linux/magic.h.
  test.each([
    [0xef53, 'ext4', 'local'], [0x58465342, 'xfs', 'local'], [0x9123683e, 'btrfs', 'local'], [0x01021994, 'tmpfs', 'local'], [0x794c7630, 'overlay', 'local'],
    [0x6969, 'nfs', 'network'], [0x517b, 'smb', 'network'], [0xff534d42, 'cifs', 'network'], [0xfe534d42, 'smb2', 'network'], [0x5346414f, 'afs', 'network'],
    [0x00c36400, 'ceph', 'network'], [0x65735546, 'fuse', 'virtual'], [0x01021997, '9p', 'virtual'],
  ])('0x%x is %s, %s', (magic, name, kind) => {
    expect(linuxFileSystemType(magic)).toEqual({ name, kind })
  })

  test('is found when a 32-bit system gives the number with a sign', () => {
    expect(linuxFileSystemType(0xff534d42 | 0)).toEqual({ name: 'cifs', kind: 'network' })
  })

  test('is unknown, with the number for a name, when it is not in the table', () => {
    expect(linuxFileSystemType(0x12345678)).toEqual({ name: '0x12345678', kind: 'unknown' })
  })

  test.each([
    ['\\\\server\\share\\data', 'network'], ['//server/share/data', 'network'], ['\\\\?\\UNC\\server\\share', 'network'],
    ['\\\\?\\C:\\data', 'unknown'], ['\\\\.\\C:\\data', 'unknown'], ['C:\\data', 'unknown'], ['data', 'unknown'],
  ])('of %s on Windows is %s', (path, kind) => {
    expect(windowsFileSystemType(path).kind).toBe(kind)
  })
})
