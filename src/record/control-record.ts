/** Keys and values of control records (spec/storage-format 2.7). */
export type ControlType = 'ABORT' | 'COMMIT' | 'LEADER_CHANGE' | 'SNAPSHOT_HEADER' | 'SNAPSHOT_FOOTER' | 'KRAFT_VERSION' | 'KRAFT_VOTERS' | 'UNKNOWN'
export function readControlType(key: Uint8Array | null): ControlType { throw new Error(`${key}`) }
export function readCoordinatorEpoch(value: Uint8Array | null): number { throw new Error(`${value}`) }
export function controlKey(type: Exclude<ControlType, 'UNKNOWN'>): Uint8Array { throw new Error(`${type}`) }
export function endTransactionValue(coordinatorEpoch: number): Uint8Array { throw new Error(`${coordinatorEpoch}`) }
