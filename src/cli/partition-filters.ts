/** Which partitions an option of `topics --describe` leaves, as kafka-topics. */
import type { TopicDescription } from '../index.ts'

type Partition = TopicDescription['partitions'][number]

/** `live`: ids of the brokers that are there; `minInSync`: min.insync.replicas of the topic. */
interface Measure { readonly live: ReadonlySet<number>; readonly minInSync: number }

export type FilterName = 'under-replicated-partitions' | 'unavailable-partitions' | 'under-min-isr-partitions' | 'at-min-isr-partitions'

export const partitionFilters: Record<FilterName, (partition: Partition, measure: Measure) => boolean> = {
  'under-replicated-partitions': ({ isr, replicas }) => isr.length < replicas.length,
  'unavailable-partitions': ({ leader }, { live }) => !live.has(leader),
  'under-min-isr-partitions': ({ isr }, { minInSync }) => isr.length < minInSync,
  'at-min-isr-partitions': ({ isr }, { minInSync }) => isr.length === minInSync,
}
export const filterNames = Object.keys(partitionFilters) as FilterName[]
