/** A fault to inject, and the gate through which the calls of a FaultFileSystem and of its handles pass. */
import type { OttlaError } from '../common/errors.ts'
import { storageError } from '../io/system-error.ts'
import { systemFault, type SystemCode } from './system-fault.ts'

export type FaultCall =
  | 'open' | 'read' | 'write' | 'truncate' | 'datasync' | 'stat' | 'readDirectory' | 'makeDirectory' | 'rename' | 'unlink' | 'removeDirectory'
  | 'readFile' | 'setModifiedTime' | 'syncDirectory' | 'info' | 'realPath'

export interface Fault {
  /** Which kind of call; `any` counts all kinds together. */
  readonly call: FaultCall | 'any'
  /** Which of them, from 1, counted from the injection; 1 by default. With `path`, only calls on such paths count. */
  readonly nth?: number
  /** All later ones fail too, until `heal`. */
  readonly sticky?: boolean
  readonly error: SystemCode
  /** For writes: so many bytes reach the file before the error (a disk that fills up in the middle of a buffer). */
  readonly written?: number
  /** Only calls whose path matches. */
  readonly path?: RegExp
}

/** What the handles ask of their file system before each call. */
export interface FaultGate {
  /** Counts the call and throws if it is to fail. */
  pass(call: FaultCall, path: string): void
  /** As `pass`, but gives the fault for the caller to act out. */
  check(call: FaultCall, path: string): Fault | null
  /** Resolves when syncs of the path are not held back. */
  waitForSync(path: string): Promise<void>
}

/** The error that the Node file system would raise. */
export function faultError(fault: Fault, call: string, path: string): OttlaError {
  return storageError(systemFault(fault.error, `${call} (injected)`), call, path)
}
