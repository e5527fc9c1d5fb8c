export interface RawRecord {
  readonly offset: number; readonly timestamp: number; readonly key: string | null; readonly rawKey: Uint8Array | null; readonly value: Uint8Array | null
  readonly headers: readonly (readonly [string, Uint8Array | null])[]
}
export interface RawBatch {
  readonly file: string; readonly position: number; readonly size: number; readonly baseOffset: number
  readonly lastOffset: number; readonly leaderEpoch: number; readonly maxTimestamp: number; readonly producerId: number; readonly producerEpoch: number
  readonly baseSequence: number; readonly isControl: boolean; readonly codec: number; readonly records: readonly RawRecord[]
}
export interface RawPartition { readonly batches: readonly RawBatch[]; readonly problems: readonly string[]; readonly files: readonly string[] }
export function castagnoli(bytes: Uint8Array): number
export function readPartition(folder: string, options?: { indexes?: boolean }): RawPartition
export function gapsOf(batches: readonly RawBatch[]): { readonly inside: string[]; readonly between: string[] }
export function sequenceProblems(batches: readonly RawBatch[]): string[]
export interface RawProducer { readonly producerId: number; readonly epoch: number; readonly lastSequence: number; readonly lastOffset: number }
export function readSnapshot(path: string): { readonly problem: string | null; readonly entries: readonly RawProducer[] }
export function readCheckpoint(path: string): { readonly problem: string | null; readonly entries: readonly (readonly string[])[] } | null
