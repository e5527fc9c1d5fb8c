import { systemClock, type Clock } from '../common/clock.ts'
import { OttlaError } from '../common/errors.ts'
import { systemScheduler, type Scheduler } from '../common/scheduler.ts'
import type { FileSystem } from './file-system.ts'

/** The lock of one data directory, held by this process. */
export interface DirectoryLock {
  /** The door of the database, for other processes of this machine: connect with node:net. Windows: a named pipe. */
  readonly socketPath: string
  /** Lets the next process in. Idempotent. */
  release(): Promise<void>
}

export interface LockOptions {
  /** Shown to those who find the directory locked. */
  readonly version?: string
  readonly clock?: Clock
  readonly scheduler?: Scheduler
}

/** DIRECTORY_LOCKED with the owner's pid when another process owns the directory. */
export function lockDirectory(directory: string, fs: FileSystem, options: LockOptions = {}): Promise<DirectoryLock> {
  const { clock = systemClock, scheduler = systemScheduler } = options
  return Promise.reject(new OttlaError('INTERNAL', `not built yet ${directory} ${fs.constructor.name} ${clock.now()} ${typeof scheduler}`))
}
