import { Writable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { AdjustableLogger, silentLogger, stderrLogger, type Logger } from './logger.ts'
import { systemScheduler } from './scheduler.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const
const all = (logger: Logger): void => { for (const level of levels) logger[level](level) }

describe('the logger of a database', () => {
  test('is the one that was given, until a level is chosen', () => {
    const given = new RecordingLogger()
    all(new AdjustableLogger(given))
    expect(levels.flatMap((level) => given.messages(level))).toEqual([...levels])
  })

  test.each([['TRACE', 4], ['DEBUG', 4], ['INFO', 3], ['WARN', 2], ['ERROR', 1], ['FATAL', 0]] as const)('writes from %s on, when that was chosen', (level, count) => {
    const given = new RecordingLogger()
    const logger = new AdjustableLogger(given)
    logger.choose(level)
    all(logger)
    expect(levels.flatMap((each) => given.messages(each))).toEqual(levels.slice(4 - count))
    expect(logger.level).toBe(level)
  })

  test('may write more than the given one did, where that can', () => {
    const everything = new RecordingLogger()
    const logger = new AdjustableLogger({ ...silentLogger, level: 'WARN', everything })
    all(logger)
    expect([logger.level, everything.messages('error')]).toEqual(['WARN', []])
    logger.choose('DEBUG')
    all(logger)
    expect(everything.messages('debug')).toEqual(['debug'])
  })

  test('tells the level that the given one says, in whichever case, or that it keeps nothing back', () => {
    expect([new AdjustableLogger({ ...silentLogger, level: 'info' }).level, new AdjustableLogger({ ...silentLogger, level: 'loud' }).level, new AdjustableLogger(stderrLogger).level])
      .toEqual(['INFO', 'DEBUG', 'INFO'])
  })
})

test('writes one line each, whatever a peer or a library said', () => {
  let written = ''
  const spy = vi.spyOn(process, 'stderr', 'get').mockReturnValue(new Writable({ write: (chunk, _, done) => { written += String(chunk); done() } }) as typeof process.stderr)
  try {
    stderrLogger.warn('a handshake failed: wrong version:350:\n\n')
    stderrLogger.info('joined', { group: 'a\nottla error all is lost', client: '\u001b[31mred', error: new Error('one\r\ntwo') })
  } finally {
    spy.mockRestore()
  }
  expect(written).toBe('ottla warn a handshake failed: wrong version:350:\nottla info joined group=a ottla error all is lost client= [31mred error=one two\n')
})

test('a line that standard error cannot take, on a full disk say, does not end the process; whoever listens is told', async () => {
  const full = new Writable({ write: (_, __, done) => { process.nextTick(done, new Error('ENOSPC')) }, autoDestroy: false })
  const spy = vi.spyOn(process, 'stderr', 'get').mockReturnValue(full as typeof process.stderr)
  const settled = (): Promise<void> => new Promise((resolve) => { systemScheduler.soon(resolve) })
  try {
    for (let i = 0; i < 3; i++) {
      stderrLogger.warn('nobody reads this')
      await settled()
    }
    expect(full.listenerCount('error')).toBe(0)
    full.destroy()
    for (let i = 0; i < 12; i++) stderrLogger.warn('nor reads it any more')
    await settled()
    expect(full.listenerCount('error')).toBe(1)
    const told: unknown[] = []
    const broken = new Writable({ write: (_, __, done) => { process.nextTick(done, new Error('EIO')) } }).on('error', (error) => told.push(error.message))
    spy.mockReturnValue(broken as typeof process.stderr)
    stderrLogger.warn('nor this')
    await settled()
    expect(told).toEqual(['EIO'])
  } finally {
    spy.mockRestore()
  }
})
