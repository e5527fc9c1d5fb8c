import { describe, expect, test } from 'vitest'
import { ZERO_UUID } from '../common/uuid.ts'
import { adoptionConfigs, judgeTopic, type FoundPartition, type TopicVerdict } from './topic-adoption.ts'
import type { TopicEntry } from './topic-entry.ts'

const ID = 'ASNFZ4mrze_-3LqYdlQyEA'
const OTHER = 'AAAAAAAAAAEAAAAAAAAAAg'
const FRESH = 'BBBBBBBBBBEAAAAAAAAAAg'

function folders(...partitions: (number | [number, string] | [number, string, boolean])[]): FoundPartition[] {
  return partitions.map((each) => {
    const [partition, topicId, hasRecords] = typeof each === 'number' ? [each, ID] : each
    return { topic: 't', partition, topicId, hasRecords: hasRecords ?? false }
  })
}
const entry = (more: Partial<TopicEntry> = {}): TopicEntry => ({ topicId: ID, partitions: 2, state: 'ready', configs: { 'retention.ms': '5' }, ...more })
const judge = (known: TopicEntry | undefined, found: FoundPartition[]): TopicVerdict => judgeTopic('t', known, found, () => FRESH)

describe('a topic found when a directory is opened', () => {
  test('is kept as it is when folders and store agree', () => {
    expect(judge(entry(), folders(0, 1))).toEqual({ kind: 'keep', entry: entry(), isChanged: false, isAdopted: false, missing: [], warnings: [] })
  })

  test('is adopted with everything kept when the store does not know it', () => {
    expect(judge(undefined, folders(0, 1, 2))).toEqual({
      kind: 'keep', isChanged: true, isAdopted: true, missing: [], warnings: [],
      entry: { topicId: ID, partitions: 3, state: 'ready', configs: { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' } },
    })
  })

  test('is given an id when no folder has one', () => {
    expect(judge(undefined, folders([0, ZERO_UUID]))).toMatchObject({ entry: { topicId: FRESH } })
    expect(judge(undefined, folders([0, ZERO_UUID], [1, OTHER]))).toMatchObject({ entry: { topicId: OTHER } })
    expect(judge(entry(), folders([0, ZERO_UUID], [1, ZERO_UUID]))).toMatchObject({ entry: entry(), isChanged: false })
  })

  test('of another id than the store says is adopted anew, with a warning', () => {
    const verdict = judge(entry(), folders([0, OTHER]))
    expect(verdict).toMatchObject({ kind: 'keep', isAdopted: true, entry: { topicId: OTHER, partitions: 1, configs: adoptionConfigs('t') } })
    expect(verdict).toMatchObject({ warnings: ['was made anew by somebody else: its settings are dropped'] })
  })

  test('with several ids keeps its entry when one matches, with a warning', () => {
    expect(judge(entry(), folders([0, OTHER], [1, ID]))).toMatchObject({ kind: 'keep', isAdopted: false, entry: entry(), warnings: [expect.stringContaining('different topic ids')] })
  })

  test('gets empty partitions where folders are missing, with a warning', () => {
    expect(judge(entry({ partitions: 4 }), folders(1, 3))).toMatchObject({ missing: [0, 2], isChanged: false, warnings: ['has no folder for partition 0, 2: empty ones are made'] })
  })

  test('with more folders than the store says has as many partitions', () => {
    expect(judge(entry(), folders(0, 1, 2))).toMatchObject({ entry: { partitions: 3, configs: { 'retention.ms': '5' } }, isChanged: true, isAdopted: false })
  })

  test('that was growing is grown to the end, without a warning', () => {
    const { growTo: _, ...grown } = entry({ growTo: 5, partitions: 5 })
    expect(judge(entry({ growTo: 5 }), folders(0, 1, 2))).toEqual({ kind: 'keep', entry: grown, isChanged: true, isAdopted: false, missing: [3, 4], warnings: [] })
  })

  test('whose creation or deletion was cut short is removed', () => {
    expect(judge(entry({ state: 'creating' }), folders(0))).toEqual({ kind: 'remove', reason: 'creation' })
    expect(judge(entry({ state: 'deleting' }), folders([0, ID, true]))).toEqual({ kind: 'remove', reason: 'deletion' })
  })

  test('that holds records is never taken for an unfinished creation', () => {
    expect(judge(entry({ state: 'creating' }), folders([0, ID, true]))).toMatchObject({ kind: 'keep', entry: entry(), missing: [1] })
  })

  test('that was deleted here but made anew by somebody else is kept', () => {
    expect(judge(entry({ state: 'deleting' }), folders([0, OTHER, true]))).toMatchObject({ kind: 'keep', isAdopted: true })
    expect(judge(entry({ state: 'creating' }), folders([0, OTHER]))).toMatchObject({ kind: 'keep', isAdopted: true })
  })

  test('with a folder of an absurd number is not filled up to it', () => {
    expect(judge(undefined, folders(2_147_483_647))).toEqual({ kind: 'ignore', warnings: ['has folders of partitions above 99999: they are left alone'] })
    expect(judge(undefined, folders(0, 2_147_483_647))).toMatchObject({ entry: { partitions: 1 } })
  })

  test('that is internal keeps being compacted', () => {
    expect(adoptionConfigs('__consumer_offsets')).toEqual({ 'cleanup.policy': 'compact', 'retention.ms': '-1', 'retention.bytes': '-1' })
    // A name alone does not say that only the last value counts.
    expect(adoptionConfigs('__remote_log_metadata')).toMatchObject({ 'cleanup.policy': 'delete' })
  })
})
