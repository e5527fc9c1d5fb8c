import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodeFileSystem } from '../io/node-file-system.ts'
import { OttlaError } from '../common/errors.ts'
import { fixtureNames, fixturesPath, newDisk, utf8, writeFile } from '../../test/support/segment-harness.ts'
import { readOffsetCheckpoint, writeOffsetCheckpoint } from './checkpoint-file.ts'

const path = '/log/recovery-point-offset-checkpoint'

function read(text: string): unknown {
  const disk = newDisk()
  writeFile(disk, path, utf8(text))
  return readOffsetCheckpoint(disk, path)
}

describe('offset checkpoints', () => {
  test('have exactly the bytes of Kafka', () => {
    const disk = newDisk()
    writeOffsetCheckpoint(disk, path, [{ topic: 'my-topic', partition: 3, offset: 1234 }])
    expect(Buffer.from(disk.readFile(path)).toString()).toBe('0\n1\nmy-topic 3 1234\n')
    writeOffsetCheckpoint(disk, path, [])
    expect(Buffer.from(disk.readFile(path)).toString()).toBe('0\n0\n')
    expect(disk.stat(`${path}.tmp`)).toBeNull()
  })

  test('survive a power cut once written', () => {
    const disk = newDisk()
    disk.syncDirectorySync('/')
    writeOffsetCheckpoint(disk, path, [{ topic: 't', partition: 0, offset: 5 }])
    expect(readOffsetCheckpoint(disk.survivors('lose-all'), path)).toEqual([{ topic: 't', partition: 0, offset: 5 }])
  })

  test('are empty when missing, of no length, or with the version alone', () => {
    expect(readOffsetCheckpoint(newDisk(), path)).toEqual([])
    expect(read('')).toEqual([])
    expect(read('0\n')).toEqual([])
    expect(read('0\n0\n')).toEqual([])
  })

  test('may separate fields by any white space and end lines as Windows does', () => {
    expect(read('0\r\n2\r\na \t 1   7\r\nb 0 9007199254740991\r\n')).toEqual([{ topic: 'a', partition: 1, offset: 7 },
      { topic: 'b', partition: 0, offset: 9007199254740991 }])
    expect(read('0\n1\na 1 7')).toEqual([{ topic: 'a', partition: 1, offset: 7 }])
  })

  test.each([
    ['another version', '1\n0\n'], ['no version', 'x\n'], ['no count', '0\nx\n'], ['too many entries', '0\n1\na 0 1\nb 0 1\n'],
      ['too few entries', '0\n2\na 0 1\n'],
    ['two fields', '0\n1\na 1\n'], ['four fields', '0\n1\na 0 1 2\n'], ['leading space', '0\n1\n a 0 1\n'], ['no integer', '0\n1\na 0 1.5\n'],
    ['a negative offset', '0\n1\na 0 -1\n'], ['an offset beyond 2^53', '0\n1\na 0 9007199254740993\n'], ['an empty line', '0\n1\na 0 1\n\n'],
      ['zero bytes', '\0\0\0\0'],
  ])('are refused with %s', (_, text) => {
    try {
      read(text)
      expect.unreachable()
    } catch (error) {
      expect(OttlaError.is(error, 'LOG_CORRUPT')).toBe(true)
      expect((error as OttlaError).file).toBe(path)
    }
  })

  test('of a real broker are read', () => {
    let entries = 0
    for (const fixture of fixtureNames()) {
      for (const name of ['recovery-point', 'log-start', 'replication', 'cleaner']) {
        entries += readOffsetCheckpoint(nodeFileSystem, join(fixturesPath, fixture, 'data', `${name}-offset-checkpoint`)).length
      }
    }
    expect(entries).toBeGreaterThan(100)
    expect(readOffsetCheckpoint(nodeFileSystem, join(fixturesPath, '09-unclean/data/recovery-point-offset-checkpoint')))
      .toContainEqual({ topic: 'u', partition: 0, offset: 27 })
  })
})
