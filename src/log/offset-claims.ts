/**
 * Which of the batches that stand behind each other tell the truth about their offsets. No checksum covers these: one that is hit makes a neighbour look wrong,
 * and one that became too high makes all behind it look so. What is believed is the course that makes liars of the fewest batches, for a record under a wrong
 * offset is worse than one kept aside; of two such courses the one that loses fewer, then the one whose liars are one bit away from what fits, then the one with
 * fewer holes. A liar is mended where the others leave exactly the room that it, and the liars beside it, need: a guess about bits is not enough for that.
 * Pure: numbers in, a verdict out.
 */

/** What one batch says of itself. */
export interface OffsetClaim {
  readonly first: number
  /** After its last offset. */
  readonly next: number
  /** How many offsets it takes, which its checksum covers. */
  readonly span: number
  readonly isMendable: boolean
}

export interface OffsetScene {
  /** Offsets below are taken. */
  readonly expected: number
  /** No batch goes beyond. */
  readonly highest: number
  /** The last of the claims ends here, or lower where records are gone; null: not known, or there are more claims behind them. */
  readonly end: number | null
}

/** Weights: each beats any number of the next, for as many claims as are judged at once. */
const LIAR = 1_000_000
const LOSS = 10_000
const FAR = 100
const HOLE = 1
/** Claims judged at once. */
export const CLAIMS_AT_ONCE = 32

interface Course { readonly cost: number; readonly before: number }

/** `expected` where the first batch is mended to begin there, its own `first` where it is believed, null where it is given up; and where the claims end. */
export function judgeClaims(claims: readonly OffsetClaim[], scene: OffsetScene): { readonly first: number | null; readonly end: number } {
  const courses: (Course | null)[] = []
  for (let at = 0; at < claims.length; at++) courses.push(bestCourse(claims, courses, scene, at))
  let last = -1
  let least = costBetween(claims, -1, claims.length, scene, scene.end)
  for (const [at, course] of courses.entries()) {
    if (course === null || (scene.end !== null && claims[at]!.next > scene.end)) continue
    const cost = course.cost + costBetween(claims, at, claims.length, scene, scene.end)
    if (cost < least) [last, least] = [at, cost]
  }
  let firstBelieved = last
  for (let before = last; before >= 0; before = courses[before]!.before) firstBelieved = before
  const end = last < 0 ? scene.expected : claims[last]!.next
  if (firstBelieved === 0) return { first: claims[0]!.first, end }
  const bound = firstBelieved < 0 ? scene.end : claims[firstBelieved]!.first
  const group = claims.slice(0, firstBelieved < 0 ? claims.length : firstBelieved)
  return { first: fitsExactly(group, scene.expected, bound) ? scene.expected : null, end }
}

/** The cheapest one that believes the claim at `at`; null: it cannot be believed. */
function bestCourse(claims: readonly OffsetClaim[], courses: readonly (Course | null)[], scene: OffsetScene, at: number): Course | null {
  const { first, next } = claims[at]!
  if (next > scene.highest) return null
  let best: Course | null = null
  for (let before = -1; before < at; before++) {
    const course = courses[before] ?? null
    if ((before >= 0 && course === null) || first < (before < 0 ? scene.expected : claims[before]!.next)) continue
    const cost = (course?.cost ?? 0) + costBetween(claims, before, at, scene, first)
    if (best === null || cost < best.cost) best = { cost, before }
  }
  return best
}

/** What it costs to believe nobody between two who are believed, or from the last of them to `bound`. */
function costBetween(claims: readonly OffsetClaim[], before: number, after: number, scene: OffsetScene, bound: number | null): number {
  const from = before < 0 ? scene.expected : claims[before]!.next
  const liars = after - before - 1
  if (liars === 0) return bound === null || bound === from ? 0 : HOLE
  if (fitsExactly(claims.slice(before + 1, after), from, bound)) return liars * LIAR
  const isNear = liars === 1 && isOneBitAway(claims[before + 1]!, from, bound ?? scene.highest)
  return liars * (LIAR + LOSS) + (isNear ? 0 : liars * FAR) + HOLE
}

function isOneBitAway({ first, span }: OffsetClaim, from: number, bound: number): boolean {
  for (let bit = 1; bit <= Number.MAX_SAFE_INTEGER; bit *= 2) {
    const other = Math.floor(first / bit) % 2 === 0 ? first + bit : first - bit
    if (other >= from && other + span <= bound) return true
  }
  return false
}

function fitsExactly(group: readonly OffsetClaim[], from: number, bound: number | null): boolean {
  return bound !== null && group.every((claim) => claim.isMendable) && group.reduce((sum, claim) => sum + claim.span, 0) === bound - from
}
