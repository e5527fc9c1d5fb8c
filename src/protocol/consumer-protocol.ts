/** Stub of signatures; filled in at once. */
export interface OwnedTopic { readonly topic: string; readonly partitions: readonly number[] }
export interface Subscription {
  readonly topics: readonly string[]; readonly userData: Uint8Array | null; readonly ownedPartitions: readonly OwnedTopic[]; readonly generationId: number; readonly rackId: string | null
}
export interface Assignment { readonly assignedPartitions: readonly OwnedTopic[]; readonly userData: Uint8Array | null }
/** With its version prefix. */
export function encodeSubscription(_subscription: Subscription, _version: number = 3): Uint8Array { throw new Error('not yet') }
export function decodeSubscription(_bytes: Uint8Array): Subscription { throw new Error('not yet') }
export function encodeAssignment(_assignment: Assignment, _version: number = 3): Uint8Array { throw new Error('not yet') }
export function decodeAssignment(_bytes: Uint8Array): Assignment { throw new Error('not yet') }
