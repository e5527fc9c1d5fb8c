/** What Kafka's own cleaner made of a directory is what ours makes of it, byte for byte: logs, all three indexes, the checkpoint. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fixtures, loadFixture, readJson } from '../../test/support/fixture-files.ts'
import { drive, testConfig } from '../../test/support/test-log.ts'
import { nodeFileSystem } from '../io/node-file-system.ts'
import { loadAllCodecs } from '../record/compression.ts'
import { readBatch } from '../record/record-cursor.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { SimulatedFileSystem } from '../testing/simulated-file-system.ts'
import { readOffsetCheckpoint } from './checkpoint-file.ts'
import { LogManager } from './log-manager.ts'

const after = join(fixtures, '05-compact-after', 'data')
const partitions = readdirSync(after).filter((name) => name.startsWith('compact.'))
const retentionOf = (partition: string): number => (/drop/.test(partition) ? 1 : 86_400_000)

function batchesOf(bytes: Uint8Array): ReturnType<typeof readBatch>[] {
  const batches: ReturnType<typeof readBatch>[] = []
  for (let at = 0; at < bytes.length; at += batches.at(-1)!.header.size) batches.push(readBatch(bytes, at, bytes.length))
  return batches
}

const contentOf = (bytes: Uint8Array): unknown[] => batchesOf(bytes).map(({ header, records }) => ({ header: { ...header, size: 0, crc: 0, position: 0 }, records }))

/** When Kafka cleaned the partition: a delete horizon of it, less the time that tombstones have. */
function cleanedAt(partition: string): number {
  for (const name of readdirSync(join(after, partition)).filter((each) => each.endsWith('.log'))) {
    for (const { header } of batchesOf(readFileSync(join(after, partition, name)))) {
      if (header.deleteHorizonMs !== null) return header.deleteHorizonMs - retentionOf(partition)
    }
  }
  throw new Error(`${partition} has no batch with a delete horizon`)
}

const modifiedMs = new Map(readJson<{ file: string; mtimeMs?: number }[]>('05-compact-after', 'files.json').map((entry) => [entry.file, entry.mtimeMs]))

describe.each(partitions)('%s', (partition) => {
  test('is cleaned as Kafka cleaned it', async () => {
    await loadAllCodecs()
    const clock = new ManualClock(cleanedAt(partition))
    const scheduler = new ManualScheduler(clock)
    const disk = new SimulatedFileSystem({ clock, recordOperations: false })
    const logger = new RecordingLogger()
    loadFixture(disk, '05-compact-before', '/data')
    const manager = await drive(scheduler, LogManager.open({
      directory: '/data', fileSystem: disk, ports: { clock, scheduler, random: new SeededRandom(1), logger }, settings: { 'log.initial.task.delay.ms': 1e9 },
      topicConfig: (topic) => testConfig(topic === partition.slice(0, -2) ? {
        'cleanup.policy': 'compact', 'segment.bytes': 2500, 'index.interval.bytes': 300, 'min.cleanable.dirty.ratio': 0.01, 'delete.retention.ms': retentionOf(partition),
        'retention.ms': -1, 'segment.ms': Number.MAX_SAFE_INTEGER,
      } : { 'retention.ms': -1, 'segment.ms': Number.MAX_SAFE_INTEGER }),
    }))
    await drive(scheduler, manager.compact())
    expect(logger.messages('info')).toEqual(['compaction cleaned a log'])
    const names = disk.readDirectory(`/data/${partition}`).map(({ name }) => name)
    const active = names.filter((name) => name.endsWith('.log')).at(-1)!.slice(0, 20)
    for (const name of readdirSync(join(after, partition)).filter((each) => /\.(?:log|index|timeindex|txnindex)$/.test(each) && !each.startsWith(active))) {
      expect(names, name).toContain(name)
      const ours = disk.readFile(`/data/${partition}/${name}`)
      const kafkas = readFileSync(join(after, partition, name))
      // What has no records is judged by it, and by what retention and old tombstones go by.
      if (name.endsWith('.log')) expect({ name, modifiedMs: disk.stat(`/data/${partition}/${name}`)!.modifiedMs }).toEqual({ name, modifiedMs: modifiedMs.get(`${partition}/${name}`) })
      // No two implementations of gzip give the same bytes: there what they hold is compared.
      if (!partition.includes('gzip')) expect({ name, bytes: Buffer.from(ours).toString('hex') }).toEqual({ name, bytes: kafkas.toString('hex') })
      else if (name.endsWith('.log')) expect({ name, batches: contentOf(ours) }).toEqual({ name, batches: contentOf(kafkas) })
    }
    const noted = readOffsetCheckpoint(disk, '/data/cleaner-offset-checkpoint')
    expect(noted).toEqual(readOffsetCheckpoint(nodeFileSystem, join(after, 'cleaner-offset-checkpoint')).filter(({ topic }) => `${topic}-0` === partition))
    await drive(scheduler, manager.close())
  })
})
