/**
 * What a log and a broker load at their first use is there before a test begins: while a test drives time by hand, reading a file takes all the time it
 * wants, and what waits for it misses its hour.
 */
import { loadPart } from '../../src/common/load-part.ts'

await Promise.all([
  loadPart('the code for retention', () => import('../../src/log/retention.ts')),
  loadPart('the code for truncation', () => import('../../src/log/log-cut.ts')),
  loadPart('the code for recovery', () => import('../../src/log/log-recovery.ts')),
  loadPart('the code for recovery of a segment', () => import('../../src/log/segment-recovery.ts')),
  loadPart('the code for an interrupted compaction', () => import('../../src/log/interrupted-swap.ts')),
  loadPart('the code for the admin of topics', () => import('../../src/client/topic-admin.ts')),
  loadPart('the code that changes topics', () => import('../../src/broker/topic-change-handlers.ts')),
  loadPart('the code for descriptions of logs', () => import('../../src/broker/storage-handlers.ts')),
  loadPart('the code that changes metadata', () => import('../../src/metadata/lmdb-library.ts')),
])
