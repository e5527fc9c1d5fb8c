import { afterEach, expect, test } from 'vitest'
import { guardLoads, loadPart } from './load-part.ts'

afterEach(() => { guardLoads(() => {}) })

test('gives the part', async () => { expect(await loadPart('the code', async () => ({ a: 1 }))).toEqual({ a: 1 }) })

test('a part whose file is gone is an error that says what to do', async () => {
  const missing = new URL('gone.js', import.meta.url).href
  await expect(loadPart('the code for groups', () => import(/* @vite-ignore */ missing))).rejects.toMatchObject({
    code: 'DEPENDENCY_MISSING',
    message: expect.stringMatching(/^the code for groups cannot be loaded \(.*gone\.js.*\): was ottla installed anew or removed .* Start it again$/s) as unknown,
    cause: expect.any(Error) as unknown,
  })
})

test('nothing is loaded while the guard refuses: Node would keep the failure for ever', async () => {
  let loads = 0
  const load = (): Promise<number> => Promise.resolve(++loads)
  const refuse = (): void => { throw new Error('no handles') }
  guardLoads(refuse)
  await expect(loadPart('another part', load)).rejects.toThrow('no handles')
  expect(loads).toBe(0)
  guardLoads(() => {})
  expect(await loadPart('another part', load)).toBe(1)
  // What is there needs no handle, and no second look.
  guardLoads(refuse)
  expect([await loadPart('another part', load), loads]).toEqual([1, 1])
})
