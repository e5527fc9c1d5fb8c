/** The work that nobody asks for, on logs that only tell what they were asked. */
import '../../test/support/loaded-parts.ts'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { LogBackground, type BackgroundPeriods } from './log-background.ts'
import type { PartitionLog } from './partition-log.ts'

const NEVER = Number.MAX_SAFE_INTEGER
const quiet: BackgroundPeriods = {
  retentionCheckMs: NEVER, initialDelayMs: NEVER, checkpointMs: NEVER, highWatermarkCheckpointMs: NEVER, flushSchedulerMs: NEVER, producerExpiryCheckMs: NEVER,
  producerExpirationMs: () => NEVER,
  compactionMs: () => null,
}

interface FakeLog { isOffline: boolean; recoveryPoint: number; logEndOffset: number; config: { flushMs: number }; fails: Error | null }

class Scene {
  readonly clock = new ManualClock()
  readonly scheduler = new ManualScheduler(this.clock)
  readonly logger = new RecordingLogger()
  readonly began = this.clock.monotonic()
  readonly said: string[] = []
  readonly logs: (FakeLog & PartitionLog)[] = []
  /** How often all logs were asked for. */
  looks = 0
  /** What the next checkpoint waits for. */
  checkpoint: Promise<void> = Promise.resolve()
  /** What the next compaction waits for. */
  compaction: Promise<void> = Promise.resolve()
  readonly background: LogBackground

