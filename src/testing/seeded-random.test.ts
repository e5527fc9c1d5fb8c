import { describe, expect, test } from 'vitest'
import { RecordingLogger } from './recording-logger.ts'
import { SeededRandom } from './seeded-random.ts'

describe('SeededRandom', () => {
  test('repeats itself for one seed and differs for near ones', () => {
    const draw = (seed: number): number[] => {
      const random = new SeededRandom(seed)
      return Array.from({ length: 20 }, () => random.int(1000))
    }
    expect(draw(7)).toEqual(draw(7))
    const draws = [0, 1, 2, 2 ** 32, 2 ** 32 + 1].map((seed) => draw(seed).join(' '))
    expect(new Set(draws).size).toBe(draws.length)
  })

  test('is spread evenly over its range', () => {
    const random = new SeededRandom(1)
    const sample = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 100_000; i++) {
      const value = random.int(10)
      sample[value] = (sample[value] ?? 0) + 1
    }
    for (const count of sample) expect(Math.abs(count - 10_000)).toBeLessThan(600)
    for (let i = 0; i < 1000; i++) {
      const value = random.float()
      expect(value >= 0 && value < 1).toBe(true)
    }
    expect(new Set(random.bytes(10_000)).size).toBe(256)
    expect(random.pick(['only'])).toBe('only')
    expect([random.chance(0), random.chance(1)]).toEqual([false, true])
  })
})

describe('RecordingLogger', () => {
  test('keeps level, message and fields in order', () => {
    const logger = new RecordingLogger()
    const fields = { a: 1 }
    logger.warn('first', fields)
    fields.a = 2
    logger.info('second')
    expect(logger.entries).toEqual([{ level: 'warn', message: 'first', fields: { a: 1 } }, { level: 'info', message: 'second', fields: {} }])
    expect([logger.messages(), logger.messages('info'), logger.messages('error')]).toEqual([['first', 'second'], ['second'], []])
    logger.clear()
    expect(logger.entries).toEqual([])
  })
})
