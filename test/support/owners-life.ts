/**
 * The life of an owner of one partition, by a seed: he appends, rolls, compacts, applies retention, deletes records, writes checkpoints, closes and opens again.
 * What he wrote is on record, and so is every change that he made to the disk: owner-replay.ts makes them again, beside somebody who reads.
 */
import type { LogTopicValues } from '../../src/log/log-config.ts'
import type { BatchFields } from '../../src/record/record-batch-builder.ts'
import type { DiskOperation } from '../../src/testing/disk-operation.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'
import { committed, compacting, endTransaction, type Row } from './compaction-kit.ts'
import { TestLog } from './test-log.ts'

/** What his log is made of, one seed after the other. Tombstones and transactions come in compacted logs. */
export const lifeKinds = ['compact', 'tombstones', 'transactions', 'compact,delete', 'delete'] as const
export type LifeKind = typeof lifeKinds[number]

export interface Written extends Row { readonly key: string; readonly timestamp: number; readonly isAborted: boolean }

/** A moment at which he stood still: the disk, and how many of his changes had been made. */
export interface Entrance { readonly disk: SimulatedFileSystem; readonly changes: number }

export interface OwnersLife {
  readonly kind: LifeKind
  readonly config: Partial<LogTopicValues>
  readonly clock: ManualClock
  /** By offset. */
  readonly written: ReadonlyMap<number, Written>
  /** What consumers of committed records find in the end: nothing ever took it away. */
  readonly kept: ReadonlySet<number>
  readonly end: number
  /** Syncs left out: nobody sees them. */
  readonly changes: readonly DiskOperation[]
  readonly entrances: readonly Entrance[]
  /** Of the disk that he left. */
  readonly stateHash: string
}

const ROUNDS = 4
const segmentSizes: readonly number[] = [200, 300, 400, 700, 1500]
const PRODUCER = 1
/** And the next one. */
const TRANSACTIONAL = 10

export function liveAsOwner(seed: number): Promise<OwnersLife> { return new Owner(seed).live() }

class Owner {
  readonly #random: SeededRandom
  readonly #kind: LifeKind
  readonly #config: Partial<LogTopicValues>
  readonly #clock = new ManualClock()
  readonly #log: TestLog
  readonly #written = new Map<number, Written>()
  readonly #entrances: Entrance[] = []
  readonly #sequences = new Map<number, number>()
  readonly #keys: number
  readonly #newKeys: number
  readonly #isOneSize: boolean
  #serial = 0

  constructor(seed: number) {
    const random = this.#random = new SeededRandom(seed)
    this.#kind = lifeKinds[seed % lifeKinds.length]!
    this.#keys = random.pick([3, 7, 20])
    // Where most keys come once, segments shrink too little to be joined, and keep their names.
    this.#newKeys = random.pick([0.125, 0.6])
    this.#isOneSize = random.chance(0.5)
    this.#config = {
      ...compacting, 'cleanup.policy': this.#kind === 'delete' ? 'delete' : this.#kind === 'compact,delete' ? ['compact', 'delete'] : 'compact',
      'segment.bytes': random.pick(segmentSizes), 'index.interval.bytes': random.pick([1, 100, 4096]), 'file.delete.delay.ms': random.pick([0, 10]),
      'delete.retention.ms': random.pick([0, 1_000_000]), ...(this.#isTrimmed ? { 'retention.bytes': random.pick([600, 1500, 3000]) } : {}),
    }
    this.#log = new TestLog({ config: this.#config, clock: this.#clock, check: false })
  }

  get #isTrimmed(): boolean { return this.#kind === 'delete' || this.#kind === 'compact,delete' }

