import { expect, test } from 'vitest'
import { loadPart } from './load-part.ts'

test('gives the part', async () => { expect(await loadPart('the code', async () => ({ a: 1 }))).toEqual({ a: 1 }) })

test('a part whose file is gone is an error that says what to do', async () => {
  const missing = new URL('gone.js', import.meta.url).href
  await expect(loadPart('the code for groups', () => import(/* @vite-ignore */ missing))).rejects.toMatchObject({
    code: 'DEPENDENCY_MISSING',
    message: expect.stringMatching(/^the code for groups cannot be loaded \(.*gone\.js.*\): was ottla installed anew or removed .* Start it again$/s) as unknown,
    cause: expect.any(Error) as unknown,
  })
})
