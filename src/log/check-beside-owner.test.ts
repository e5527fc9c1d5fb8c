/** A check of a directory whose owner compacts it meanwhile: files of before and of after are not held against each other. */
import { expect, test } from 'vitest'
import { compact, compacting, put } from '../../test/support/compaction-kit.ts'
import { findings, openTestLog } from '../../test/support/test-log.ts'
import type { FileSystem } from '../io/file-system.ts'

test.each(['index', 'timeindex'] as const)('a segment that is swapped between its log and its %s is looked at again', async (kind) => {
  const t = await openTestLog({ config: { ...compacting, 'segment.bytes': 2000 } })
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      t.clock.advance(1)
      await t.append([put(i % 3 === 0 ? `only ${t.log.logEndOffset}` : 'often', `${i} ${'x'.repeat(40)}`)])
    }
  }
  await fill()
  await compact(t)
  // What is small now is joined by the next round.
  await fill()
  await t.drive(t.manager.checkpoint())
  let current: FileSystem = t.disk.survivors('keep-all')
  const logBefore = Buffer.from(current.readFile(`${t.directory}/00000000000000000000.log`))
  await compact(t)
  expect(t.disk.readFile(`${t.directory}/00000000000000000000.log`)).not.toEqual(logBefore)
  let swaps = 0
  const beside = new Proxy({} as FileSystem, {
    get: (_, property) => (...all: unknown[]) => {
      if (property === 'readFile' && String(all[0]).endsWith(`.${kind}`) && swaps++ === 0) current = t.disk
      return (Reflect.get(current, property) as (...args: unknown[]) => unknown).apply(current, all)
    },
  })
  expect(await findings(beside, '/data')).toEqual([])
  expect(swaps).toBeGreaterThan(1)
})

test.each(['index', 'timeindex'] as const)('an %s that has not got its name yet is looked for again', async (kind) => {
  const t = await openTestLog({ config: { ...compacting, 'segment.bytes': 2000 } })
  for (let i = 0; i < 60; i++) await t.append([put(`k${i}`, 'x'.repeat(40))])
  await t.reopen()
  let looks = 0
  const beside = new Proxy({} as FileSystem, {
    get: (_, property) => (...all: unknown[]) => {
      const isEarly = property === 'readFile' && String(all[0]).endsWith(`0.${kind}`) && looks++ === 0
      return (Reflect.get(t.disk, property) as (...args: unknown[]) => unknown).apply(t.disk, isEarly ? [`${String(all[0])}.swap`] : all)
    },
  })
  expect(await findings(beside, '/data')).toEqual([])
  expect(looks).toBeGreaterThan(1)
})
