/**
 * Whether it pays to let one part of a partition's senders wait for the disk while the others are told of their answers and send again.
 *
 * All together (the rule, performance.md D5), a round takes the time of the answer plus the time of telling everyone; in two parts, which take
 * turns, twice the longer of both, so it pays where telling takes about as long as the answer: a fast disk, many senders, or senders that do
 * much before they send again. On a slow disk it would halve the throughput. So both are measured, as means that forget.
 *
 * A figure of one partition queue; the sender feeds it and obeys.
 */

/** Times the telling that the answer may take. For a part of the records it is shorter than for all, so that the threshold to begin is higher. */
const TO_BEGIN = 1.4
const TO_STAY = 1.2
const WEIGHT = 0.2

function smooth(mean: number, value: number): number { return mean < 0 ? value : mean + WEIGHT * (value - mean) }

export class AnswerOverlap {
  /** True: what is there when an answer comes is sent before those it is for are told; full batches do not wait for the turn's end. */
  pays: boolean = false
  #sentAt = -1
  #answerMs = -1
  #answeredAt = -1
  #answered = 0
  #msPerRecord = -1

  /** Batches went to the broker when none was there. All times on the monotonic clock. */
  sent(now: number): void { this.#sentAt = now }

  /** The broker has answered a batch of `records`, whose senders are told now. `more`: others are with the broker, who turns to them now. */
  answered(now: number, records: number, more: boolean): void {
    // Answers in one turn of the event loop are those of one group.
    if (this.#sentAt >= 0 && this.#answeredAt < 0) this.#answerMs = smooth(this.#answerMs, now - this.#sentAt)
    this.#sentAt = more ? now : -1
    if (this.#answeredAt < 0) this.#answeredAt = now
    this.#answered += records
  }

  /** A turn of the event loop later, everyone who was told has gone on; `outstanding` records of the partition are on their way. */
  told(now: number, outstanding: number): void {
    if (this.#answeredAt < 0) return
    this.#msPerRecord = smooth(this.#msPerRecord, (now - this.#answeredAt) / this.#answered)
    this.#answeredAt = -1
    this.#answered = 0
    if (this.#answerMs < 0) return
    const pays = this.#answerMs < (this.pays ? TO_STAY : TO_BEGIN) * this.#msPerRecord * outstanding
    if (pays === this.pays) return
    this.pays = pays
    // Answers for another number of records: what was measured does not hold for them.
    this.#answerMs = -1
  }
}
