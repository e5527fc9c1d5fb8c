/**
 * Cuts a stream of bytes into lines, or into pieces of one size, keeping every byte: only the line feed itself is left out, and each
 * piece tells whether one followed. Lines longer than `limit` come in several pieces, so memory is bounded whatever the input is.
 */
export interface Piece {
  readonly bytes: Uint8Array
  /** A line feed stood behind it: false for pieces of an overlong line but its last, and for a last line without one. */
  readonly ended: boolean
}

const LINE_FEED = 10

export async function* linesOf(input: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Piece, void, void> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of input) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    // What was left over holds no line feed: the search begins behind it.
    let searched = rest.length
    let start = 0
    for (;;) {
      const end = bytes.indexOf(LINE_FEED, Math.max(start, searched))
      searched = 0
      const stop = end === -1 ? bytes.length : end
      while (stop - start > limit) {
        yield { bytes: bytes.subarray(start, start + limit), ended: false }
        start += limit
      }
      if (end === -1) break
      yield { bytes: bytes.subarray(start, end), ended: true }
      start = end + 1
    }
    rest = bytes.subarray(start)
  }
  if (rest.length > 0) yield { bytes: rest, ended: false }
}

export async function* piecesOf(input: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Piece, void, void> {
  let parts: Uint8Array[] = []
  let gathered = 0
  for await (const chunk of input) {
    let start = 0
    while (gathered + chunk.length - start >= size) {
      const end = start + size - gathered
      parts.push(chunk.subarray(start, end))
      yield { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts), ended: false }
      parts = []
      gathered = 0
      start = end
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start))
      gathered += chunk.length - start
    }
  }
  if (gathered > 0) yield { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts), ended: false }
}
