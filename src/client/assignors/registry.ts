/** The assignors by name, as `partition.assignment.strategy` and the group protocol name them. */
import type { Assignor, AssignorName } from './assignor.ts'
import { cooperativeSticky } from './cooperative-sticky.ts'
import { range } from './range.ts'
import { roundRobin } from './round-robin.ts'
import { sticky } from './sticky.ts'

export const assignors: Readonly<Record<AssignorName, Assignor>> = {
  range, roundrobin: roundRobin, sticky, 'cooperative-sticky': cooperativeSticky,
}

/** Undefined for a name that is none of ours. */
export function assignorNamed(name: string): Assignor | undefined {
  return Object.hasOwn(assignors, name) ? assignors[name as AssignorName] : undefined
}
