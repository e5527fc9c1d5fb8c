/** InitProducerId, FindCoordinator: what clients ask before they begin. */
import { OttlaError } from '../common/errors.ts'
import type { FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse } from '../protocol/broker-api.ts'
import { ADVERTISED_HOST, ADVERTISED_PORT, type BrokerContext } from './broker-context.ts'
import { failure, failureOf } from './failure.ts'
import { mustWrite } from './partition-lookup.ts'

const TRANSACTIONS_MISSING = 'Ottla has no transactions yet: leave transactional.id out'

/** Producers without transactional id get a fresh id, also when they ask for a new epoch of an old one. */
export async function handleInitProducerId(context: BrokerContext, request: InitProducerIdRequest): Promise<InitProducerIdResponse> {
  try {
    mustWrite(context)
    if (request.transactionalId !== null) throw new OttlaError('UNSUPPORTED_VERSION', TRANSACTIONS_MISSING)
    return { errorCode: 0, producerId: await context.producerIds.take(context.callers === 'process'), producerEpoch: 0 }
  } catch (error) {
    return { ...failureOf(error), producerId: -1, producerEpoch: -1 }
  }
}

export function handleFindCoordinator(context: BrokerContext, request: FindCoordinatorRequest): FindCoordinatorResponse {
  return {
    coordinators: request.keys.map((key) => {
      if (request.keyType !== 0) return { key, nodeId: -1, host: '', port: -1, ...failure('UNSUPPORTED_VERSION', TRANSACTIONS_MISSING) }
      return { key, nodeId: context.nodeId, host: ADVERTISED_HOST, port: ADVERTISED_PORT, errorCode: 0 }
    }),
  }
}
