import { describe, expect, test } from 'vitest'
import { AnswerOverlap } from './answer-overlap.ts'

/** Closed loops of as many senders as there are records, on a disk and with a telling that take what `times` says; counts rounds. */
class Senders {
  readonly overlap = new AnswerOverlap()
  records: number
  inTurns = 0
  rounds = 0
  changes = 0
  #now = 0

  constructor(records: number = 1000) { this.records = records }

  /** `turnMs`: what one part of the senders takes when they go in turns. */
  run(count: number, answerMs: number, tellMs: number, turnMs: number): this {
    for (let i = 0; i < count; i++) {
      this.rounds++
      const { pays } = this.overlap
      if (pays) {
        this.inTurns++
        for (let part = 0; part < 2; part++) this.#round(turnMs - tellMs / 2, tellMs / 2, this.records / 2, true)
      } else this.#round(answerMs, tellMs, this.records, false)
      if (this.overlap.pays !== pays) this.changes++
    }
    return this
  }

  #round(answerMs: number, tellMs: number, records: number, more: boolean): void {
    if (!more) this.overlap.sent(this.#now)
    this.overlap.answered(this.#now += answerMs, records, more)
    this.overlap.told(this.#now += tellMs, { outstanding: this.records })
  }

  /** Part of the next `count` rounds that go in turns. */
  share(count: number, answerMs: number, tellMs: number, turnMs: number): number {
    const before = this.inTurns
    this.run(count, answerMs, tellMs, turnMs)
    return (this.inTurns - before) / count
  }
}

describe('AnswerOverlap', () => {
  test.each([
    ['the parts take less than all together', 0.3, 0.4, 0.28, 0.75, 1],
    ['they take hardly less', 0.3, 0.4, 0.34, 0, 0.12],
    ['they take longer', 0.7, 0.4, 0.7, 0, 0.12],
    ['the disk is slow', 5, 0.4, 5, 0, 0],
    ['there is little to tell', 0.2, 0.02, 0.2, 0, 0],
  ])('where %s: goes in turns accordingly', (_name, answerMs, tellMs, turnMs, least, most) => {
    const share = new Senders().share(5000, answerMs, tellMs, turnMs)
    expect(share).toBeGreaterThanOrEqual(least)
    expect(share).toBeLessThanOrEqual(most)
  })

  test('tries what loses ever more seldom', () => {
    const senders = new Senders()
    const shares = [0, 1, 2, 3].map(() => senders.share(6000, 0.7, 0.4, 0.7))
    expect(shares[0]).toBeGreaterThan(0)
    expect(shares[3]).toBeLessThan(0.02)
    expect(shares[3]).toBeGreaterThan(0)
  })

  test('follows a disk that becomes slow, and fast again', () => {
    const senders = new Senders().run(1000, 0.2, 0.4, 0.25)
    expect(senders.overlap.pays).toBe(true)
    expect(senders.share(200, 5, 0.4, 5)).toBeLessThan(0.2)
    expect(senders.share(200, 5, 0.4, 5)).toBe(0)
    expect(senders.share(2000, 0.2, 0.4, 0.25)).toBeGreaterThan(0.7)
  })

  test('takes no notice of a disk that hesitates now and then, nor of a pause of the senders', () => {
    const senders = new Senders().run(3000, 0.2, 0.4, 0.25)
    const before = senders.changes
    for (let i = 0; i < 100; i++) senders.run(5, 0.2, 0.4, 0.25).run(1, 14, 0.4, 14).run(1, 0.2, 9, 5)
    expect(senders.overlap.pays).toBe(true)
    expect(senders.changes - before).toBeLessThanOrEqual(4)
  })

  test('few records that are told slowly never go in turns, and not any more when they have become few', () => {
    expect(new Senders(20).share(2000, 0.2, 0.4, 0.15)).toBe(0)
    const senders = new Senders().run(1000, 0.2, 0.4, 0.25)
    expect(senders.overlap.pays).toBe(true)
    senders.records = 20
    expect(senders.share(500, 0.2, 0.4, 0.25)).toBeLessThan(0.05)
  })

  test('one who pauses for long, with few records out, never goes in turns', () => {
    const senders = new Senders(1)
    for (let i = 0; i < 500; i++) senders.run(1, 0.2, 0.01, 0.2).run(1, 100, 0.01, 100)
    expect(senders.inTurns).toBe(0)
  })
})
