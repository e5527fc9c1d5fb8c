import { expect, test } from 'vitest'
import type { FetchPartitionResponse } from '../protocol/broker-api.ts'
import { PartitionAnswers } from './partition-answers.ts'

const answer = (topic: string, partition: number): FetchPartitionResponse => ({
  topic, partition, errorCode: 0, highWatermark: 0, lastStableOffset: 0, logStartOffset: 0, abortedTransactions: null, records: new Uint8Array(0),
})
const asked = [answer('a', 0), answer('a', 1), answer('b', 0), answer('b', 1)]

test.each([
  ['in the order of the request', [0, 1, 2, 3]],
  ['in the reverse order', [3, 2, 1, 0]],
  ['without the first', [1, 2, 3]],
  ['without one in between', [0, 1, 3]],
  ['with two changed places', [0, 2, 1, 3]],
  ['without any', []],
])('answers %s are found, each for its own partition', (_, order) => {
  const answers = new PartitionAnswers(order.map((at) => asked[at]!))
  expect(asked.map((each) => answers.of(each))).toEqual(asked.map((each, at) => order.includes(at) ? each : undefined))
})
