/** Every index and snapshot that Kafka wrote, derived again from its `.log`. */
import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { silentLogger } from '../common/logger.ts'
import { nodeFileSystem } from '../io/node-file-system.ts'
import { copyFolder, defaultSegmentSettings, fixtureNames, fixturePartitions, fixturesPath, newDisk, storeOn,
  toHex } from '../../test/support/segment-harness.ts'
import { rebuildProducerState } from './producer-rebuild.ts'
import { decodeSnapshot, encodeSnapshot, type SnapshotEntry } from './producer-snapshot.ts'
import { ProducerStateManager } from './producer-state-manager.ts'
import { parseSegmentFileName, segmentFileName } from './segment-names.ts'
import { Segment } from './segment.ts'

/** index.interval.bytes of the fixtures' topics; all others have the default. */
const intervals: readonly [RegExp, number][] = [
  [/^seg(\.ooo|\.lat|\.one)?-/, 512], [/^seg\.time-/, 200], [/^seg\.every-/, 0], [/^seg\.idxfull-/, 100], [/^txn-/, 512], [/^idem-/, 256],
    [/^open-/, 300], [/^compact\./, 300],
  [/^trim\./, 300], [/^epoch-/, 300], [/^u[-.]/, 400], [/^v[01]-/, 512], [/^upgrade-/, 300],
]

interface Derived { readonly partition: string; readonly name: string; readonly file: string; readonly derived: string }

function without(entrySize: number, bytes: Uint8Array): string {
  let end = bytes.length
  while (end >= entrySize && bytes.subarray(end - entrySize, end).every((b) => b === 0)) end -= entrySize
  return toHex(bytes.subarray(0, end))
}

async function derive(fixture: string,
  folder: string): Promise<{ files: Derived[]; snapshots: { name: string; file: SnapshotEntry[]; derived: SnapshotEntry[] }[] }> {
  const disk = newDisk()
  const partition = `${fixture}/${basename(folder)}`
  const names = copyFolder(folder, disk, '/log').map((name) => parseSegmentFileName(name)).filter((n) => n !== null && n.state === '').map((n) => n!)
  const bases = names.filter((n) => n.kind === 'log').map((n) => n.offset)
  const snapshotOffsets = names.filter((n) => n.kind === 'snapshot').map((n) => n.offset)
  const scratch = newDisk()
  const producers = new ProducerStateManager({ fileSystem: scratch, directory: '/log', expirationMs: Number.MAX_SAFE_INTEGER, snapshotOffsets: [],
    readOnly: false, logger: silentLogger })
  const interval = intervals.find(([pattern]) => pattern.test(basename(folder)))?.[1] ?? 4096
  const files: Derived[] = []
  const snapshots: { name: string; file: SnapshotEntry[]; derived: SnapshotEntry[] }[] = []
  for (const base of bases) {
    const segment = Segment.open(storeOn(disk), base, { ...defaultSegmentSettings, indexIntervalBytes: interval })
    const before = new Map(['index', 'timeindex',
      'txnindex'].map((kind) => [kind,
        disk.stat(`/log/${segmentFileName(base, kind as 'index')}`) === null ? null : disk.readFile(`/log/${segmentFileName(base, kind as 'index')}`)]))
    const outcome = await segment.recover({
      producers, epochs: null,
      onBatch: () => {
        const offset = producers.endOffset
        if (!snapshotOffsets.includes(offset)) return
        const name = segmentFileName(offset, 'snapshot')
        const file = decodeSnapshot(disk.readFile(`/log/${name}`), name)
        const derived = decodeSnapshot(scratch.readFile(producers.takeSnapshot()!), name)
        snapshots.push({ name: `${partition}/${name}`, file: file.sort((a, b) => a.producerId - b.producerId), derived })
      },
    })
    expect(outcome.problem, `${partition} ${base}`).toBeNull()
    segment.close()
    for (const [kind, size] of [['index', 8], ['timeindex', 12], ['txnindex', 34]] as const) {
      const name = segmentFileName(base, kind)
      const now = disk.stat(`/log/${name}`) === null ? null : disk.readFile(`/log/${name}`)
      files.push({ partition, name, file: before.get(kind) === null ? '-' : without(size, before.get(kind)!), derived: now === null ? '-' : toHex(now) })
    }
  }
  return { files, snapshots }
}

const all = await Promise.all(fixtureNames().flatMap((fixture) => fixturePartitions(fixture).map((folder) => derive(fixture, folder))))
const files = all.flatMap((d) => d.files)
const snapshots = all.flatMap((d) => d.snapshots)

/** Segments that were active across a restart: Kafka counts from 0 again, and its clean close leaves a time entry in the middle (spec 3.2). */
const restarted = [
  '05-compact-later/__transaction_state-0 0', '08-epochs/epoch-0 0', '08-epochs/epoch-0 24', '08-epochs/epoch-0 36',
    '09-unclean/__transaction_state-0 0', '09-unclean/u-0 23', '09-unclean/u.small-0 0',
  '09-unclean/u.txn-0 0',
]
/** Of a killed broker: the final time entry had not been written. */
const killed = ['04-txn-open/__transaction_state-0 0', '09-unclean/u-0 111', '09-unclean/u.txn-0 71']
/** Kafka keeps the entries of aborted transactions whose data compaction has removed; nothing but the marker is left to derive them from. */
const compacted = /^05-compact-(after|later)\/compact\.txn(drop)?-0 /

const segmentOf = (d: Derived): string => `${d.partition} ${parseSegmentFileName(d.name)!.offset}`