  async live(): Promise<OwnersLife> {
    const t = this.#log
    const random = this.#random
    await t.open()
    await this.#write(15 + random.int(30))
    if (random.chance(0.7)) await t.drive(t.manager.checkpoint())
    if (random.chance(0.25)) await this.#reopen()
    this.#standStill()
    for (let round = 0; round < ROUNDS; round++) await this.#round()
    await t.drive(t.scheduler.advance(20))
    const kept = new Set((await committed(t)).map(({ offset }) => offset))
    const end = t.log.logEndOffset
    await t.close()
    return {
      kind: this.#kind, config: this.#config, clock: this.#clock, written: this.#written, kept, end, changes: this.#changes(), entrances: this.#entrances, stateHash: t.disk.stateHash(),
    }
  }

  async #round(): Promise<void> {
    const t = this.#log
    const random = this.#random
    if (random.chance(0.3)) t.configure({ 'segment.bytes': random.pick(segmentSizes) })
    await this.#write(10 + random.int(25))
    if (this.#kind !== 'delete') {
      await t.drive(t.log.flush())
      await t.drive(t.manager.compact())
      this.#standStill()
    }
    if (this.#isTrimmed) await t.drive(t.log.applyRetention(this.#clock.now()))
    const { logStartOffset: start, logEndOffset: end } = t.log
    if (this.#kind === 'delete' && random.chance(0.3)) await t.drive(t.log.deleteRecordsBefore(start + random.int(end - start + 1)))
    if (random.chance(0.5)) await t.drive(t.manager.checkpoint())
    if (random.chance(0.5)) await t.drive(t.scheduler.advance(20))
    if (random.chance(0.2)) await this.#reopen()
  }

  async #reopen(): Promise<void> {
    await this.#log.close()
    if (this.#random.chance(0.5)) this.#standStill()
    await this.#log.open()
  }

  #standStill(): void { this.#entrances.push({ disk: this.#log.disk.copy({ recordOperations: false }), changes: this.#changes().length }) }

  #changes(): DiskOperation[] {
    return this.#log.disk.operations.filter(({ kind }) => kind !== 'datasync' && kind !== 'syncDirectory')
  }

  async #write(times: number): Promise<void> {
    const random = this.#random
    for (let i = 0; i < times; i++) {
      this.#clock.advance(1)
      if (this.#kind === 'transactions' && random.chance(0.3)) await this.#transaction(TRANSACTIONAL + random.int(2))
      else if (random.chance(0.25)) await this.#append(this.#next(PRODUCER))
      else await this.#append()
    }
  }

  async #transaction(producerId: number): Promise<void> {
    const random = this.#random
    const isAborted = random.chance(0.5)
    for (let batches = 1 + random.int(3); batches > 0; batches--) {
      await this.#append({ ...this.#next(producerId), isTransactional: true }, isAborted)
      if (random.chance(0.3)) await this.#append()
    }
    await endTransaction(this.#log, producerId, isAborted ? 'ABORT' : 'COMMIT')
  }

  #next(producerId: number): BatchFields { return { producerId, producerEpoch: 0, baseSequence: this.#sequences.get(producerId) ?? 0 } }

  async #append(fields: BatchFields = {}, isAborted: boolean = false): Promise<void> {
    const records = Array.from({ length: this.#random.pick([1, 1, 3]) }, () => this.#draft())
    const timestamp = this.#clock.now()
    const { baseOffset } = await this.#log.append(records, fields)
    for (const [i, record] of records.entries()) this.#written.set(baseOffset + i, { ...record, offset: baseOffset + i, timestamp, isAborted })
    if (fields.producerId !== undefined) this.#sequences.set(fields.producerId, fields.baseSequence! + records.length)
  }

  /** Values of one size make files of one size, which are easily taken for each other. */
  #draft(): { readonly key: string; readonly value: string | null } {
    const random = this.#random
    const serial = this.#serial++
    const key = random.chance(this.#newKeys) ? `u${serial}` : `k${random.int(this.#keys)}`
    const isTombstone = this.#kind === 'tombstones' && random.chance(0.2)
    return { key, value: isTombstone ? null : this.#isOneSize ? String(serial).padEnd(8, '.') : `${serial}${'.'.repeat(random.int(30))}` }
  }
}
