/** The calls about records, as far as one may: reading needs READ of the topic, writing WRITE, looking DESCRIBE, and so on, as in Kafka. */
import { CLUSTER_NAME, type AclOperation } from '../../common/acl.ts'
import type { BrokerApi } from '../../protocol/broker-api.ts'
import { askAllowed, onceEach, topicRefused } from './refusals.ts'
import type { Rights } from './rights.ts'

type RecordCalls = Pick<BrokerApi, 'produce' | 'fetch' | 'listOffsets' | 'deleteRecords' | 'offsetForLeaderEpoch' | 'describeProducers'>

const NO_RECORDS = new Uint8Array(0)
const notRead = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, records: NO_RECORDS }
const notWritten = { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }

interface Place { readonly topic: string; readonly partition: number }

export function guardedRecords(inner: RecordCalls, rights: Rights): RecordCalls {
  const may = (operation: AclOperation): ((place: Place) => boolean) => {
    const isAllowed = onceEach((topic) => rights.demand(operation, 'TOPIC', topic))
    return ({ topic }) => isAllowed(topic)
  }
  const where = ({ topic, partition }: Place): Place => ({ topic, partition })
  return {
    // Not async: the appends must have begun when it returns.
    produce: (request) => askAllowed(request.partitions, may('WRITE'), async (partitions) => (await inner.produce({ ...request, partitions })).partitions,
      (each) => ({ ...where(each), ...topicRefused, ...notWritten })).then((partitions) => ({ partitions })),

    fetch: async (request) => ({
      partitions: await askAllowed(request.partitions, may('READ'), async (partitions) => (await inner.fetch({ ...request, partitions })).partitions,
        (each) => ({ ...where(each), ...topicRefused, ...notRead })),
    }),

    listOffsets: async (request) => ({
      partitions: await askAllowed(request.partitions, may('DESCRIBE'), async (partitions) => (await inner.listOffsets({ ...request, partitions })).partitions,
        (each) => ({ ...where(each), ...topicRefused, offset: -1, timestamp: -1, leaderEpoch: -1 })),
    }),

    deleteRecords: async (request) => ({
      partitions: await askAllowed(request.partitions, may('DELETE'), async (partitions) => (await inner.deleteRecords({ ...request, partitions })).partitions,
        (each) => ({ ...where(each), ...topicRefused, lowWatermark: -1 })),
    }),

    offsetForLeaderEpoch: async (request) => {
      const isAllowed = rights.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME) ? () => true : may('DESCRIBE')
      return {
        partitions: await askAllowed(request.partitions, isAllowed, async (partitions) => (await inner.offsetForLeaderEpoch({ ...request, partitions })).partitions,
          (each) => ({ ...where(each), ...topicRefused, leaderEpoch: -1, endOffset: -1 })),
      }
    },

    describeProducers: async (request) => ({
      partitions: await askAllowed(request.partitions, may('READ'), async (partitions) => (await inner.describeProducers({ ...request, partitions })).partitions,
        (each) => ({ ...where(each), ...topicRefused, activeProducers: [] })),
    }),
  }
}
