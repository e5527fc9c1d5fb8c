/** The independent full consistency check of a partition folder or data directory. Signatures first; the body follows. */
import type { FileSystem } from '../io/file-system.ts'

export type FindingSeverity = 'error' | 'warning' | 'info'

export interface Finding {
  readonly severity: FindingSeverity
  readonly code: string
  readonly message: string
  readonly file: string
  /** Byte position in `file`; null when it does not apply. */
  readonly position: number | null
  readonly offset: number | null
}

export interface CheckProgress { readonly file: string; readonly doneBytes: number; readonly totalBytes: number }

export interface CheckOptions {
  /** Default: every partition of the directory. */
  readonly topics?: readonly string[]
  /** Decode every record too, not only headers and checksums. Default true. */
  readonly deep?: boolean
  readonly onProgress?: (progress: CheckProgress) => void
  readonly signal?: AbortSignal | undefined
}

/** `directory`: a data directory or one partition folder. Read only; yields as it goes. Nothing yielded means nothing to complain about. */
export async function* checkLog(_fs: FileSystem, _directory: string, _options: CheckOptions = {}): AsyncGenerator<Finding, void, void> {
}
