/** Every finding of the full check with the place it names: folders made byte by byte, positions and offsets worked out here. */
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { legacyMessage } from '../../test/support/legacy-messages.ts'
import { abortedEntries, batchOf, marker, offsetEntries, producer, RawPartition, timeEntries, told } from '../../test/support/raw-partition.ts'
import { TOPIC_ID } from '../../test/support/test-log.ts'
import { crc32c } from '../record/crc32c.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { checkLog, type CheckProgress } from './log-check.ts'
import { encodeSnapshot } from './producer-snapshot.ts'

/** Batches 10–11, 12–13 and 14–15 with the timestamps 100, 90 and 200. */
const three = [batchOf(10, 2), batchOf(12, 2, { timestamps: [90, 90] }), batchOf(14, 2, { timestamps: [200, 200] })] as const
const second = three[0].length
const third = second + three[1].length
const end = third + three[2].length
const folder = (): RawPartition => new RawPartition().epochs([0, 10]).log(10, ...three)

describe('an offset index', () => {
  test.each([
    ['that is right', offsetEntries([3, second], [5, third]), []],
    ['with the zeros of a file that was made larger', Buffer.concat([offsetEntries([3, second]), Buffer.alloc(24)]), []],
    ['that leads into a batch', offsetEntries([3, second + 1]), ['error INDEX_WRONG 10.index @0 #13']],
    ['that leads into a batch, and goes on rightly', offsetEntries([3, second - 1], [5, third]), ['error INDEX_WRONG 10.index @0 #13']],
    ['that leads past the batch of an offset', offsetEntries([1, second]), ['error INDEX_WRONG 10.index @0 #11']],
    ['that names the first offset of a batch, as Kafka did before 2.0', offsetEntries([2, second], [4, third]), []],
    ['that names an offset behind the batch', offsetEntries([3, second], [6, third]), ['warning INDEX_WRONG 10.index @8 #16']],
    ['that names a batch twice', offsetEntries([3, second], [5, second]), ['warning INDEX_WRONG 10.index @8 #15']],
    ['that leads past the end', offsetEntries([3, second], [5, end], [6, end + 9]), ['error INDEX_WRONG 10.index @8', 'error INDEX_WRONG 10.index @16']],
    ['that ends inside an entry', Buffer.concat([offsetEntries([3, second]), Buffer.of(0, 0, 0)]), ['warning INDEX_WRONG 10.index @8']],
  ] as const)('%s', async (_what, bytes, findings) => {
    expect(await folder().put('10.index', bytes).told()).toEqual(findings)
  })
})

test('an offset index that names an offset inside a batch, as the cleaner did before Kafka 4.0', async () => {
  const large = new RawPartition().epochs([0, 10]).log(10, three[0], batchOf(12, 3, { timestamps: [90, 90, 90] }))
  expect(await large.put('10.index', offsetEntries([3, second])).told()).toEqual(['info INDEX_WRONG 10.index @0 #13'])
})

describe('an offset index of batches that were appended at once, whose last offset it names', () => {
  const four = [...three, batchOf(16, 2)] as const
  const told = (...entries: [number, number][]): Promise<string[]> => new RawPartition().epochs([0, 10]).log(10, ...four).put('10.index', offsetEntries(...entries)).told()

  test.each([
    ['a follower', [[5, second], [7, end]], ['info INDEX_WRONG 10.index @0 #15']],
    ['the cleaner, which kept the first of the two in the last one', [[4, second], [7, end]], ['info INDEX_WRONG 10.index @0 #14']],
    ['nobody: the next entry names an offset below', [[6, second], [5, third]], ['warning INDEX_WRONG 10.index @0 #16']],
    ['nobody: the next entry leads to the batch at it', [[5, second], [5, third]], ['warning INDEX_WRONG 10.index @0 #15']],
    ['nobody: the log ends before', [[8, second]], ['warning INDEX_WRONG 10.index @0 #18']],
  ] as [string, [number, number][], string[]][])('by %s', async (_who, entries, findings) => {
    expect(await told(...entries)).toEqual(findings)
  })

  test('by a producer, of messages of magic 0 and 1', async () => {
    const messages = [10, 11, 12, 13, 14, 17].map((offset) => legacyMessage({ magic: offset < 13 ? 0 : 1, offset, value: 'v', timestamp: 100 }))
    const position = (n: number): number => Buffer.concat(messages.slice(0, n)).length
    const at = async (...entries: [number, number][]): Promise<string[]> => {
      const raw = new RawPartition().log(10, ...messages).put('10.index', offsetEntries(...entries.map(([offset, n]): [number, number] => [offset, position(n)])))
      return (await raw.told()).filter((finding) => finding.includes(' INDEX_WRONG'))
    }
    expect(await at([2, 1], [4, 3])).toEqual([])
    expect(await at([6, 3])).toEqual(['warning INDEX_WRONG 10.index @0 #16'])
  })
})

