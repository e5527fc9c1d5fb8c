/**
 * Planted bugs (spec/reliability 6, as far as they concern one node), each with the harness that must turn red. A patch is exact text on a copy of `src/`:
 * when the code has moved on and `find` is not there exactly `times` times, that is a failure to be mended here, never a pass.
 *
 *   harness   a test file, run by vitest on the sabotaged copy; or a row of reliability/rows, run on a build of it: { row, seed }
 *   seconds   within which it must be red
 *
 * Rows that run on a simulated disk plant some bugs there, without a patch (`export const sabotages`). Without any are the bugs of what is not there yet:
 * replication, the coordinator of transactions.
 *
 * Row 20 (rows/20-saboteurs.mjs) plants them, one at a time.
 */

/** @typedef {{ id: string, file: string, find: string, replace: string, times?: number, harness: string | { row: number, seed: number }, seconds: number }} Saboteur */

const POWER_CUT = 'test/regressions/power-cut.test.ts'
const LOG = 'test/regressions/log.test.ts'
const NODE = 'test/regressions/node.test.ts'
const RESOURCES = 'test/regressions/resources.test.ts'
const GROUPS = 'test/regressions/groups.test.ts'
const CLEANED_BY_KAFKA = 'src/log/log-cleaner-fixtures.test.ts'
const COMPACTION_CRASH = 'src/log/log-compaction-crash.test.ts'

/** The write of a log, and one that says so and happens later. */
const WRITE = '      count = writeSync(descriptor, buffer, offset, length, position)\n'
const lateWrite = (later) => `      if (this.path.endsWith('.log')) {
        const copy = Buffer.from(buffer.subarray(offset, offset + length))
        const late = () => { try { writeSync(descriptor, copy, 0, length, position) } catch {} }
        ${later}
        count = length
      } else count = writeSync(descriptor, buffer, offset, length, position)
`

