import { expect, test } from 'vitest'
import { OttlaError, type ErrorCode } from '../common/errors.ts'
import { systemPorts, type Ports } from '../common/ports.ts'
import { ManualScheduler } from '../testing/manual-scheduler.ts'
import { RequestCaller } from './request-caller.ts'

const values = { 'default.api.timeout.ms': 60_000, 'retry.backoff.ms': 100, 'retry.backoff.max.ms': 1000 }

test.each<[ErrorCode, number]>([
  ['DISK_FULL', 1], ['TOO_MANY_OPEN_FILES', 1], ['UNKNOWN_TOPIC_OR_PARTITION', 1], ['INVALID_CONFIG', 1], ['COORDINATOR_LOAD_IN_PROGRESS', 3],
])('a call that fails with %s is made as often as %i, when the third would succeed', async (code, times) => {
  const scheduler = new ManualScheduler()
  const ports: Ports = { ...systemPorts, scheduler, clock: scheduler.clock }
  let calls = 0
  const outcome = new RequestCaller(ports, values)
    .call('a call', () => (++calls < 3 ? Promise.reject(new OttlaError(code, 'no')) : Promise.resolve('done')))
    .catch((error: unknown) => OttlaError.from(error).code)
  for (let i = 0; i < 5; i++) await scheduler.advance(1000)
  expect([await outcome, calls]).toEqual([times === 3 ? 'done' : code, times])
})

test('a call whose last attempt is cut short tells what the one before met, or else the time of the whole call', async () => {
  const scheduler = new ManualScheduler()
  const ports: Ports = { ...systemPorts, scheduler, clock: scheduler.clock }
  const told = (attempts: (() => Promise<never>)[]): Promise<unknown> => new RequestCaller(ports, values).call('listing groups', () => attempts.shift()!()).catch((error: unknown) => error)
  const silent = (): Promise<never> => new Promise(() => {})
  const both = Promise.all([told([() => Promise.reject(new OttlaError('COORDINATOR_LOAD_IN_PROGRESS', 'not yet')), silent]), told([silent])])
  await scheduler.advance(500)
  await scheduler.advance(60_000)
  expect(await both).toEqual([
    expect.objectContaining({ code: 'COORDINATOR_LOAD_IN_PROGRESS', message: 'not yet' }),
    expect.objectContaining({ code: 'REQUEST_TIMED_OUT', message: 'listing groups took longer than 60000 ms' }),
  ])
})