describe('an offset index of wrappers of magic 0 and 1, of which only the last offset is told', () => {
  const wrapper = (magic: 0 | 1, first: number): Buffer => {
    const inner = [0, 1, 2].map((i) => legacyMessage({ magic, offset: magic === 0 ? first + i : i, value: 'v', timestamp: 100 }))
    return legacyMessage({ magic, offset: first + 2, attributes: 1, value: gzipSync(Buffer.concat(inner)), timestamp: 100 })
  }

  test.each([
    [0, 'their first offsets, as Kafka did before 2.0', 13, []], [1, 'their first offsets', 13, []], [0, 'their last offsets', 15, []], [1, 'an offset inside', 14, []],
    [0, 'the last offset of the one before', 12, ['error INDEX_WRONG 10.index @0 #12']], [1, 'an offset behind them', 16, ['warning INDEX_WRONG 10.index @0 #16']],
  ] as const)('magic %i: names %s', async (magic, _what, offset, findings) => {
    const [first, next] = [wrapper(magic, 10), wrapper(magic, 13)]
    const folder = new RawPartition().log(10, first, next).put('10.index', offsetEntries([offset - 10, first.length]))
    expect((await folder.told()).filter((finding) => finding.includes(' INDEX_WRONG'))).toEqual(findings)
  })
})

describe('a time index', () => {
  test.each([
    ['that is right', timeEntries([100, 1], [200, 5]), []],
    ['with the zeros of a file that was made larger', Buffer.concat([timeEntries([100, 1]), Buffer.alloc(24)]), []],
    ['whose time came earlier', timeEntries([100, 3]), ['warning TIME_INDEX_WRONG 10.timeindex @0 #13']],
    ['whose time is too early', timeEntries([99, 3]), ['error TIME_INDEX_WRONG 10.timeindex @0 #13']],
    ['whose time is too early for its own batch', timeEntries([99, 1]), ['error TIME_INDEX_WRONG 10.timeindex @0 #11']],
    ['whose time is too late', timeEntries([150, 3]), ['warning TIME_INDEX_WRONG 10.timeindex @0 #13']],
    ['that names another offset of a batch, as Kafka did before 4.0', timeEntries([100, 0], [200, 4]), []],
    ['that names an offset of the batch behind', timeEntries([100, 2]), ['warning TIME_INDEX_WRONG 10.timeindex @0 #12']],
    ['that does not rise', timeEntries([100, 1], [100, 5]), ['error TIME_INDEX_WRONG 10.timeindex @12 #15', 'error TIME_INDEX_WRONG 10.timeindex @12 #15']],
    ['that falls', timeEntries([200, 1], [150, 3]), [
      'warning TIME_INDEX_WRONG 10.timeindex @0 #11', 'error TIME_INDEX_WRONG 10.timeindex @12 #13', 'warning TIME_INDEX_WRONG 10.timeindex @12 #13',
    ]],
    ['that names an offset past the end', timeEntries([100, 1], [300, 6], [400, 7]), [
      'error TIME_INDEX_WRONG 10.timeindex @12', 'error TIME_INDEX_WRONG 10.timeindex @24',
    ]],
    ['that ends inside an entry', Buffer.concat([timeEntries([100, 1]), Buffer.of(0)]), ['warning TIME_INDEX_WRONG 10.timeindex @12']],
    // An entry for time 0 at an offset above the base is none of the zeros behind the end.
    ['of time zero', timeEntries([0, 1]), ['error TIME_INDEX_WRONG 10.timeindex @0 #11']],
    ['of the very first offset', timeEntries([100, 0], [0, 3]), [
      'error TIME_INDEX_WRONG 10.timeindex @12 #13', 'error TIME_INDEX_WRONG 10.timeindex @12 #13',
    ]],
  ] as const)('%s', async (_what, bytes, findings) => {
    expect(await folder().put('10.timeindex', bytes).told()).toEqual(findings)
  })

  test.each([
    ['the time of the broker', timeEntries([150, 0], [160, 3]), []],
    ['a time that does not rise', timeEntries([150, 0], [150, 3]), ['error TIME_INDEX_WRONG 10.timeindex @12 #13']],
    ['a time below that of the messages before', timeEntries([150, 0], [100, 5]), ['error TIME_INDEX_WRONG 10.timeindex @12 #15', 'error TIME_INDEX_WRONG 10.timeindex @12 #15']],
  ] as const)('of messages of magic 0 has %s', async (_what, bytes, findings) => {
    const messages = [10, 11, 12, 13, 14, 15].map((offset) => legacyMessage({ magic: offset === 14 ? 1 : 0, offset, value: 'v', timestamp: 120, attributes: offset === 14 ? 8 : 0 }))
    const raw = new RawPartition().log(10, ...messages).put('10.timeindex', bytes)
    expect((await raw.told()).filter((finding) => finding.includes('TIME_INDEX'))).toEqual(findings)
  })

  test('that names an offset past the end: the finding says which, and where the log ends', async () => {
    const { disk, directory } = folder().put('10.timeindex', timeEntries([100, 1], [300, 7]))
    const messages: string[] = []
    for await (const { message } of checkLog(disk, directory)) messages.push(message)
    expect(messages).toContain('entry 1 names offset 17, but the log ends at 16')
  })
})

