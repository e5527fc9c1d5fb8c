import { describe, expect, test, vi } from 'vitest'
import { callGuarded, handleRejection } from './guarded-call.ts'
import { AdjustableLogger } from './logger.ts'

const fails = [['throws', () => { throw new RangeError('no') }], ['rejects', () => Promise.reject(new RangeError('no'))]] as const

/** Resolves when what was rejected by now has been reported. */
const settled = async (): Promise<void> => { for (let turn = 0; turn < 5; turn++) await Promise.resolve() }

describe('a function of the program that', () => {
  test.each(fails)('%s is no failure of who calls it', async (_, call) => {
    const failures: unknown[] = []
    callGuarded(call, (error) => failures.push(error))
    await settled()
    expect(failures).toEqual([new RangeError('no')])
  })

  test.each(fails)('%s as a logger is told of once, and the next line is written', async (_, call) => {
    const spy = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const lines: string[] = []
    try {
      let isBroken = true
      const logger = new AdjustableLogger({ debug: call, info: (message) => { lines.push(message) }, warn: call, error: (message) => isBroken ? call() : lines.push(message) })
      logger.error('a')
      logger.warn('b')
      await settled()
      isBroken = false
      logger.error('c')
      logger.info('d')
      await settled()
      expect(lines).toEqual(['c', 'd'])
      expect(spy.mock.calls.map(([text]) => text)).toEqual(['ottla error the logger that was given fails: its lines are lost (said once) error=no\n'])
    } finally {
      spy.mockRestore()
    }
  })

  test('gives what is no promise is left alone', () => {
    const failures: unknown[] = []
    for (const given of [undefined, null, 5, 'x', {}, () => {}]) callGuarded(() => given, (error) => failures.push(error))
    handleRejection(Object.create(null))
    expect(failures).toEqual([])
  })
})
