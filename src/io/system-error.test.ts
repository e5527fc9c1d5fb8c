import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { systemFault, type SystemCode } from '../testing/system-fault.ts'
import { isMissing, storageError, systemErrorCode } from './system-error.ts'

const raise = (code: SystemCode): OttlaError => storageError(systemFault(code, 'write'), 'write to', '/data/file', 17)

describe('an error of the operating system', () => {
  test.each([
    ['ENOSPC', 'DISK_FULL'], ['EDQUOT', 'DISK_FULL'],
    ['EMFILE', 'TOO_MANY_OPEN_FILES'],
    ['EACCES', 'DIRECTORY_UNUSABLE'], ['EPERM', 'DIRECTORY_UNUSABLE'], ['EROFS', 'DIRECTORY_UNUSABLE'],
    ['ENOTDIR', 'DIRECTORY_UNUSABLE'], ['ENOENT', 'DIRECTORY_UNUSABLE'],
    ['EIO', 'KAFKA_STORAGE_ERROR'], ['EEXIST', 'KAFKA_STORAGE_ERROR'], ['EISDIR', 'KAFKA_STORAGE_ERROR'], ['ENOTEMPTY', 'KAFKA_STORAGE_ERROR'],
  ] as const)('%s becomes %s', (system, code) => {
    expect(raise(system)).toMatchObject({ code, file: '/data/file', position: 17, cause: { code: system } })
  })

  test.each([
    ['EFBIG', 'DISK_FULL'], ['ENFILE', 'TOO_MANY_OPEN_FILES'], ['ELOOP', 'DIRECTORY_UNUSABLE'], ['ENAMETOOLONG', 'DIRECTORY_UNUSABLE'], ['ERR_OUT_OF_RANGE', 'INTERNAL'],
    ['ERR_ACCESS_DENIED', 'DIRECTORY_UNUSABLE'],
    ['EWHATEVER', 'KAFKA_STORAGE_ERROR'],
  ])('%s becomes %s', (system, code) => {
    expect(storageError(Object.assign(new Error(system), { code: system }), 'write to', '/f').code).toBe(code)
  })

  test('says what could not be done, to which file, and why', () => {
    expect(raise('ENOSPC').message).toBe('Could not write to /data/file: ENOSPC: no space left on device, write')
  })

  test('passes through when it is translated already', () => {
    const error = new OttlaError('CLOSED', 'closed')
    expect(storageError(error, 'read', '/f')).toBe(error)
  })

  test('is missing only when nothing is at the path', () => {
    expect((['ENOENT', 'ENOTDIR', 'EACCES', 'EIO'] as const).map((code) => isMissing(systemFault(code, 'stat')))).toEqual([true, true, false, false])
    expect(systemErrorCode('text')).toBe('')
    // A DOMException has a number there.
    expect(systemErrorCode(new DOMException('aborted', 'AbortError'))).toBe('')
    expect(storageError('text', 'read', '/f').message).toContain('text')
  })
})