describe('index files', () => {
  test('that are missing are news only where they should have been written', async () => {
    const without = (): RawPartition => {
      const made = folder().log(16, batchOf(16, 1))
      for (const name of ['10.index', '16.timeindex']) made.disk.unlink(`/data/t-0/${name.padStart(name.includes('time') ? 30 : 26, '0')}`)
      return made
    }
    expect(await without().told()).toEqual(['warning INDEX_MISSING 10.index', 'info INDEX_MISSING 16.timeindex'])
    expect(await without().closed(17).told({}, '/data')).toEqual(['warning INDEX_MISSING 10.index', 'warning INDEX_MISSING 16.timeindex'])
  })

  test('of an empty segment may be missing', async () => {
    expect(await new RawPartition().put('0.log', '').told()).toEqual([])
  })

  test('of no log are named, what is left of a deletion is not taken for one', async () => {
    const raw = folder().put('9.index', '').put('9.timeindex', '').put('9.txnindex', '').put('3.snapshot', encodeSnapshot([]))
    expect(await raw.put('10.log.deleted', 'x').put('4.index.cleaned', 'x').put('4.log.swap', 'x').put('notes.txt', 'x').told()).toEqual([
      'info LEFTOVER 4.index.cleaned', 'info LEFTOVER 4.log.swap', 'info LEFTOVER 10.log.deleted',
      'warning INDEX_WITHOUT_LOG 9.index', 'warning INDEX_WITHOUT_LOG 9.timeindex', 'warning INDEX_WITHOUT_LOG 9.txnindex',
    ])
  })
})

describe('a folder', () => {
  test('without a .log', async () => {
    expect(await new RawPartition().told({}, '/data')).toEqual(['info NOT_CLOSED_CLEANLY data', 'warning NO_SEGMENT t-0'])
  })

  test.each([
    ['an unreadable topic id', 'version: x', ['warning TOPIC_ID_MISSING t-0']],
    ['the topic id of nothing', 'version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA', ['warning TOPIC_ID_MISSING t-0']],
    ['a topic id', `version: 0\ntopic_id: ${TOPIC_ID}`, []],
  ] as const)('with %s', async (_what, text, findings) => {
    expect(await folder().put('partition.metadata', text).told()).toEqual(findings)
  })

  test.each([
    ['version=0\nbroker.id=0\n', []], ['version=1\nnode.id=0\n', ['warning TOPIC_ID_MISSING t-0']], [null, ['warning TOPIC_ID_MISSING t-0']],
  ] as const)('without a topic id, in a directory of %j', async (identity, findings) => {
    const raw = folder().closed(16)
    raw.disk.unlink('/data/t-0/partition.metadata')
    if (identity !== null) raw.put('/meta.properties', identity)
    expect(await raw.told({}, '/data')).toEqual(findings)
  })

  test('whose files cannot be read ends the check with the disk\'s own error', async () => {
    for (const name of ['leader-epoch-checkpoint', 'partition.metadata', '00000000000000000010.index', '00000000000000000010.log']) {
      const faults = new FaultFileSystem(folder().disk)
      faults.inject({ call: name.endsWith('.log') ? 'read' : 'readFile', error: 'EIO', path: new RegExp(name), sticky: true })
      await expect(told(faults, '/data/t-0')).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    }
  })

  test('that keeps bytes aside tells so, whatever else has such a name', async () => {
    expect(await folder().put('10.log.damaged-7', 'x').put('10.log.damaged', 'x').told()).toEqual(['info KEPT_ASIDE 10.log.damaged-7'])
  })

  test('may hold a folder with the name of a segment', async () => {
    const raw = folder()
    raw.disk.makeDirectory('/data/t-0/00000000000000000016.log')
    expect(await raw.told()).toEqual([])
  })
})

