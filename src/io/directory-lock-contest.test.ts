/**
 * The take-over algorithm under adversarial schedules: contenders in one simulated directory, every step of every contender a point where
 * any other may run or any may die. The oracle is the world's own table of who owns what.
 */
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { systemScheduler } from '../common/scheduler.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { LOCK_NAME, contend, type LockDoor } from './directory-lock-contest.ts'
import type { LockOwner, LockSocket } from './directory-lock-socket.ts'

class Dead extends Error {}
interface SocketFile { readonly process: number; listening: boolean }
type Outcome = 'owner' | 'refused' | 'dead'

/** A directory whose processes take turns by a seeded choice; a step of a dead process never returns. */
class World {
  readonly files = new Map<string, SocketFile>()
  readonly alive = new Set<number>()
  readonly owners = new Set<number>()
  readonly #random: SeededRandom
  readonly #waiting: { process: number; wake: () => void }[] = []
  maxOwners = 0
  steps = 0

  constructor(seed: number) { this.#random = new SeededRandom(seed) }

  /** Parks a process until the schedule picks it. */
  step(process: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ process, wake: () => (this.alive.has(process) ? resolve() : reject(new Dead())) })
    })
  }

  kill(process: number): void {
    this.alive.delete(process)
    this.owners.delete(process)
    for (const file of this.files.values()) if (file.process === process) file.listening = false
  }

  /** Runs until nobody waits. */
  async run(killChance: number): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => systemScheduler.soon(resolve))
      if (this.#waiting.length === 0) return
      const [next] = this.#waiting.splice(this.#random.int(this.#waiting.length), 1)
      if (killChance > 0 && this.#random.chance(killChance)) this.kill(next?.process ?? 0)
      next?.wake()
      this.steps++
      if (this.steps > 20_000) throw new Error('nobody ever wins')
    }
  }

  door(process: number, ids: () => string): LockDoor {
    const owner: LockOwner = { pid: process, startedAt: '', version: '' }
    return {
      names: () => [...this.files.keys()],
      listen: async (name): Promise<LockSocket> => {
        await this.step(process)
        const file: SocketFile = { process, listening: false }
        this.files.set(name, file)
        // Bound, and not yet listening: whoever asks now is refused.
        await this.step(process)
        file.listening = true
        return { close: async () => { file.listening = false } }
      },
      probe: async (name) => {
        await this.step(process)
        const file = this.files.get(name)
        await this.step(process)
        if (file === undefined) return { state: 'absent' }
        return file.listening ? { state: 'alive', owner: { ...owner, pid: file.process } } : { state: 'dead' }
      },
      rename: (from, to) => {
        const file = this.files.get(from)
        if (file === undefined) throw new OttlaError('DIRECTORY_UNUSABLE', `${from} is gone`)
        this.files.delete(from)
        this.files.set(to, file)
        if (to !== LOCK_NAME) return
        this.owners.add(process)
        this.maxOwners = Math.max(this.maxOwners, this.owners.size)
      },
      unlink: (name) => { this.files.delete(name) },
      ageMs: () => 0,
      newId: ids,
      pause: () => this.step(process),
      expired: () => false,
      locked: (found) => new OttlaError('DIRECTORY_LOCKED', `pid ${found?.pid}`),
    }
  }

  async contend(process: number, ids: () => string): Promise<Outcome> {
    this.alive.add(process)
    try {
      await contend(this.door(process, ids))
      return 'owner'
    } catch (error) {
      if (error instanceof Dead) return 'dead'
      if (OttlaError.is(error, 'DIRECTORY_LOCKED')) return 'refused'
      throw error
    }
  }
}

async function playRound(seed: number, contenders: number, killChance: number, deadLock: boolean): Promise<{ world: World; outcomes: Outcome[] }> {
  const world = new World(seed)
  const random = new SeededRandom(seed + 1e6)
  const newId = (): string => Buffer.from(random.bytes(6)).toString('hex')
  if (deadLock) world.files.set(LOCK_NAME, { process: -1, listening: false })
  const running = Array.from({ length: contenders }, (_, i) => world.contend(i, newId))
  await world.run(killChance)
  return { world, outcomes: await Promise.all(running) }
}

describe('the contest for a directory', () => {
  test.each([2, 3, 5])('of %i contenders exactly one wins and the others are refused, in thousands of orders', async (contenders) => {
    for (let seed = 0; seed < 1500; seed++) {
      const { world, outcomes } = await playRound(seed, contenders, 0, seed % 2 === 0)
      expect(outcomes.filter((outcome) => outcome === 'owner'), `seed ${seed}`).toHaveLength(1)
      expect(outcomes.filter((outcome) => outcome === 'refused'), `seed ${seed}`).toHaveLength(contenders - 1)
      expect(world.maxOwners).toBe(1)
      expect([...world.files.keys()], `seed ${seed}`).toEqual([LOCK_NAME])
    }
  })

  test('with contenders dying at any step there is never more than one living owner, and the next one gets in', async () => {
    let deaths = 0
    let takeOvers = 0
    for (let seed = 0; seed < 3000; seed++) {
      const { world, outcomes } = await playRound(seed, 4, (seed % 8) / 80, seed % 2 === 0)
      deaths += outcomes.filter((outcome) => outcome === 'dead').length
      expect(world.maxOwners, `seed ${seed}`).toBeLessThanOrEqual(1)
      if (seed % 3 === 0) for (const owner of world.owners) world.kill(owner)
      const next = world.contend(99, () => `ffffffffff${(seed % 256).toString(16).padStart(2, '0')}`)
      await world.run(0)
      const expected = world.owners.size === 1 && !world.owners.has(99) ? 'refused' : 'owner'
      expect(await next, `seed ${seed}`).toBe(expected)
      if (expected === 'owner') takeOvers++
    }
    expect(deaths).toBeGreaterThan(1000)
    expect(takeOvers).toBeGreaterThan(1000)
  })

  test('the schedules are hard enough to break a contender that looks before it is shown', async () => {
    let broken = 0
    for (let seed = 0; seed < 300; seed++) {
      const world = new World(seed)
      const naive = async (process: number): Promise<void> => {
        const door = world.door(process, () => '')
        world.alive.add(process)
        const found = await door.probe(LOCK_NAME)
        if (found.state === 'alive') return
        await door.listen(`.ottla.lock.${process}.new`)
        door.rename(`.ottla.lock.${process}.new`, LOCK_NAME)
      }
      const running = [naive(0), naive(1)]
      await world.run(0)
      await Promise.all(running)
      if (world.maxOwners > 1) broken++
    }
    expect(broken).toBeGreaterThan(50)
  })
})
