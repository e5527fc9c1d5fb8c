/**
 * Whether it pays to let one part of a partition's senders wait for the disk while the others are told of their answers and send again.
 *
 * All together (the rule: docs/performance.md, Lessons), a round takes the time of the answer plus the time of telling everyone; in two parts, which take turns, the
 * longer of what the disk takes for both parts one after the other and of the telling. That can only be less where telling takes long enough, and whether
 * it is depends on the disk, the CPUs and who else wants them. So it is tried: the way that is not in use goes for some rounds now and then, and the one
 * with less time a record stays. The longer the same one wins, the rarer the tries. On a slow disk, where turns would halve the throughput, they are not
 * tried.
 *
 * A figure of one partition queue; the sender feeds it and obeys.
 */

/** Times the telling that an answer for all may take for a try of turns. */
const WORTH_A_TRY = 2
/** With fewer records on their way, who does not wait for answers would be told later: one record goes ahead alone, and those after it wait for two syncs. */
const LEAST_OUTSTANDING = 32
/** Turns, which take twice as many syncs, are to take less than this part of the time. */
const GAIN = 0.95
/** Figures, one an answer, by which a way is judged: their median, so that a disk that hesitates is not taken for the rule. */
const JUDGED = 32
/** Figures between two looks at them. */
const LOOK = 8
/** Where the way in use takes this much longer than when it won, the disk is another now: the other way is tried at once. */
const MUCH_SLOWER = 2
/** Answers between two tries of the other way, few at first: what the code took before it was compiled says little. */
const PATIENCE = 32
/** So many times as many each time the other way loses. */
const LESS_OFTEN = 4
const MOST_PATIENCE = 4096

const sorted = new Float64Array(JUDGED)

/** A ring of the last figures. */
class RecentFigures {
  readonly #figures: Float64Array
  #next = 0
  count = 0

  constructor(remembered: number) { this.#figures = new Float64Array(remembered) }

  add(figure: number): void {
    this.#figures[this.#next] = figure
    this.#next = (this.#next + 1) % this.#figures.length
    this.count++
  }

  forget(): void { this.count = 0 }

  /** The median of the last `among` figures, which are there. */
  median(among: number): number {
    const size = this.#figures.length
    for (let i = 0; i < among; i++) sorted[i] = this.#figures[(this.#next - 1 - i + size) % size]!
    return sorted.subarray(0, among).sort()[among >> 1]!
  }
}

export class AnswerOverlap {
  /** True: what is there when an answer comes is sent before those it is for are told; full batches do not wait for the turn's end. */
  pays: boolean = false
  #sentAt = -1
  readonly #answerMs = new RecentFigures(LOOK)
  #answeredAt = -1
  #answered = 0
  readonly #tellingMs = new RecentFigures(LOOK)
  /** Time a record from one answer to the next: what it is all about. */
  readonly #pace = new RecentFigures(JUDGED)
  #lastAnswerAt = -1
  #sinceLastAnswer = 0
  /** The way in use is on trial. */
  #isTrial = false
  /** Pace of the way that won last, when it was judged. */
  #winnerPace = Infinity
  #patience = PATIENCE
  #untilTrial = 0

  /** Batches went to the broker when none was there. All times on the monotonic clock. */
  sent(now: number): void { this.#sentAt = now }

  /** The broker has answered a batch of `records`, whose senders are told now. `more`: others are with the broker, who turns to them now. */
  answered(now: number, records: number, more: boolean): void {
    // Answers in one turn of the event loop are those of one group.
    if (this.#answeredAt < 0) {
      if (this.#sentAt >= 0) this.#answerMs.add(now - this.#sentAt)
      if (this.#sinceLastAnswer > 0) this.#pace.add((now - this.#lastAnswerAt) / this.#sinceLastAnswer)
      this.#lastAnswerAt = now
      this.#sinceLastAnswer = 0
      this.#answeredAt = now
    }
    this.#sentAt = more ? now : -1
    this.#answered += records
    this.#sinceLastAnswer += records
  }

  /** A turn of the event loop later, everyone who was told has gone on; `queue` tells how many records of the partition are on their way. */
  told(now: number, queue: { readonly outstanding: number }): void {
    if (this.#answeredAt < 0) return
    this.#tellingMs.add((now - this.#answeredAt) / this.#answered)
    this.#answeredAt = -1
    this.#answered = 0
    const { count } = this.#pace
    if (count === 0 || count % LOOK > 0) return
    this.#untilTrial -= LOOK
    const { outstanding } = queue
    if (outstanding < LEAST_OUTSTANDING) {
      if (this.pays) this.#change(false)
    } else if (this.#isTrial) this.#judge()
    else if (this.#isDue(outstanding)) this.#change(true)
  }

  /** The other way is to be tried: its time has come, or the one in use has become much slower. */
  #isDue(outstanding: number): boolean {
    if (this.#pace.count < JUDGED) return false
    const pace = this.#pace.median(JUDGED)
    if (this.#untilTrial > 0 && pace < MUCH_SLOWER * this.#winnerPace) return false
    this.#winnerPace = pace
    return this.pays || (this.#answerMs.count >= LOOK && this.#answerMs.median(LOOK) < WORTH_A_TRY * this.#tellingMs.median(LOOK) * outstanding)
  }

  #judge(): void {
    if (this.#pace.count < JUDGED) return
    const pace = this.#pace.median(JUDGED)
    if (this.pays ? pace < GAIN * this.#winnerPace : GAIN * pace < this.#winnerPace) {
      this.#winnerPace = pace
      this.#patience = PATIENCE
      this.#isTrial = false
      this.#pace.forget()
    } else {
      this.#patience = Math.min(LESS_OFTEN * this.#patience, MOST_PATIENCE)
      this.#change(false)
    }
    this.#untilTrial = this.#patience
  }

  #change(isTrial: boolean): void {
    this.pays = !this.pays
    this.#isTrial = isTrial
    // Of the other way.
    this.#pace.forget()
    this.#answerMs.forget()
  }
}
