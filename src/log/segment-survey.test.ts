/** What repair is told of a damaged `.log`: ranges, offsets and epochs worked out here, on batches of two records with one length. */
import { describe, expect, test } from 'vitest'
import { batchOf } from '../../test/support/raw-partition.ts'
import { writeWhole } from '../../test/support/fixture-files.ts'
import { controlKey } from '../record/control-record.ts'
import { crc32 } from '../record/crc32.ts'
import { crc32c } from '../record/crc32c.ts'
import { buildBatch } from '../record/record-batch-builder.ts'
import { FaultFileSystem } from '../testing/fault-file-system.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { surveySegment, type SurveyQuestion } from './segment-survey.ts'

const MAX = 2147483647
const L = batchOf(0, 2).length
const b = (offset: number, leaderEpoch: number = 0): Buffer => batchOf(offset, 2, { leaderEpoch }).subarray(0, offset < 9 ? L : undefined)

function changed(batch: Uint8Array, change: (bytes: Buffer) => void, seal = false): Buffer {
  const bytes = Buffer.from(batch)
  change(bytes)
  if (seal) bytes.writeUInt32BE(crc32c(bytes, 21, bytes.length), 17)
  return bytes
}
const flipped = (offset: number): Buffer => changed(b(offset), (bytes) => { bytes[L - 1]! ^= 1 })
/** The batch of `right`, under another offset: no checksum covers it. */
const moved = (right: number, offset: number, leaderEpoch: number = 0): Buffer => changed(
  b(right, leaderEpoch), (bytes) => { bytes.writeBigInt64BE(BigInt(offset), 0) },
)
/** Under an offset outside ±(2^53−1). */
const beyond = (batch: Uint8Array): Buffer => changed(batch, (bytes) => { bytes[0]! ^= 0x40 })
const unreadable = (offset: number): Buffer => changed(b(offset), (bytes) => { bytes[61] = 0x7e }, true)

interface Told { readonly lost?: readonly string[]; readonly mended?: readonly string[]; readonly after: readonly [number, number] }

async function survey(parts: readonly Uint8Array[], question: Partial<SurveyQuestion> = {}): Promise<Told> {
  const disk = new SimulatedFileSystem({ clock: new ManualClock() })
  disk.makeDirectory('/d')
  writeWhole(disk, '/d/log', Buffer.concat(parts))
  const handle = disk.open('/d/log', 'read')
  const { damaged, mended, fileBytes, after } = await surveySegment(handle, {
    baseOffset: 0, nextBase: null, logEnd: null, before: { nextOffset: 0, epoch: -1 }, epochs: [], ...question,
  })
  expect(fileBytes).toBe(Buffer.concat(parts).length)
  return {
    ...(damaged.length === 0 ? {} : { lost: damaged.map((range) => `${range.position}–${range.end}: ${range.firstOffset}–${range.lastOffset}`) }),
    ...(mended.length === 0 ? {} : {
      mended: mended.map(
        (batch) => `${batch.position}–${batch.end}: ${batch.firstOffset}–${batch.lastOffset}, offset ${batch.baseOffset}, epoch ${batch.leaderEpoch}`,
      ),
    }),
    after: [after.nextOffset, after.epoch],
  }
}