describe('batches', () => {
  const patched = (batch: Uint8Array, patch: (bytes: Buffer) => void, seal: boolean): Buffer => {
    const bytes = Buffer.from(batch)
    patch(bytes)
    if (seal) bytes.writeUInt32BE(crc32c(bytes, 21, bytes.length), 17)
    return bytes
  }

  test('whose bytes were changed', async () => {
    expect(await new RawPartition().log(10, three[0], patched(three[1], (b) => { b[b.length - 1]! ^= 1 }, false), three[2]).told()).toEqual([
      `error CHECKSUM_MISMATCH 10.log @${second} #12`, 'warning EPOCHS_UNREADABLE leader-epoch-checkpoint',
    ])
  })

  test('with a largest timestamp that no record has', async () => {
    const wrong = patched(three[1], (b) => { b.writeBigInt64BE(91n, 35) }, true)
    const raw = folder().log(10, three[0], wrong, three[2])
    expect(await raw.told()).toEqual([`warning TIMESTAMP_MISMATCH 10.log @${second} #12`])
    expect(await raw.told({ deep: false })).toEqual([])
  })

  test('that compaction left empty, or dated for deletion, have the timestamps they have', async () => {
    const emptied = Buffer.from(buildBatch([], { baseOffset: 12, leaderEpoch: 0, lastOffsetDelta: 1, maxTimestamp: 91 }))
    const dated = Buffer.from(buildBatch([{ value: 'x', timestamp: 50 }], { baseOffset: 14, leaderEpoch: 0, deleteHorizonMs: 40, maxTimestamp: 77 }))
    expect(await folder().log(10, three[0], emptied, dated).told()).toEqual([])
  })

  test.each([
    ['begin below their segment', 12, [batchOf(10, 2), batchOf(12, 2)], ['error OFFSET_BELOW_SEGMENT 12.log @0 #10', 'error OFFSETS_NOT_RISING 12.log @0 #10']],
    ['begin below their segment and end in it', 11, [batchOf(10, 2), batchOf(12, 2)], [
      'error OFFSET_BELOW_SEGMENT 11.log @0 #10', 'error OFFSETS_NOT_RISING 11.log @0 #10',
    ]],
    ['repeat an offset', 10, [batchOf(10, 2), batchOf(11, 3)], [`error OFFSETS_NOT_RISING 10.log @${second} #11`]],
    ['fall back below what was right', 10, [batchOf(10, 2), batchOf(12, 1), batchOf(11, 1), batchOf(16, 1)], [
      `error OFFSETS_NOT_RISING 10.log @${second + batchOf(12, 1).length} #11`,
    ]],
    ['fall back behind a hole, to below it', 10, [batchOf(10, 2), batchOf(15, 1), batchOf(11, 1), batchOf(16, 1)], [
      `error OFFSETS_NOT_RISING 10.log @${second + batchOf(15, 1).length} #11`,
    ]],
    ['are right but for one that is too high: it alone is named', 10, [batchOf(10, 2), batchOf(99, 1), ...[13, 14, 15].map((at) => batchOf(at, 1))], [
      `error OFFSETS_NOT_RISING 10.log @${second} #99`,
    ]],
    ['leave a hole', 10, [batchOf(10, 2), batchOf(20, 2)], []],
  ] as const)('that %s', async (_what, base, batches, findings) => {
    expect(await new RawPartition().epochs([0, 0]).log(base, ...batches).told()).toEqual(findings)
  })

  test('of a segment that begins below the end of the one before', async () => {
    expect(await folder().log(15, batchOf(16, 1)).told()).toEqual(['error OFFSETS_NOT_RISING 15.log @0 #15'])
    expect(await folder().log(16, batchOf(16, 1)).told()).toEqual([])
    expect(await folder().log(17, batchOf(17, 1)).told()).toEqual(['info OFFSETS_MISSING 17.log #16'])
    // Of a compacted log, no wonder.
    const compacted = new RawPartition().epochs([0, 0]).log(10, batchOf(10, 2), batchOf(14, 1)).log(17, batchOf(17, 1))
    expect(await compacted.told()).toEqual([])
  })

  test.each([[3], [16], [17], [40]])('torn after %s bytes are news, or an error where nothing may be torn', async (bytes) => {
    const torn = (): RawPartition => folder().log(10, three[0], three[1].subarray(0, bytes))
    expect(await torn().told()).toEqual([`warning TORN_TAIL 10.log @${second} #12`])
    // Below the recovery point, in a segment that has a successor, or after a clean close.
    expect(await torn().put('/recovery-point-offset-checkpoint', '0\n1\nt 0 13\n').told({}, '/data')).toEqual([
      'info NOT_CLOSED_CLEANLY data', `error BATCH_MALFORMED 10.log @${second} #12`, 'error CHECKPOINT_OUTSIDE_LOG recovery-point-offset-checkpoint #13',
    ])
    expect(await torn().put('/recovery-point-offset-checkpoint', '0\n1\nt 0 12\n').told({}, '/data')).toEqual([
      'info NOT_CLOSED_CLEANLY data', `warning TORN_TAIL 10.log @${second} #12`,
    ])
    expect(await torn().log(12, batchOf(12, 1)).told()).toEqual([`error BATCH_MALFORMED 10.log @${second} #12`])
    expect(await torn().closed(12).told({}, '/data')).toEqual([`error BATCH_MALFORMED 10.log @${second} #12`])
  })

  test('that cannot be batches are no torn tail', async () => {
    expect(await folder().log(10, three[0], patched(three[1], (b) => { b[16] = 9 }, false)).told()).toEqual([`warning BATCH_MALFORMED 10.log @${second} #12`])
  })

  test('that go past the end of a log that was closed have lost their offset', async () => {
    const raw = (recoveryPoint: number): RawPartition => folder().log(10, three[0], batchOf(14, 2)).closed(recoveryPoint)
    expect(await raw(14).told({}, '/data')).toEqual(['error END_DISTRUSTED 10.log #14'])
    // It ends with a batch, or beyond what is there, or where the segment begins.
    expect(await raw(12).told({}, '/data')).toEqual([])
    expect(await raw(16).told({}, '/data')).toEqual([])
    expect(await raw(10).told({}, '/data')).toEqual([])
    expect(await raw(17).told({}, '/data')).toEqual(['error CHECKPOINT_OUTSIDE_LOG recovery-point-offset-checkpoint #17'])
    expect(await raw(14).told()).toEqual([])
    const open = raw(14)
    open.disk.unlink('/data/.kafka_cleanshutdown')
    expect(await open.told({}, '/data')).toEqual(['info NOT_CLOSED_CLEANLY data'])
  })

  test('are checked to the end, however large they are beside what is read at once', async () => {
    const large = Buffer.from(buildBatch([{ value: Buffer.alloc(1_200_000, 1), timestamp: 100 }], { baseOffset: 12, leaderEpoch: 0 }))
    const raw = folder().log(10, three[0], large, batchOf(13, 1), batchOf(14, 2)).put('10.index', offsetEntries([2, second], [3, second + large.length]))
    expect(await raw.told()).toEqual([])
    const bytes = Buffer.concat([three[0], large, batchOf(13, 1), batchOf(14, 2)])
    bytes[second + large.length - 1]! ^= 1
    expect(await raw.put('10.log', bytes).told()).toEqual([`error CHECKSUM_MISMATCH 10.log @${second} #12`])
  })
})