  constructor(periods: Partial<BackgroundPeriods>, ...logs: Partial<FakeLog>[]) {
    logs.forEach((log, i) => this.logs.push(this.#log(`t${i}`, log)))
    const ports = { clock: this.clock, scheduler: this.scheduler, random: new SeededRandom(1), logger: this.logger }
    this.background = new LogBackground(ports, { ...quiet, ...periods }, {
      logs: () => {
        this.looks++
        return this.logs
      },
      trimMemory: () => this.#say('trim'),
      compact: async (isStopped) => {
        this.#say('compact')
        await this.compaction
        if (isStopped()) this.#say('compaction stopped')
      },
      writeCheckpoints: () => {
        this.#say('checkpoints')
        return this.checkpoint
      },
      writeHighWatermarks: () => {
        this.#say('high watermarks')
        return this.checkpoint
      },
    })
  }

  add(log: Partial<FakeLog>): void {
    this.logs.push(this.#log(`t${this.logs.length}`, log))
    this.background.logAdded(this.logs.at(-1)!)
  }

  #say(what: string): void { this.said.push(`${this.clock.monotonic() - this.began} ${what}`) }

  #log(topic: string, fields: Partial<FakeLog>): FakeLog & PartitionLog {
    const log = {
      topic, partition: 3, isOffline: false, recoveryPoint: 0, logEndOffset: 0, config: { flushMs: NEVER }, fails: null, ...fields,
      maybeRollByTime: async () => { this.#say(`roll ${topic}`) },
      applyRetention: async () => {
        this.#say(`retain ${topic}`)
        if (log.fails !== null) throw log.fails
      },
      flush: async () => {
        this.#say(`flush ${topic}`)
        if (log.fails !== null) throw log.fails
        log.recoveryPoint = log.logEndOffset
      },
      tick: () => this.#say(`tick ${topic}`),
      expireProducers: (now: number) => this.#say(`expire ${topic} ${now === this.clock.now()}`),
    }
    return log as unknown as FakeLog & PartitionLog
  }

  /** What was done in the next `ms`. */
  async pass(ms: number): Promise<string[]> {
    const from = this.said.length
    for (let i = 0; i < ms; i += 10) await this.scheduler.advance(10)
    return this.said.slice(from)
  }

  warnings(): string[] { return this.logger.entries.filter((entry) => entry.level === 'warn').map((entry) => entry.message) }
}

describe('retention', () => {
  test('begins after the initial delay and goes on by its period, with a quiet roll before each', async () => {
    const scene = new Scene({ retentionCheckMs: 100, initialDelayMs: 30 }, {}, {})
    scene.background.start()
    const round = (at: number): string[] => [`${at} roll t0`, `${at} retain t0`, `${at} roll t1`, `${at} retain t1`]
    expect(await scene.pass(260)).toEqual([...round(30), ...round(130), ...round(230)])
  })

  test('does not wait for an initial delay that is longer than its period', async () => {
    const scene = new Scene({ retentionCheckMs: 50, initialDelayMs: 1000 }, {})
    scene.background.start()
    expect(await scene.pass(60)).toEqual(['50 roll t0', '50 retain t0'])
  })

  test('leaves logs alone that are offline, and goes on behind one that fails', async () => {
    const scene = new Scene(
      { retentionCheckMs: 50, initialDelayMs: 50 }, { isOffline: true }, { fails: new Error('no') }, { fails: new OttlaError('CLOSED', 'x') },
      { fails: new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', 'x') }, {},
    )
    scene.background.start()
    expect(await scene.pass(50)).toEqual([1, 2, 3, 4].flatMap((i) => [`50 roll t${i}`, `50 retain t${i}`]))
    // A log that was closed or deleted meanwhile is no news.
    expect(scene.logger.entries.filter((entry) => entry.level === 'warn')).toMatchObject([{
      message: 'retention of a log failed and is tried again', fields: { log: 't1-3' },
    }])
  })

  test('ends at the next log when everything is stopped', async () => {
    const scene = new Scene({ retentionCheckMs: 50, initialDelayMs: 50 }, {}, {})
    scene.background.start()
    let stopped: Promise<void> | null = null
    scene.logs[0]!.maybeRollByTime = async () => { stopped = scene.background.stop(); return false }
    expect(await scene.pass(200)).toEqual(['50 retain t0'])
    await stopped
  })
})

describe('compaction', () => {
  test('is looked for again so long after the last look ended, by what the setting says then, and not at all without one', async () => {
    let periodMs: number | null = 30
    const scene = new Scene({ compactionMs: () => periodMs })
    scene.background.start()
    let end!: () => void
    scene.compaction = new Promise((resolve) => { end = resolve })
    expect(await scene.pass(100)).toEqual(['30 compact'])
    periodMs = 20
    end()
    expect(await scene.pass(50)).toEqual(['120 compact', '140 compact'])
    periodMs = null
    expect(await scene.pass(50)).toEqual(['160 compact'])
  })

  test('is looked for soon when it was to be long before, and is not any more', async () => {
    let periodMs = 12_000
    const scene = new Scene({ compactionMs: () => periodMs })
    scene.background.start()
    expect(await scene.pass(24_000)).toEqual(['12000 compact', '24000 compact'])
    periodMs = Number.MAX_SAFE_INTEGER
    expect(await scene.pass(100_000)).toEqual([])
    periodMs = 4_000
    expect(await scene.pass(5_000)).toEqual(['129000 compact'])
    await scene.background.stop()
  })

  test('is told to end when everything is stopped, and waited for', async () => {
    const scene = new Scene({ compactionMs: () => 10 })
    scene.background.start()
    let end!: () => void
    scene.compaction = new Promise((resolve) => { end = resolve })
    await scene.pass(10)
    const stopped = scene.background.stop().then(() => 'stopped')
    expect(await Promise.race([stopped, scene.pass(50).then(() => 'works')])).toBe('works')
    end()
    expect(await stopped).toBe('stopped')
    expect(scene.said).toEqual(['10 compact', '60 compaction stopped'])
  })
})

describe('other work', () => {
  test('is done by its periods', async () => {
    const scene = new Scene({ checkpointMs: 60, highWatermarkCheckpointMs: 50, producerExpiryCheckMs: 70 }, {}, {})
    scene.background.start()
    expect(await scene.pass(70)).toEqual([
      '50 high watermarks', '60 tick t0', '60 tick t1', '60 trim', '60 checkpoints', '70 expire t0 true', '70 expire t1 true',
    ])
  })

  test('that fails is told of and tried again', async () => {
    const scene = new Scene({ highWatermarkCheckpointMs: 50 })
    scene.background.start()
    scene.checkpoint = Promise.reject(new Error('no'))
    scene.checkpoint.catch(() => {})
    expect(await scene.pass(50)).toEqual(['50 high watermarks'])
    expect(scene.warnings()).toEqual(['background work on the logs failed and is tried again: high watermark checkpoint'])
    scene.checkpoint = Promise.resolve()
    expect(await scene.pass(50)).toEqual(['100 high watermarks'])
    expect(scene.warnings()).toHaveLength(1)
  })

  test('skips its turns while its last run works; the end waits for that, and nothing starts any more', async () => {
    const scene = new Scene({ checkpointMs: 50, highWatermarkCheckpointMs: 50 })
    scene.background.start()
    let end = (): void => {}
    scene.checkpoint = new Promise((resolve) => { end = resolve })
    expect(await scene.pass(150)).toEqual(['50 trim', '50 checkpoints', '50 high watermarks'])
    scene.checkpoint = Promise.resolve()
    end()
    expect(await scene.pass(50)).toEqual(['200 trim', '200 checkpoints', '200 high watermarks'])
    scene.checkpoint = new Promise((resolve) => { end = resolve })
    await scene.pass(50)
    let hasStopped = false
    const stopping = scene.background.stop().then(() => { hasStopped = true })
    expect(await scene.pass(100)).toEqual([])
    expect(hasStopped).toBe(false)
    end()
    await stopping
  })
})

describe('flush.ms', () => {
  test('is kept by each log, counted from when it was seen to have something', async () => {
    const scene = new Scene({}, { config: { flushMs: 100 } }, { config: { flushMs: 250 } }, { config: { flushMs: 100 } })
    scene.background.start()
    expect(await scene.pass(100)).toEqual([])
    scene.logs[0]!.logEndOffset = 1
    scene.logs[1]!.logEndOffset = 1
    scene.logs[2]!.logEndOffset = 1
    scene.logs[2]!.isOffline = true
    expect(await scene.pass(100)).toEqual(['200 flush t0'])
    expect(await scene.pass(200)).toEqual(['400 flush t1'])
    expect(await scene.pass(300)).toEqual([])
    // Counted afresh for what comes later.
    scene.logs[1]!.logEndOffset = 2
    expect(await scene.pass(300)).toEqual(['1000 flush t1'])
  })

  test('that fails is told of', async () => {
    const scene = new Scene(
      { flushSchedulerMs: 50 }, { config: { flushMs: 10 }, logEndOffset: 1, fails: new Error('no') }, { config: { flushMs: 10 }, logEndOffset: 1 },
    )
    scene.background.start()
    expect(await scene.pass(10)).toEqual(['10 flush t0', '10 flush t1'])
    expect(scene.logger.entries).toMatchObject([{ level: 'warn', message: 'a flush failed', fields: { log: 't0-3' } }])
    expect(await scene.pass(10)).toEqual(['20 flush t0'])
  })

  test('of a log that is added counts from then on, and the others are not looked at for it: thousands may come one by one', async () => {
    const scene = new Scene({}, {})
    scene.background.start()
    const looks = scene.looks
    scene.add({ config: { flushMs: 50 } })
    scene.add({ config: { flushMs: 20 }, logEndOffset: 1 })
    scene.add({ config: { flushMs: 1000 } })
    scene.add({})
    expect(scene.looks).toBe(looks)
    expect(await scene.pass(20)).toEqual(['20 flush t2'])
    scene.logs[1]!.logEndOffset = 1
    scene.logs[3]!.logEndOffset = 1
    expect(await scene.pass(100)).toEqual(['80 flush t1'])
    scene.add({ config: { flushMs: 10 }, logEndOffset: 1 })
    expect(await scene.pass(20)).toEqual(['130 flush t5'])
  })

  test('may change: the period is the shortest, at least 10 ms, and none at all where nobody wants it', async () => {
    const scene = new Scene({}, { logEndOffset: 1 })
    scene.background.start()
    expect(await scene.pass(100)).toEqual([])
    scene.logs[0]!.config.flushMs = 1
    scene.background.flushSettingsChanged()
    expect(await scene.pass(10)).toEqual(['110 flush t0'])
    scene.logs[0]!.logEndOffset = 2
    scene.logs[0]!.config.flushMs = 40
    scene.background.flushSettingsChanged()
    expect(await scene.pass(30)).toEqual([])
    scene.background.flushSettingsChanged()
    expect(await scene.pass(10)).toEqual(['150 flush t0'])
    scene.logs[0]!.logEndOffset = 3
    await scene.background.stop()
    scene.logs[0]!.config.flushMs = 10
    scene.background.flushSettingsChanged()
    expect(await scene.pass(100)).toEqual([])
  })
})

test('a wall clock that leaps ahead is told of and does not make data expire', async () => {
  const scene = new Scene({ retentionCheckMs: 50, initialDelayMs: 50 }, {})
  const times: number[] = []
  scene.logs[0]!.applyRetention = async (now) => { times.push(now); return 0 }
  const before = scene.clock.now()
  scene.background.start()
  scene.clock.setWall(before + 10 * 86_400_000)
  await scene.pass(50)
  expect(times).toEqual([before + 50])
  expect(scene.warnings()).toEqual(['the wall clock has leapt ahead: retention goes on by the old time until the new one has held for an hour'])
})
