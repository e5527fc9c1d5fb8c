/**
 * FindCoordinator: every group's coordinator is this broker. Transactions have none, and their producers should learn it at once: librdkafka asks again until
 * its time is up, whatever the error, but for TRANSACTIONAL_ID_AUTHORIZATION_FAILED (rdkafka_txnmgr.c). It speaks versions below 4; in those above, Java's
 * producer shows the text of what is wrong.
 */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { Failure } from '../../protocol/broker-api.ts'
import { failureFields, NONE, serve, throttleTimeMs, toldFields, type WireApi } from '../wire-api.ts'

const FIRST_BATCHED = 4
const GROUP = 0
const TRANSACTION = 1
const nowhere = { nodeId: -1, host: '', port: -1, errorCode: errorTable.INVALID_REQUEST.errorCode }

/** Kafka 4.1's message of a success: NONE in versions before 4, then nothing. */
function fields(failure: Failure, version: number): ReturnType<typeof failureFields> {
  return failure.errorCode === NONE && version < FIRST_BATCHED ? { errorCode: NONE, errorMessage: 'NONE' } : toldFields(failure)
}

export const findCoordinator: WireApi = serve(apis.findCoordinator, 0, 6, async (request, call) => {
  const { keyType } = request
  const keys = call.version >= FIRST_BATCHED ? request.coordinatorKeys : [request.key]
  const coordinators = keyType !== GROUP && keyType !== TRANSACTION
    ? keys.map((key) => ({ key, ...nowhere, errorMessage: `coordinators of type ${keyType} are not known` }))
    : (await call.broker.findCoordinator({ keyType, keys })).coordinators.map((each) => {
      const place = each.errorCode === NONE ? call.endpoint : { host: '', port: -1 }
      const isRefused = keyType === TRANSACTION && each.errorCode === errorTable.UNSUPPORTED_VERSION.errorCode && call.version < FIRST_BATCHED
      return { key: each.key, nodeId: each.nodeId, ...place, ...fields(each, call.version), ...isRefused && { errorCode: errorTable.TRANSACTIONAL_ID_AUTHORIZATION_FAILED.errorCode } }
    })
  const { key: _, ...first } = coordinators[0] ?? { key: '', ...nowhere, errorMessage: null }
  return { throttleTimeMs, ...first, coordinators }
})
