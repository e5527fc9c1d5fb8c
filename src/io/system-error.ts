/**
 * Translation of the operating system's errors into OttlaError, by the table of the FileSystem port, for io/ and the fault injector of
 * ottla/testing.
 */
import { OttlaError, type ErrorCode } from '../common/errors.ts'

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
  EFBIG: 'DISK_FULL',
  EMFILE: 'TOO_MANY_OPEN_FILES',
  ENFILE: 'TOO_MANY_OPEN_FILES',
  EACCES: 'DIRECTORY_UNUSABLE',
  EPERM: 'DIRECTORY_UNUSABLE',
  EROFS: 'DIRECTORY_UNUSABLE',
  ENOTDIR: 'DIRECTORY_UNUSABLE',
  ELOOP: 'DIRECTORY_UNUSABLE',
  ENAMETOOLONG: 'DIRECTORY_UNUSABLE',
  ENOENT: 'DIRECTORY_UNUSABLE',
  // Node's own, under --permission.
  ERR_ACCESS_DENIED: 'DIRECTORY_UNUSABLE',
}

/** The `code` of a system error ("ENOSPC"), or '' when it has none. */
export function systemErrorCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}

/** `action` completes "Could not …": "write 512 bytes to". An OttlaError passes through unchanged. */
export function storageError(error: unknown, action: string, path: string, position?: number): OttlaError {
  if (OttlaError.is(error)) return error
  const systemCode = systemErrorCode(error)
  // Node's check of the arguments, not the disk's answer.
  const code = codes[systemCode] ?? (systemCode.startsWith('ERR_') ? 'INTERNAL' : 'KAFKA_STORAGE_ERROR')
  const reason = error instanceof Error ? error.message : String(error)
  return new OttlaError(code, `Could not ${action} ${path}: ${reason}`, { file: path, position, cause: error })
}

/** True when the error, of the system or of a FileSystem, says that nothing is at the path (a file in the place of a parent directory included). */
export function isMissing(error: unknown): boolean {
  const code = systemErrorCode(OttlaError.is(error) ? error.cause : error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
