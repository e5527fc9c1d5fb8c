/**
 * Keys and values of control records (spec/storage-format 2.7), integers big-endian:
 *
 *   key    0  2  version, at least 0      value of ABORT and COMMIT   0  2  version, at least 0
 *          2  2  type                                                 2  4  coordinatorEpoch
 *
 * Both may be longer in later versions: only these bytes are read. Types that are not known are to be skipped by readers. The values
 * of the other types (KRaft's) are left as bytes.
 */
import { OttlaError } from '../common/errors.ts'

/** Index = type number. */
const types = ['ABORT', 'COMMIT', 'LEADER_CHANGE', 'SNAPSHOT_HEADER', 'SNAPSHOT_FOOTER', 'KRAFT_VERSION', 'KRAFT_VOTERS'] as const

export type ControlType = typeof types[number] | 'UNKNOWN'

const KEY_SIZE = 4
const MARKER_VALUE_SIZE = 6

function readInt16(bytes: Uint8Array, at: number): number { return (bytes[at]! << 24 >> 16) | bytes[at + 1]! }

function versioned(bytes: Uint8Array | null, size: number, what: string): Uint8Array {
  if (bytes === null || bytes.length < size) {
    throw new OttlaError('CORRUPT_MESSAGE', `the ${what} of a control record has ${bytes === null ? 'no' : bytes.length} bytes, fewer than ${size}`)
  }
  if (readInt16(bytes, 0) < 0) throw new OttlaError('CORRUPT_MESSAGE', `the ${what} of a control record has the impossible version ${readInt16(bytes, 0)}`)
  return bytes
}

/** Type in the key of a control record. Raises CORRUPT_MESSAGE when there is none. */
export function readControlType(key: Uint8Array | null): ControlType { return types[readInt16(versioned(key, KEY_SIZE, 'key'), 2)] ?? 'UNKNOWN' }

/** Coordinator epoch in the value of an ABORT or COMMIT. Raises CORRUPT_MESSAGE. */
export function readCoordinatorEpoch(value: Uint8Array | null): number {
  const bytes = versioned(value, MARKER_VALUE_SIZE, 'value')
  return (bytes[2]! << 24) | (bytes[3]! << 16) | (bytes[4]! << 8) | bytes[5]!
}

export function controlKey(type: typeof types[number]): Uint8Array { return Uint8Array.of(0, 0, 0, types.indexOf(type)) }

export function endTransactionValue(coordinatorEpoch: number): Uint8Array {
  return Uint8Array.of(0, 0, coordinatorEpoch >>> 24, coordinatorEpoch >>> 16, coordinatorEpoch >>> 8, coordinatorEpoch)
}
