/** The verdict on offsets that contradict each other, held against every course there is, tried one by one. */
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../testing/seeded-random.ts'
import { judgeClaims, type OffsetClaim, type OffsetScene } from './offset-claims.ts'

/** What a course costs: liars, losses, losses that are more than a bit away, holes. Each counts more than any number of the next. */
type Cost = readonly [liars: number, losses: number, far: number, holes: number]

const claim = (first: number, span: number, isMendable = true): OffsetClaim => ({ first, next: first + span, span, isMendable })

function fits(group: readonly OffsetClaim[], from: number, bound: number | null): boolean {
  let needed = from
  for (const { span, isMendable } of group) {
    if (!isMendable) return false
    needed += span
  }
  return needed === bound
}

function isNear({ first, span }: OffsetClaim, from: number, bound: number): boolean {
  for (let bit = 0n; bit < 53n; bit++) {
    const other = Number(BigInt(first) ^ (1n << bit))
    if (other >= from && other + span <= bound) return true
  }
  return false
}

/** Of the claims between two that are believed. */
function gapCost(liars: readonly OffsetClaim[], from: number, bound: number | null, { highest }: OffsetScene): Cost {
  const count = liars.length
  if (count === 0) return [0, 0, 0, bound === null || bound === from ? 0 : 1]
  if (fits(liars, from, bound)) return [count, 0, 0, 0]
  return [count, count, count === 1 && isNear(liars[0]!, from, bound ?? highest) ? 0 : count, 1]
}

/** Null: these cannot all be believed. */
function courseCost(claims: readonly OffsetClaim[], believed: readonly number[], scene: OffsetScene): Cost | null {
  const total = [0, 0, 0, 0]
  let from = scene.expected
  let next = 0
  const pass = (upTo: number, bound: number | null): void => {
    gapCost(claims.slice(next, upTo), from, bound, scene).forEach((cost, i) => { total[i]! += cost })
  }
  for (const at of believed) {
    const one = claims[at]!
    if (one.first < from || one.next > scene.highest || (scene.end !== null && at === believed.at(-1) && one.next > scene.end)) return null
    pass(at, one.first)
    from = one.next
    next = at + 1
  }
  pass(claims.length, scene.end)
  return total as unknown as Cost
}

/** Lower is better; of equals the one whose believed ones come earlier, from the last on. */
function isBetter(a: Cost, b: Cost, believedByA: readonly number[], believedByB: readonly number[]): boolean {
  const keyOf = (cost: Cost, believed: readonly number[]): number[] => [...cost, ...[...believed].reverse(), -1]
  const [left, right] = [keyOf(a, believedByA), keyOf(b, believedByB)]
  const at = left.findIndex((value, i) => value !== right[i])
  return at >= 0 && left[at]! < right[at]!
}

function verdict(claims: readonly OffsetClaim[], scene: OffsetScene): ReturnType<typeof judgeClaims> {
  let best: { cost: Cost; believed: readonly number[] } | null = null
  for (let set = 0; set < 1 << claims.length; set++) {
    const believed = claims.flatMap((_, i) => ((set >> i) & 1 ? [i] : []))
    const cost = courseCost(claims, believed, scene)
    if (cost !== null && (best === null || isBetter(cost, best.cost, believed, best.believed))) best = { cost, believed }
  }
  const { believed } = best!
  const [first] = believed
  const end = believed.length === 0 ? scene.expected : claims[believed.at(-1)!]!.next
  if (first === 0) return { first: claims[0]!.first, end }
  const group = first === undefined ? claims : claims.slice(0, first)
  return { first: fits(group, scene.expected, first === undefined ? scene.end : claims[first]!.first) ? scene.expected : null, end }
}

describe('who is believed', () => {
  const random = new SeededRandom(5)
  const pick = <T>(...values: readonly T[]): T => values[random.int(values.length)]!

  /** Mostly a course as it should be, hit in a few places. */
  function drawn(): { claims: OffsetClaim[]; scene: OffsetScene } {
    const expected = random.int(4)
    let offset = expected + pick(0, 0, 0, 1, 3)
    const claims = Array.from({ length: random.int(6) }, () => {
      const span = 1 + random.int(3)
      const right = offset
      offset += span + pick(0, 0, 0, 0, 2)
      const first = pick(right, right, right, random.int(18) - 2, right ^ (1 << random.int(6)), -(2 ** 40))
      return claim(first, span, random.int(8) > 0)
    })
    const highest = pick(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, offset, offset + 1, offset + 40)
    return { claims, scene: { expected, highest, end: pick(null, offset, offset, offset + 1, Math.max(expected, offset - 1)) } }
  }

  test('are those of the course that makes liars of the fewest, then loses the fewest, then guesses the least, then leaves the fewest holes', () => {
    for (let round = 0; round < 1000; round++) {
      const { claims, scene } = drawn()
      const question = JSON.stringify({ claims, scene })
      expect(`${question} ${JSON.stringify(judgeClaims(claims, scene))}`).toBe(`${question} ${JSON.stringify(verdict(claims, scene))}`)
    }
  })

  test('may be nobody, and all of them find their place again where the room is what they need', () => {
    const lost = [claim(90, 2), claim(80, 3)]
    expect(judgeClaims(lost, { expected: 4, highest: 50, end: 9 })).toEqual({ first: 4, end: 4 })
    expect(judgeClaims(lost, { expected: 4, highest: 50, end: 10 })).toEqual({ first: null, end: 4 })
    expect(judgeClaims(lost, { expected: 4, highest: 50, end: null })).toEqual({ first: null, end: 4 })
    expect(judgeClaims([lost[0]!, claim(80, 3, false)], { expected: 4, highest: 50, end: 9 })).toEqual({ first: null, end: 4 })
    expect(judgeClaims([], { expected: 4, highest: 50, end: null })).toEqual({ first: null, end: 4 })
  })
})