describe('bytes that are no good batches', () => {
  test.each<readonly [string, readonly Uint8Array[], Partial<SurveyQuestion>, Told]>([
    ['there are none', [b(0), b(2), b(4)], {}, { after: [6, 0] }],
    ['an empty file', [], { before: { nextOffset: 7, epoch: 3 } }, { after: [7, 3] }],
    ['an empty file above the log', [], { baseOffset: 9, before: { nextOffset: 7, epoch: 3 } }, { after: [9, 3] }],
    ['one bad checksum', [b(0), flipped(2), b(4)], {}, { lost: [`${L}–${2 * L}: 2–3`], after: [6, 0] }],
    ['the first batch', [flipped(0), b(2)], {}, { lost: [`0–${L}: 0–1`], after: [4, 0] }],
    ['two neighbours', [b(0), flipped(2), flipped(4), b(6)], {}, { lost: [`${L}–${3 * L}: 2–5`], after: [8, 0] }],
    ['two places', [flipped(0), b(2), flipped(4), b(6)], {}, { lost: [`0–${L}: 0–1`, `${2 * L}–${3 * L}: 4–5`], after: [8, 0] }],
    ['records that do not parse', [b(0), unreadable(2), b(4)], {}, { lost: [`${L}–${2 * L}: 2–3`], after: [6, 0] }],
    ['a bad one, and behind it one that does not parse', [b(0), flipped(2), unreadable(4), b(6)], {}, { lost: [`${L}–${3 * L}: 2–5`], after: [8, 0] }],
    ['the last batch', [b(0), flipped(2)], {}, { lost: [`${L}–${2 * L}: 2–null`], after: [2, 0] }],
    ['the last batch, where the next segment is known', [b(0), flipped(2)], { nextBase: 4 }, { lost: [`${L}–${2 * L}: 2–3`], after: [2, 0] }],
    ['the last batch, where the end is known', [b(0), flipped(2)], { logEnd: 6 }, { lost: [`${L}–${2 * L}: 2–5`], after: [2, 0] }],
    ['a torn batch', [b(0), b(2).subarray(0, 40)], {}, { lost: [`${L}–${L + 40}: 2–null`], after: [2, 0] }],
    ['a torn header', [b(0), b(2).subarray(0, 16)], {}, { lost: [`${L}–${L + 16}: 2–null`], after: [2, 0] }],
    ['a file of one byte', [Buffer.of(7)], {}, { lost: ['0–1: 0–null'], after: [0, -1] }],
    ['noise between batches', [b(0), Buffer.alloc(50, 0x5a), b(2)], {}, { lost: [`${L}–${L + 50}: 2–1`], after: [4, 0] }],
    ['zeros between batches', [b(0), Buffer.alloc(300), b(2), b(4)], {}, { lost: [`${L}–${L + 300}: 2–1`], after: [6, 0] }],
    ['zeros at the end', [b(0), Buffer.alloc(300)], {}, { lost: [`${L}–${L + 300}: 2–null`], after: [2, 0] }],
    ['a length that cannot be', [b(0), changed(b(2), (x) => { x.writeInt32BE(-1, 8) }), b(4), b(6)], {}, { lost: [`${L}–${2 * L}: 2–3`], after: [8, 0] }],
    ['a length past the end', [b(0), changed(b(2), (x) => { x.writeInt32BE(1e9, 8) }), b(4), b(6)], {}, { lost: [`${L}–${2 * L}: 2–3`], after: [8, 0] }],
    ['a length that is one too large', [b(0), changed(b(2), (x) => { x[11]! += 1 }), b(4), b(6)], {}, { lost: [`${L}–${2 * L}: 2–3`], after: [8, 0] }],
    ['a length up to the end', [b(0), changed(b(2), (x) => { x.writeInt32BE(3 * L - 12, 8) }), b(4), b(6)], {}, {
      lost: [`${L}–${2 * L}: 2–3`], after: [8, 0],
    }],
    ['a length over one batch', [b(0), changed(b(2), (x) => { x.writeInt32BE(2 * L - 12, 8) }), b(4), b(6)], {}, {
      lost: [`${L}–${3 * L}: 2–5`], after: [8, 0],
    }],
    ['an unknown magic', [b(0), changed(b(2), (x) => { x[16] = 3 }), b(4)], {}, { lost: [`${L}–${2 * L}: 2–3`], after: [6, 0] }],
  ])('%s', async (_what, parts, question, told) => {
    expect(await survey(parts, question)).toEqual(told)
  })

  test('a batch that somebody stored in a record is not taken for one of the log', async () => {
    const holder = (inner: Uint8Array): Buffer => Buffer.from(buildBatch(
      [{ value: inner, timestamp: 1 }, { value: 'x', timestamp: 1 }], { baseOffset: 2, leaderEpoch: 0 },
    ))
    const outer = changed(holder(b(3)), (bytes) => { bytes.writeInt32BE(-1, 8) })
    expect(await survey([b(0), outer, b(4), b(6)])).toEqual({ lost: [`${L}–${L + outer.length}: 2–3`], after: [8, 0] })
    // Nor one whose offset is above the next segment, or too far away for this one.
    for (const offset of [8, MAX + 1]) {
      const far = changed(holder(changed(b(3), (bytes) => { bytes.writeBigInt64BE(BigInt(offset), 0) })), (bytes) => { bytes.writeInt32BE(-1, 8) })
      expect(await survey([b(0), far, b(4)], { nextBase: 8 })).toEqual({ lost: [`${L}–${L + far.length}: 2–3`], after: [6, 0] })
    }
  })

  test('nor one to which the wrong length of the batch around it leads, though there is room for it', async () => {
    const inner = batchOf(100, 2)
    const outer = Buffer.from(buildBatch([{ value: inner, timestamp: 1 }, { value: 'x', timestamp: 1 }], { baseOffset: 2, leaderEpoch: 0 }))
    const led = changed(outer, (bytes) => { bytes.writeInt32BE(outer.indexOf(inner) - 12, 8) })
    expect(await survey([b(0), led, b(4), b(6)], { nextBase: 8 })).toEqual({ lost: [`${L}–${L + led.length}: 2–3`], after: [8, 0] })
  })

  test('a control batch whose key cannot be read', async () => {
    const fields = { baseOffset: 2, leaderEpoch: 0, producerId: 1, producerEpoch: 0, isTransactional: true, isControl: true }
    const good = buildBatch([{ key: controlKey('COMMIT'), value: Buffer.alloc(6), timestamp: 1 }], fields)
    const bad = buildBatch([{ key: Buffer.of(0), value: Buffer.alloc(6), timestamp: 1 }], fields)
    expect(await survey([b(0), good, b(3)])).toEqual({ after: [5, 0] })
    expect(await survey([b(0), bad, b(3)])).toEqual({ lost: [`${L}–${L + bad.length}: 2–2`], after: [5, 0] })
  })

  test('the whole of them is told with a reason', async () => {
    const disk = new SimulatedFileSystem({ clock: new ManualClock() })
    disk.makeDirectory('/d')
    writeWhole(disk, '/d/log', Buffer.concat([b(0), flipped(2), unreadable(4), b(6), b(8).subarray(0, 9)]))
    const question = { baseOffset: 0, nextBase: null, logEnd: null, before: { nextOffset: 0, epoch: -1 }, epochs: [] }
    const { damaged } = await surveySegment(disk.open('/d/log', 'read'), question)
    expect(damaged.map((range) => range.reason)).toEqual(['the checksum does not match', 'the file ends inside a batch'])
    await expect(surveySegment(disk.open('/d/log', 'read'), { ...question, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    const faults = new FaultFileSystem(disk)
    const handle = faults.open('/d/log', 'read')
    for (const nth of [1, 2, 3]) {
      faults.inject({ call: 'read', nth, error: 'EIO' })
      await expect(surveySegment(handle, question)).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
      faults.heal()
    }
  })
})

test('what is given up is one range with what cannot be read beside it', async () => {
  expect(await survey([b(0), moved(2, 1), flipped(4), b(6)])).toEqual({ lost: [`${L}–${3 * L}: 2–5`], after: [8, 0] })
  expect(await survey([b(0), flipped(2), moved(4, 0), b(6)])).toEqual({ lost: [`${L}–${3 * L}: 2–5`], after: [8, 0] })
})

describe('the offset of a batch', () => {
  test.each<readonly [string, readonly Uint8Array[], Partial<SurveyQuestion>, Told]>([
    ['leaves a hole: it is believed', [b(0), b(4), b(6)], {}, { after: [8, 0] }],
    ['leaves a hole at the end: it is believed', [b(0), b(4)], {}, { after: [6, 0] }],
    ['is too high: the neighbours leave one place', [b(0), moved(2, 100), b(4)], {}, { mended: [`${L}–${2 * L}: 2–3, offset 2, epoch null`], after: [6, 0] }],
    ['is too low: the neighbours leave one place', [b(0), moved(2, 1), b(4)], {}, { mended: [`${L}–${2 * L}: 2–3, offset 2, epoch null`], after: [6, 0] }],
    ['overlaps the next by one: the neighbours leave one place', [b(0), moved(2, 3), b(4)], {}, {
      mended: [`${L}–${2 * L}: 2–3, offset 2, epoch null`], after: [6, 0],
    }],
    ['is too high, and there is room for more', [b(0), moved(2, 66), b(6)], {}, { lost: [`${L}–${2 * L}: 2–5`], after: [8, 0] }],
    ['is too low, and there is room for more', [b(0), moved(2, 0), b(6)], {}, { lost: [`${L}–${2 * L}: 2–5`], after: [8, 0] }],
    ['is too low, reaching up to what is free', [b(0), moved(2, 1), b(6)], {}, { lost: [`${L}–${2 * L}: 2–5`], after: [8, 0] }],
    ['is too low at the end', [b(0), moved(2, 0)], {}, { lost: [`${L}–${2 * L}: 2–null`], after: [2, 0] }],
    ['is too high at the end, up to the next segment', [b(0), moved(2, 100)], { nextBase: 4 }, {
      mended: [`${L}–${2 * L}: 2–3, offset 2, epoch null`], after: [4, 0],
    }],
    ['is too high at the end that is known', [b(0), moved(2, 100)], { logEnd: 4 }, { mended: [`${L}–${2 * L}: 2–3, offset 2, epoch null`], after: [4, 0] }],
    ['fits although the one behind it does not', [b(0), b(2), moved(4, 0), b(6)], {}, {
      mended: [`${2 * L}–${3 * L}: 4–5, offset 4, epoch null`], after: [8, 0],
    }],
    ['is too high, and many behind it are right', [b(0), moved(2, 100), ...[4, 6, 8].map((at) => b(at))], {}, {
      mended: [`${L}–${2 * L}: 2–3, offset 2, epoch null`], after: [10, 0],
    }],
    ['is too high, and behind it records are hit', [b(0), moved(2, 100), flipped(4), b(6), b(8)], {}, {
      lost: [`${L}–${3 * L}: 2–5`], after: [10, 0],
    }],
    ['is too high, and so is the one behind it', [b(0), moved(2, 100), moved(4, 200), b(6), b(8)], {}, {
      mended: [`${L}–${2 * L}: 2–3, offset 2, epoch null`, `${2 * L}–${3 * L}: 4–5, offset 4, epoch null`], after: [10, 0],
    }],
    ['is too high, and the one behind it too low', [b(0), moved(2, 100), moved(4, 0), b(6), b(8)], {}, {
      mended: [`${L}–${2 * L}: 2–3, offset 2, epoch null`, `${2 * L}–${3 * L}: 4–5, offset 4, epoch null`], after: [10, 0],
    }],
    ['is too low behind a hole: the one behind it tells', [b(0), b(4), moved(6, 3), b(8)], {}, {
      mended: [`${2 * L}–${3 * L}: 6–7, offset 6, epoch null`], after: [10, 0],
    }],
    ['is too low behind a hole', [b(0), b(6), moved(8, 0), b(30)], {}, { lost: [`${2 * L}–${3 * L}: 8–29`], after: [32, 0] }],
    ['is one bit too high in front of a hole: the one behind it would have to be hit harder', [b(0), moved(6, 38), b(10), b(41)], {}, { lost: [`${L}–${2 * L}: 2–9`], after: [43, 0] }],
    ['cannot be: the neighbours leave one place', [b(0), beyond(b(2)), b(4)], {}, { mended: [`${L}–${2 * L}: 2–3, offset 2, epoch null`], after: [6, 0] }],
    ['cannot be, and there is room for more', [b(0), beyond(b(2)), b(6)], {}, { lost: [`${L}–${2 * L}: 2–5`], after: [8, 0] }],
    ['cannot be, and neither can its records', [b(0), beyond(flipped(2)), b(4)], {}, { lost: [`${L}–${2 * L}: 2–3`], after: [6, 0] }],
    ['is as far as a segment goes', [b(0), moved(2, MAX - 1)], {}, { after: [MAX + 1, 0] }],
    ['is farther than a segment goes', [b(0), moved(2, MAX)], {}, { lost: [`${L}–${2 * L}: 2–null`], after: [2, 0] }],
    ['is as far as the segment goes that begins later', [moved(0, MAX + 2)], { baseOffset: 3 }, { after: [MAX + 4, 0] }],
    ['was taken by the segment before', [b(0), b(2)], { before: { nextOffset: 2, epoch: -1 } }, { lost: [`0–${L}: 2–1`], after: [4, 0] }],
    ['is one of many behind the end, where the next segment begins', [b(0), b(2), ...Array.from({ length: 40 }, (_, i) => moved(4, 6 + 2 * i))], { nextBase: 4 }, {
      lost: [`${2 * L}–${42 * L}: 4–3`], after: [4, 0],
    }],
    ['is below its segment', [b(0), b(4)], { baseOffset: 2, before: { nextOffset: 2, epoch: -1 } }, {
      mended: [`0–${L}: 2–3, offset 2, epoch null`], after: [6, 0],
    }],
  ])('%s', async (_what, parts, question, told) => {
    expect(await survey(parts, question)).toEqual(told)
  })

  test('of an old message stands for all that is in it, and is never mended', async () => {
    const message = (offset: number): Buffer => {
      const body = Buffer.concat([Buffer.of(1, 0), Buffer.alloc(8), Buffer.from('ffffffff00000001', 'hex'), Buffer.from('v')])
      const head = Buffer.alloc(16)
      head.writeBigInt64BE(BigInt(offset), 0)
      head.writeInt32BE(body.length + 4, 8)
      head.writeUInt32BE(crc32(body, 0, body.length), 12)
      return Buffer.concat([head, body])
    }
    const { length } = message(0)
    expect(await survey([message(0), message(1), message(5)])).toEqual({ after: [6, -1] })
    expect(await survey([message(0), message(9), message(2)])).toEqual({ lost: [`${length}–${2 * length}: 1–1`], after: [3, -1] })
  })
})

describe('the leader epoch of a batch', () => {
  const epochs = (...entries: readonly (readonly [number, number])[]): Partial<SurveyQuestion> => ({
    epochs: entries.map(([epoch, startOffset]) => ({ epoch, startOffset })),
  })
  const at = (position: number, offset: number, epoch: number): string =>
    `${position * L}–${(position + 1) * L}: ${offset}–${offset + 1}, offset null, epoch ${epoch}`
  test.each<readonly [string, readonly number[], Partial<SurveyQuestion>, readonly string[], number]>([
    ['rises', [1, 1, 4, 5], {}, [], 5],
    ['is none', [-1, -1], {}, [], -1],
    ['is none among others', [2, -1, 2], {}, [], 2],
    ['is ahead of its neighbours', [1, 9, 1], {}, [at(1, 2, 1)], 1],
    ['is behind its neighbours', [3, 1, 3], { before: { nextOffset: 0, epoch: 3 } }, [at(1, 2, 3)], 3],
    ['is behind at the end', [2, 2, 1], {}, [at(2, 4, 2)], 2],
    ['is behind the segment before', [1, 2], { before: { nextOffset: 0, epoch: 2 } }, [at(0, 0, 2)], 2],
    ['is ahead of what follows, first of all', [9, 4, 4], {}, [at(0, 0, 4)], 4],
    ['is ahead of what follows, which is another', [2, 9, 4], {}, [at(1, 2, 4)], 4],
    ['is ahead of what follows, and the file knows better', [2, 9, 4], epochs([2, 0], [3, 2], [4, 4]), [at(1, 2, 3)], 4],
    ['is ahead of what follows, and the file knows one that is too high', [2, 9, 4], epochs([2, 0], [5, 2]), [at(1, 2, 4), at(2, 4, 5)], 5],
    ['is ahead of what follows, and the file knows one that is too low', [3, 9, 4], epochs([1, 0]), [at(1, 2, 4)], 4],
    ['is behind, and what follows is of none', [3, 1, -1], { before: { nextOffset: 0, epoch: 3 }, ...epochs([3, 0], [4, 2]) }, [at(1, 2, 4)], 4],
    ['is behind, and the file knows better, at the end', [3, 1], epochs([3, 0], [4, 2]), [at(1, 2, 4)], 4],
    ['cannot be, and what follows is of none', [-5, -1], epochs([3, 0]), [at(0, 0, 3)], 3],
    ['is above what the file knows, at the end', [1, 9], epochs([1, 0]), [at(1, 2, 1)], 1],
    ['is above what the file knows, which is behind the log', [5, 9], epochs([3, 0], [5, 1], [4, 2]), [], 9],
    ['is one that the file knows from later on', [1, 2], epochs([1, 0], [2, 9]), [], 2],
    ['is one that the file does not tell of', [1, 9], epochs([1, 3]), [], 9],
    ['is what the file says, whatever follows', [1, 9, 1], epochs([1, 0], [9, 2]), [], 1],
    ['is what the file says, although it goes back', [5, 3, 6], epochs([5, 0], [3, 2], [6, 4]), [], 6],
    ['is right, although the one behind goes back', [5, 5, 4, 5], {}, [at(2, 4, 5)], 5],
  ])('%s', async (_what, found, question, mended, epoch) => {
    const told = await survey(found.map((each, i) => b(2 * i, each)), question)
    expect(told).toEqual({ ...(mended.length === 0 ? {} : { mended }), after: [2 * found.length, epoch] })
  })

  test('is mended together with its offset', async () => {
    expect(await survey([b(0, 1), moved(2, 100, 9), b(4, 1)])).toEqual({ mended: [`${L}–${2 * L}: 2–3, offset 2, epoch 1`], after: [6, 1] })
  })
})
