/**
 * Questions to a log beside its changes, on a disk that answers in any order: each answer must have been right at some moment between the question and the
 * answer. Who uses it says what a state of the log is, how it changes, and when an answer is right of one.
 */
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { ManualScheduler } from '../../src/testing/manual-scheduler.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'

type IsRight<S> = (answer: unknown, state: S) => boolean
/** `from`: the state it was asked in. `to`: the last change that had begun when it was answered. */
interface Asked<S> { readonly what: string; readonly from: number; to: number; readonly isRight: IsRight<S>; answer: unknown }

export class BesideChanges<S> {
  readonly random: SeededRandom
  readonly clock: ManualClock = new ManualClock()
  readonly scheduler: ManualScheduler = new ManualScheduler(this.clock)
  readonly disk: SimulatedFileSystem
  /** One more for every change that is over. */
  readonly #states: S[]
  #begun = 0
  readonly #asked: Asked<S>[] = []
  readonly #held: (() => void)[] = []
  #holding = false
  #failure: unknown = null
  asking = 0
  isChanging = false

  constructor(seed: number, first: S) {
    this.random = new SeededRandom(seed)
    this.#states = [first]
    const defer = (complete: () => void): void => { if (this.#holding) this.#held.push(complete); else queueMicrotask(complete) }
    this.disk = new SimulatedFileSystem({ clock: this.clock, defer })
  }

  get state(): S { return this.#states.at(-1)! }
  get askedCount(): number { return this.#asked.length }
  /** Answers of the disk that are held back. */
  get heldCount(): number { return this.#held.length }

  /** From here on the disk answers when `answer` lets it. */
  hold(): void { this.#holding = true }

  /** And from here on as it is asked. */
  release(): void {
    this.#holding = false
    for (const complete of this.#held.splice(0)) complete()
  }

  async answer(): Promise<void> {
    if (this.#held.length > 0) this.#held.splice(this.random.int(this.#held.length), 1)[0]!()
    await this.scheduler.advance(1)
  }

  /** One at a time. */
  change(make: () => Promise<S>): Promise<void> {
    this.#begun++
    this.isChanging = true
    return make().then((state) => { this.#states.push(state) }, (error: unknown) => { this.#failure ??= error }).then(() => { this.isChanging = false })
  }

  ask(what: string, answering: Promise<unknown>, isRight: IsRight<S>): void {
    const asked: Asked<S> = { what, from: this.#states.length - 1, to: Infinity, isRight, answer: undefined }
    this.#asked.push(asked)
    this.asking++
    void answering.catch((error: unknown) => error).then((answer) => {
      asked.answer = answer
      asked.to = this.#begun
      this.asking--
    })
  }

  /** Raises where a change failed, or an answer was never right. `show`: what to tell of a state. */
  judge(show: (state: S) => unknown): void {
    if (this.#failure !== null) throw this.#failure
    for (const { what, from, to, isRight, answer } of this.#asked) {
      const states = this.#states.slice(from, to + 1)
      if (states.some((state) => isRight(answer, state))) continue
      const shown = answer instanceof Error ? String(answer) : JSON.stringify(answer)
      throw new Error(`${what}: ${shown} was never so: ${JSON.stringify(states.map(show))}`, { cause: answer })
    }
  }
}

interface Extent { readonly start: number; readonly end: number; readonly entries: readonly { readonly timestamp: number }[] }

/** An offset in the log or a little beside it, a time that a record has or nearly, and which of four questions. */
export function drawQuestion(random: SeededRandom, { start, end, entries }: Extent): { offset: number; timestamp: number; kind: number } {
  const offset = Math.max(0, start - 2) + random.int(end - start + 5)
  const timestamp = (entries[random.int(Math.max(1, entries.length))]?.timestamp ?? 0) + random.int(3)
  return { offset, timestamp, kind: random.int(4) }
}

/** Runs one seed after another; `OTTLA_BESIDE=first,count` others. Returns how many and what each gave. */
export async function forSeeds<T>(count: number, run: (seed: number) => Promise<T>): Promise<T[]> {
  const [first, rounds] = (process.env['OTTLA_BESIDE'] ?? `1,${count}`).split(',').map(Number) as [number, number]
  const results: T[] = []
  for (let seed = first; seed < first + rounds; seed++) {
    try {
      results.push(await run(seed))
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  return results
}
