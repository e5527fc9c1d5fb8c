/** Java's `String.hashCode`: decides the partition of a group or transactional id, and the order in which Java's maps list their keys. */

/** h = 31·h + UTF-16 code unit, wrapping at 32 bits; signed. */
export function javaStringHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0
  return hash
}

/** Partition of `__consumer_offsets` or `__transaction_state` that holds `id` (spec/storage-format 11.2). */
export function coordinatorPartition(id: string, partitions: number): number {
  const hash = javaStringHash(id)
  return (hash === -2147483648 ? 0 : Math.abs(hash)) % partitions
}
