/**
 * The one error class of Ottla and the table behind it.
 *
 * Each row gives a code (Kafka's own name, or a local one), Kafka's numeric error code on the wire (local codes travel as the nearest
 * Kafka code), whether a retry of the same call may succeed, and what the user should do. The table is the source of the `ErrorCode`
 * type, of the wire mapping and of docs/errors.md.
 */
export interface ErrorRow { readonly errorCode: number; readonly retriable: boolean; readonly local?: true; readonly advice: string }

const rows = {
  UNKNOWN_SERVER_ERROR: { errorCode: -1, retriable: false, advice: 'An unexpected failure: the cause and the log tell more; please report it.' },
  OFFSET_OUT_OF_RANGE: { errorCode: 1, retriable: false, advice: 'Seek to an offset between the log start and the log end, or set auto.offset.reset.' },
  CORRUPT_MESSAGE: { errorCode: 2, retriable: true, advice: 'The bytes fail their checksum or cannot be parsed: run `ottla verify` on the directory.' },
  UNKNOWN_TOPIC_OR_PARTITION: { errorCode: 3, retriable: true, advice: 'Create the topic first, or check its name and partition count.' },
  LEADER_NOT_AVAILABLE: { errorCode: 5, retriable: true, advice: 'The partition has no leader yet: retry.' },
  NOT_LEADER_OR_FOLLOWER: { errorCode: 6, retriable: true, advice: 'Refresh the metadata and retry.' },
  REQUEST_TIMED_OUT: { errorCode: 7, retriable: true, advice: 'Retry, or allow a longer timeout.' },
  BROKER_NOT_AVAILABLE: { errorCode: 8, retriable: false, advice: 'The broker is not there: retry later.' },
  REPLICA_NOT_AVAILABLE: { errorCode: 9, retriable: true, advice: 'Refresh the metadata and retry.' },
  MESSAGE_TOO_LARGE: { errorCode: 10, retriable: false, advice: 'Send smaller records, or raise max.message.bytes of the topic and max.request.size of the producer.' },
  OFFSET_METADATA_TOO_LARGE: { errorCode: 12, retriable: false, advice: 'Shorten the metadata string of the commit.' },
  NETWORK_EXCEPTION: { errorCode: 13, retriable: true, advice: 'The connection was lost: retry.' },
  COORDINATOR_LOAD_IN_PROGRESS: { errorCode: 14, retriable: true, advice: 'The group coordinator is still loading: retry.' },
  COORDINATOR_NOT_AVAILABLE: { errorCode: 15, retriable: true, advice: 'The group coordinator is not available: retry.' },
  NOT_COORDINATOR: { errorCode: 16, retriable: true, advice: 'Look the coordinator up again and retry.' },
  INVALID_TOPIC_EXCEPTION: { errorCode: 17, retriable: false, advice: 'Topic names are 1 to 249 of [a-zA-Z0-9._-], not "." or "..".' },
  RECORD_LIST_TOO_LARGE: { errorCode: 18, retriable: false, advice: 'Send smaller batches, or raise segment.bytes of the topic.' },
  NOT_ENOUGH_REPLICAS: { errorCode: 19, retriable: true, advice: 'Fewer replicas are in sync than min.insync.replicas asks for.' },
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: { errorCode: 20, retriable: true, advice: 'Written, but fewer replicas are in sync than min.insync.replicas asks for: retry.' },
  INVALID_REQUIRED_ACKS: { errorCode: 21, retriable: false, advice: "Use acks 0, 1 or 'all'." },
  ILLEGAL_GENERATION: { errorCode: 22, retriable: false, advice: 'The group has moved on: rejoin it.' },
  INCONSISTENT_GROUP_PROTOCOL: { errorCode: 23, retriable: false, advice: 'Members of one group must share an assignor: check partition.assignment.strategy.' },
  INVALID_GROUP_ID: { errorCode: 24, retriable: false, advice: 'Give a non-empty group.id.' },
  UNKNOWN_MEMBER_ID: { errorCode: 25, retriable: false, advice: 'The member was removed from the group: rejoin it.' },
  INVALID_SESSION_TIMEOUT: { errorCode: 26, retriable: false, advice: 'session.timeout.ms must lie between group.min.session.timeout.ms and group.max.session.timeout.ms.' },
  REBALANCE_IN_PROGRESS: { errorCode: 27, retriable: false, advice: 'The group is rebalancing: rejoin and retry.' },
  INVALID_COMMIT_OFFSET_SIZE: { errorCode: 28, retriable: false, advice: 'Commit fewer partitions at once, with shorter metadata.' },
  TOPIC_AUTHORIZATION_FAILED: { errorCode: 29, retriable: false, advice: 'The user may not do this to the topic: have its ACLs changed.' },
  GROUP_AUTHORIZATION_FAILED: { errorCode: 30, retriable: false, advice: 'The user may not do this to the group: have its ACLs changed.' },
  CLUSTER_AUTHORIZATION_FAILED: { errorCode: 31, retriable: false, advice: 'The user may not do this to the cluster: have its ACLs changed.' },
  INVALID_TIMESTAMP: { errorCode: 32, retriable: false, advice: 'The timestamp lies outside message.timestamp.before.max.ms / message.timestamp.after.max.ms of the topic.' },
  UNSUPPORTED_SASL_MECHANISM: { errorCode: 33, retriable: false, advice: 'Use a sasl.mechanism that the broker names.' },
  ILLEGAL_SASL_STATE: { errorCode: 34, retriable: false, advice: 'The broker expects authentication first: check security.protocol.' },
  UNSUPPORTED_VERSION: { errorCode: 35, retriable: false, advice: 'The peer does not support this request.' },
  TOPIC_ALREADY_EXISTS: { errorCode: 36, retriable: false, advice: 'Use another name, or { ifNotExists: true }.' },
  INVALID_PARTITIONS: { errorCode: 37, retriable: false, advice: 'The number of partitions must be positive and can only grow.' },
  INVALID_REPLICATION_FACTOR: { errorCode: 38, retriable: false, advice: 'An embedded database has one replica: use replication factor 1.' },
  INVALID_REPLICA_ASSIGNMENT: { errorCode: 39, retriable: false, advice: 'Each partition needs an assignment to existing brokers.' },
  INVALID_CONFIG: { errorCode: 40, retriable: false, advice: 'See docs/configuration.md for names, types and limits.' },
  NOT_CONTROLLER: { errorCode: 41, retriable: true, advice: 'Another broker is the controller by now: retry.' },
  INVALID_REQUEST: { errorCode: 42, retriable: false, advice: 'The arguments do not fit the call.' },
  UNSUPPORTED_FOR_MESSAGE_FORMAT: {
    errorCode: 43, retriable: false, advice: 'Only record batches of magic 2 can be appended; with an older message.format.version a topic takes none of idempotent producers (enable.idempotence).',
  },
  POLICY_VIOLATION: { errorCode: 44, retriable: false, advice: 'The topic configuration forbids this operation.' },
  OUT_OF_ORDER_SEQUENCE_NUMBER: { errorCode: 45, retriable: false, advice: 'An idempotent producer lost its place: close it and open a new one.' },
  DUPLICATE_SEQUENCE_NUMBER: { errorCode: 46, retriable: false, advice: 'The batch was appended before.' },
  INVALID_PRODUCER_EPOCH: { errorCode: 47, retriable: false, advice: 'Another producer with the same id has taken over: close this one.' },
  INVALID_TXN_STATE: { errorCode: 48, retriable: false, advice: 'The transaction is not in a state for this call.' },
  CONCURRENT_TRANSACTIONS: { errorCode: 51, retriable: true, advice: 'A former transaction is still being completed: retry.' },
  TRANSACTION_COORDINATOR_FENCED: { errorCode: 52, retriable: false, advice: 'A newer transaction coordinator has taken over.' },
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: { errorCode: 53, retriable: false, advice: 'The user may not do this to the transactional id: have its ACLs changed.' },
  SECURITY_DISABLED: { errorCode: 54, retriable: false, advice: 'The broker has no authorizer: switch ACLs on there first.' },
  KAFKA_STORAGE_ERROR: { errorCode: 56, retriable: true, advice: 'The disk failed: see the cause, mend it and reopen the database.' },
  SASL_AUTHENTICATION_FAILED: { errorCode: 58, retriable: false, advice: 'Check user name, password and mechanism.' },
  UNKNOWN_PRODUCER_ID: { errorCode: 59, retriable: false, advice: 'The producer is not known: ask for a new producer id.' },
  NON_EMPTY_GROUP: { errorCode: 68, retriable: false, advice: 'Stop the members of the group first.' },
  GROUP_ID_NOT_FOUND: { errorCode: 69, retriable: false, advice: 'No such group: list them with `ottla groups --list`.' },
  FETCH_SESSION_ID_NOT_FOUND: { errorCode: 70, retriable: true, advice: 'Retry: a new fetch session is begun.' },
  INVALID_FETCH_SESSION_EPOCH: { errorCode: 71, retriable: true, advice: 'Retry: a new fetch session is begun.' },
  LISTENER_NOT_FOUND: { errorCode: 72, retriable: true, advice: 'The leader has no address on this listener: check the advertised listeners of the brokers.' },
  TOPIC_DELETION_DISABLED: { errorCode: 73, retriable: false, advice: 'Set delete.topic.enable of the broker.' },
  FENCED_LEADER_EPOCH: { errorCode: 74, retriable: true, advice: 'Refresh the metadata and retry.' },
  UNKNOWN_LEADER_EPOCH: { errorCode: 75, retriable: true, advice: 'Retry: the broker has not caught up yet.' },
  UNSUPPORTED_COMPRESSION_TYPE: { errorCode: 76, retriable: false, advice: 'Use none, gzip, snappy, lz4 or zstd.' },
  OFFSET_NOT_AVAILABLE: { errorCode: 78, retriable: true, advice: 'Retry: the high watermark is not known yet.' },
  MEMBER_ID_REQUIRED: { errorCode: 79, retriable: false, advice: 'Join again with the member id given.' },
  GROUP_MAX_SIZE_REACHED: { errorCode: 81, retriable: false, advice: 'The group has group.max.size members already.' },
  FENCED_INSTANCE_ID: { errorCode: 82, retriable: false, advice: 'Another member with the same group.instance.id has taken over.' },
  UNSTABLE_OFFSET_COMMIT: { errorCode: 88, retriable: true, advice: 'A transaction with offsets for the partition is open: retry.' },
  GROUP_SUBSCRIBED_TO_TOPIC: { errorCode: 86, retriable: false, advice: 'The group still reads the topic: stop its members first.' },
  INVALID_RECORD: { errorCode: 87, retriable: false, advice: 'The broker refuses the record: see the message.' },
  THROTTLING_QUOTA_EXCEEDED: { errorCode: 89, retriable: true, advice: 'The quota is used up: retry later, or have it raised.' },
  PRODUCER_FENCED: { errorCode: 90, retriable: false, advice: 'Another producer with the same transactional.id has taken over: close this one.' },
  UNKNOWN_TOPIC_ID: { errorCode: 100, retriable: true, advice: 'The topic id is not known: refresh the metadata.' },
  INCONSISTENT_TOPIC_ID: { errorCode: 103, retriable: true, advice: 'The topic was deleted and created anew: refresh the metadata.' },
  FETCH_SESSION_TOPIC_ID_ERROR: { errorCode: 106, retriable: true, advice: 'Retry: a new fetch session is begun.' },

  INVALID_ARGUMENT: { errorCode: 42, retriable: false, local: true, advice: 'See the types of the call.' },
  CLOSED: { errorCode: 42, retriable: false, local: true, advice: 'The object was closed: open a new one.' },
  ABORTED: { errorCode: 7, retriable: false, local: true, advice: 'The AbortSignal given to the call has fired; what had been sent may still arrive.' },
  BUFFER_EXHAUSTED: { errorCode: 7, retriable: true, local: true, advice: 'Records arrive faster than they are written: slow down, or raise buffer.memory or max.block.ms.' },
  SERIALIZATION_ERROR: { errorCode: 87, retriable: false, local: true, advice: 'The value does not fit the serializer.' },
  DIRECTORY_LOCKED: { errorCode: 56, retriable: false, local: true, advice: 'Another process owns the data directory: close it there, open with { readOnly: true }, or come in by its port.' },
  DIRECTORY_UNUSABLE: { errorCode: 56, retriable: false, local: true, advice: 'The data directory cannot be read or written: check the path, its rights and its file system.' },
  DISK_FULL: { errorCode: 56, retriable: true, local: true, advice: 'Free some space: writes resume by themselves; reads go on.' },
  TOO_MANY_OPEN_FILES: { errorCode: 56, retriable: true, local: true, advice: 'Raise the limit on open files (ulimit -n).' },
  LOG_OFFLINE: { errorCode: 56, retriable: false, local: true, advice: 'A write or fsync failed and the log went offline: mend the disk and reopen the database.' },
  LOG_CORRUPT: { errorCode: 2, retriable: false, local: true, advice: 'Bytes that were durable have changed: run `ottla verify`, then restore from a copy or use `ottla verify --repair`.' },
  READ_ONLY: { errorCode: 42, retriable: false, local: true, advice: 'The database was opened with { readOnly: true }.' },
  DEPENDENCY_MISSING: { errorCode: 42, retriable: false, local: true, advice: 'A package could not be loaded: install it, or see the cause.' },
  INTERNAL: { errorCode: -1, retriable: false, local: true, advice: 'A bug in Ottla: please report it with the stack.' },
} as const

