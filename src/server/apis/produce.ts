/**
 * Produce. The client's bytes go to the log as they are: checks and the patching of twelve bytes are the log's. Acks 0 gets no answer, and an error
 * then closes the connection, which is all that such a client can hear of it (spec/wire-protocol T14).
 */
import { OttlaError, errorTable } from '../../common/errors.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf } from '../../protocol/api.ts'
import type { ProducePartition, ProducePartitionResponse } from '../../protocol/broker-api.ts'
import { serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

type Request = RequestOf<Apis['produce']>
type Refusal = Pick<ProducePartitionResponse, 'errorCode' | 'errorMessage'>

const FIRST_WITH_TOPIC_IDS = 13
const FIRST_WITH_ZSTD = 7
const ATTRIBUTES_AT = 22
const CODEC_MASK = 0x07
const ZSTD = 4
const TRANSACTIONAL = 0x10
const NO_RECORDS = new Uint8Array(0)
const refusedOffsets = { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }

export const produce: WireApi = serve(apis.produce, 3, 13, async (request, call) => {
  const { acks, timeoutMs, topicData } = request
  const wanted: ProducePartition[] = []
  /** Per partition asked: why it is refused, or null when it stands in `wanted`. */
  const refusals: (Refusal | null)[] = []
  const lacksTransaction = !mayWriteTransactions(request, call)
  for (const topic of topicData) {
    const name = call.version >= FIRST_WITH_TOPIC_IDS ? call.broker.topicName(topic.topicId) : topic.name
    for (const { index, records } of topic.partitionData) {
      const refusal = lacksTransaction ? refuse('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
        : name === null ? refuse('UNKNOWN_TOPIC_ID') : isTooNew(records, call) ? refuse('UNSUPPORTED_COMPRESSION_TYPE') : null
      refusals.push(refusal)
      if (refusal === null) wanted.push({ topic: name!, partition: index, records: records ?? NO_RECORDS })
    }
  }
  const { partitions } = await call.broker.produce({ acks, timeoutMs, partitions: wanted })
  if (acks === 0) return throwFirst(refusals, partitions)
  let asked = 0
  let answered = 0
  const answer = (index: number): ReturnType<typeof partitionOf> => {
    const refusal = refusals[asked++]!
    return refusal === null ? partitionOf(index, partitions[answered++]!) : partitionOf(index, { ...refusal, ...refusedOffsets })
  }
  return {
    throttleTimeMs,
    responses: topicData.map(({ name, topicId, partitionData }) => ({ name, topicId, partitionResponses: partitionData.map(({ index }) => answer(index)) })),
  }
}, 0)

function refuse(code: 'UNKNOWN_TOPIC_ID' | 'UNSUPPORTED_COMPRESSION_TYPE' | 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'): Refusal {
  return { errorCode: errorTable[code].errorCode, errorMessage: errorTable[code].advice }
}

/** What the batches say of themselves needs its own right, whatever the request says (CVE-2018-17196); one that lacks it refuses the whole request. */
function mayWriteTransactions({ topicData, transactionalId }: Request, { rights, hasAcls }: Call): boolean {
  if (!hasAcls) return true
  const isTransactional = topicData.some(({ partitionData }) => partitionData.some(({ records }) => (
    records !== null && records.length > ATTRIBUTES_AT && (records[ATTRIBUTES_AT]! & TRANSACTIONAL) !== 0)))
  return !isTransactional || (transactionalId !== null && rights.demand('WRITE', 'TRANSACTIONAL_ID', transactionalId))
}

/** Clients below version 7 could not read back what is compressed so. */
function isTooNew(records: Uint8Array | null, call: Call): boolean {
  return call.version < FIRST_WITH_ZSTD && records !== null && records.length > ATTRIBUTES_AT && (records[ATTRIBUTES_AT]! & CODEC_MASK) === ZSTD
}

function partitionOf(index: number, answer: Omit<ProducePartitionResponse, 'topic' | 'partition'>) {
  const { errorCode, errorMessage, baseOffset, logAppendTimeMs, logStartOffset } = answer
  const recordErrors = answer.recordErrors?.map(({ batchIndex, message }) => ({ batchIndex, batchIndexErrorMessage: message })) ?? []
  return { index, errorCode, baseOffset, logAppendTimeMs, logStartOffset, recordErrors, errorMessage: errorCode === 0 ? null : errorMessage ?? null }
}

function throwFirst(refusals: readonly (Refusal | null)[], partitions: readonly ProducePartitionResponse[]): null {
  const failed = refusals.find((each) => each !== null) ?? partitions.find((each) => each.errorCode !== 0)
  if (failed === undefined) return null
  throw new OttlaError('INVALID_REQUEST', `a Produce request with acks 0 failed: ${failed.errorMessage ?? `error ${failed.errorCode}`}`)
}