describe('leader epochs', () => {
  const epochs = [batchOf(10, 2, { leaderEpoch: 3 }), batchOf(12, 2, { leaderEpoch: 5 }), batchOf(14, 2, { leaderEpoch: 5 })]
  const raw = (): RawPartition => new RawPartition().log(10, ...epochs)
  const text = 'leader-epoch-checkpoint'
  test.each([
    ['right', [[3, 10], [5, 12]], []],
    ['right, with an epoch that nothing was written in', [[3, 10], [5, 12], [7, 16]], []],
    ['known from some place on', [[5, 12]], []],
    ['of another epoch', [[3, 10], [4, 12]], [`error EPOCHS_WRONG ${text} #12`, `error EPOCHS_WRONG ${text} #14`]],
    ['of the very first epoch, where others are', [[0, 10], [5, 12]], [`error EPOCHS_WRONG ${text} #10`]],
    ['that begin late', [[3, 10], [5, 13]], [`error EPOCHS_WRONG ${text} #12`]],
    ['whose epochs do not rise', [[3, 10], [3, 12]], [`error EPOCHS_WRONG ${text}`, `error EPOCHS_WRONG ${text} #12`, `error EPOCHS_WRONG ${text} #14`]],
    ['whose offsets do not rise', [[3, 10], [5, 10]], [`error EPOCHS_WRONG ${text}`, `error EPOCHS_WRONG ${text} #10`]],
  ] as const)('%s', async (_what, entries, findings) => {
    expect(await raw().epochs(...entries).told()).toEqual(findings)
  })

  test('that are not kept are news, but where a broker takes them for messages without epochs', async () => {
    expect(await raw().told()).toEqual([`warning EPOCHS_UNREADABLE ${text}`])
    expect(await raw().log(10, ...epochs, legacyMessage({ magic: 1, offset: 16, value: 'v', timestamp: 100 })).told()).toEqual([`info EPOCHS_UNREADABLE ${text}`])
    // Or took them for such until message.format.version was raised again.
    const old = raw().put('/meta.properties', 'version=0\nbroker.id=0\n')
    expect(await old.told({}, '/data')).toEqual(['info NOT_CLOSED_CLEANLY data', `info EPOCHS_UNREADABLE ${text}`])
  })

  test('that are no numbers', async () => {
    expect(await raw().put(text, '0\n1\nx 10\n').told()).toEqual([`error EPOCHS_WRONG ${text}`])
    expect(await raw().put(text, '0\n1\n3 x\n').told()).toEqual([`error EPOCHS_WRONG ${text}`])
    expect(await raw().put(text, '0\n2\n3 10\n').told()).toEqual([`warning EPOCHS_UNREADABLE ${text}`])
  })

  test('that go back', async () => {
    const behind = [batchOf(14, 1, { leaderEpoch: 4 }), batchOf(15, 1, { leaderEpoch: -1 }), batchOf(16, 1, { leaderEpoch: 5 })]
    expect(await raw().log(10, epochs[1]!, ...behind).epochs([5, 20]).told()).toEqual([`error EPOCH_GOES_BACK 10.log @${second} #14`])
  })

  test('that are missing are news only to a log that has some', async () => {
    expect(await raw().told()).toEqual([`warning EPOCHS_UNREADABLE ${text}`])
    expect(await raw().log(10, batchOf(10, 1, { leaderEpoch: -1 })).told()).toEqual([])
  })
})