export type ErrorCode = keyof typeof rows

const table: Readonly<Record<ErrorCode, ErrorRow>> = rows

/** Read-only view of the table, for docs and wire mapping. */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = table

export interface ErrorContext {
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  readonly offset?: number | undefined
  /** Byte position in `file`. */
  readonly position?: number | undefined
  readonly file?: string | undefined
  readonly cause?: unknown
}

const brand = Symbol.for('ottla.error')

/** Every error that Ottla throws on purpose. Match on `code`; `OttlaError.is(x)` also holds across duplicate installs of the package. */
export class OttlaError extends Error {
  readonly code: ErrorCode
  /** Kafka's numeric error code. */
  readonly errorCode: number
  readonly retriable: boolean
  // Declared only: what an error was not given is not there, and not printed as undefined either.
  declare readonly topic?: string
  declare readonly partition?: number
  declare readonly offset?: number
  declare readonly file?: string
  declare readonly position?: number

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.name = 'OttlaError'
    this.code = code
    this.errorCode = table[code].errorCode
    this.retriable = table[code].retriable
    if (context.topic !== undefined) this.topic = context.topic
    if (context.partition !== undefined) this.partition = context.partition
    if (context.offset !== undefined) this.offset = context.offset
    if (context.file !== undefined) this.file = context.file
    if (context.position !== undefined) this.position = context.position
    Object.defineProperty(this, brand, { value: true })
  }

  /** What to do about errors of this code. */
  get advice(): string { return table[this.code].advice }

  /** True narrows `code` too; false leaves an OttlaError what it was, an error of another code. */
  static is<C extends ErrorCode = ErrorCode>(x: unknown, code?: C): x is OttlaError & { readonly code: C } {
    return x instanceof Error && brand in x && (code === undefined || (x as unknown as OttlaError).code === code)
  }

  /** `x` itself if it is an OttlaError, else an INTERNAL one around it. */
  static from(x: unknown): OttlaError {
    if (OttlaError.is(x)) return x
    return new OttlaError('INTERNAL', x instanceof Error ? x.message : String(x), { cause: x })
  }
}

// What everything imports runs before whatever fetches Node's own modules with this, and would end in a bare TypeError where it is not there.
if (typeof process.getBuiltinModule !== 'function') {
  throw new OttlaError('DEPENDENCY_MISSING', `Ottla needs Node 20.19 or later, but for 21 and 22.0 to 22.2, which lack process.getBuiltinModule: this is ${process.version}`)
}

const byNumber = new Map<number, ErrorCode>()
for (const [code, row] of Object.entries(table) as [ErrorCode, ErrorRow][]) if (row.local === undefined) byNumber.set(row.errorCode, code)

/** Kafka's name for a numeric wire code; UNKNOWN_SERVER_ERROR when it is not in the table. 0 (no error) must not be asked. */
export function errorCodeName(errorCode: number): ErrorCode { return byNumber.get(errorCode) ?? 'UNKNOWN_SERVER_ERROR' }
