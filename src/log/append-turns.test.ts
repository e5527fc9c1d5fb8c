import { expect, test } from 'vitest'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { AppendTurns } from './append-turns.ts'

test('many logs share a turn of the event loop, but not more than timers can wait for, and go in the order in which they asked', async () => {
  const scheduler = new ManualScheduler()
  const turns = new AppendTurns(scheduler)
  const ran: number[] = []
  const sizes: number[] = []
  let before = 0
  const watch = (): void => {
    sizes.push(ran.length - before)
    before = ran.length
    if (ran.length < 300) scheduler.soon(watch)
  }
  for (let i = 0; i < 300; i++) turns.soon(() => { ran.push(i) })
  expect(ran).toEqual([])
  scheduler.soon(watch)
  await scheduler.runUntilIdle()
  expect(ran).toEqual(Array.from({ length: 300 }, (_, i) => i))
  expect(sizes.filter((size) => size > 0)).toEqual([128, 128, 44])
})

test('who asks again while it runs gets a later turn', async () => {
  const scheduler = new ManualScheduler()
  const turns = new AppendTurns(scheduler)
  const seen: string[] = []
  turns.soon(() => {
    turns.soon(() => { seen.push('again') })
    scheduler.soon(() => { seen.push('in between') })
  })
  scheduler.soon(() => { seen.push('after the first') })
  await scheduler.runUntilIdle()
  expect(seen.indexOf('again')).toBeGreaterThan(seen.indexOf('after the first'))
})

test('a task that throws keeps none of the others from running', async () => {
  const scheduler = new ManualScheduler()
  const turns = new AppendTurns(scheduler)
  const ran: string[] = []
  turns.soon(() => { throw new Error('a bug') })
  turns.soon(() => { ran.push('second') })
  await expect(scheduler.runUntilIdle()).rejects.toThrow('a bug')
  await scheduler.runUntilIdle()
  expect(ran).toEqual(['second'])
})
