import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fixtureFileSystem, fixtureNames, fixtures, readJson, readLines, type TruthOffset, type TruthOffsets } from '../../test/support/fixture-files.ts'
import { consume } from '../../test/support/log-consumer.ts'
import { testConfig } from '../../test/support/test-log.ts'
import { systemPorts } from '../common/ports.ts'
import { silentLogger } from '../common/logger.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { LogManager } from './log-manager.ts'
import type { OffsetAndTimestamp } from './log-types.ts'

function plain(found: OffsetAndTimestamp | null): TruthOffset {
  return found === null ? { offset: -1, timestamp: -1, leaderEpoch: null } : { ...found, leaderEpoch: found.leaderEpoch < 0 ? null : found.leaderEpoch }
}

/** The broker refuses the question for message format 0, which has no timestamps; here the answer is that there is no such record. */
function answered(truth: TruthOffset): TruthOffset { return 'error' in truth ? plain(null) : truth }

async function openFixture(name: string): Promise<LogManager> {
  await loadAllCodecs()
  return LogManager.open({
    directory: join(fixtures, name, 'data'), fileSystem: fixtureFileSystem(name), readOnly: true,
    ports: { ...systemPorts, logger: silentLogger }, settings: {}, topicConfig: () => testConfig(),
  })
}

describe.each(fixtureNames)('a directory that Kafka wrote, %s, opened for reading', (name) => {
  const truth = readJson<Record<string, TruthOffsets>>(name, 'truth', 'offsets.json')

  test('has the offsets that the broker answered', async () => {
    const manager = await openFixture(name)
    try {
      expect(manager.logs().map((log) => `${log.topic}-${log.partition}`)).toEqual(expect.arrayContaining(Object.keys(truth)))
      for (const log of manager.logs()) {
        const key = `${log.topic}-${log.partition}`
        const expected = truth[key]
        if (expected === undefined) continue
        const { earliest, latest, latestReadCommitted, maxTimestamp, topicId, byTime } = expected
        expect(
          { key, topicId: log.topicId, earliest: plain(log.earliest()), latest: log.latest('highWatermark').offset, stable: log.latest('committed').offset },
        )
          .toEqual({ key, topicId, earliest, latest: latest.offset, stable: latestReadCommitted.offset })
        expect({ key, ...plain(await log.maxTimestampOffset()) }).toEqual({ key, ...answered(maxTimestamp) })
        for (const { query, ...found } of byTime ?? []) {
          expect({ key, query, ...plain(await log.offsetForTimestamp(query, 'highWatermark')) }).toEqual({ key, query, ...answered(found) })
        }
      }
    } finally {
      await manager.close()
    }
  })

  test('gives the records that a consumer got, committed ones and all, in large and small bites', async () => {
    const manager = await openFixture(name)
    try {
      for (const log of manager.logs()) {
        const key = `${log.topic}-${log.partition}`
        const expected = readLines(name, 'truth', 'records', `${key}.read_uncommitted.jsonl`)
        if (expected === null) continue
        expect(await consume(log, 'highWatermark', 1_048_576)).toEqual(expected)
        expect(await consume(log, 'highWatermark', 200)).toEqual(expected)
        const committed = readLines(name, 'truth', 'records', `${key}.read_committed.jsonl`)
        if (committed !== null || truth[key]?.readCommittedSameAsUncommitted === true) {
          expect(await consume(log, 'committed', 300)).toEqual(committed ?? expected)
        }
      }
    } finally {
      await manager.close()
    }
  })
})
