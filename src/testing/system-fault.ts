/** The errors an operating system would raise, made by hand; `storageError` of io/ translates them as it does the real ones. */
const messages = {
  EACCES: 'permission denied',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
} as const

export type SystemCode = keyof typeof messages

export function systemFault(code: SystemCode, call: string): Error {
  return Object.assign(new Error(`${code}: ${messages[code]}, ${call}`), { code })
}
