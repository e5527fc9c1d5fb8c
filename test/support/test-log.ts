/**
 * One partition's log for tests, on a simulated disk with time and chance under the test's control. Every log opened through here is checked at the
 * end of its test by log-check.ts, from the files alone, unless the test says that its files are broken on purpose.
 */
import './loaded-parts.ts'
import { expect, onTestFinished } from 'vitest'
import type { Scheduler } from '../../src/common/scheduler.ts'
import type { FileSystem } from '../../src/io/file-system.ts'
import { checkLog, type Finding } from '../../src/log/log-check.ts'
import { defaultLogTopicValues, logConfigOf, type LogConfig, type LogTopicValues } from '../../src/log/log-config.ts'
import { LogManager, type LogManagerOptions } from '../../src/log/log-manager.ts'
import type { AppendOptions, AppendResult, ReadOptions } from '../../src/log/log-types.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { readBatch, type DecodedRecord } from '../../src/record/record-cursor.ts'
import { buildBatch, type BatchFields, type RecordInput } from '../../src/record/record-batch-builder.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { ManualScheduler } from '../../src/testing/manual-scheduler.ts'
import { RecordingLogger } from '../../src/testing/recording-logger.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'

export const TOPIC_ID = 'ASNFZ4mrze_-3LqYdlQyEA'
const DIRECTORY = '/data'

export interface TestLogOptions {
  /** Topic settings that differ from Kafka's defaults. */
  readonly config?: Partial<LogTopicValues>
  /** The disk to work on; a fresh simulated one unless given. */
  readonly disk?: SimulatedFileSystem
  /** What the log sees of the disk: to put faults between. */
  readonly fileSystem?: FileSystem
  readonly clock?: ManualClock
  readonly scheduler?: ManualScheduler
  readonly manager?: Partial<LogManagerOptions>
  readonly readOnly?: boolean
  /** False: the files are not checked when the test ends. */
  readonly check?: boolean
}

export function testConfig(config: Partial<LogTopicValues> = {}): LogConfig { return logConfigOf({ ...defaultLogTopicValues, ...config }) }

/** Settles `promise` by running what the scheduler has, without letting time pass. */
export async function drive<T>(scheduler: Scheduler, promise: Promise<T>): Promise<T> {
  const state = { settled: false }
  const settle = (): void => { state.settled = true }
  promise.then(settle, settle)
  if (scheduler instanceof ManualScheduler) for (let turn = 0; turn < 1_000_000 && !state.settled; turn++) await scheduler.runUntilIdle()
  return promise
}

export class TestLog {
  readonly disk: SimulatedFileSystem
  readonly clock: ManualClock
  readonly scheduler: ManualScheduler
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly #options: TestLogOptions
  #config: LogConfig
  #manager: LogManager | null = null
  #checks: boolean

  constructor(options: TestLogOptions) {
    this.#options = options
    this.clock = options.scheduler?.clock ?? options.clock ?? new ManualClock()
    this.scheduler = options.scheduler ?? new ManualScheduler(this.clock)
    this.disk = options.disk ?? new SimulatedFileSystem({ clock: this.clock })
    this.#config = testConfig(options.config)
    this.#checks = options.check ?? true
  }

