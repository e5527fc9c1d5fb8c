/** ListTransactions and DescribeTransactions: there are none. */
import { errorTable } from '../../common/errors.ts'
import { apis } from '../../protocol/api-registry.ts'
import type { Rights } from '../access/rights.ts'
import { NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

const TRANSACTIONAL_ID_NOT_FOUND = 105
const INVALID_REGULAR_EXPRESSION = 128
const states = new Set(['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort', 'Dead', 'PrepareEpochFence'])
const nothing = { transactionState: '', transactionTimeoutMs: 0, transactionStartTimeMs: -1, producerId: -1, producerEpoch: -1, topics: [] }

export const listTransactions: WireApi = serve(apis.listTransactions, 0, 2, async ({ stateFilters, transactionalIdPattern }) => {
  const isRefused = transactionalIdPattern !== null && !isPattern(transactionalIdPattern)
  const unknown = new Set(isRefused ? [] : stateFilters.filter((state) => !states.has(state)))
  return { throttleTimeMs, errorCode: isRefused ? INVALID_REGULAR_EXPRESSION : NONE, unknownStateFilters: [...unknown], transactionStates: [] }
})

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    return false
  }
}

export const describeTransactions: WireApi = serve(apis.describeTransactions, 0, 0, async ({ transactionalIds }, { rights }) => ({
  throttleTimeMs,
  transactionStates: transactionalIds.map((transactionalId) => ({ transactionalId, errorCode: codeOf(transactionalId, rights), ...nothing })),
}))

function codeOf(transactionalId: string, rights: Rights): number {
  if (!rights.demand('DESCRIBE', 'TRANSACTIONAL_ID', transactionalId)) return errorTable.TRANSACTIONAL_ID_AUTHORIZATION_FAILED.errorCode
  return transactionalId === '' ? errorTable.INVALID_REQUEST.errorCode : TRANSACTIONAL_ID_NOT_FOUND
}
