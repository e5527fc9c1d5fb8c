/** What opening a partition changed or found, for people and events. Nothing is dropped, moved or repaired without a line here. */

/** Bytes that recovery cut off the readable log. */
export interface DroppedBytes {
  /** The `.log` they stood in. */
  readonly file: string
  /** Byte position in `file` of the first byte cut. */
  readonly position: number
  readonly bytes: number
  /** Offset the first cut batch claimed or should have had; the log ends here now. */
  readonly firstOffset: number
  /** Last offset that whole, valid batches behind the bad one carried; null when there was none (a torn tail). */
  readonly lastOffset: number | null
  /** Why the first batch is not valid. */
  readonly reason: string
  /** Where the bytes were kept aside; null when they are a torn tail (nothing whole follows) and are gone. */
  readonly keptAs: string | null
}

export type RecoveryNoteCode =
  | 'INDEX_REBUILT' | 'TAIL_CUT' | 'SEGMENT_SET_ASIDE' | 'SWAP_COMPLETED' | 'LEFTOVER_REMOVED' | 'CHECKPOINT_UNREADABLE' | 'EPOCHS_REBUILT'
  | 'PRODUCERS_FORGOTTEN' | 'LOG_START_ABOVE_END' | 'ENDS_BELOW_HIGH_WATERMARK' | 'ENDS_BELOW_RECOVERY_POINT' | 'TAIL_REWRITTEN' | 'FOLDER_LEFT_ALONE'
  | 'SEGMENT_EMPTIED' | 'END_DISTRUSTED'

export interface RecoveryNote { readonly code: RecoveryNoteCode; readonly message: string; readonly file?: string }

export interface RecoveryReport {
  readonly topic: string
  readonly partition: number
  /** True when the clean-shutdown marker was there and the tail was whole. */
  readonly clean: boolean
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly scannedBytes: number
  readonly dropped: readonly DroppedBytes[]
  readonly notes: readonly RecoveryNote[]
}

export class RecoveryReporter {
  readonly topic: string
  readonly partition: number
  readonly dropped: DroppedBytes[] = []
  readonly notes: RecoveryNote[] = []
  clean = true
  scannedBytes = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  note(code: RecoveryNoteCode, message: string, file?: string): void {
    this.notes.push(file === undefined ? { code, message } : { code, message, file })
  }

  finish(logStartOffset: number, logEndOffset: number): RecoveryReport {
    const { topic, partition, clean, scannedBytes, dropped, notes } = this
    return { topic, partition, clean, logStartOffset, logEndOffset, scannedBytes, dropped, notes }
  }
}
