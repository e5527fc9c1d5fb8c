import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodeFileSystem } from '../io/node-file-system.ts'
import { fixturePartitions, newDisk, utf8, writeFile } from '../../test/support/segment-harness.ts'
import { readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts'

const path = '/log/partition.metadata'

describe('partition.metadata', () => {
  test('has exactly the bytes of Kafka', () => {
    const disk = newDisk()
    writePartitionMetadata(disk, '/log', 'ASNFZ4mrze_-3LqYdlQyEA')
    expect(Buffer.from(disk.readFile(path)).toString()).toBe('version: 0\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA')
    expect(readPartitionMetadata(disk, '/log')).toBe('ASNFZ4mrze_-3LqYdlQyEA')
  })

  test('is null when missing', () => { expect(readPartitionMetadata(newDisk(), '/log')).toBeNull() })

  test.each(['', 'version: 0\n', 'version: 0\ntopic_id: short', 'version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA',
    'version: -1\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA', 'topic_id: ASNFZ4mrze_-3LqYdlQyEA', '\0\0\0', 'version: 0 0\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA',
    'version: x\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA', '0\nASNFZ4mrze_-3LqYdlQyEA', 'version: 0\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA x', 'version: 0\nASNFZ4mrze_-3LqYdlQyEA'])(
    '%j is refused with the file', (text) => {
      const disk = newDisk()
      writeFile(disk, path, utf8(text))
      expect(() => readPartitionMetadata(disk, '/log')).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT', file: path }))
    })

  test.each(['version: 0\r\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA\r\n', 'version: +1 \ntopic_id:  ASNFZ4mrze_-3LqYdlQyEA \nmore: 1'])('%j is read as Kafka reads it', (text) => {
    const disk = newDisk()
    writeFile(disk, path, utf8(text))
    expect(readPartitionMetadata(disk, '/log')).toBe('ASNFZ4mrze_-3LqYdlQyEA')
  })

  test('is never written with something that is no topic id', () => {
    for (const text of ['nonsense', 'AAAAAAAAAAAAAAAAAAAAAA']) {
      expect(() => writePartitionMetadata(newDisk(), '/log', text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    }
  })

  test('of a real broker gives every partition of a topic the same id', () => {
    const ids = fixturePartitions('02-codecs').filter((p) => p.includes('codec.lz4-')).map((p) => readPartitionMetadata(nodeFileSystem, p))
    expect(ids).toHaveLength(4)
    expect(new Set(ids).size).toBe(1)
    expect(Buffer.from(nodeFileSystem.readFile(join(fixturePartitions('02-codecs')[0]!,
      'partition.metadata'))).toString()).toMatch(/^version: 0\ntopic_id: .{22}$/)
  })
})