describe('transactions', () => {
  const sent = (baseOffset: number, producerId: number, baseSequence: number, fields: object = {}): Buffer =>
    batchOf(baseOffset, 2, { producerId, producerEpoch: 0, baseSequence, isTransactional: true, ...fields })
  /** Two transactions at once: 7 aborts while 8 is open since 2; then 8 aborts, and 7 commits another. */
  const batches = [sent(0, 7, 0), sent(2, 8, 0), marker(4, 'ABORT', 7), marker(5, 'ABORT', 8), sent(6, 7, 2), marker(8, 'COMMIT', 7)]
  const aborted = [[7, 0, 4, 2], [8, 2, 5, 6]] as const
  const raw = (): RawPartition => new RawPartition().epochs([0, 0]).log(0, ...batches)

  test.each([
    ['right', abortedEntries(...aborted), []],
    ['missing', abortedEntries(aborted[1]), ['error TXN_INDEX_WRONG 0.txnindex #4']],
    ['invented', abortedEntries(...aborted, [7, 6, 8, 9]), ['error TXN_INDEX_WRONG 0.txnindex #8']],
    ['with another last stable offset', abortedEntries(aborted[0], [8, 2, 5, 5]), [
      'error TXN_INDEX_WRONG 0.txnindex #5', 'error TXN_INDEX_WRONG 0.txnindex #5',
    ]],
    ['cut', abortedEntries(...aborted).subarray(0, 60), ['error TXN_INDEX_WRONG 0.txnindex @34', 'error TXN_INDEX_WRONG 0.txnindex #5']],
    ['that end before they begin', abortedEntries(...aborted, [7, 9, 8, 9]), ['error TXN_INDEX_WRONG 0.txnindex @68']],
    ['of one offset', abortedEntries(...aborted, [7, 8, 8, 9]), ['error TXN_INDEX_WRONG 0.txnindex #8']],
    ['of no producer', abortedEntries([-1, 0, 4, 2], ...aborted), ['error TXN_INDEX_WRONG 0.txnindex @0']],
    ['of another version', Buffer.concat([abortedEntries(...aborted), Buffer.of(0, 1), Buffer.alloc(32)]), ['error TXN_INDEX_WRONG 0.txnindex @68']],
    ['of zeros', Buffer.concat([abortedEntries(...aborted), Buffer.alloc(34)]), ['error TXN_INDEX_WRONG 0.txnindex #0']],
  ] as const)('%s', async (_what, bytes, findings) => {
    expect(await raw().put('0.txnindex', bytes).told()).toEqual(findings)
  })

  test('of a log with holes are not known', async () => {
    expect(await raw().log(0, batches[0]!, ...batches.slice(2)).told()).toEqual([])
    expect(await new RawPartition().epochs([0, 0]).log(6, marker(6, 'ABORT', 7)).told()).toEqual([])
  })

  test('aborted by nobody are none, or, where Kafka before 2.8 wrote them, the marker alone', async () => {
    const log = raw().log(0, ...batches, marker(9, 'ABORT', 9)).put('0.txnindex', abortedEntries(...aborted))
    expect(await log.told()).toEqual([])
    expect(await log.put('0.txnindex', abortedEntries(...aborted, [9, 9, 9, 10])).told()).toEqual([])
    expect(await log.put('0.txnindex', abortedEntries(...aborted, [8, 9, 9, 10])).told()).toEqual(['error TXN_INDEX_WRONG 0.txnindex #9'])
  })

  test('ended by a marker that cannot be read', async () => {
    const fields = { baseOffset: 4, leaderEpoch: 0, producerId: 7, producerEpoch: 0, isTransactional: true, isControl: true }
    const bad = Buffer.from(buildBatch([{ key: Buffer.of(0, 0, 0, 0), value: Buffer.of(0), timestamp: 100 }], fields))
    const torn = new RawPartition().epochs([0, 0]).log(0, batches[0]!, batches[1]!, bad)
    const finding = `error RECORDS_UNREADABLE 0.log @${batches[0]!.length + batches[1]!.length} #4`
    expect(await torn.told({ deep: false })).toEqual([finding])
    expect(new Set(await torn.told())).toEqual(new Set([finding]))
  })
})

