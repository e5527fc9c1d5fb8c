import { describe, expect, test } from 'vitest'
import { parsePartitionFolder, parseSegmentFileName, renamedPartitionFolder, segmentFileName } from './segment-names.ts'

describe('segment file names', () => {
  test('carry twenty digits of the base offset', () => {
    expect(segmentFileName(0, 'log')).toBe('00000000000000000000.log')
    expect(segmentFileName(9007199254740991, 'timeindex', '.swap')).toBe('00009007199254740991.timeindex.swap')
  })

  test.each([
    ['00000000000000000042.log', { offset: 42, kind: 'log', state: '' }],
    ['00000000000000000042.snapshot.deleted', { offset: 42, kind: 'snapshot', state: '.deleted' }],
    ['00000000000000000042.txnindex.cleaned', { offset: 42, kind: 'txnindex', state: '.cleaned' }],
  ])('%s is understood', (name, parts) => { expect(parseSegmentFileName(name)).toEqual(parts) })

  test.each(['42.log', '00000000000000000042', '00000000000000000042.log.tmp', '0000000000000000004x.log', '00000000000000000042.checkpoint',
    '09223372036854775807.log', 'a00000000000000000042.log'])(
    '%s is none', (name) => { expect(parseSegmentFileName(name)).toBeNull() })
})

describe('partition folder names', () => {
  const hex = '0123456789abcdef0123456789abcdef'
  test.each([
    ['truck_gps-3', { topic: 'truck_gps', partition: 3, state: 'live' }],
    ['a-b-0', { topic: 'a-b', partition: 0, state: 'live' }],
    ['t-2147483647', { topic: 't', partition: 2147483647, state: 'live' }],
    [`t-1.${hex}-delete`, { topic: 't', partition: 1, state: 'delete' }],
    [`t.x-1.${hex}-stray`, { topic: 't.x', partition: 1, state: 'stray' }],
    [`t-1.${hex}-future`, { topic: 't', partition: 1, state: 'future' }],
  ])('%s is understood', (name, parts) => { expect(parsePartitionFolder(name)).toEqual(parts) })

  test.each(['lost+found', 'topic', 'topic-', '-3', 'topic-x', 'topic-99999999999', 'topic-2147483648', 'to pic-1', '..-1', `t.${hex}-delete`])('%s is none', (name) => {
    expect(parsePartitionFolder(name)).toBeNull()
  })

  test('a folder to be deleted keeps within 255 characters', () => {
    const name = renamedPartitionFolder('t'.repeat(249), 7, hex, 'delete')
    expect(name).toHaveLength(255)
    expect(parsePartitionFolder(name)).toMatchObject({ partition: 7, state: 'delete' })
    expect(renamedPartitionFolder('short', 7, hex, 'stray')).toBe(`short-7.${hex}-stray`)
  })
})
