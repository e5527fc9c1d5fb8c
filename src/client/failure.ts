/** Turns error codes of broker answers into errors, and says what they mean for a retry. */
import { errorCodeName, OttlaError, type ErrorCode, type ErrorContext } from '../common/errors.ts'
import { NONE, type Failure } from '../protocol/broker-api.ts'

/** Null when `failure` is none. The broker's own error if it gave one; else one made of the number. `what` begins the message. */
export function errorOf(failure: Failure, what: string, context?: ErrorContext): OttlaError | null {
  if (failure.errorCode === NONE) return null
  if (failure.error !== undefined) return placed(failure.error, context)
  const code = errorCodeName(failure.errorCode)
  const unknown = code === 'UNKNOWN_SERVER_ERROR' && failure.errorCode !== -1
  const detail = failure.errorMessage ?? (unknown ? `the broker answered with error ${failure.errorCode}` : code)
  return new OttlaError(code, `${what}: ${detail}`, context)
}

/** With the topic and partition that the call is about, where the error names none. An error may be told to many: it is not changed. */
function placed(error: OttlaError, context: ErrorContext | undefined): OttlaError {
  if (error.topic !== undefined || context?.topic === undefined) return error
  const { code, message, file, position, offset, cause } = error
  return new OttlaError(code, message, { file, position, offset, cause, ...context })
}

/** Throws what `errorOf` gives. */
export function throwOnFailure(failure: Failure, what: string, context?: ErrorContext): void {
  const error = errorOf(failure, what, context)
  if (error !== null) throw error
}

/** Readers wait, as Kafka's do, also for a broker that has no name for what went wrong. */
export function mayPass(failure: Failure, error: OttlaError): boolean { return error.retriable || (failure.errorCode === -1 && failure.error === undefined) }

const ownShortages: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['DISK_FULL', 'TOO_MANY_OPEN_FILES'])

/** Retriable, and told at once all the same: what lacks room is this process or its disk (ADR 0010), and each try makes and removes what the last one did. */
export function isOwnShortage({ code }: OttlaError): boolean { return ownShortages.has(code) }

export function abortedError(signal: AbortSignal): OttlaError {
  return new OttlaError('ABORTED', 'the call was aborted by its signal', { cause: signal.reason })
}

export function closedError(what: string): OttlaError { return new OttlaError('CLOSED', `${what} is closed`) }

export function invalidConfig(message: string): OttlaError { return new OttlaError('INVALID_CONFIG', message) }