describe('producer snapshots', () => {
  const sent = (baseOffset: number, baseSequence: number, fields: object = {}): Buffer => batchOf(baseOffset, 2, {
    producerId: 7, producerEpoch: 1, baseSequence, ...fields,
  })
  const raw = (): RawPartition => new RawPartition().epochs([0, 0]).log(
    0, sent(0, 0), sent(2, 2, { timestamps: [100, 130] }), sent(4, 4, { isTransactional: true }),
  )
  const after = { producerEpoch: 1, offsetDelta: 1 }
  const at2 = producer(7, { ...after, lastSequence: 1, lastOffset: 1 })
  const at4 = producer(7, { ...after, lastSequence: 3, lastOffset: 3, timestamp: 130 })
  const at6 = producer(7, { ...after, lastSequence: 5, lastOffset: 5, currentTxnFirstOffset: 4 })

  test('that are right', async () => {
    expect(await raw().snapshot(0).snapshot(2, at2).snapshot(4, at4).snapshot(6, at6).told()).toEqual([])
  })

  test.each([
    ['of the batch before', 4, [at2], ['error SNAPSHOT_WRONG 4.snapshot #4']],
    ['of the batch behind', 2, [at4], ['error SNAPSHOT_WRONG 2.snapshot #2']],
    ['of a producer that the log does not know', 4, [at4, producer(8)], ['error SNAPSHOT_WRONG 4.snapshot #4']],
    ['without a producer that was silent too long', 4, [], []],
    ['without a producer whose transaction is open', 6, [], ['error SNAPSHOT_WRONG 6.snapshot #6']],
    ['with a transaction that is not open', 4, [{ ...at4, currentTxnFirstOffset: 2 }], ['error SNAPSHOT_WRONG 4.snapshot #4']],
    ['with another epoch', 4, [{ ...at4, producerEpoch: 2 }], ['error SNAPSHOT_WRONG 4.snapshot #4']],
    ['with another time', 4, [{ ...at4, timestamp: 100 }], ['error SNAPSHOT_WRONG 4.snapshot #4']],
    ['with another number of records', 4, [{ ...at4, offsetDelta: 0 }], ['error SNAPSHOT_WRONG 4.snapshot #4']],
    ['with another coordinator', 4, [{ ...at4, coordinatorEpoch: 0 }], ['error SNAPSHOT_WRONG 4.snapshot #4']],
    ['past the end', 7, [at6], ['warning SNAPSHOT_WRONG 7.snapshot #7']],
  ] as const)('%s', async (_what, offset, entries, findings) => {
    expect(await raw().snapshot(offset, ...entries).told()).toEqual(findings)
  })

  test.each([
    ['too short', Buffer.alloc(9)],
    ['of another version', Buffer.from('000219c527e000000000', 'hex')],
    ['cut', encodeSnapshot([at4]).subarray(0, 55)],
    ['with a wrong checksum', Buffer.from(encodeSnapshot([at4])).fill(9, 20, 21)],
  ])('%s', async (_what, bytes) => {
    expect(await raw().put('4.snapshot', bytes).told()).toEqual(['warning SNAPSHOT_UNREADABLE 4.snapshot'])
  })

  test('of a log without its beginning are not judged', async () => {
    const later = new RawPartition().epochs([0, 0]).log(4, sent(4, 4, { isTransactional: true }), marker(
      6, 'COMMIT', 7, { producerEpoch: 1, coordinatorEpoch: 5, timestamp: 140 },
    ))
    // Nothing of what was before is known, and nothing is complained about.
    expect(await later.snapshot(6, at4).told()).toEqual([])
    const ended = { ...at6, currentTxnFirstOffset: -1, coordinatorEpoch: 5, timestamp: 140 }
    expect(await later.snapshot(4, at4).snapshot(6, at6).snapshot(7, ended).told()).toEqual([])
  })

  test('have the time of the last batch, not of the marker behind it, where Kafka before 2.4 wrote them', async () => {
    const log = raw().log(0, sent(0, 0, { isTransactional: true }), marker(2, 'COMMIT', 7, { producerEpoch: 1, coordinatorEpoch: 5, timestamp: 140 }))
    const ended = { ...at2, coordinatorEpoch: 5 }
    for (const timestamp of [100, 140]) expect(await log.snapshot(3, { ...ended, timestamp }).told()).toEqual([])
    for (const timestamp of [-1, 120]) expect(await log.snapshot(3, { ...ended, timestamp }).told()).toEqual(['error SNAPSHOT_WRONG 3.snapshot #3'])
    const fenced = { ...producer(7, { producerEpoch: 2, coordinatorEpoch: 5 }), timestamp: -1 }
    log.log(0, sent(0, 0, { isTransactional: true }), marker(2, 'ABORT', 7, { producerEpoch: 2, coordinatorEpoch: 5, timestamp: 140 })).put('0.txnindex', abortedEntries([7, 0, 2, 3]))
    for (const timestamp of [-1, 140]) expect(await log.snapshot(3, { ...fenced, timestamp }).told()).toEqual([])
    expect(await log.snapshot(3, { ...fenced, timestamp: 100 }).told()).toEqual(['error SNAPSHOT_WRONG 3.snapshot #3'])
  })

  test('have the marker as the last batch where Kafka 0.11 wrote them', async () => {
    const log = raw().log(0, sent(0, 0, { isTransactional: true }), marker(2, 'COMMIT', 7, { producerEpoch: 1, coordinatorEpoch: 5, timestamp: 140 }))
    const ended = { ...at2, coordinatorEpoch: 5, timestamp: 140, lastOffset: 2, offsetDelta: 0 }
    expect(await log.snapshot(3, ended).told()).toEqual([])
    expect(await log.snapshot(3, { ...ended, lastOffset: 1 }).told()).toEqual(['error SNAPSHOT_WRONG 3.snapshot #3'])
    // Until more records come.
    log.log(0, sent(0, 0, { isTransactional: true }), marker(2, 'COMMIT', 7, { producerEpoch: 1, coordinatorEpoch: 5, timestamp: 140 }), sent(3, 2))
    expect(await log.snapshot(3, ended).snapshot(5, { ...ended, lastSequence: 3, lastOffset: 2, timestamp: 100 }).told()).toEqual(['error SNAPSHOT_WRONG 5.snapshot #5'])
  })

  test('follow the epoch of a marker', async () => {
    const fenced = producer(7, { producerEpoch: 2, coordinatorEpoch: 5, timestamp: 140 })
    const log = raw().log(0, sent(0, 0, { isTransactional: true }), marker(2, 'COMMIT', 7, { producerEpoch: 2, coordinatorEpoch: 5, timestamp: 140 }))
    expect(await log.snapshot(3, fenced).told()).toEqual([])
    expect(await log.snapshot(3, { ...fenced, lastSequence: 1 }).told()).toEqual(['error SNAPSHOT_WRONG 3.snapshot #3'])
  })

  test('of a log with a hole, or with damage, are not judged', async () => {
    expect(await raw().log(0, sent(0, 0), sent(4, 4)).snapshot(6, at2).told()).toEqual([])
    const torn = raw().log(0, sent(0, 0), sent(2, 2).subarray(0, 50)).snapshot(2, at4)
    expect(await torn.told()).toEqual([`warning TORN_TAIL 0.log @${sent(0, 0).length} #2`])
  })
})

