import { afterEach, expect, test } from 'vitest'
import { guardLoads } from './common/load-part.ts'
import { silentLogger } from './common/logger.ts'
import { openServed } from './served-database.ts'
import { RecordingLogger } from './testing/recording-logger.ts'

const settings = { inMemory: true, logger: silentLogger } as const
afterEach(() => { guardLoads(() => {}) })

test('the admin client that could not be loaded once is loaded with a later call', async () => {
  await using served = await openServed('', settings)
  guardLoads(() => { throw new Error('no handles') })
  await expect(served.admin()).rejects.toThrow('no handles')
  guardLoads(() => {})
  const admin = await served.admin()
  expect([await admin.listGroups(), await served.admin() === admin]).toEqual([[], true])
})

test('is closed for whoever asks for its admin client while it closes, and later', async () => {
  const served = await openServed('', settings)
  const asked = served.admin()
  await Promise.all([served.close(), expect(asked).rejects.toMatchObject({ code: 'CLOSED' })])
  expect(() => served.admin()).toThrow(expect.objectContaining({ code: 'CLOSED' }) as Error)
})

test('a listener that throws, or is async and rejects, is logged; the others hear of the event once', async () => {
  const logger = new RecordingLogger()
  await using served = await openServed('', { inMemory: true, logger })
  const heard: string[] = []
  const log = { topic: 't', partition: 0 }
  served.on('diskResumed', () => { heard.push('throws'); throw new RangeError('no') })
  served.on('diskResumed', async () => { heard.push('rejects'); await Promise.resolve(); throw new RangeError('no') })
  served.on('diskResumed', ({ topic }) => {
    heard.push(topic)
    // Who comes meanwhile hears of the next one.
    served.on('diskResumed', () => { heard.push('late') })
  })
  served.emit('diskResumed', log)
  await Promise.resolve()
  await Promise.resolve()
  expect([heard, logger.messages('error')]).toEqual([['throws', 'rejects', 't'], Array.from({ length: 2 }, () => "a listener of 'diskResumed' failed")])
})
