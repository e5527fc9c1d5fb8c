import { expect, test } from 'vitest'
import { guardLoads } from './common/load-part.ts'
import { silentLogger } from './common/logger.ts'
import { openServed } from './served-database.ts'

const settings = { inMemory: true, logger: silentLogger } as const

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
