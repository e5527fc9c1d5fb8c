/** The calls that make, widen and delete topics. */
import { ZERO_UUID } from '../../common/uuid.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { BrokerApi } from '../../protocol/broker-api.ts'
import { askController } from './controller-calls.ts'
import type { Wire } from './wire.ts'

export function topicCalls(wire: Wire): Pick<BrokerApi, 'createTopics' | 'deleteTopics' | 'createPartitions'> {
  const { requestTimeoutMs: timeoutMs } = wire
  return {
    async createTopics({ validateOnly, topics }) {
      // Before version 4, counts are not left to the broker.
      const counted = topics.map((each) => each.assignments.length > 0 ? each
        : { ...each, numPartitions: Math.max(1, each.numPartitions), replicationFactor: Math.max(1, each.replicationFactor) })
      const answer = await askController(wire, apis.createTopics, (version) => ({ validateOnly, timeoutMs, topics: version >= 4 ? topics : counted }),
        (made) => made.topics.map((each) => each.errorCode))
      return {
        topics: answer.topics.map(({ name, topicId, errorCode, errorMessage, numPartitions, replicationFactor }) => (
          { name, topicId, errorCode, errorMessage: errorMessage ?? undefined, numPartitions, replicationFactor })),
      }
    },

    async deleteTopics({ names }) {
      const answer = await askController(wire, apis.deleteTopics, (version) => (
        version >= 6 ? { topics: names.map((name) => ({ name, topicId: ZERO_UUID })), timeoutMs } : { topicNames: names, timeoutMs }), (done) => done.responses.map((each) => each.errorCode))
      return { topics: answer.responses.map(({ name, errorCode, errorMessage }) => ({ name: name ?? '', errorCode, errorMessage: errorMessage ?? undefined })) }
    },

    async createPartitions({ validateOnly, topics }) {
      const request = { validateOnly, timeoutMs, topics: topics.map((each) => ({ ...each, assignments: null })) }
      const answer = await askController(wire, apis.createPartitions, request, (done) => done.results.map((each) => each.errorCode))
      return { topics: answer.results.map(({ name, errorCode, errorMessage }) => ({ name, errorCode, errorMessage: errorMessage ?? undefined })) }
    },
  }
}
