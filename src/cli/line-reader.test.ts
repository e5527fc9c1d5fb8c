import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linesOf, piecesOf, type Piece } from './line-reader.ts'

async function* chunks(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, void> { for (const part of parts) yield await Promise.resolve(part) }

async function collect(pieces: AsyncIterable<Piece>): Promise<Piece[]> {
  const all: Piece[] = []
  for await (const piece of pieces) all.push({ bytes: Buffer.from(piece.bytes), ended: piece.ended })
  return all
}

const textOf = (pieces: readonly Piece[]): string[] => pieces.map((p) => Buffer.from(p.bytes).toString() + (p.ended ? '$' : ''))
const joined = (pieces: readonly Piece[]): Buffer => Buffer.concat(pieces.flatMap((p) => p.ended ? [p.bytes, Buffer.from('\n')] : [p.bytes]))

/** Any bytes, cut anywhere; line feeds are frequent. */
const input = fc.array(fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes.map((b) => b < 60 ? 10 : b))), { maxLength: 12 })

describe('lines', () => {
  test('end at line feeds only; carriage returns and a last line without end stay', async () => {
    expect(textOf(await collect(linesOf(chunks([Buffer.from('a\r\nb'), Buffer.from('c\n\nd')]), 100)))).toEqual(['a\r$', 'bc$', '$', 'd'])
  })

  test('longer than the limit come in pieces', async () => {
    expect(textOf(await collect(linesOf(chunks([Buffer.from('abcdefg\nhi\n')]), 3)))).toEqual(['abc', 'def', 'g$', 'hi$'])
    expect(textOf(await collect(linesOf(chunks([Buffer.from('abc\n')]), 3)))).toEqual(['abc$'])
  })

  test('and pieces, put together again, are the input, whatever it is and however it arrives', async () => {
    await fc.assert(fc.asyncProperty(input, fc.integer({ min: 1, max: 30 }), async (parts, limit) => {
      const pieces = await collect(linesOf(chunks(parts), limit))
      expect(joined(pieces)).toEqual(Buffer.concat(parts))
      for (const piece of pieces) {
        expect(piece.bytes.length).toBeLessThanOrEqual(limit)
        expect(piece.bytes.includes(10)).toBe(false)
      }
    }))
  })
})

describe('pieces', () => {
  test('have one size but for the last, and together are the input', async () => {
    await fc.assert(fc.asyncProperty(input, fc.integer({ min: 1, max: 30 }), async (parts, size) => {
      const pieces = await collect(piecesOf(chunks(parts), size))
      expect(joined(pieces)).toEqual(Buffer.concat(parts))
      expect(pieces.slice(0, -1).every((piece) => piece.bytes.length === size)).toBe(true)
      expect(pieces.every((piece) => piece.bytes.length > 0 && !piece.ended)).toBe(true)
    }))
  })
})
