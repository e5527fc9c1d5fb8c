import { expect, test } from 'vitest'
import { openTestLog } from '../../test/support/test-log.ts'

test('the producer state of a LogAppendTime topic keeps the stamped time, live as after recovery', async () => {
  const t = await openTestLog({ config: { 'message.timestamp.type': 'LogAppendTime' } })
  t.clock.setWall(2_000_000)
  await t.append([{ value: 'a', timestamp: 1_000_000 }], { producerId: 7, producerEpoch: 0, baseSequence: 0 })
  const live = t.log.activeProducers()
  expect(live).toMatchObject([{ producerId: 7, lastTimestamp: 2_000_000 }])
  const recovered = await t.crash()
  expect(recovered.log.activeProducers()).toEqual(live)
})
