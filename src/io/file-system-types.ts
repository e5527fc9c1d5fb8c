/**
 * What the numbers of statfs(2) mean for a log: whether fsync, rename and locks can be trusted. Linux only; the numbers are the kernel's
 * (linux/magic.h and the sources of the file systems). virtiofs answers with FUSE's number.
 */
import type { FileSystemInfo } from './file-system.ts'

type Kind = FileSystemInfo['kind']
interface FileSystemType { readonly name: string; readonly kind: Kind }

const linuxTypes: ReadonlyMap<number, FileSystemType> = new Map(([
  [0xef53, 'ext4', 'local'],
  [0x58465342, 'xfs', 'local'],
  [0x9123683e, 'btrfs', 'local'],
  [0x01021994, 'tmpfs', 'local'],
  [0x858458f6, 'ramfs', 'local'],
  [0x794c7630, 'overlay', 'local'],
  [0x61756673, 'aufs', 'local'],
  [0x2fc12fc1, 'zfs', 'local'],
  [0xf2f52010, 'f2fs', 'local'],
  [0xca451a4e, 'bcachefs', 'local'],
  [0x7366746e, 'ntfs3', 'local'],
  [0x5346544e, 'ntfs', 'local'],
  [0x4d44, 'vfat', 'local'],
  [0x2011bab0, 'exfat', 'local'],
  [0x52654973, 'reiserfs', 'local'],
  [0x3153464a, 'jfs', 'local'],
  [0x482b, 'hfsplus', 'local'],
  [0x24051905, 'ubifs', 'local'],
  [0xf15f, 'ecryptfs', 'local'],
  [0x73717368, 'squashfs', 'local'],
  [0x6969, 'nfs', 'network'],
  [0x517b, 'smb', 'network'],
  [0xff534d42, 'cifs', 'network'],
  [0xfe534d42, 'smb2', 'network'],
  [0x5346414f, 'afs', 'network'],
  [0x6b414653, 'kafs', 'network'],
  [0x73757245, 'coda', 'network'],
  [0x00c36400, 'ceph', 'network'],
  [0x0bd00bd0, 'lustre', 'network'],
  [0x47504653, 'gpfs', 'network'],
  [0x7461636f, 'ocfs2', 'network'],
  [0x01161970, 'gfs2', 'network'],
  [0x19830326, 'beegfs', 'network'],
  [0x20030528, 'orangefs', 'network'],
  [0x65735546, 'fuse', 'virtual'],
  [0x01021997, '9p', 'virtual'],
  [0x786f4256, 'vboxsf', 'virtual'],
  [0xbacbacbc, 'vmhgfs', 'virtual'],
  [0x53464846, 'wslfs', 'virtual'],
] as const).map(([magic, name, kind]) => [magic, { name, kind }]))

/** `type` as statfs gives it; on 32-bit machines it comes sign-extended. */
export function linuxFileSystemType(type: number): FileSystemType {
  const magic = type >>> 0
  return linuxTypes.get(magic) ?? { name: `0x${magic.toString(16)}`, kind: 'unknown' }
}

/** A UNC path (`\\server\share`) is a network drive; `\\?\` and `\\.\` only lift limits of local paths. */
export function windowsFileSystemType(path: string): FileSystemType {
  return /^[\\/]{2}(?![?.][\\/])/.test(path) || /^[\\/]{2}\?[\\/]UNC[\\/]/i.test(path)
    ? { name: 'smb', kind: 'network' }
    : { name: 'ntfs', kind: 'unknown' }
}
