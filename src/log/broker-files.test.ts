import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodeFileSystem } from '../io/node-file-system.ts'
import { fixturesPath, newDisk, utf8, writeFile } from '../../test/support/segment-harness.ts'
import { readCleanShutdown, readMetaProperties, removeCleanShutdown, writeCleanShutdown, writeMetaProperties } from './broker-files.ts'
import { parseProperties } from './java-properties.ts'

const now = Date.UTC(2023, 10, 14, 22, 13, 20)

function meta(text: string): unknown {
  const disk = newDisk()
  writeFile(disk, '/log/meta.properties', utf8(text))
  return readMetaProperties(disk, '/log')
}

describe('meta.properties', () => {
  test('of both eras of Kafka are read', () => {
    expect(readMetaProperties(nodeFileSystem, join(fixturesPath, '01-plain/data')))
      .toEqual({ version: 1, clusterId: 'c6E73_7wE7jZEtawp_KZmw', nodeId: 1, directoryId: 'g30BNgDY90WSaemTxi4rGg' })
    expect(readMetaProperties(nodeFileSystem, join(fixturesPath, '10-old-formats/data')))
      .toEqual({ version: 0, clusterId: '4PXU-s5fTBOgVSTgDBv5qQ', nodeId: 1, directoryId: null })
  })

  test('are written as Java writes properties, and read back', () => {
    const disk = newDisk()
    const properties = { version: 1, clusterId: 'abc', nodeId: 3, directoryId: 'xyz' } as const
    writeMetaProperties(disk, '/log', properties, now)
    expect(Buffer.from(disk.readFile('/log/meta.properties')).toString()).toBe('#\n#Tue Nov 14 22:13:20 UTC 2023\nversion=1\ncluster.id=abc\nnode.id=3\ndirectory.id=xyz\n')
    expect(readMetaProperties(disk, '/log')).toEqual(properties)
    writeMetaProperties(disk, '/log', { version: 0, clusterId: null, nodeId: 7, directoryId: null }, Date.UTC(2024, 0, 7, 3, 4, 5))
    expect(Buffer.from(disk.readFile('/log/meta.properties')).toString()).toMatch(/^#\n#Sun Jan 07 03:04:05 UTC 2024\n/)
    expect(readMetaProperties(disk, '/log')).toEqual({ version: 0, clusterId: null, nodeId: 7, directoryId: null })
  })

  test('are null when missing', () => { expect(readMetaProperties(newDisk(), '/log')).toBeNull() })
  test('keep absent keys apart from empty ones',
    () => { expect(meta('version=1\nnode.id=2\n')).toEqual({ version: 1, clusterId: null, nodeId: 2, directoryId: null }) })
  test.each(['', 'node.id=1', 'version=2\nnode.id=1', 'version=1\nnode.id=one', '\0\0\0'])('%j is refused', (text) => {
    expect(() => meta(text)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT', file: '/log/meta.properties' }))
  })
})

describe('Java properties', () => {
  test('know comments, three separators, escapes and continued lines', () => {
    const text = '# no\n! no\n\n  a = 1\nb:2\nc 3\nd\\ e\\==x\\u0041\\n\nlong=one \\\n   two\nempty\nodd=a\\\\\nlast=\\'
    expect(Object.fromEntries(parseProperties(utf8(text)))).toEqual({ a: '1', b: '2', c: '3', 'd e=': 'xA\n', long: 'one two', empty: '', odd: 'a\\',
      last: '' })
  })
})

test('properties are written as Java escapes them, and read back', () => {
  const disk = newDisk()
  const clusterId = 'a b:c=d#e!f\\g\th\ni\rj\fk\u0007l\u00e9\u20ac\x7f~'
  writeMetaProperties(disk, '/log', { version: 1, clusterId, nodeId: null, directoryId: null }, now)
  const line = 'cluster.id=a\\ b\\:c\\=d\\#e\\!f\\\\g\\th\\ni\\rj\\fk\\u0007l\\u00E9\\u20AC\\u007F~'
  expect(Buffer.from(disk.readFile('/log/meta.properties')).toString().split('\n')).toContain(line)
  expect(readMetaProperties(disk, '/log')).toEqual({ version: 1, clusterId, nodeId: null, directoryId: null })
})

describe('the mark of a clean shutdown', () => {
  test('is Kafka\'s JSON, durable, and can be taken away', () => {
    const disk = newDisk()
    disk.syncDirectorySync('/')
    expect(readCleanShutdown(disk, '/log')).toBeNull()
    writeCleanShutdown(disk, '/log', 17)
    expect(Buffer.from(disk.readFile('/log/.kafka_cleanshutdown')).toString()).toBe('{"version":0,"brokerEpoch":17}')
    expect(readCleanShutdown(disk.survivors('lose-all'), '/log')).toEqual({ brokerEpoch: 17 })
    writeCleanShutdown(disk, '/log')
    expect(Buffer.from(disk.readFile('/log/.kafka_cleanshutdown')).toString()).toBe('{"version":0,"brokerEpoch":-1}')
    removeCleanShutdown(disk, '/log')
    expect(readCleanShutdown(disk.survivors('lose-all'), '/log')).toBeNull()
  })

  test.each(['', 'nonsense', '{"version":0}', '[1]', 'null', '{"brokerEpoch":"x"}', '{"brokerEpoch":1.5}', '{"brokerEpoch":1e300}'])('counts by its presence alone: %j', (text) => {
    const disk = newDisk()
    writeFile(disk, '/log/.kafka_cleanshutdown', utf8(text))
    expect(readCleanShutdown(disk, '/log')).toEqual({ brokerEpoch: -1 })
  })

  test('of a real broker is read', () => { expect(readCleanShutdown(nodeFileSystem, join(fixturesPath, '01-plain/data'))).toEqual({ brokerEpoch: 10 }) })
})
