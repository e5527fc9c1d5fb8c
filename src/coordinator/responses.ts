/** Answers of the group APIs: refusals as Kafka's codes with the rich error beside them (see `protocol/broker-api.ts`). */
import { errorTable, OttlaError, type ErrorCode } from '../common/errors.ts'
import { NONE, type Failure, type JoinGroupResponse, type SyncGroupResponse } from '../protocol/broker-api.ts'
import { NO_ASSIGNMENT } from './classic-group.ts'

export const OK: Failure = { errorCode: NONE }

const why: Partial<Record<ErrorCode, string>> = {
  COORDINATOR_LOAD_IN_PROGRESS: 'the group coordinator is still reading its log',
  COORDINATOR_NOT_AVAILABLE: 'the group coordinator is closed',
  INVALID_GROUP_ID: 'the group id is empty',
  UNKNOWN_MEMBER_ID: 'the group does not know this member',
  ILLEGAL_GENERATION: 'the group has had another rebalance since',
  REBALANCE_IN_PROGRESS: 'the group is rebalancing',
  FENCED_INSTANCE_ID: 'another member with this group.instance.id has taken over',
  INCONSISTENT_GROUP_PROTOCOL: 'the member shares no assignor (or protocol type) with the group',
  GROUP_ID_NOT_FOUND: 'there is no such group',
  NON_EMPTY_GROUP: 'the group has members',
}

/** Without an error of its own: who asked knows for which group, and says so in front. */
export function refusal(code: ErrorCode, message?: string): Failure { return { errorCode: errorTable[code].errorCode, errorMessage: message ?? why[code] ?? code } }

export function failureOf(error: OttlaError): Failure { return { errorCode: error.errorCode, errorMessage: error.message, error } }

/**
 * A failed append. What may pass (a full disk) is told as COORDINATOR_NOT_AVAILABLE, which every client retries; what will not (a log that
 * went offline, a closed or read-only database) keeps its own code. The cause is the rich error.
 */
export function appendFailure(cause: unknown): Failure {
  const error = OttlaError.from(cause)
  if (error.code === 'MESSAGE_TOO_LARGE' || error.code === 'RECORD_LIST_TOO_LARGE') return { ...refusal('UNKNOWN_SERVER_ERROR', error.message), error }
  if (!error.retriable) return failureOf(error)
  return { ...refusal('COORDINATOR_NOT_AVAILABLE', `the group log could not be written: ${error.message}`), error }
}

export function joinRefused(failure: Failure, memberId: string): JoinGroupResponse {
  return { ...failure, generationId: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId, members: [] }
}

export function syncRefused(failure: Failure): SyncGroupResponse { return { ...failure, protocolType: null, protocolName: null, assignment: NO_ASSIGNMENT } }
