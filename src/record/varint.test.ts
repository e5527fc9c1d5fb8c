import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import {
  readUnsignedVarint, readVarint, readVarlong, sizeOfUnsignedVarint, sizeOfVarint, sizeOfVarlong, varintEnd, writeUnsignedVarint, writeVarint, writeVarlong,
} from './varint.ts'

type Write = (buffer: Uint8Array, position: number, value: number) => number
type Read = (buffer: Uint8Array, position: number, end: number) => number

function written(write: Write, value: number): string {
  const buffer = Buffer.alloc(12, 0xee)
  return buffer.subarray(1, write(buffer, 1, value)).toString('hex')
}

function readBack(read: Read, hex: string): number {
  const buffer = Buffer.from(`ee${hex}ee`, 'hex')
  const value = read(buffer, 1, buffer.length - 1)
  expect(varintEnd()).toBe(buffer.length - 1)
  return value
}

const refused = (read: Read, hex: string): unknown => {
  try {
    return read(Buffer.from(hex, 'hex'), 0, hex.length / 2)
  } catch (error) {
    return OttlaError.is(error, 'CORRUPT_MESSAGE') ? error.message.replace(/^.* is /, '') : error
  }
}

describe('the byte patterns of Kafka', () => {
  test.each([
    [0, '00'], [-1, '01'], [1, '02'], [63, '7e'], [-64, '7f'], [64, '8001'], [-65, '8101'], [300, 'd804'], [-300, 'd704'], [8191, 'fe7f'], [8192, '808001'],
    [2147483647, 'feffffff0f'], [-2147483648, 'ffffffff0f'],
  ])('varint %d is %s', (value, hex) => {
    expect(written(writeVarint, value)).toBe(hex)
    expect(readBack(readVarint, hex)).toBe(value)
    expect(written(writeVarlong, value)).toBe(hex)
    expect(readBack(readVarlong, hex)).toBe(value)
  })

  test.each([
    [2 ** 31, '8080808010'], [-(2 ** 31), 'ffffffff0f'], [2 ** 35, '808080808002'], [1700000000000, '80a0abfef962'],
  ])('varlong %d is %s', (value, hex) => {
    expect(written(writeVarlong, value)).toBe(hex)
    expect(readBack(readVarlong, hex)).toBe(value)
  })

  test.each([
    [127, '7f'], [128, '8001'], [300, 'ac02'], [16383, 'ff7f'], [16384, '808001'], [2147483647, 'ffffffff07'], [4294967295, 'ffffffff0f'],
  ])('unsigned %d is %s', (value, hex) => {
    expect(written(writeUnsignedVarint, value)).toBe(hex)
    expect(readBack(readUnsignedVarint, hex)).toBe(value)
  })
})

describe('any value', () => {
  const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
  const int54 = fc.oneof(fc.maxSafeInteger(), int32, fc.constantFrom(2 ** 53, -(2 ** 53), 2 ** 53 - 1, 1 - 2 ** 53, 2 ** 52, 2 ** 52 + 1))

  test('a varint comes back, and its size is foretold', () => {
    fc.assert(fc.property(int32, (value) => {
      const hex = written(writeVarint, value)
      expect(readBack(readVarint, hex)).toBe(value)
      expect(sizeOfVarint(value)).toBe(hex.length / 2)
    }))
  })

  test('a varlong comes back up to ±2^53, and its size is foretold', () => {
    fc.assert(fc.property(int54, (value) => {
      const hex = written(writeVarlong, value)
      expect(readBack(readVarlong, hex)).toBe(value)
      expect(sizeOfVarlong(value)).toBe(hex.length / 2)
    }))
  })

  test('an unsigned varint comes back, and its size is foretold', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
      const hex = written(writeUnsignedVarint, value)
      expect(readBack(readUnsignedVarint, hex)).toBe(value)
      expect(sizeOfUnsignedVarint(value)).toBe(hex.length / 2)
    }))
  })
})

test('a value at the edge of a size has that size', () => {
  for (const [edge, size] of [[0x80, 1], [0x4000, 2], [0x200000, 3], [0x10000000, 4]] as const) {
    expect([edge - 1, edge].map(sizeOfUnsignedVarint)).toEqual([size, size + 1])
    expect([edge - 1, edge].map((value) => written(writeUnsignedVarint, value).length / 2)).toEqual([size, size + 1])
    expect([edge / 2 - 1, edge / 2, -edge / 2, -edge / 2 - 1].map(sizeOfVarint)).toEqual([size, size + 1, size, size + 1])
  }
  for (const [edge, size] of [[2 ** 34, 5], [2 ** 41, 6], [2 ** 48, 7]] as const) {
    for (const value of [edge - 1, -edge]) expect([sizeOfVarlong(value), written(writeVarlong, value).length / 2]).toEqual([size, size])
    for (const value of [edge, -edge - 1]) expect([sizeOfVarlong(value), written(writeVarlong, value).length / 2]).toEqual([size + 1, size + 1])
  }
})

describe('readers', () => {
  test('a form longer than needed is read', () => {
    expect(readBack(readVarint, '828000')).toBe(1)
    expect(readBack(readVarint, '8180808000')).toBe(-1)
    expect(readBack(readVarlong, '82808080808080808000')).toBe(1)
    expect(readBack(readUnsignedVarint, 'ac828000')).toBe(300)
  })

  test('bits beyond the 64th are dropped, as in Kafka', () => { expect(readBack(readVarlong, '82808080808080808002')).toBe(1) })

  test('values beyond ±2^53 come back beyond it on their own side, never rounded into it', () => {
    for (const hex of ['feffffffffffffffff01', '8280808080808020']) expect(readBack(readVarlong, hex)).toBeGreaterThan(2 ** 53)
    for (const hex of ['ffffffffffffffffff01', '8380808080808020']) expect(readBack(readVarlong, hex)).toBeLessThan(-(2 ** 53))
    expect(readBack(readVarlong, '8080808080808020')).toBe(2 ** 53)
    expect(readBack(readVarlong, 'ffffffffffffff1f')).toBe(-(2 ** 53))
  })

  test('more bytes than the type has are refused', () => {
    for (const read of [readVarint, readUnsignedVarint]) expect(refused(read, '808080808000')).toBe('longer than 5 bytes')
    expect(refused(readVarlong, '8080808080808080808000')).toBe('longer than 10 bytes')
  })

  test('an end within the integer is refused', () => {
    for (const read of [readVarint, readUnsignedVarint, readVarlong]) for (const hex of ['', '80', 'ffff']) expect(refused(read, hex)).toBe('cut short')
  })

  test('arbitrary bytes give a number or CORRUPT_MESSAGE, and the end lies within them', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 14 }), fc.constantFrom(readVarint, readVarlong, readUnsignedVarint), (bytes, read) => {
      try {
        expect(Number.isNaN(read(bytes, 0, bytes.length))).toBe(false)
        expect(varintEnd()).toBeLessThanOrEqual(bytes.length)
      } catch (error) {
        expect(OttlaError.is(error, 'CORRUPT_MESSAGE')).toBe(true)
      }
    }))
  })
})
