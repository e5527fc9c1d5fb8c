/** Errors as the response fields of `BrokerApi`: Kafka's number on the wire, the rich error in process. */
import { errorTable, OttlaError, type ErrorCode, type ErrorContext } from '../common/errors.ts'
import { NONE, type Failure } from '../protocol/broker-api.ts'

export const noFailure: Failure = { errorCode: NONE }

/** `error` as response fields. What is no OttlaError is a bug of ours and becomes INTERNAL. */
export function failureOf(error: unknown): Failure {
  const known = OttlaError.from(error)
  return { errorCode: known.errorCode, errorMessage: known.message, error: known }
}

export function failure(code: ErrorCode, message: string = errorTable[code].advice, context?: ErrorContext): Failure {
  return failureOf(new OttlaError(code, message, context))
}
