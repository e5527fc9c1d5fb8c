/**
 * Bits that flip in the offsets of batches that Kafka wrote, which no checksum covers: a repair loses what was hit at most. Where batches begin is read here by
 * their length fields alone.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { fixtureNames, fixtures, writeWhole } from '../../test/support/fixture-files.ts'
import { readInt64 } from '../common/int64.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { SeededRandom, SimulatedFileSystem } from '../testing/index.ts'
import { surveySegment, type Survey } from './segment-survey.ts'

const CASES = Number(process.env['OTTLA_REPAIR_CASES'] ?? 12)
const SEED = Number(process.env['OTTLA_SEED'] ?? 1)

interface Place { readonly position: number; readonly end: number; readonly baseOffset: number; readonly lastOffset: number }
interface RawSegment { readonly name: string; readonly bytes: Buffer; readonly baseOffset: number; readonly nextBase: number | null; readonly batches: readonly Place[] }

function batchesOf(bytes: Buffer): Place[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found: Place[] = []
  for (let at = 0; at + 27 <= bytes.length && view.getInt32(at + 8) > 0;) {
    const end = at + 12 + view.getInt32(at + 8)
    const baseOffset = readInt64(view, at)
    found.push({ position: at, end, baseOffset, lastOffset: baseOffset + (bytes[at + 16] === 2 ? view.getInt32(at + 23) : 0) })
    at = end
  }
  return found
}

/** Of magic 2 and whole. */
const segments: readonly RawSegment[] = fixtureNames.flatMap((fixture) => {
  const root = join(fixtures, fixture, 'data')
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.log')).sort().flatMap((file, index, all) => {
    const bytes = readFileSync(join(root, file))
    const following = all[index + 1]
    const nextBase = following !== undefined && join(following, '..') === join(file, '..') ? Number.parseInt(following.slice(-24), 10) : null
    const batches = batchesOf(bytes)
    if (batches.length < 3 || batches.at(-1)!.end !== bytes.length || bytes[16] !== 2) return []
    return [{ name: `${fixture}/${file}`, bytes, baseOffset: Number.parseInt(file.slice(-24), 10), nextBase, batches }]
  })
})

async function survey(segment: RawSegment, bytes: Buffer): Promise<Survey> {
  const disk = new SimulatedFileSystem()
  disk.makeDirectory('/d')
  writeWhole(disk, '/d/log', bytes)
  const { baseOffset, nextBase } = segment
  return surveySegment(disk.open('/d/log', 'read'), { baseOffset, nextBase, logEnd: null, before: { nextOffset: baseOffset, epoch: -1 }, epochs: [] })
}

const flipBit = (bytes: Buffer, { position }: Place, bit: number): void => { bytes[position + 7 - (bit >> 3)]! ^= 1 << (bit & 7) }
const isIn = (place: Place, ranges: readonly { position: number; end: number }[]): boolean => ranges.some(({ position, end }) => position < place.end && end > place.position)

/** Each batch begins where the one before ends, and the next segment too. */
const isDense = ({ baseOffset, nextBase, batches }: RawSegment): boolean => [...batches.map((place) => place.baseOffset), nextBase].every(
  (offset, i) => offset === null || offset === (i === 0 ? baseOffset : batches[i - 1]!.lastOffset + 1),
)

describe('bits of offsets that flip in segments of Kafka', () => {
  beforeAll(loadAllCodecs)

  test('one: it is found again where offsets leave no holes, and elsewhere nothing but it, or the neighbour it contradicts, is taken out', async () => {
    expect(segments.filter(isDense).length).toBeGreaterThan(40)
    expect(segments.filter((segment) => !isDense(segment)).length).toBeGreaterThan(20)
    for (const segment of segments) {
      const random = new SeededRandom(SEED)
      for (let n = 0; n < CASES; n++) {
        const index = random.int(segment.batches.length)
        const place = segment.batches[index]!
        const bit = random.int(64)
        const bytes = Buffer.from(segment.bytes)
        flipBit(bytes, place, bit)
        const { damaged, mended } = await survey(segment, bytes)
        const label = `${segment.name}: bit ${bit} of ${place.baseOffset}`
        if (isDense(segment) && (segment.nextBase !== null || index < segment.batches.length - 1)) {
          expect({ damaged, mended: mended.map(({ position, baseOffset }) => ({ position, baseOffset })) }, label).toEqual({
            damaged: [], mended: [{ position: place.position, baseOffset: place.baseOffset }],
          })
          continue
        }
        const gone = segment.batches.filter((each) => isIn(each, damaged) || isIn(each, mended.filter(({ baseOffset }) => baseOffset !== null)))
        expect(gone.length, label).toBeLessThanOrEqual(1)
        expect(gone.every((each) => Math.abs(segment.batches.indexOf(each) - index) <= 1), label).toBe(true)
      }
    }
  }, 120_000)

  test('in two batches that are close, or one beside records that are hit: no more than two are taken out, and none that is far away', async () => {
    for (const segment of segments) {
      const random = new SeededRandom(SEED)
      for (let n = 0; n < CASES; n++) {
        const first = random.int(segment.batches.length - 1)
        const second = Math.min(segment.batches.length - 1, first + 1 + random.int(2))
        const bytes = Buffer.from(segment.bytes)
        const bits = [random.int(64), random.int(64)] as const
        const inRecords = random.int(2) === 1
        flipBit(bytes, segment.batches[first]!, bits[0])
        if (inRecords) bytes[segment.batches[second]!.end - 1]! ^= 1
        else flipBit(bytes, segment.batches[second]!, bits[1])
        const { damaged, mended } = await survey(segment, bytes)
        const label = `${segment.name}: bits ${bits.join()} of ${segment.batches[first]!.baseOffset} and ${inRecords ? 'records' : 'offset'} of ${segment.batches[second]!.baseOffset}`
        const moved = mended.filter(({ baseOffset }) => baseOffset !== null)
        expect(segment.batches.filter((each) => isIn(each, damaged)).length, label).toBeLessThanOrEqual(2)
        const gone = segment.batches.flatMap((each, index) => isIn(each, damaged) || isIn(each, moved) ? [index] : [])
        expect(gone.every((index) => index >= first - 1 && index <= second + 1), label).toBe(true)
      }
    }
  }, 120_000)
})
