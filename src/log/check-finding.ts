/** What the full check of a log has to say (log-check.ts), and the helper that its parts collect it with. */

/** `error`: data or what is derived from it is wrong. `warning`: harmless now, or mended by the next open. `info`: worth knowing. */
export type FindingSeverity = 'error' | 'warning' | 'info'

export type FindingCode =
  | 'CHECKSUM_MISMATCH' | 'BATCH_MALFORMED' | 'RECORDS_UNREADABLE' | 'OFFSETS_NOT_RISING' | 'OFFSETS_MISSING' | 'TORN_TAIL' | 'OFFSET_BELOW_SEGMENT'
  | 'TIMESTAMP_MISMATCH' | 'EPOCH_GOES_BACK' | 'END_DISTRUSTED'
  | 'INDEX_WRONG' | 'INDEX_MISSING' | 'INDEX_WITHOUT_LOG' | 'TIME_INDEX_WRONG' | 'TXN_INDEX_WRONG' | 'SNAPSHOT_UNREADABLE' | 'SNAPSHOT_WRONG'
  | 'EPOCHS_UNREADABLE' | 'EPOCHS_WRONG' | 'TOPIC_ID_MISSING' | 'NO_SEGMENT' | 'CHECKPOINT_UNREADABLE' | 'CHECKPOINT_OUTSIDE_LOG' | 'IDENTITY_UNREADABLE' | 'METADATA_DAMAGED'
  | 'FOLDER_UNKNOWN' | 'LEFTOVER' | 'KEPT_ASIDE' | 'NOT_CLOSED_CLEANLY'

export interface Finding {
  readonly severity: FindingSeverity
  readonly code: FindingCode
  readonly message: string
  readonly file: string
  /** Byte position in `file`; null when it does not apply. */
  readonly position: number | null
  readonly offset: number | null
}

export interface CheckProgress { readonly file: string; readonly doneBytes: number; readonly totalBytes: number }

/** Findings gathered since they were last taken. */
export class Findings {
  #found: Finding[] = []

  add(severity: FindingSeverity, code: FindingCode, file: string, message: string, position: number | null = null, offset: number | null = null): void {
    this.#found.push({ severity, code, message, file, position, offset })
  }

  take(): Finding[] {
    const found = this.#found
    this.#found = []
    return found
  }
}