describe('a data directory', () => {
  const checkpoint = (entries: string[]): string => ['0', entries.length, ...entries].join('\n') + '\n'

  test('tells of folders, identity and checkpoints', async () => {
    const raw = new RawPartition().log(0, batchOf(0, 3)).epochs([0, 0])
    raw.disk.makeDirectory('/data/u-1.0123456789abcdef0123456789abcdef-delete')
    raw.disk.makeDirectory('/data/u-1.0123456789abcdef0123456789abcdef-stray')
    raw.put('/meta.properties', 'version=9\n').put('/replication-offset-checkpoint', checkpoint(['t 0 4', 'gone 0 9']))
    raw.put('/log-start-offset-checkpoint', checkpoint(['t 0 3'])).put('/recovery-point-offset-checkpoint', checkpoint(['t 0 3']))
    expect(await raw.told({}, '/data')).toEqual([
      'info NOT_CLOSED_CLEANLY data', 'warning FOLDER_UNKNOWN u-1.0123456789abcdef0123456789abcdef-stray',
      'info LEFTOVER u-1.0123456789abcdef0123456789abcdef-delete',
      'warning IDENTITY_UNREADABLE data', 'warning CHECKPOINT_OUTSIDE_LOG replication-offset-checkpoint #4',
    ])
    expect(await raw.closed(3).told({}, '/data')).toContain('error CHECKPOINT_OUTSIDE_LOG replication-offset-checkpoint #4')
  })

  test('without checkpoints has every log recovered from 0 on', async () => {
    const torn = new RawPartition().epochs([0, 0]).log(0, batchOf(0, 2), batchOf(2, 2).subarray(0, 30))
    expect(await torn.told({}, '/data')).toEqual(['info NOT_CLOSED_CLEANLY data', `warning TORN_TAIL 0.log @${batchOf(0, 2).length} #2`])
  })

  test('whose checkpoint cannot be read tells so; another error of the disk ends the check', async () => {
    const raw = new RawPartition().log(0, batchOf(0, 1)).epochs([0, 0]).put('/recovery-point-offset-checkpoint', 'x').put('/meta.properties', 'version=1\n')
    expect(await raw.told({}, '/data')).toEqual(['warning CHECKPOINT_UNREADABLE recovery-point-offset-checkpoint', 'info NOT_CLOSED_CLEANLY data'])
    for (const path of [/recovery-point/, /meta\.properties/]) {
      const faults = new FaultFileSystem(raw.disk)
      faults.inject({ call: 'readFile', error: 'EIO', path })
      await expect(told(faults, '/data')).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
    }
  })

  test('that is none', async () => {
    const raw = new RawPartition().put('/file', 'x')
    await expect(raw.told({}, '/data/file')).rejects.toMatchObject({
      code: 'DIRECTORY_UNUSABLE', message: expect.stringContaining('/data/file is no directory'),
    })
    await expect(raw.told({}, '/nowhere')).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' })
  })

  test('of which some topics are asked for', async () => {
    const raw = new RawPartition().log(0, Buffer.from('x'))
    raw.disk.makeDirectory('/data/u-0')
    expect(await raw.told({ topics: ['u'] }, '/data')).toEqual(['info NOT_CLOSED_CLEANLY data', 'warning NO_SEGMENT u-0', 'warning TOPIC_ID_MISSING u-0'])
  })

  test('is told of a MiB at a time, and at the end, with the bytes of its logs alone', async () => {
    const large = (offset: number): Buffer => Buffer.from(buildBatch(
      [{ value: Buffer.alloc(600_000, 1), timestamp: 100 }], { baseOffset: offset, leaderEpoch: 0 },
    ))
    const { length } = large(0)
    const raw = new RawPartition().epochs([0, 0]).log(0, large(0), large(1), large(2), large(3), large(4))
      .put('0.log.deleted', 'xxxx').put('9.txnindex', 'xxxxxxx')
    const seen: CheckProgress[] = []
    for await (const finding of checkLog(raw.disk, '/data', { onProgress: (progress) => { seen.push(progress) } })) expect(finding.severity).not.toBe('error')
    const file = '/data/t-0/00000000000000000000.log'
    const at = (doneBytes: number): CheckProgress => ({ file, doneBytes, totalBytes: 5 * length })
    expect(seen).toEqual([at(2 * length), at(4 * length), at(5 * length), at(5 * length)])
  })

  test('is given up in the middle of a log', async () => {
    const controller = new AbortController()
    const raw = new RawPartition().epochs([0, 0]).log(0, Buffer.concat([batchOf(0, 1), batchOf(1, 1)]))
    await expect(raw.told({ signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) }, '/data')).resolves.toHaveLength(1)
    const early = raw.told({ signal: AbortSignal.abort(new Error('enough')) })
    await expect(early).rejects.toMatchObject({ code: 'ABORTED', cause: expect.objectContaining({ message: 'enough' }) })
  })
})