describe('what Kafka derived from its logs', () => {
  test('is all there to be compared', () => {
    expect(files.filter((f) => f.file !== '-').length).toBeGreaterThan(300)
    expect(files.filter((f) => f.name.endsWith('.txnindex') && f.file !== '-').length).toBeGreaterThan(20)
    expect(snapshots.length).toBeGreaterThan(80)
  })

  test('comes out byte for byte: offset and time indexes', () => {
    for (const f of files) {
      if (f.name.endsWith('.txnindex') || restarted.includes(segmentOf(f))) continue
      if (killed.includes(segmentOf(f)) && f.name.endsWith('.timeindex')) {
        expect(f.derived.startsWith(f.file) && f.derived.length === f.file.length + 24, segmentOf(f)).toBe(true)
        continue
      }
      expect(`${f.partition} ${f.name} ${f.derived}`).toBe(`${f.partition} ${f.name} ${f.file}`)
    }
  })

  test('comes out byte for byte: transaction indexes', () => {
    for (const f of files) {
      if (!f.name.endsWith('.txnindex')) continue
      if (compacted.test(segmentOf(f))) expect(['-', f.file]).toContain(f.derived)
      else expect(`${f.partition} ${f.name} ${f.derived}`).toBe(`${f.partition} ${f.name} ${f.file}`)
    }
  })

  test('comes out entry for entry: producer snapshots, but for producers that a restart forgot', () => {
    for (const s of snapshots) {
      const forgotten = /^(08-epochs\/epoch|09-unclean\/u)-/.test(s.name)
      const known = new Set(s.file.map((e) => e.producerId))
      expect([s.name, forgotten ? s.derived.filter((e) => known.has(e.producerId)) : s.derived]).toEqual([s.name, s.file])
    }
  })
})

interface FileState { readonly file: string; readonly size: number; readonly sha256: string }

/** What a real broker made of a directory that it found after a kill. */
function afterStart(scenario: string): Map<string, FileState> {
  const folder = join(fixturesPath, '09-unclean')
  const read = (path: string): string => Buffer.from(nodeFileSystem.readFile(path)).toString()
  const before = JSON.parse(read(join(folder, 'files.json'))) as FileState[]
  const change = JSON.parse(read(join(folder, 'recovery', scenario,
    'files-after-start.json'))) as { removed: string[]; added: FileState[]; changed: FileState[] }
  const states = new Map(before.map((f) => [f.file, f]))
  for (const name of change.removed) states.delete(name)
  for (const f of [...change.added, ...change.changed]) states.set(f.file, f)
  return states
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function padded(bytes: Uint8Array, size: number): Uint8Array {
  const full = new Uint8Array(size)
  full.set(bytes)
  return full
}

describe('recovery of the segments of a killed broker', () => {
  const recoveryPoints: readonly [string, number, number][] = [['u-0', 27, 115], ['u.small-0', 3, 12], ['u.txn-0', 16, 72], ['__transaction_state-0', 17, 75]]

  test.each(recoveryPoints)('of %s from %d leaves the files that Kafka left', async (partition, recoveryPoint, end) => {
    const disk = newDisk()
    const names = copyFolder(join(fixturesPath, '09-unclean/data', partition), disk,
      '/log').map((n) => parseSegmentFileName(n)).filter((n) => n !== null).map((n) => n)
    const bases = names.filter((n) => n.kind === 'log').map((n) => n.offset)
    const store = storeOn(disk)
    const interval = intervals.find(([pattern]) => pattern.test(partition))?.[1] ?? 4096
    const segments = bases.map((base) => Segment.open(store, base, { ...defaultSegmentSettings, indexIntervalBytes: interval }))
    const expected = afterStart('as-is')
    const nowMs = Date.UTC(2026, 10, 21)
    let compared = 0
    for (const [i, segment] of segments.entries()) {
      const next = bases[i + 1] ?? end
      if (next <= recoveryPoint) continue
      // As Kafka does, from snapshot and log anew for every segment: so expiry is applied each time.
      const listed = disk.readDirectory('/log').map((e) => parseSegmentFileName(e.name)).filter((n) => n?.kind === 'snapshot').map((n) => n!.offset)
      const producers = new ProducerStateManager({ fileSystem: disk, directory: '/log', expirationMs: 86_400_000,
        snapshotOffsets: listed.filter((o) => o <= segment.baseOffset), readOnly: false, logger: silentLogger })
      await rebuildProducerState({ producers, segments: segments.slice(0, i), logStartOffset: 0, endOffset: segment.baseOffset, nowMs })
      const outcome = await segment.recover({ producers, epochs: null })
      expect(outcome).toMatchObject({ problem: null, following: null, nextOffset: next, validBytes: outcome.fileBytes })
      producers.takeSnapshot()
      segment.close()
      for (const kind of ['log', 'index', 'timeindex', 'txnindex', 'snapshot'] as const) {
        const name = segmentFileName(kind === 'snapshot' ? next : segment.baseOffset, kind)
        const state = expected.get(`${partition}/${name}`)
        expect([name, disk.stat(`/log/${name}`) !== null]).toEqual([name, state !== undefined])
        if (state === undefined) continue
        const bytes = disk.readFile(`/log/${name}`)
        // The active segment's indexes have their full size while a broker runs. Two producers may stand in either order.
        const forms = [padded(bytes, state.size)]
        if (kind === 'snapshot') forms.push(encodeSnapshot(decodeSnapshot(bytes, name).reverse()))
        expect([name, forms.map(sha256)]).toEqual([name, expect.arrayContaining([state.sha256])])
        compared++
      }
    }
    expect(compared).toBeGreaterThan(3)
  })
})