  get manager(): LogManager { return this.#manager! }
  get log(): PartitionLog { return this.manager.get('t', 0)! }
  get fileSystem(): FileSystem { return this.#options.fileSystem ?? this.disk }
  get directory(): string { return `${DIRECTORY}/t-0` }
  /** The files are broken on purpose: do not check them when the test ends. */
  skipCheck(): void { this.#checks = false }

  /** Opens the directory, again after `close` or `crash`; creates the partition the first time. */
  async open(overrides: Partial<LogManagerOptions> = {}): Promise<this> {
    this.#manager = await this.drive(LogManager.open({
      directory: DIRECTORY, fileSystem: this.fileSystem, settings: {}, topicConfig: () => this.#config, readOnly: this.#options.readOnly ?? false,
      ports: { clock: this.clock, scheduler: this.scheduler, random: new SeededRandom(7), logger: this.logger }, ...this.#options.manager, ...overrides,
    }))
    if (this.manager.get('t', 0) === undefined && this.#options.readOnly !== true) await this.drive(this.manager.create('t', 0, TOPIC_ID, this.#config))
    return this
  }

  drive<T>(promise: Promise<T>): Promise<T> { return drive(this.scheduler, promise) }

  close(): Promise<void> { return this.drive(this.manager.close()) }
  /** Clean close and open. */
  async reopen(): Promise<this> {
    await this.close()
    return this.open()
  }

  /** Another process opens what this one left when it died; nothing of this one runs any more. */
  crash(disk: SimulatedFileSystem = this.disk.survivors('keep-all'), overrides: TestLogOptions = {}): Promise<TestLog> {
    this.#checks = false
    return openTestLog({ ...this.#options, fileSystem: disk, disk, clock: new ManualClock(this.clock.now()), ...overrides })
  }

  configure(config: Partial<LogTopicValues>): void {
    this.#config = testConfig({ ...this.#options.config, ...config })
    this.manager.updateConfigs(new Map([['t', this.#config]]))
  }

  /** Appends one batch of these values. */
  append(values: readonly (string | RecordInput)[], fields: BatchFields = {}, options: Partial<AppendOptions> = {}): Promise<AppendResult> {
    return this.drive(this.send(values, fields, options))
  }

  /** As `append`, but does not wait. */
  send(values: readonly (string | RecordInput)[], fields: BatchFields = {}, options: Partial<AppendOptions> = {}): Promise<AppendResult> {
    const records = values.map(
      (value): RecordInput => (typeof value === 'string' ? { value, timestamp: this.clock.now() } : { timestamp: this.clock.now(), ...value }),
    )
    const sent = this.log.append(Buffer.from(buildBatch(records, fields)), { origin: 'client', durable: true, ...options })
    sent.catch(() => {})
    return sent
  }

  async read(offset: number, options: Partial<ReadOptions> = {}): Promise<DecodedRecord[]> {
    const { records } = await this.drive(this.log.read(offset, { maxBytes: 1_048_576, isolation: 'highWatermark', ...options }))
    return decode(records).filter((record) => record.offset >= offset)
  }

  /** Every record from the log start on, read in small bites. */
  async readAll(options: Partial<ReadOptions> = {}): Promise<DecodedRecord[]> {
    const all: DecodedRecord[] = []
    for (let offset = this.log.logStartOffset; offset < this.log.logEndOffset;) {
      const { records } = await this.drive(this.log.read(offset, { maxBytes: 500, isolation: 'logEnd', ...options }))
      const batch = decode(records)
      if (batch.length === 0) break
      all.push(...batch.filter((record) => record.offset >= offset))
      offset = batch[batch.length - 1]!.offset + 1
    }
    return all
  }

  async values(): Promise<string[]> { return (await this.readAll()).map((record) => text(record.value)) }

  fileNames(): string[] { return this.disk.readDirectory(this.directory).map((entry) => entry.name) }

  /** Runs the full check on the files as they are, and expects nothing to complain about. */
  async expectSound(): Promise<void> { expect(await findings(this.disk, DIRECTORY)).toEqual([]) }

  async finish(): Promise<void> {
    if (this.#manager === null || !this.#checks) return
    await this.close().catch((error: unknown) => { if (!this.#expectedFailure(error)) throw error })
    await this.expectSound()
  }

  #expectedFailure(error: unknown): boolean { return (error as { code?: string }).code === 'LOG_OFFLINE' }
}

export async function openTestLog(options: TestLogOptions = {}): Promise<TestLog> {
  const log = new TestLog(options)
  await log.open()
  onTestFinished(() => log.finish())
  return log
}

export async function findings(fs: FileSystem, directory: string): Promise<Finding[]> {
  const found: Finding[] = []
  for await (const finding of checkLog(fs, directory)) if (finding.severity !== 'info') found.push(finding)
  return found
}

export function decode(records: Uint8Array): DecodedRecord[] {
  const all: DecodedRecord[] = []
  for (let position = 0; position < records.length;) {
    const { header, records: batch } = readBatch(records, position, records.length)
    if (!header.isControl) all.push(...batch)
    position += header.size
  }
  return all
}

export function text(bytes: Uint8Array | null): string { return bytes === null ? '' : Buffer.from(bytes).toString('utf8') }
