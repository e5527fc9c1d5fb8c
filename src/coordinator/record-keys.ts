/** Which group a record belongs to, and what makes two records about the same thing. */
import { textField } from './offsets-records.ts'
import type { KnownRecord } from './record-codec.ts'

/** The group that any record of `__consumer_offsets` belongs to. */
export function groupOf(record: KnownRecord): string { return textField(record.key, record.type <= 2 ? 'group' : 'groupId') }

/** Equal for a record and the later record, or tombstone, that takes its place. */
export function recordKey(record: KnownRecord): string { return JSON.stringify([record.type, record.key]) }
