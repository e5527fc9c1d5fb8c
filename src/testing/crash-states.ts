/**
 * From an operation log to the disks a power cut may leave: one by a policy, or all that are worth trying.
 *
 * At each moment: every combination while there are few, else nothing, everything, every prefix, every single loss, every single survivor
 * and a number of seeded random subsets. States are told apart by content and by the marks before them, because what must hold of a disk
 * depends on what the world had been promised.
 */
import { OttlaError } from '../common/errors.ts'
import { GARBAGE, KEPT, LOST, Materialiser, TORN, ZEROED, materialise } from './crash-image.ts'
import type { DiskOperation, DiskTree } from './disk-operation.ts'
import { DurabilityModel } from './durability-model.ts'
import type { CrashProfile, PendingUnit } from './pending-unit.ts'
import { SeededRandom } from './seeded-random.ts'
import type { SimulatedFileSystem } from './simulated-file-system.ts'

export interface History { readonly base: DiskTree; readonly operations: readonly DiskOperation[] }

export interface CrashMoment {
  /** After this many of the recorded operations; all of them unless given. */
  readonly at?: number
  readonly profile?: CrashProfile
}

export type CrashPolicy =
  | 'lose-all' //  only what is certainly durable
  | 'keep-all' //  as after the death of the process alone
  | { readonly prefix: number } //  the first pending units
  | { readonly seed: number; readonly damage?: boolean } // a random subset; with damage, lost sectors may also be zeroed, garbled or torn
  | { readonly keep: (unit: PendingUnit, index: number) => boolean }

export interface CrashSearch {
  /** Cut only after this many of the recorded operations. Unless given: after every one, from `from` on. */
  readonly at?: number
  readonly from?: number
  /** False: no cut after so many operations. For those who know that the disks of a moment are tried at another one. */
  readonly moments?: (at: number) => boolean
  readonly profile?: CrashProfile
  /** All combinations are tried up to this many; default 1024. */
  readonly maxExhaustive?: number
  /** Random subsets per moment where there are more; default 2000. Also bounds prefixes, single losses and single survivors. */
  readonly maxSubsets?: number
  readonly seed?: number
  /** Random subsets also zero, garble and tear lost sectors. */
  readonly damage?: boolean
}

export interface CrashState {
  /** The cut came after this many operations. */
  readonly at: number
  /** Labels marked before the cut. */
  readonly marks: readonly string[]
  readonly hash: string
  /** What was pending and what became of each unit, for a failing test to print. */
  describe(): string
  /** A fresh disk in this state. */
  restore(options?: RestoreOptions): SimulatedFileSystem
}

/** `recordOperations` false: no second cut on the restored disk, for less time and memory. */
export interface RestoreOptions { readonly recordOperations?: boolean }

const MAX_EXHAUSTIVE = 1024
const MAX_SUBSETS = 2000

export function pendingUnitsAt(history: History, moment: CrashMoment): readonly PendingUnit[] { return modelAt(history, moment).units }

export function survivingTree(history: History, policy: CrashPolicy, moment: CrashMoment): DiskTree {
  const model = modelAt(history, moment)
  return materialise(model, outcomesOf(policy, model.units))
}

export function* enumerateCrashStates(history: History, search: CrashSearch, restore: (tree: DiskTree, options?: RestoreOptions) => SimulatedFileSystem): Generator<CrashState> {
  const last = search.at ?? history.operations.length
  const first = search.at ?? search.from ?? 0
  checkMoment(history, first)
  checkMoment(history, last)
  const model = new DurabilityModel(history.base, search.profile)
  const random = new SeededRandom(search.seed ?? 1)
  const seen = new Set<number>()
  let marks: readonly string[] = []
  for (let at = 0; at <= last; at++) {
    const operation = at === 0 ? undefined : history.operations[at - 1] as DiskOperation
    if (operation !== undefined) model.apply(operation)
    if (operation?.kind === 'mark') {
      marks = [...marks, operation.path]
      seen.clear()
    }
    if (at < first || search.moments?.(at) === false) continue
    const materialiser = new Materialiser(model)
    for (const outcomes of choices(model.units, search, random)) {
      const disk = materialiser.disk(outcomes)
      const { hash } = disk
      if (seen.has(hash)) continue
      seen.add(hash)
      const tree = disk.tree()
      const units = model.units
      yield {
        at, marks, hash: hash.toString(16).padStart(14, '0'),
        describe: () => describeOutcomes(at, units, outcomes),
        restore: (options) => restore(tree, options),
      }
    }
  }
}

function modelAt(history: History, { at = history.operations.length, profile }: CrashMoment): DurabilityModel {
  checkMoment(history, at)
  const model = new DurabilityModel(history.base, profile)
  for (let i = 0; i < at; i++) model.apply(history.operations[i] as DiskOperation)
  return model
}

