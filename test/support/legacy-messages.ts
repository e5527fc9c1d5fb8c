/** Messages of magic 0 and 1, from the layout table (spec/storage-format 2.10). */
import { writeInt64 } from '../../src/common/int64.ts'
import { viewOf } from '../../src/record/batch-format.ts'
import { crc32 } from '../../src/record/crc32.ts'

export interface LegacyMessage { magic: 0 | 1; offset: number; key?: string | null; value?: Buffer | string | null; timestamp?: number; attributes?: number }

function field(content: Buffer | string | null | undefined): Buffer {
  const length = Buffer.alloc(4)
  if (content === null || content === undefined) {
    length.writeInt32BE(-1)
    return length
  }
  const bytes = Buffer.from(content as string)
  length.writeInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

export function legacyMessage({ magic, offset, key, value, timestamp = -1, attributes = 0 }: LegacyMessage): Buffer {
  const stamp = Buffer.alloc(magic === 0 ? 0 : 8)
  if (magic === 1) writeInt64(viewOf(stamp), 0, timestamp)
  const body = Buffer.concat([Buffer.of(magic, attributes), stamp, field(key), field(value)])
  const head = Buffer.alloc(16)
  writeInt64(viewOf(head), 0, offset)
  head.writeInt32BE(body.length + 4, 8)
  head.writeUInt32BE(crc32(body, 0, body.length), 12)
  return Buffer.concat([head, body])
}
