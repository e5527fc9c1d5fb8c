/**
 * Producers, consumers, groups and admin calls beside each other, over the embedded database on a simulated disk that answers late and in any order. Each seed
 * is a program of its own, held against lists and numbers: what was acknowledged is read back at its place, once and in order; nobody reads what was never sent;
 * whoever reads stands where it should; commits go as far as what is done, and not back; every call comes to an end; nothing is left after close.
 */
import { expect, test } from 'vitest'
import { fleetingTopics, manyLives, oneLife } from './rounds.ts'

/** From and how many; `OTTLA_BESIDE=1,1000` runs more. */
const given = process.env['OTTLA_BESIDE']?.split(',').map(Number)

test.each([
  ['on one database', oneLife, 10, 200], ['through closes, crashes and faults of the disk', manyLives, 6, 200], ['on topics that come and go', fleetingTopics, 6, 20],
] as const)('clients beside each other %s', async (_, round, usual, readsPerRound) => {
  const [first, rounds] = given ?? [1, usual]
  let reads = 0
  for (let seed = first!; seed < first! + rounds!; seed++) {
    try {
      reads += await round(seed)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  // One round alone may have little to read.
  expect(reads).toBeGreaterThanOrEqual(rounds! < usual ? 0 : rounds! * readsPerRound)
}, 1_200_000)