function checkMoment(history: History, at: number): void {
  if (at >= 0 && at <= history.operations.length) return
  throw new OttlaError('INVALID_ARGUMENT', `There is no moment ${at}: ${history.operations.length} operations are recorded`)
}

function outcomesOf(policy: CrashPolicy, units: readonly PendingUnit[]): Uint8Array {
  const outcomes = new Uint8Array(units.length)
  if (policy === 'lose-all') return outcomes
  if (policy === 'keep-all') return outcomes.fill(KEPT)
  if ('prefix' in policy) return outcomes.fill(KEPT, 0, Math.min(policy.prefix, units.length))
  if ('keep' in policy) return outcomes.map((_, i) => (policy.keep(units[i] as PendingUnit, i) ? KEPT : LOST))
  return randomOutcomes(units, new SeededRandom(policy.seed), policy.damage === true)
}

/** Each subset has its own density, so that nearly empty and nearly full ones are tried as well. */
function randomOutcomes(units: readonly PendingUnit[], random: SeededRandom, damage: boolean): Uint8Array {
  const density = random.float()
  return new Uint8Array(units.length).map((_, i) => {
    if (random.chance(density)) return KEPT
    return damage && units[i]?.kind === 'sector' && random.chance(0.5) ? random.pick([ZEROED, GARBAGE, TORN]) : LOST
  })
}

function* choices(units: readonly PendingUnit[], search: CrashSearch, random: SeededRandom): Generator<Uint8Array> {
  const { profile = 'strict', maxExhaustive = MAX_EXHAUSTIVE, maxSubsets = MAX_SUBSETS, damage = false } = search
  if (profile === 'sequential') return yield* prefixes(units.length, 1)
  const slots = slotsOf(units)
  const combinations = slots.reduce((product, slot) => product * (slot.length + 1), 1)
  if (combinations <= maxExhaustive) yield* allCombinations(units.length, slots)
  else yield* chosenCombinations(units.length, maxSubsets)
  if (combinations <= maxExhaustive && !damage) return
  // Where there are few combinations, drawing more often only draws the same ones.
  for (let i = Math.min(maxSubsets, combinations * 4); i > 0; i--) yield randomOutcomes(units, random, damage)
}

/** Units that replace each other, in order: surviving versions of one sector or of one size differ only by the last of them. */
function slotsOf(units: readonly PendingUnit[]): number[][] {
  const slots = new Map<string, number[]>()
  units.forEach((unit, i) => {
    const key = unit.kind === 'sector' ? `${unit.file}.${unit.index}` : unit.kind === 'size' ? `${unit.file}` : `#${i}`
    const slot = slots.get(key)
    if (slot === undefined) slots.set(key, [i])
    else slot.push(i)
  })
  return [...slots.values()]
}

function* allCombinations(length: number, slots: readonly number[][]): Generator<Uint8Array> {
  const chosen = slots.map(() => 0)
  for (;;) {
    const outcomes = new Uint8Array(length)
    slots.forEach((slot, i) => {
      const version = chosen[i] as number
      if (version > 0) outcomes[slot[version - 1] as number] = KEPT
    })
    yield outcomes
    let i = 0
    while (i < slots.length && chosen[i] === slots[i]?.length) chosen[i++] = 0
    if (i === slots.length) return
    chosen[i] = (chosen[i] as number) + 1
  }
}

function* prefixes(length: number, stride: number): Generator<Uint8Array> {
  for (let i = 0; i < length; i += stride) yield new Uint8Array(length).fill(KEPT, 0, i)
  yield new Uint8Array(length).fill(KEPT)
}

function* chosenCombinations(length: number, limit: number): Generator<Uint8Array> {
  const stride = Math.max(1, Math.ceil(length / limit))
  yield* prefixes(length, stride)
  for (let i = 0; i < length; i += stride) {
    const loss = new Uint8Array(length).fill(KEPT)
    loss[i] = LOST
    yield loss
    const survivor = new Uint8Array(length)
    survivor[i] = KEPT
    yield survivor
  }
}

const outcomeNames = ['lost', 'kept', 'zeroed', 'garbled', 'torn']

function describeOutcomes(at: number, units: readonly PendingUnit[], outcomes: Uint8Array): string {
  // The model goes on adding units to the same array.
  const lines = units.slice(0, outcomes.length).map((unit, i) => `  ${outcomeNames[outcomes[i] as number]}: ${describeUnit(unit)}`)
  return [`power cut after ${at} operations`, ...lines].join('\n')
}

function describeUnit(unit: PendingUnit): string {
  const where = `#${unit.sequence} ${unit.path}`
  if (unit.kind === 'entry') return unit.operation.kind === 'rename' ? `${where} rename to ${unit.operation.to}` : `${where} ${unit.operation.kind}`
  if (unit.kind === 'sector') return `${where} sector ${unit.index}, bytes ${unit.from} to ${unit.to}`
  return `${where} ${unit.kind} ${unit.size}`
}
