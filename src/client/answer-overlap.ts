/**
 * Whether it pays to let one part of a partition's senders wait for the disk while the others are told of their answers and send again.
 *
 * All together (the rule, performance.md D5), a round takes the time of the answer plus the time of telling everyone; in two parts, which take
 * turns, twice the time from one answer to the next. That is at least half the telling, and at least what the disk takes for half the bytes, so it is
 * worth a try where telling takes long enough; whether it was is measured, and a try that failed is not repeated soon. On a slow disk turns would
 * halve the throughput.
 *
 * A figure of one partition queue; the sender feeds it and obeys.
 */

/** Times the telling that an answer for all may take for a try. */
const WORTH_A_TRY = 2
/** What turns may take longer than all together, so that noise does not end them. */
const TOLERANCE = 1.1
/** After a try that failed: so many rounds without another, unless answers come in less than this part of the time they took. Doubled by each failure. */
const PATIENCE = 200
const MOST_PATIENCE = 10_000
const FASTER = 0.7
/** Answers in turns that take longer than this, times those for all together, tell of a disk that became slower, not of turns that were a mistake. */
const SAME_DISK = 1.2
/** Figures that are remembered: all of them it takes to end turns, fewer to try them. */
const REMEMBERED = 9
const ENOUGH = 5

const sorted = new Float64Array(REMEMBERED)

/** What two thirds of the last figures do not exceed. A mean would take a disk that hesitates once, or a collection of garbage, for a slow disk or slow senders. */
class RecentFigures {
  readonly #figures = new Float64Array(REMEMBERED)
  #count = 0

  add(figure: number): void { this.#figures[this.#count++ % REMEMBERED] = figure }
  forget(): void { this.#count = 0 }

  /** −1: there are fewer than `enough`. */
  of(enough: number): number {
    if (this.#count < enough) return -1
    const count = Math.min(this.#count, REMEMBERED)
    sorted.fill(Infinity)
    for (let i = 0; i < count; i++) sorted[i] = this.#figures[i]!
    return sorted.sort()[Math.floor(count * 2 / 3)]!
  }
}

export class AnswerOverlap {
  /** True: what is there when an answer comes is sent before those it is for are told; full batches do not wait for the turn's end. */
  pays: boolean = false
  #sentAt = -1
  readonly #answerMs = new RecentFigures()
  #answeredAt = -1
  #answered = 0
  readonly #msPerRecord = new RecentFigures()
  /** How long answers took when all went together; when the last try failed. */
  #togetherMs = 0
  #failedMs = 0
  #patience = 0
  #nextPatience = PATIENCE

  /** Batches went to the broker when none was there. All times on the monotonic clock. */
  sent(now: number): void { this.#sentAt = now }

  /** The broker has answered a batch of `records`, whose senders are told now. `more`: others are with the broker, who turns to them now. */
  answered(now: number, records: number, more: boolean): void {
    // Answers in one turn of the event loop are those of one group.
    if (this.#sentAt >= 0 && this.#answeredAt < 0) this.#answerMs.add(now - this.#sentAt)
    this.#sentAt = more ? now : -1
    if (this.#answeredAt < 0) this.#answeredAt = now
    this.#answered += records
  }

  /** A turn of the event loop later, everyone who was told has gone on; `outstanding` records of the partition are on their way. */
  told(now: number, outstanding: number): void {
    if (this.#answeredAt < 0) return
    this.#msPerRecord.add((now - this.#answeredAt) / this.#answered)
    this.#answeredAt = -1
    this.#answered = 0
    const answerMs = this.#answerMs.of(this.pays ? REMEMBERED : ENOUGH)
    const msPerRecord = this.#msPerRecord.of(ENOUGH)
    if (answerMs < 0 || msPerRecord < 0) return
    if (this.pays ? this.#isSlower(answerMs, msPerRecord * outstanding) : this.#isWorthATry(answerMs, msPerRecord * outstanding)) {
      this.pays = !this.pays
      // Answers for another number of records: what was measured does not hold for them.
      this.#answerMs.forget()
    }
  }

  #isWorthATry(answerMs: number, tellingMs: number): boolean {
    this.#togetherMs = answerMs
    if (this.#patience > 0) this.#patience--
    return answerMs < WORTH_A_TRY * tellingMs && (this.#patience === 0 || answerMs < FASTER * this.#failedMs)
  }

  #isSlower(turnMs: number, tellingMs: number): boolean {
    if (2 * turnMs <= TOLERANCE * (this.#togetherMs + tellingMs)) return false
    if (turnMs <= SAME_DISK * this.#togetherMs) {
      this.#failedMs = this.#togetherMs
      this.#patience = this.#nextPatience
      this.#nextPatience = Math.min(2 * this.#nextPatience, MOST_PATIENCE)
    }
    return true
  }
}
