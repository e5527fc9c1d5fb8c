/** A batch that was sent or posted and that the broker does not have yet, as the exit handler takes it. */
export interface PendingBatch {
  readonly topic: string; readonly partition: number
  /** One whole batch, sealed. */
  readonly records: Uint8Array
  /** −1, 0 or 1, as the producer was set. */
  readonly acks: number
}
