/** Whether this process may open a few more files now. What is tried is closed again at once. */
import * as fs from 'node:fs'
import { OttlaError } from '../common/errors.ts'
import { storageError } from './system-error.ts'

/** More than the module loader reads at the same time. */
const HANDLES = 8

/** Raises TOO_MANY_OPEN_FILES when it may not. `path` is a file that can be read; that it cannot be is no answer. */
export function checkFreeHandles(path: string, { openSync: open, closeSync: close }: Pick<typeof fs, 'openSync' | 'closeSync'> = fs): void {
  const opened: number[] = []
  try {
    while (opened.length < HANDLES) opened.push(open(path, 'r'))
  } catch (error) {
    const problem = storageError(error, 'open', path)
    if (OttlaError.is(problem, 'TOO_MANY_OPEN_FILES')) throw problem
  } finally {
    for (const handle of opened) close(handle)
  }
}
