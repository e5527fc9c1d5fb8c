/** Fetch: whole batches of the log, sent as they lie there; long polls and their limits are the broker's (spec/wire-protocol T11–T13). */
import { errorTable } from '../../common/errors.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf, ResponseInput } from '../../protocol/api.ts'
import type { FetchPartitionResponse, FetchRequest } from '../../protocol/broker-api.ts'
import type { SessionRequest, WantedPartition } from '../fetch-sessions.ts'
import { demandOfCluster } from '../access/rights.ts'
import { isIsolationLevel, NONE, serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

type Request = RequestOf<Apis['fetch']>
type Row = NonNullable<ResponseInput<Apis['fetch']>['responses']>[number]['partitions'][number]

type Answer = Omit<FetchPartitionResponse, 'topic' | 'partition'>

const FIRST_WITH_TOPIC_IDS = 13
const FIRST_WITH_STORAGE_ERROR = 6
/** However much a client asks for: an answer stands in memory until its socket has taken it. A single batch that is larger comes whole. */
const MAX_RESPONSE_BYTES = 16_777_216
const NO_RECORDS = new Uint8Array(0)
const NOTHING: Omit<Answer, 'errorCode'> = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: null, records: NO_RECORDS }
const TOPIC_REFUSED: Answer = { errorCode: errorTable.TOPIC_AUTHORIZATION_FAILED.errorCode, ...NOTHING }
const NO_FOLLOWER: Answer = { errorCode: errorTable.NOT_LEADER_OR_FOLLOWER.errorCode, ...NOTHING }
const UNKNOWN_TOPIC: Answer = { errorCode: errorTable.UNKNOWN_TOPIC_OR_PARTITION.errorCode, ...NOTHING }
const NOT_UNDERSTOOD: Answer = { errorCode: errorTable.UNKNOWN_SERVER_ERROR.errorCode, ...NOTHING }
const UNKNOWN_TOPIC_ID: Answer = { errorCode: errorTable.UNKNOWN_TOPIC_ID.errorCode, ...NOTHING }

export const fetch: WireApi = serve(apis.fetch, 4, 17, async (request, call) => {
  if (!isIsolationLevel(request.isolationLevel)) return notUnderstood(request, call.version)
  const session = call.fetchSessions.begin(sessionRequest(request, call.version))
  if (typeof session === 'number') return { throttleTimeMs, errorCode: session, sessionId: 0, responses: [] }
  const answers = await read(request, call, session.wanted)
  const waitMs = call.fetchQuota.take(answers.reduce((sum, { records }) => sum + records.length, 0))
  // The session has not heard of these answers, and the client asks for them again.
  if (waitMs > 0) return { throttleTimeMs: waitMs, errorCode: NONE, sessionId: request.sessionEpoch > 0 ? request.sessionId : 0, responses: [] }
  const { sessionId, told } = session.answered(answers)
  return { throttleTimeMs, errorCode: NONE, sessionId, responses: byTopic(call.version, session.wanted, answers, told) }
})

function notUnderstood(request: Request, version: number): ResponseInput<Apis['fetch']> {
  const { wanted } = sessionRequest(request, version)
  return { throttleTimeMs, errorCode: NOT_UNDERSTOOD.errorCode, sessionId: 0, responses: byTopic(version, wanted, wanted.map(() => NOT_UNDERSTOOD), () => true) }
}

function sessionRequest(request: Request, version: number): SessionRequest {
  const { sessionId, sessionEpoch, forgottenTopicsData } = request
  const wanted: WantedPartition[] = []
  for (const { topic, topicId, partitions } of request.topics) {
    for (const { partition, currentLeaderEpoch, fetchOffset, partitionMaxBytes } of partitions) {
      wanted.push({ topic, topicId, partition, currentLeaderEpoch, fetchOffset, partitionMaxBytes })
    }
  }
  return { sessionId, sessionEpoch, usesTopicIds: version >= FIRST_WITH_TOPIC_IDS, wanted, forgotten: forgottenTopicsData }
}

/** The answers in the order of `wanted`. Topic ids that nobody has are answered at once, and so is the rest then. */
async function read(request: Request, call: Call, wanted: readonly WantedPartition[]): Promise<Answer[]> {
  // Who says that it is a replica needs the right of brokers, in place of that of readers (CVE-2018-1288).
  const isReplica = request.replicaId >= 0 || request.replicaState.replicaId >= 0
  if (isReplica && !demandOfCluster(call.rights, 'CLUSTER_ACTION')) return wanted.map(() => TOPIC_REFUSED)
  // Only who follows may ask as a follower, and nobody does.
  if (isReplica) return wanted.map((each) => isThere(each, call) ? NO_FOLLOWER : call.version >= FIRST_WITH_TOPIC_IDS ? UNKNOWN_TOPIC_ID : UNKNOWN_TOPIC)
  const partitions: FetchRequest['partitions'][number][] = []
  const isKnown: boolean[] = []
  for (const { topic, topicId, partition, currentLeaderEpoch, fetchOffset, partitionMaxBytes } of wanted) {
    const name = call.version >= FIRST_WITH_TOPIC_IDS ? call.broker.topicName(topicId) : topic
    isKnown.push(name !== null)
    if (name !== null) partitions.push({ topic: name, partition, currentLeaderEpoch, fetchOffset, partitionMaxBytes })
  }
  const { maxWaitMs, minBytes, isolationLevel } = request
  const maxBytes = Math.min(request.maxBytes, MAX_RESPONSE_BYTES, call.fetchQuota.mostAtOnce)
  const response = await call.broker.fetch({
    maxWaitMs: partitions.length < wanted.length ? 0 : maxWaitMs, minBytes, maxBytes, partitions,
    isolationLevel: isolationLevel === 1 ? 1 : 0, signal: call.signal, room: call.answers,
  })
  let next = 0
  return isKnown.map((known) => known ? response.partitions[next++]! : UNKNOWN_TOPIC_ID)
}

function isThere({ topic, topicId }: WantedPartition, { version, unguarded }: Call): boolean {
  return version >= FIRST_WITH_TOPIC_IDS ? unguarded.topicName(topicId) !== null : unguarded.topicId(topic) !== null
}

/** In the order of `wanted`, as Kafka has it: a topic is named as often as its turn comes. */
function byTopic(version: number, wanted: readonly WantedPartition[], answers: readonly Answer[], told: (index: number) => boolean) {
  const topics: { topic: string; topicId: string; partitions: Row[] }[] = []
  wanted.forEach(({ topic, topicId, partition }, index) => {
    if (!told(index)) return
    let entry = topics.at(-1)
    if (entry === undefined || (version >= FIRST_WITH_TOPIC_IDS ? entry.topicId !== topicId : entry.topic !== topic)) topics.push(entry = { topic, topicId, partitions: [] })
    const { highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records } = answers[index]!
    const errorCode = codeFor(version, answers[index]!.errorCode)
    entry.partitions.push({ partitionIndex: partition, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records })
  })
  return topics
}

/** Clients below version 6 do not know KAFKA_STORAGE_ERROR. */
function codeFor(version: number, errorCode: number): number {
  return version < FIRST_WITH_STORAGE_ERROR && errorCode === errorTable.KAFKA_STORAGE_ERROR.errorCode ? errorTable.NOT_LEADER_OR_FOLLOWER.errorCode : errorCode
}
