import { describe, expect, test } from 'vitest'
import { AnswerOverlap } from './answer-overlap.ts'

/** Rounds of `records` that are answered after `answerMs` and told within `tellMs`. */
function rounds(overlap: AnswerOverlap, count: number, records: number, answerMs: number, tellMs: number): void {
  let now = 0
  for (let i = 0; i < count; i++) {
    overlap.sent(now)
    now += answerMs
    overlap.answered(now, records, false)
    now += tellMs
    overlap.told(now, records)
  }
}

describe('AnswerOverlap', () => {
  test.each([
    [0.2, 0.4, true], [0.4, 0.4, true], [0.6, 0.4, false], [5, 0.4, false], [0.2, 0.02, false],
  ])('of answers after %d ms to senders that take %d ms: pays %s', (answerMs, tellMs, pays) => {
    const overlap = new AnswerOverlap()
    expect(overlap.pays).toBe(false)
    rounds(overlap, 20, 1000, answerMs, tellMs)
    expect(overlap.pays).toBe(pays)
  })

  test('follows a disk that becomes slow, and fast again', () => {
    const overlap = new AnswerOverlap()
    rounds(overlap, 20, 1000, 0.2, 0.4)
    rounds(overlap, 5, 1000, 5, 0.4)
    expect(overlap.pays).toBe(false)
    rounds(overlap, 40, 1000, 0.2, 0.4)
    expect(overlap.pays).toBe(true)
  })

  test('takes no notice of a disk that hesitates now and then, nor of a pause of the senders', () => {
    const overlap = new AnswerOverlap()
    rounds(overlap, 20, 1000, 0.2, 0.4)
    for (let i = 0; i < 50; i++) {
      rounds(overlap, 5, 1000, 0.2, 0.4)
      rounds(overlap, 1, 1000, 14, 0.4)
      rounds(overlap, 1, 1000, 0.2, 9)
      expect(overlap.pays).toBe(true)
    }
  })

  test('a try that was a mistake is not repeated soon, unless the disk becomes faster', () => {
    const overlap = new AnswerOverlap()
    let tries = 0
    const run = (count: number, answerMs: number): number => {
      tries = 0
      for (let i = 0; i < count; i++) {
        const before = overlap.pays
        // Answers for half the records take as long as those for all.
        rounds(overlap, 1, 1000, answerMs, 0.4)
        if (!before && overlap.pays) tries++
      }
      return tries
    }
    expect(run(190, 0.7)).toBe(1)
    expect(run(5000, 0.7)).toBeLessThan(6)
    expect(overlap.pays).toBe(false)
    expect(run(20, 0.3)).toBe(1)
    expect(overlap.pays).toBe(true)
  })

  test('takes the time between an answer and the next turn for telling, not that of a later send', () => {
    const overlap = new AnswerOverlap()
    rounds(overlap, 20, 10, 1, 0.001)
    overlap.told(100_000, 10)
    expect(overlap.pays).toBe(false)
  })

  test('counts all that is outstanding, when only a part was answered', () => {
    const overlap = new AnswerOverlap()
    let now = 0
    for (let i = 0; i < 20; i++) {
      overlap.sent(now)
      overlap.answered(now += 0.3, 500, false)
      overlap.told(now += 0.2, 1000)
    }
    expect(overlap.pays).toBe(true)
  })
})
