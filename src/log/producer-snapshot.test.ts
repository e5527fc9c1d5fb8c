import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../record/crc32c.ts'
import { nodeFileSystem } from '../io/node-file-system.ts'
import { fixtureNames, fixturePartitions, hex, toHex } from '../../test/support/segment-harness.ts'
import { decodeSnapshot, encodeSnapshot, type SnapshotEntry } from './producer-snapshot.ts'

const vector = [
  '000119c527e000000002',
  '0000000000000fa00002000000090000000000000066000000020000018bcfe5680a000000030000000000000064',
  '00000000000013890000ffffffffffffffffffffffff000000000000018bcfe56814ffffffffffffffffffffffff',
].join('')
const entries: SnapshotEntry[] = [
  { producerId: 4000, producerEpoch: 2, lastSequence: 9, lastOffset: 102, offsetDelta: 2, timestamp: 1700000000010, coordinatorEpoch: 3,
    currentTxnFirstOffset: 100 },
  { producerId: 5001, producerEpoch: 0, lastSequence: -1, lastOffset: -1, offsetDelta: 0, timestamp: 1700000000020, coordinatorEpoch: -1,
    currentTxnFirstOffset: -1 },
]

describe('producer snapshots', () => {
  test('have exactly the bytes of Kafka', () => {
    expect(toHex(encodeSnapshot(entries))).toBe(vector)
    expect(decodeSnapshot(hex(vector), 'f')).toEqual(entries)
    expect(toHex(encodeSnapshot([]))).toBe('000148674bc700000000')
    expect(decodeSnapshot(hex('000148674bc700000000'), 'f')).toEqual([])
  })

  test('are refused when any byte is flipped or any length cut', () => {
    const bytes = hex(vector)
    const refused = expect.objectContaining({ code: 'LOG_CORRUPT', file: 'f' })
    for (let at = 0; at < bytes.length; at++) {
      const bad = bytes.slice()
      bad[at]! ^= 0x08
      expect(() => decodeSnapshot(bad, 'f')).toThrow(refused)
      expect(() => decodeSnapshot(bytes.subarray(0, at), 'f')).toThrow(refused)
    }
    expect(() => decodeSnapshot(Buffer.concat([bytes, bytes]), 'f')).toThrow(refused)
    expect(() => decodeSnapshot(new Uint8Array(102), 'f')).toThrow(refused)
  })

  test('with a good checksum are still refused for another version or impossible numbers', () => {
    const huge = encodeSnapshot([{ ...entries[0]!, lastOffset: 2 ** 60 }])
    expect(() => decodeSnapshot(huge, 'f')).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }))
    const other = hex(vector)
    other[1] = 2
    expect(() => decodeSnapshot(other, 'f')).toThrow(/version 2/)
    for (const count of [-1, 0, 1, 3]) {
      const miscounted = Buffer.from(hex(vector))
      miscounted.writeInt32BE(count, 6)
      miscounted.writeUInt32BE(crc32c(miscounted, 6, miscounted.length), 2)
      expect(() => decodeSnapshot(miscounted, 'f')).toThrow(`${count} producers in ${miscounted.length} bytes`)
    }
  })

  test('of a real broker are decoded and encoded to the same bytes', () => {
    let files = 0
    for (const partition of fixtureNames().flatMap(fixturePartitions)) {
      for (const { name } of nodeFileSystem.readDirectory(partition)) {
        if (!name.endsWith('.snapshot')) continue
        const bytes = nodeFileSystem.readFile(join(partition, name))
        expect(toHex(encodeSnapshot(decodeSnapshot(bytes, name)))).toBe(toHex(bytes))
        files++
      }
    }
    expect(files).toBeGreaterThan(100)
  })
})