/** @type {Saboteur[]} */
export const saboteurs = [
  {
    id: 'no fdatasync before ack', file: 'src/log/log-file.ts', harness: POWER_CUT, seconds: 30,
    find: '      await writer.handle.datasync()\n', replace: '',
  },
  {
    id: 'fdatasync on wrong fd', file: 'src/log/log-file.ts', harness: POWER_CUT, seconds: 30,
    find: '      await writer.handle.datasync()\n',
    replace: '      const other = this.#fs.open(`${dirname(this.#path)}/leader-epoch-checkpoint`, "write"); await other.datasync(); other.close()\n',
  },
  {
    id: 'no directory sync after roll', file: 'src/log/log-file.ts', harness: POWER_CUT, seconds: 30,
    find: '    if (!this.#listed) await this.#fs.syncDirectory(dirname(this.#path))\n', replace: '',
  },
  {
    id: 'rename before data sync', file: 'src/io/durable-file.ts', harness: 'test/regressions/log.test.ts', seconds: 30,
    find: '    file.datasyncSync()\n', replace: '',
  },
  {
    id: 'rename before data sync (off the event loop)', file: 'src/io/durable-file.ts', harness: 'test/regressions/log.test.ts', seconds: 30,
    find: '    await file.datasync()\n', replace: '',
  },
  {
    id: 'ack before append finishes', file: 'src/log/log-appender.ts', harness: NODE, seconds: 30,
    find: '      return written.then(ended, ', replace: '      void written.catch(() => {})\n      return Promise.resolve().then(ended, ',
  },
  {
    id: 'ack before the sync', file: 'src/log/log-appender.ts', harness: POWER_CUT, seconds: 30,
    find: '      await (built.synced ?? this.#sync(built))\n', replace: '      void (built.synced ?? this.#sync(built)).catch(() => {})\n',
  },
  {
    id: 'what follows is synced while it is written', file: 'src/log/log-appender.ts', harness: 'src/log/log-following.test.ts', seconds: 30,
    find: 'following.isWritten && ', replace: '',
  },
  {
    id: 'a sealed segment is not waited for', file: 'src/log/sealed-flusher.ts', harness: POWER_CUT, seconds: 30,
    find: '    if (this.#pending.every((sealed) => sealed.logIsDurable)) return Promise.resolve()\n', replace: '    return Promise.resolve()\n',
  },
  {
    id: 'index entry before data sync', file: 'src/log/sealed-flusher.ts', harness: POWER_CUT, seconds: 30,
    find: '      await this.logsDurable()\n', replace: '      offsets.raiseRecoveryPoint(sealed.endOffset)\n      await this.logsDurable()\n',
  },
  {
    id: 'CRC not checked on read', file: 'src/log/log-reader.ts', harness: LOG, seconds: 30,
    find: 'if (checkCrc && !verifyBatchCrc(', replace: 'if (checkCrc && false && !verifyBatchCrc(',
  },
  {
    id: 'CRC not checked in recovery', file: 'src/log/segment-recovery.ts', harness: LOG, seconds: 30,
    find: 'checkCrc: options.checkCrc ?? true', replace: 'checkCrc: false',
  },
  {
    id: 'recovery stops at the first bad batch in a sealed segment', file: 'src/log/log-loader.ts', harness: LOG, seconds: 30,
    find: 'const firstWalked = clean ? opened.length : Math.max(0, floorIndex(opened, request.recoveryPoint))', replace: 'const firstWalked = clean ? opened.length : 0',
  },
  {
    id: 'clean-shutdown mark left in place while the log is open', file: 'src/log/log-manager.ts', harness: LOG, seconds: 30,
    find: '    if (marker !== null && !readOnly) removeCleanShutdown(fs, directory)\n', replace: '',
  },
  {
    id: 'short write ignored', file: 'src/io/node-file-handle.ts', harness: NODE, seconds: 60,
    find: '    if (count !== length) throw this.#shortWrite(count, length, position)\n', replace: '',
  },
  {
    id: 'sync error swallowed', file: 'src/log/log-file.ts', harness: RESOURCES, seconds: 30,
    find: '      await writer.handle.datasync()\n', replace: '      await writer.handle.datasync().catch(() => {})\n',
  },
  {
    id: 'sync retried until it says OK', file: 'src/log/log-file.ts', harness: RESOURCES, seconds: 30,
    find: '      await writer.handle.datasync()\n', replace: '      await writer.handle.datasync().catch(() => writer.handle.datasync())\n',
  },
  {
    id: 'dedupe window of 4', file: 'src/log/producer-entry.ts', harness: 'src/log/producer-append.test.ts', seconds: 30,
    find: 'export const CACHED_BATCHES = 5', replace: 'export const CACHED_BATCHES = 4',
  },
  {
    id: 'producer state not snapshotted at roll', file: 'src/log/log-roll.ts', harness: 'src/log/partition-log.test.ts', seconds: 30,
    find: '    return state.producers.takeSnapshot()\n', replace: '    return null\n',
  },
  {
    id: 'abort index lost at truncation', file: 'src/log/segment.ts', harness: LOG, seconds: 30,
    find: '    this.#indexes.truncateTo(offset, this.size)\n', replace: '    this.#indexes.truncateTo(offset, this.size)\n    this.#indexes.replaceAborted(new (this.#indexes.aborted().constructor as any)(this.baseOffset))\n',
  },
  {
    id: 'old generation may commit', file: 'src/coordinator/offset-requests.ts', harness: GROUPS, seconds: 30,
    find: "  if (generationId !== group.generation) return 'ILLEGAL_GENERATION'\n", replace: '',
  },
  {
    id: 'offsets answered before load', file: 'src/coordinator/group-coordinator.ts', harness: GROUPS, seconds: 30,
    find: '    if (this.#unavailable !== null) return { ...this.#unavailable, partitions: [] }\n', replace: '',
  },
  {
    id: 'offset commit not awaited', file: 'src/coordinator/offsets-log.ts', harness: GROUPS, seconds: 30,
    find: '    await replayed\n', replace: '    void replayed.catch(() => {})\n',
  },
  {
    id: 'long timer overflow', file: 'src/common/scheduler.ts', harness: NODE, seconds: 30,
    find: '  return Math.min(delayMs, MAX_DELAY_MS)\n', replace: '  return delayMs\n',
  },
  {
    id: 'buffer pool reuse after timeout', file: 'src/client/sender.ts', harness: NODE, seconds: 30,
    find: "    if (batch.posted > 0) this.#hooks.lost(error, queue.topic, queue.partition, batch.posted)\n    this.#hooks.settled(promises)\n",
    replace: "    if (batch.posted > 0) this.#hooks.lost(error, queue.topic, queue.partition, batch.posted)\n    this.#accumulator.release(batch)\n    this.#hooks.settled(promises)\n",
  },
  {
    id: 'fetch memory reused under a record', file: 'src/client/fetch-memory.ts', harness: 'src/client/fetch-memory.test.ts', seconds: 30,
    find: 'if (--this.#holders === 0 && !this.#isPinned) this.#free()', replace: 'if (--this.#holders === 0) this.#free()',
  },
  {
    id: 'count preallocation in decoder', file: 'src/protocol/byte-reader.ts', harness: RESOURCES, seconds: 30,
    find: '    if (count * elementSize > this.end - this.position) {\n', replace: '    new Array(Math.min(count, 1e7)).fill(0)\n    if (false) {\n',
  },
  {
    id: 'answers that nobody reads are not counted', file: 'src/server/answer-memory.ts', harness: 'src/server/answer-memory.test.ts', seconds: 30,
    find: '    this.#memory.change(bytes)\n', replace: '',
  },
  {
    id: 'slow sockets are left open', file: 'src/server/connection.ts', harness: 'src/server/connection.test.ts', seconds: 30,
    find: 'at - this.#openedAt > limits.firstFrameMs', replace: 'at - this.#openedAt > limits.idleMs',
  },
  {
    id: 'topic name unchecked', file: 'src/common/topic-partition.ts', harness: NODE, seconds: 30,
    find: '  if (problem !== \'\') throw', replace: '  if (problem === null) throw',
  },
  {
    id: 'stale reader leak in LMDB', file: 'src/metadata/lmdb-metadata-store.ts', harness: 'test/regressions/metadata.test.ts', seconds: 60,
    find: '      const environment = this.#environment ??= this.#openPrepared()\n',
    replace: '      const environment = this.#environment ??= this.#openPrepared()\n      const any = environment as any\n      if (any.leaked === undefined && any.useReadTransaction) {\n        any.leaked = any.useReadTransaction()\n        any.getBinary(Buffer.from("/a"), { transaction: any.leaked })\n      }\n',
  },
  {
    id: 'commit answered before LMDB synced', file: 'src/metadata/lmdb-library.ts', harness: 'test/regressions/metadata.test.ts', seconds: 60,
    find: 'overlappingSync: false, safeRestore: true,', replace: 'overlappingSync: false, safeRestore: true, noSync: true,',
  },
  {
    id: 'two opens of one directory', file: 'src/database.ts', harness: LOG, seconds: 60,
    find: '    const lock = await lockDirectory(directory, fileSystem, { version: VERSION })\n    opened.push(() => lock.release())\n', replace: '',
  },
  {
    id: 'two opens of one metadata file in one process', file: 'src/metadata/lmdb-metadata-store.ts', harness: 'test/regressions/metadata.test.ts', seconds: 30,
    find: "  if (paths.has(file.path)) throw new OttlaError('DIRECTORY_LOCKED', `${file.path} is open in this process already`, { file: file.path })\n", replace: '',
  },
  {
    id: 'a clock that leaps is believed at once', file: 'src/log/retention-clock.ts', harness: 'test/regressions/retention.test.ts', seconds: 30,
    find: '      if (monotonic - this.#leaptAt < HOLD_MS) return { now: expected, held: true }\n', replace: '',
  },
  {
    id: 'retention passes the high watermark', file: 'src/log/retention.ts', harness: 'test/regressions/retention.test.ts', seconds: 30,
    find: 'if (emptyLast || highWatermark < upperBound || !expired(index)) break', replace: 'if (emptyLast || !expired(index)) break',
  },
  {
    id: 'nonce not compared', file: 'src/server/sasl/scram-server.ts', harness: 'test/wire/security.test.ts', seconds: 60,
    find: "!nonces.includes(attributes.get('r') ?? '') || ", replace: "nonces.length === 0 || ",
  },
  {
    id: 'ack while the write is still to be made', file: 'src/io/node-file-handle.ts', harness: { row: 1, seed: 7 }, seconds: 90,
    find: WRITE, replace: lateWrite('setTimeout(late, 5)'),
  },
  {
    id: 'ack before the call that writes', file: 'src/io/node-file-handle.ts', harness: { row: 2, seed: 1 }, seconds: 90,
    find: WRITE, replace: lateWrite('setImmediate(late)'),
  },
  {
    id: 'no fdatasync before ack, on a real disk', file: 'src/log/log-file.ts', harness: { row: 4, seed: 3 }, seconds: 120,
    find: '      await writer.handle.datasync()\n', replace: '',
  },
  {
    id: 'sync error swallowed, on a real disk', file: 'src/log/log-file.ts', harness: { row: 6, seed: 3 }, seconds: 120,
    find: '      await writer.handle.datasync()\n', replace: '      await writer.handle.datasync().catch(() => {})\n',
  },
  {
    id: 'old generation may commit, when its request was late', file: 'src/coordinator/offset-requests.ts', harness: { row: 12, seed: 1 }, seconds: 60,
    find: "  if (generationId !== group.generation) return 'ILLEGAL_GENERATION'\n", replace: '',
  },
  {
    id: 'members that died keep their place', file: 'src/coordinator/group-rebalances.ts', harness: { row: 12, seed: 1 }, seconds: 60,
    find: '    this.takeOut(group, member)\n    this.afterRemoval(group)\n', replace: '',
  },
  {
    id: 'an old generation is given the assignment of the new one', file: 'src/coordinator/group-membership.ts', harness: { row: 12, seed: 1 }, seconds: 60,
    find: "    if (request.generationId !== group.generation) return 'ILLEGAL_GENERATION'\n", replace: '',
  },
  {
    id: 'tombstone dropped early', file: 'src/log/batch-cleaner.ts', harness: CLEANED_BY_KAFKA, seconds: 30,
    find: 'header.deleteHorizonMs === null || now < header.deleteHorizonMs', replace: 'header.deleteHorizonMs !== null && now < header.deleteHorizonMs',
  },
  {
    id: 'abort marker compacted early', file: 'src/log/batch-cleaner.ts', harness: 'src/log/batch-cleaner.test.ts', seconds: 30,
    find: 'isSpent && (!header.isControl || (horizon !== null && horizon <= now))', replace: 'isSpent || header.isControl',
  },
  {
    id: 'marker of a transaction that is gone does not wait for its time', file: 'src/log/batch-cleaner.ts', harness: 'src/log/batch-cleaner.test.ts', seconds: 30,
    find: '(horizon !== null && horizon <= now)', replace: 'horizon === null',
  },
  {
    id: 'cleaner crosses the last stable offset', file: 'src/log/compaction-plan.ts', harness: 'src/log/compaction-plan.test.ts', seconds: 30,
    find: 'Math.min(offsets.lastStable, durableTo, ', replace: 'Math.min(durableTo, ',
  },
  {
    id: 'cleaner takes the active segment', file: 'src/log/compaction-plan.ts', harness: CLEANED_BY_KAFKA, seconds: 30,
    find: '  const end = Math.max(firstDirty, segments[Math.max(0, list.floorIndex(bound))]!.baseOffset)\n', replace: '  const end = Math.max(firstDirty, bound, offsets.logEnd)\n',
  },
  {
    id: 'older value kept in place of the newer', file: 'src/log/batch-cleaner.ts', harness: { row: 22, seed: 3 }, seconds: 120,
    find: 'cursor.offset >= keys.get(key)', replace: 'cursor.offset < keys.get(key)',
  },
  {
    id: 'what is cleaned is not looked up in full', file: 'src/log/key-offsets.ts', harness: 'src/log/key-offsets.test.ts', seconds: 30,
    find: 'this.#old === null ? -1 : this.#old.offset(this.#old.find(digest, 0))', replace: '-1 * digest.length',
  },
  {
    id: 'cleaned segment is not synced', file: 'src/log/log-cleaner.ts', harness: COMPACTION_CRASH, seconds: 60,
    find: '    await this.#file!.datasync()\n', replace: '',
  },
  {
    id: 'sources go before the commit is durable', file: 'src/log/log-swap.ts', harness: COMPACTION_CRASH, seconds: 60,
    find: '    areRenamed = true\n    await fileSystem.syncDirectory(directory)\n', replace: '    areRenamed = true\n',
  },
  {
    id: 'sources go before the commit', file: 'src/log/log-swap.ts', harness: COMPACTION_CRASH, seconds: 60,
    find: 'function renameAll(fs: FileSystem, directory: string, baseOffset: number, from: SegmentFileState, to: SegmentFileState): void {\n',
    replace: "function renameAll(fs: FileSystem, directory: string, baseOffset: number, before: SegmentFileState, to: SegmentFileState): void {\n  if (to === '.swap') return\n  const from = before === '.swap' ? '.cleaned' : before\n",
  },
  {
    id: 'a rename past the port', file: 'src/io/durable-file.ts', harness: { row: 21, seed: 1 }, seconds: 60, times: 2,
    find: '  fs.rename(temporary, path)\n', replace: "  process.getBuiltinModule('node:fs').renameSync(temporary, path)\n",
  },
  {
    id: 'a sync of the port that never reaches the system', file: 'src/io/node-file-handle.ts', harness: { row: 21, seed: 1 }, seconds: 60,
    find: '      fdatasync(descriptor, (error) => {\n', replace: '      const later = (_: number, done: (error: Error | null) => void): void => { setImmediate(() => done(null)) }\n      later(descriptor, (error) => {\n',
  },
]
